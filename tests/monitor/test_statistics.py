"""What outcomes add up to, beside sums made in another way."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from distributed.protocol.pickle import dumps

from feii_dask.model import Detection, Kind, Outcome, Status
from feii_dask.monitor.snapshot import P_VALUES
from feii_dask.monitor.statistics import SIDE, TABLE_ROWS, ProgressStatistics
from tests.monitor.clock import FakeClock
from tests.outcomes import LINES, make_cutout, make_outcomes


def statistics_of(outcomes: list[Outcome], total: int | None = None, batch: int = 7) -> ProgressStatistics:
    statistics = ProgressStatistics(len(outcomes) if total is None else total)
    for start in range(0, len(outcomes), batch):
        statistics.add(outcomes[start : start + batch])
    return statistics


@pytest.mark.parametrize("batch", [1, 7, 300])
def test_it_counts_what_is_there(batch: int) -> None:
    outcomes = list(make_outcomes(200))
    snapshot = statistics_of(outcomes, batch=batch).snapshot()
    assert (snapshot.total, snapshot.done) == (200, 200)
    assert snapshot.failed == sum(outcome.status.failed for outcome in outcomes)
    assert snapshot.detected == sum(bool(outcome.cutouts) for outcome in outcomes)
    detections = [detection for outcome in outcomes for detection in outcome.detections]
    found = Counter(detection.line.name for detection in detections if detection.detected)
    by_wavelength = sorted(LINES, key=lambda line: line.wavelength_um)
    assert snapshot.detections == tuple((line.name, found[line.name]) for line in by_wavelength)
    p_values = np.array([detection.p_value for detection in detections])
    assert snapshot.p_values == tuple(int((p_values <= limit).sum()) for limit in P_VALUES)
    assert sum(failure.cubes for failure in snapshot.failures) == snapshot.failed


def test_failures_are_told_apart_by_what_they_have_in_common() -> None:
    outcomes = [outcome for outcome in make_outcomes(400) if outcome.status.failed]
    snapshot = statistics_of(outcomes).snapshot()
    kinds = Counter(str(outcome.status) for outcome in outcomes)
    assert {failure.status: failure.cubes for failure in snapshot.failures} == kinds
    for failure in snapshot.failures:
        newest = [outcome for outcome in outcomes if outcome.status == failure.status][-1]
        assert failure.reason == newest.reason


def test_of_a_traceback_the_last_line_is_told() -> None:
    reason = "Traceback (most recent call last):\n  File 'a.py'\nValueError: too bright\n"
    (failure,) = statistics_of([Outcome(obs_id="a", status=Status.DETECTOR_ERROR, reason=reason)]).snapshot().failures
    assert failure.reason == "ValueError: too bright"


def test_the_slowest_cubes_and_why() -> None:
    usual = {"status": Status.SCANNED, "seconds": 1.0, "bytes_read": 10**6}
    outcomes = [Outcome(obs_id=f"usual-{n}", **usual) for n in range(96)]
    outcomes += [
        Outcome(obs_id="large", **usual | {"seconds": 8.0, "bytes_read": 10**7}),
        Outcome(obs_id="slow", **usual | {"seconds": 9.0, "attempt": 2}),
        Outcome(obs_id="stuck", **usual | {"seconds": 99.0, "status": Status.TIMEOUT}),
        Outcome(obs_id="empty", **usual | {"seconds": 7.0, "bytes_read": 0}),
    ]
    slowest = statistics_of(outcomes).snapshot().slowest
    assert len(slowest) == TABLE_ROWS
    assert [cube.obs_id for cube in slowest[:4]] == ["stuck", "slow", "large", "empty"]
    why = {cube.obs_id: cube.why for cube in slowest}
    assert why["stuck"] == "timeout"
    assert why["slow"].startswith("attempt 2: ")
    assert why["slow"].endswith("× the usual time for each byte")
    assert why["large"].endswith("× the usual bytes")
    assert why["empty"] == "nothing was read"
    assert why[slowest[4].obs_id] == "much like the others"


@pytest.mark.parametrize("shape", [(3, 5), (SIDE, SIDE), (SIDE + 1, 2), (1000, 30)])
def test_the_newest_picture_is_small_and_of_a_detection(shape: tuple[int, int]) -> None:
    first = make_cutout(np.random.default_rng(1), Detection(line=LINES[0]))
    second = replace(first, line=LINES[1], line_map=np.arange(np.prod(shape), dtype=np.float32).reshape(shape))
    compact = replace(first, line=LINES[2])
    detections = tuple(Detection(line=cutout.line, detected=True) for cutout in (first, second))
    detections += (Detection(line=compact.line, kind=Kind.COMPACT),)
    outcome = Outcome(obs_id="a", status=Status.SCANNED, detections=detections, cutouts=(first, second, compact))
    line_image = statistics_of([outcome]).snapshot().line_image
    assert line_image is not None
    assert max(line_image.pixels.shape) <= SIDE
    assert line_image.pixels[0, 0] == 0
    assert (line_image.obs_id, line_image.line, line_image.unit) == ("a", LINES[1].name, "MJy/sr")


@pytest.mark.parametrize("angle_deg", [0.0, 30.0, 200.0])
@pytest.mark.parametrize("galactic", [False, True], ids=["ICRS", "galactic"])
def test_the_newest_picture_has_a_scale_and_directions(angle_deg: float, galactic: bool) -> None:
    axes = ("GLON-TAN", "GLAT-TAN") if galactic else ("RA---TAN", "DEC--TAN")
    here = SkyCoord(69.9 * u.deg, 25.7 * u.deg)
    centre = (here.galactic.l.deg, here.galactic.b.deg) if galactic else (here.ra.deg, here.dec.deg)
    sin, cos, step_deg = np.sin(np.radians(angle_deg)), np.cos(np.radians(angle_deg)), 0.1 / 3600
    matrix = {"PC1_1": cos, "PC1_2": -sin, "PC2_1": sin, "PC2_2": cos}
    header = dict(zip(("CTYPE1", "CTYPE2", "CRVAL1", "CRVAL2"), (*axes, *centre), strict=True))
    header |= matrix | {"CDELT1": -step_deg, "CDELT2": step_deg, "CRPIX1": 40.0, "CRPIX2": 50.0, "BUNIT": "MJy/sr"}
    cutout = replace(make_cutout(np.random.default_rng(1), Detection(line=LINES[0])), header=header)
    detection = Detection(line=LINES[0], detected=True, p_value=1e-7)
    outcome = Outcome(obs_id="a", status=Status.SCANNED, detections=(detection,), cutouts=(cutout,))
    image = statistics_of([outcome]).snapshot().line_image
    assert image is not None
    assert (image.side_unit, image.p_value) == ("arcsec", 1e-7)
    thinned = -(-cutout.line_map.shape[0] // SIDE)
    assert image.pixel_side == pytest.approx(0.1 * thinned)
    for direction, way in ((image.north, "dec"), (image.east, "ra")):
        x, y = np.array([39.0, 49.0]) + 20 * np.array(direction)
        moved = WCS(fits.Header(header)).pixel_to_world(x, y).icrs
        east, north = here.spherical_offsets_to(moved)
        along, across = (north, east) if way == "dec" else (east, north)
        assert along.arcsec == pytest.approx(2.0, abs=0.01)
        assert across.arcsec == pytest.approx(0.0, abs=0.01)


def test_a_picture_without_coordinates_is_in_spaxels() -> None:
    detection = Detection(line=LINES[0], detected=True)
    cutout = make_cutout(np.random.default_rng(1), detection)
    outcome = Outcome(obs_id="a", status=Status.SCANNED, detections=(detection,), cutouts=(cutout,))
    image = statistics_of([outcome]).snapshot().line_image
    assert image is not None
    assert (image.side_unit, image.north, image.east) == ("spaxels", None, None)
    assert image.pixel_side * max(image.pixels.shape) == pytest.approx(max(cutout.line_map.shape), abs=2)


def test_what_it_says_is_bounded_however_long_the_run() -> None:
    few, many = (statistics_of(list(make_outcomes(number))).snapshot() for number in (300, 2000))
    assert len(dumps(many)) < 1.2 * len(dumps(few)) < 50_000


def test_the_time_left_follows_the_recent_pace() -> None:
    clock = FakeClock(seconds=1000.0)
    statistics = ProgressStatistics(100, clock)
    for outcome in make_outcomes(40):  # one each half second
        clock.seconds += 0.5
        statistics.add([outcome])
    snapshot = statistics.snapshot()
    assert snapshot.elapsed_s == 20.0
    assert snapshot.rate.cubes_per_s == pytest.approx(2.0)
    assert snapshot.left_s == pytest.approx(30.0)
    assert str(snapshot).endswith(", 30 s left")


def test_before_the_first_outcome() -> None:
    snapshot = ProgressStatistics(3).snapshot()
    assert snapshot.done == snapshot.p_values[-1] == 0
    assert np.isnan(snapshot.left_s)
    assert "0 of 3 cubes" in str(snapshot)
    assert "left" not in str(snapshot)


def test_a_detector_without_p_values() -> None:
    detections = tuple(Detection(line=line) for line in LINES)
    outcome = Outcome(obs_id="a", status=Status.SCANNED, detections=detections)
    assert set(statistics_of([outcome]).snapshot().p_values) == {0}
