"""Scan of one cube: one outcome, whatever happens."""

from __future__ import annotations

import pickle
from dataclasses import fields
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from feii_dask.cubes.lines import NOTEBOOK_LINES
from feii_dask.cubes.memory import MemoryBudget
from feii_dask.cubes.reader import open_cube
from feii_dask.detectors.line_window import LineWindow
from feii_dask.detectors.notebook import NotebookDetector, extension_vs_wavebin
from feii_dask.detectors.registry import working_bytes
from feii_dask.model import Context, Detection, Kind, Line, MatchedCube, Outcome, Status
from feii_dask.scan import scan_cube, skip_reason
from tests.cubes.faulty import serving
from tests.cubes.samples import write_cube

LINE = Line("Fe II", 5.340169)
PLANE = 120  # of the planted line


def jet(planes: int = 200) -> NDArray[np.float32]:
    """Return noise with a border of NaN, and a blob in one plane near the line."""
    rng = np.random.default_rng(11)
    sci = rng.normal(10, 0.5, (planes, 20, 22)).astype(np.float32)
    sci[:, :2] = np.nan
    sci[:, 4, 4] += 100
    for plane in range(planes):
        sci[plane, 14:16, 10 : 16 + plane % 3] += 40
    sci[PLANE, 5:12, 8:18] += 50
    sci[PLANE, 9, 15] += 10
    return sci


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return write_cube(tmp_path / "cube.fits", jet(), CRVAL3=5.2452, OTHER="x")


def scan(uri: str | None, *lines: Line, obs_id: str = "jw01", **settings: Any) -> Outcome:
    matched_fields = {field.name for field in fields(MatchedCube)} & settings.keys()
    matched = MatchedCube(obs_id=obs_id, uri=uri, **{key: settings.pop(key) for key in matched_fields})
    return scan_cube(matched, Context(lines=lines or (LINE,), **{"detector": "notebook"} | settings))


def test_a_jet_is_found_with_place_and_velocity(uri: str) -> None:
    outcome = scan(uri)
    cube = open_cube(uri)
    assert (outcome.status, outcome.reason, outcome.obs_id) == (Status.SCANNED, "", "jw01")
    (found,) = outcome.detections
    assert found.detected
    assert found.plane == PLANE
    assert found.peak_yx == (9, 15)
    assert found.area_px == 70
    assert found.area_arcsec2 == pytest.approx(70 * 0.13**2)
    assert cube.wcs is not None
    ra, dec = cube.wcs.pixel_to_world_values(15, 9)
    assert (found.peak_ra_deg, found.peak_dec_deg) == (pytest.approx(float(ra)), pytest.approx(float(dec)))
    assert abs(found.velocity_kms) < 90
    (cutout,) = outcome.cutouts
    np.testing.assert_array_equal(cutout.line_map, jet()[PLANE])
    assert np.nanargmax(cutout.statistic) == np.argmin(abs(cutout.wavelength_um - cube.wavelength_um[PLANE]))


def test_it_says_which_objects_are_on_data(uri: str) -> None:
    cube = open_cube(uri)
    assert cube.wcs is not None
    star, border = (tuple(map(float, cube.wcs.pixel_to_world_values(4, y))) for y in (4, 0))
    (found,) = scan(uri, ysos=((11, *star), (12, *border))).detections
    assert found.on_data == (11,)


def test_it_equals_the_detector_on_the_whole_cube(uri: str) -> None:
    cube = open_cube(uri)
    whole = NotebookDetector().measure(cube.planes(0, 200), cube.wavelength_um, LINE)
    (found,) = scan(uri).detections
    assert (found.plane, found.statistic, found.area_px) == (whole.plane, whole.statistic, whole.area_px)
    assert found.statistic_curve is not None
    assert whole.statistic_curve is not None
    assert found.statistic_start == whole.statistic_start
    np.testing.assert_array_equal(found.statistic_curve, whole.statistic_curve)


def test_what_it_cost(uri: str) -> None:
    outcome = scan(uri)
    assert outcome.requests == 2
    assert outcome.bytes_read == 64 * 1024 + 40 * 20 * 22 * 4
    assert outcome.seconds > 0


def test_a_cube_that_takes_more_memory_than_there_is_is_not_read(uri: str) -> None:
    context = Context(lines=(LINE,), detector="notebook")
    start, stop = NotebookDetector().plane_range(open_cube(uri).wavelength_um, LINE) or (0, 0)
    needed = working_bytes(NotebookDetector(), stop - start, 20 * 22)
    matched = MatchedCube(obs_id="jw01", uri=uri)
    assert scan_cube(matched, context, MemoryBudget(needed, needed)).status is Status.SCANNED
    refused = scan_cube(matched, context, MemoryBudget(needed - 1, needed))
    assert refused.status is Status.UNREADABLE
    assert "GB of memory" in refused.reason
    assert refused.bytes_read < Path(uri).stat().st_size / 2


def test_nothing_keeps_the_planes_alive(uri: str) -> None:
    """Outcomes wait in the scheduler's memory; slabs must not."""
    outcome = scan(uri)
    held = [*vars(outcome.detections[0]).values(), *vars(outcome.cutouts[0]).values()]
    arrays = [value for value in held if isinstance(value, np.ndarray)]
    assert len(arrays) == 13
    for array in arrays:
        owner = array if array.base is None else array.base
        assert owner.nbytes == array.nbytes
    assert len(pickle.dumps(outcome)) < 90_000  # of which 72 are the planes about the line


@pytest.mark.parametrize("apart", [20, 40, 41])
def test_overlapping_windows_are_read_at_once(uri: str, apart: int) -> None:
    """Windows of 40 planes."""
    wavelength_um = open_cube(uri).wavelength_um
    lines = tuple(Line("Fe II", float(wavelength_um[plane])) for plane in (PLANE, PLANE - apart, PLANE + 1))
    outcome = scan(uri, *lines)
    assert outcome.requests == (2 if apart <= 40 else 3)
    assert [detection.line for detection in outcome.detections] == list(lines)
    for line, detection in zip(lines, outcome.detections, strict=True):
        (alone,) = scan(uri, line).detections
        assert (detection.detected, detection.plane, detection.statistic) == (
            alone.detected,
            alone.plane,
            alone.statistic,
        )


def test_every_planned_line_is_accounted_for(uri: str) -> None:
    outcome = scan(uri, *NOTEBOOK_LINES)
    assert [detection.line for detection in outcome.detections] == list(NOTEBOOK_LINES)
    statuses = {detection.line.name: detection.status for detection in outcome.detections}
    assert statuses.pop("Fe II 5.340") is Status.SCANNED
    assert set(statuses.values()) == {Status.NO_LINE_IN_BAND}
    assert outcome.status is Status.SCANNED


def test_the_cube_decides_not_the_stated_band(uri: str) -> None:
    """Stated bands are coarse: a line that is in the cube is measured, one that was not planned is not missed."""
    outcome = scan(uri, LINE, Line("Fe II", 5.28), Line("Fe II", 6.7), em_min_um=5.3, em_max_um=5.35)
    assert [(found.line.wavelength_um, found.status) for found in outcome.detections] == [
        (5.340169, Status.SCANNED),
        (5.28, Status.SCANNED),
    ]


def test_no_line_in_the_cube(uri: str) -> None:
    outcome = scan(uri, Line("Fe II", 6.721277), em_min_um=4.9, em_max_um=7.6)
    assert outcome.status is Status.NO_LINE_IN_BAND
    assert "5.2452-5.4044 µm" in outcome.reason
    assert outcome.requests == 1


@pytest.mark.parametrize(
    ("matched", "status", "says"),
    [
        ({"obs_id": "jw01_ch1-shortmediumlong"}, Status.STALE_PRODUCT, "shortmediumlong"),
        ({"em_min_um": 17.7, "em_max_um": 20.9}, Status.NO_LINE_IN_BAND, "17.7-20.9 µm"),
        ({"uri": None}, Status.NO_CLOUD_COPY, "no copy"),
    ],
)
def test_conditions(matched: dict[str, Any], status: Status, says: str) -> None:
    refused = skip_reason(MatchedCube(**{"obs_id": "jw01", "uri": "nowhere.fits", **matched}), (LINE,))
    assert refused is not None
    assert refused[0] is status
    assert says in refused[1]
    outcome = scan(**{"uri": "nowhere.fits", **matched})
    assert (outcome.status, outcome.reason, outcome.requests) == (status, refused[1], 0)
    assert [detection.status for detection in outcome.detections] == [status]


def test_conditions_that_are_met() -> None:
    assert skip_reason(MatchedCube(obs_id="jw01", uri="x", em_min_um=4.9, em_max_um=5.74), (LINE,)) is None
    assert skip_reason(MatchedCube(obs_id="jw01", uri="x"), (LINE,)) is None


def test_that_there_is_no_copy_is_said_last() -> None:
    """Cubes of observations that are refused for it are worth looking for."""
    refused = skip_reason(MatchedCube(obs_id="jw01", uri=None, em_min_um=17.0, em_max_um=18.0), (LINE,))
    assert refused is not None
    assert refused[0] is Status.NO_LINE_IN_BAND


def failure(outcome: Outcome) -> tuple[Status, str]:
    """Check that a failed outcome accounts for its line, and return what it says."""
    assert [(found.line, found.status) for found in outcome.detections] == [(LINE, outcome.status)]
    assert not outcome.cutouts
    return outcome.status, outcome.reason


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "page.fits").write_text("<html>")
    whole = Path(write_cube(tmp_path / "whole.fits", jet(), CRVAL3=5.2452)).read_bytes()
    (tmp_path / "short.fits").write_bytes(whole[:100_000])
    write_cube(tmp_path / "nan.fits", np.full((200, 9, 9), np.nan), CRVAL3=5.2452)
    assert failure(scan("nowhere.fits")) == (Status.UNREADABLE, "nowhere.fits does not exist")
    status, reason = failure(scan("page.fits"))
    assert status is Status.FORMAT_ERROR
    assert "not a FITS file" in reason
    status, reason = failure(scan("short.fits"))
    assert status is Status.UNREADABLE
    assert "truncated" in reason
    status, reason = failure(scan("nan.fits"))
    assert status is Status.NO_DATA
    assert "no finite pixels" in reason


def test_servers_that_do_not_serve(tmp_path: Path) -> None:
    with serving() as server:
        s3 = {"storage_options": {"endpoint_url": server.url, "config_kwargs": {"read_timeout": 0.2}}}
        assert failure(scan("s3://bucket/cube.fits", **s3))[0] is Status.NO_CLOUD_COPY
        assert failure(scan(f"{server.url}/cube.fits"))[0] is Status.UNREADABLE
        server.faults, server.for_ever = [403], True
        status, reason = failure(scan("s3://bucket/cube.fits", **s3))
        assert status is Status.UNREADABLE
        assert "access denied" in reason
        server.files, server.faults = {"/bucket/cube.fits": b"SIMPLE  ="}, ["stall"]
        outcome = scan("s3://bucket/cube.fits", **s3)
        assert failure(outcome)[0] is Status.TIMEOUT
        assert outcome.requests == 2


def test_after_a_failed_read_no_other_is_tried(tmp_path: Path) -> None:
    """What was measured before stays; the outcome tells the failure, so that it does not hide behind it."""
    whole = Path(write_cube(tmp_path / "whole.fits", jet(), CRVAL3=5.2452)).read_bytes()
    (tmp_path / "short.fits").write_bytes(whole[: 2880 * 3 + 110 * 20 * 22 * 4])
    wavelength_um = open_cube("whole.fits").wavelength_um
    lines = tuple(Line("Fe II", float(wavelength_um[plane])) for plane in (178, 30, 120))
    outcome = scan("short.fits", *lines)
    assert [found.status for found in outcome.detections] == [Status.UNREADABLE, Status.SCANNED, Status.UNREADABLE]
    assert outcome.status is Status.UNREADABLE
    assert "truncated" in outcome.reason


class Detects:
    """Finds the line in every window that it is given."""

    planes: Any = (100, 140)
    answer: Any = Detection(line=Line("Fe II", 1.0), detected=True)

    def plane_range(self, wavelength_um: Any, line: Line, rv_kms: float = 0.0) -> Any:
        return self.planes

    def detect(self, window: LineWindow) -> Any:
        return self.answer


class FindsPoints(Detects):
    """Finds a line in every window, and it is not extended."""

    answer = Detection(line=LINE, kind=Kind.COMPACT)


class Records(Detects):
    """Returns what it was given, as flags."""

    def detect(self, window: LineWindow) -> Any:
        given = {name: getattr(window, name) for name in ("rv_kms", "pixel_arcsec", "start")}
        return Detection(line=window.line, flags=tuple(f"{key}={value}" for key, value in given.items()))


class SumsErrors(Detects):
    """Returns the sum of the errors that it was given, as a flag."""

    reads_errors = True

    def detect(self, window: LineWindow) -> Any:
        return Detection(line=window.line, flags=(f"sum={None if window.errors is None else window.errors.sum():g}",))


class SpoilsErrors(Detects):
    reads_errors = True

    def detect(self, window: LineWindow) -> Any:
        window.errors[:] = 0  # type: ignore[index]
        return self.answer


class CountsFromItsWindow(Detects):
    """Finds the line in the third plane of its window, and has a curve from the second on."""

    answer = Detection(line=LINE, detected=True, plane=2, statistic_start=1, statistic_curve=np.arange(5.0))


def fill_and_extend(data: Any) -> Any:
    data[np.isnan(data)] = 0
    return extension_vs_wavebin(data)


class Raises(Detects):
    def detect(self, window: LineWindow) -> Any:
        raise ZeroDivisionError("in a user's detector")


class RunsOut(Detects):
    def detect(self, window: LineWindow) -> Any:
        raise MemoryError


class RaisesBefore(Detects):
    def plane_range(self, *_: Any, **__: Any) -> Any:
        raise KeyError("no such line")


class AsksForMore(Detects):
    planes = (150, 250)


class AsksForNothing(Detects):
    planes = (7, 7)


class AsksForFloats(Detects):
    planes = (0.0, 10.0)


class AsksForOne(Detects):
    planes = (7,)


class FillsBlanks(Detects):
    def detect(self, window: LineWindow) -> Any:
        window.planes[np.isnan(window.planes)] = 0
        return self.answer


class ConvertsUnits(Detects):
    def plane_range(self, wavelength_um: Any, line: Line, rv_kms: float = 0.0) -> Any:
        wavelength_um *= 1e4
        return self.planes


class AnswersElse(Detects):
    answer = True


class PeaksOutside(Detects):
    answer = Detection(line=LINE, detected=True, plane=5000, peak_yx=(1, 1))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Raises", "ZeroDivisionError: in a user's detector"),
        ("RunsOut", "MemoryError"),
        ("RaisesBefore", "KeyError: 'no such line'"),
        ("AsksForMore", "asks for planes 150 to 250 of 200"),
        ("AsksForNothing", "asks for planes 7 to 7 of 200"),
        ("AsksForFloats", "DetectorError: plane_range() must return two whole numbers, or None, not (0.0, 10.0)"),
        ("AsksForOne", "must return two whole numbers, or None, not (7,)"),
        ("FillsBlanks", "ValueError: assignment destination is read-only"),
        ("SpoilsErrors", "ValueError: assignment destination is read-only"),
        ("ConvertsUnits", "read-only"),
        ("AnswersElse", "returned a bool, not a Detection"),
        ("PeaksOutside", "IndexError"),
        ("NoSuchClass", "cannot be imported"),
    ],
)
def test_a_users_detector_that_fails(name: str, says: str, uri: str) -> None:
    outcome = scan(uri, detector=f"tests.test_scan:{name}")
    status, reason = failure(outcome)
    assert status is Status.DETECTOR_ERROR
    assert says in reason
    assert len(reason.splitlines()) <= 6


def test_what_is_no_matched_cube_and_no_context(uri: str) -> None:
    with pytest.raises(TypeError, match=r"takes a MatchedCube.*, not 'cube.fits'"):
        scan_cube("cube.fits", Context(lines=(LINE,), detector="notebook"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"and a Context, not None"):
        scan_cube(MatchedCube(obs_id="jw01", uri=uri), None)  # type: ignore[arg-type]


def test_a_function_that_writes_changes_nothing_that_is_stored(uri: str) -> None:
    (cutout,) = scan(uri, detector="tests.test_scan:fill_and_extend").cutouts
    np.testing.assert_array_equal(cutout.line_map, jet()[PLANE])


def test_a_users_detector_may_say_little(uri: str) -> None:
    outcome = scan(uri, detector="tests.test_scan:Detects")
    (found,) = outcome.detections
    assert found.detected
    assert found.line == LINE
    assert len(outcome.cutouts) == 1


def test_a_line_that_is_not_extended_has_a_cutout_too(uri: str) -> None:
    outcome = scan(uri, detector="tests.test_scan:FindsPoints")
    assert not any(found.detected for found in outcome.detections)
    assert [cutout.line for cutout in outcome.cutouts] == [LINE]


def test_what_a_detector_is_given(uri: str, tmp_path: Path) -> None:
    (found,) = scan(uri, detector="tests.test_scan:Records", rv_kms=7.5).detections
    assert found.flags == ("rv_kms=7.5", "pixel_arcsec=0.13", "start=100")
    nowhere = write_cube(tmp_path / "nowhere.fits", jet(), CRVAL3=5.2452, PIXAR_A2=None, CTYPE1=None, CUNIT1=None)
    (found,) = scan(nowhere, detector="tests.test_scan:Records").detections
    assert found.flags == ("rv_kms=0.0", "pixel_arcsec=0.13", "start=100", "no_coordinates")


def test_errors_are_read_for_the_detectors_that_want_them(tmp_path: Path) -> None:
    """They cost their header and their planes; the others read nothing more."""
    errors = np.arange(200.0, dtype=np.float32)[:, None, None] * np.ones((20, 22), np.float32)
    uri = write_cube(tmp_path / "cube.fits", jet(), errors, CRVAL3=5.2452)
    with_errors, without = (scan(uri, detector=f"tests.test_scan:{name}") for name in ("SumsErrors", "Records"))
    assert with_errors.detections[0].flags == (f"sum={440 * np.arange(100, 140).sum():g}",)
    assert (with_errors.requests, without.requests) == (4, 2)
    assert with_errors.bytes_read - without.bytes_read == 4 * 40 * 440 + 4 * 2880


def test_planes_are_counted_in_the_cube(uri: str) -> None:
    outcome = scan(uri, detector="tests.test_scan:CountsFromItsWindow")
    (found,), (cutout,) = outcome.detections, outcome.cutouts
    assert (found.plane, found.statistic_start) == (102, 101)
    np.testing.assert_array_equal(cutout.line_map, jet()[102])
    np.testing.assert_array_equal(cutout.statistic[:7], [np.nan, *range(5), np.nan])


def test_cubes_without_a_place_on_the_sky(tmp_path: Path) -> None:
    outcome = scan(write_cube(tmp_path / "cube.fits", jet(), CRVAL3=5.2452, PIXAR_A2=None, CTYPE1=None))
    (found,) = outcome.detections
    assert found.detected
    assert isnan(found.peak_ra_deg)
    assert found.area_arcsec2 == pytest.approx(found.area_px * 0.13**2)  # the steps are stated all the same


def test_galactic_cubes_have_their_peaks_in_icrs(tmp_path: Path) -> None:
    cards = {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN", "CRVAL1": 0.0, "CRVAL2": 0.0}
    (found,) = scan(write_cube(tmp_path / "cube.fits", jet(), CRVAL3=5.2452, **cards)).detections
    assert found.peak_ra_deg == pytest.approx(266.405, abs=0.01)  # the Galactic centre
    assert found.peak_dec_deg == pytest.approx(-28.936, abs=0.01)


@pytest.mark.parametrize("detector", ["notebook", "matched", "grating"])
def test_damaged_numbers_are_blanks_to_every_detector(tmp_path: Path, detector: str) -> None:
    """Flipped bits make signalling NaN, at which numpy warns where it says nothing about others."""
    blank, damaged = jet(), jet()
    blank[::9, ::4, ::5] = np.nan
    damaged.view(np.uint32)[::9, ::4, ::5] = 0x7FA00000
    uris = [write_cube(tmp_path / f"{name}.fits", sci, CRVAL3=5.2452) for name, sci in (("a", blank), ("b", damaged))]
    first, second = (scan(uri, detector=detector).detections[0] for uri in uris)
    assert first.status is second.status is Status.SCANNED
    assert (first.statistic, first.detected) == (second.statistic, second.detected)
