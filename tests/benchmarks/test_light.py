"""A small part of the benchmark of real light: each section runs, and what it compares and counts is right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from feii_dask.model import Detection, Line
from feii_dask.simulate.drizzled import CLEAN

from .detection_tables import wilson
from .light import SECTIONS, measure_section
from .light_airglow import AIRGLOW_UM
from .light_faint import quantile
from .light_figures import Goal, clipped_rms_row, found_row, median_row, share_row
from .light_peers import PEERS, best_in_window
from .light_ranking import grades_of
from .light_real_cubes import REAL_CUBES, find_real_cubes, read_real_cube
from .light_scenes import SIX, Run, line_free, one_sided, rng_of, sky_of
from .light_search import Answer, Truth, answer_of, compare
from .light_speed import save_cube, times
from .light_survey import groups_of
from .light_unlisted import PLACES, place_of

SEED = 900
ROOT = Path(__file__).resolve().parents[2]


class Here(Executor):
    """Does what a pool does, in this process."""

    def map(self, work: Callable[..., Any], *iterables: Iterable[Any], **_: Any) -> Iterator[Any]:
        return map(work, *iterables)


def run(cubes: int = 1, **changes: Any) -> Run:
    return replace(Run(Here(), cubes, SEED, windows=2), **changes)


TINY = {"faint": 2, "unlisted": 1, "surveys": 4, "points": 3, "identification": 2}


@pytest.mark.parametrize("name", sorted(set(SECTIONS) - {"real", "speed"}))
def test_each_section_measures_what_it_has_a_goal_for(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.benchmarks.light_limits.LINES", 1)
    rows = measure_section(name, run(TINY.get(name, 1)), tmp_path)
    judged = [row for row in rows if row["goal"]]
    assert judged
    assert all(row["met"] in {"yes", "no"} for row in judged)
    text = (tmp_path / f"light_{name}.csv").read_text(encoding="utf-8")
    assert f"# seed: {SEED}\n" in text
    assert text.count("\n") == len(rows) + 7


def jet_answer(truth: Truth, **changes: Any) -> Answer:
    """An answer that is right, but for what is changed."""
    right = Answer(
        is_line=True,
        is_extended=True,
        kind="extended",
        velocity_kms=truth.velocities_kms[0],
        velocity_error_kms=2.0,
        flux=float(truth.flux_map.sum()),
        lobe_velocities_kms=truth.velocities_kms,
        mask=truth.mask,
    )
    return replace(right, **changes)


@pytest.fixture
def truth() -> Truth:
    flux_map = np.zeros((12, 12))
    flux_map[2:6, 3:5], flux_map[6:10, 3:5] = 1.0, 0.2
    return Truth((-120.0, 140.0), flux_map, flux_map > 0)


def test_found_is_between_the_lobes_and_where_there_is_light(truth: Truth) -> None:
    elsewhere = np.roll(truth.mask, 6, axis=1)
    for changes, found in (
        ({}, True),
        ({"velocity_kms": 10.0}, True),
        ({"velocity_kms": 185.0}, False),
        ({"velocity_kms": -165.0}, False),
        ({"velocity_kms": np.nan}, False),
        ({"mask": elsewhere}, False),
        ({"mask": None, "peak_yx": (3, 3)}, True),
        ({"mask": None, "peak_yx": (0, 0)}, False),
        ({"is_line": False, "is_extended": False}, False),
    ):
        compared = compare(jet_answer(truth, **changes), truth)
        assert (compared.line, compared.extended) == (found, found), changes
        assert compared.alarm == (not found and changes.get("is_extended", True))


def test_what_is_compact_or_undecided_is_found_but_not_extended(truth: Truth) -> None:
    for kind in ("compact", "undecided"):
        compared = compare(jet_answer(truth, kind=kind, is_extended=False), truth)
        assert (compared.line, compared.extended, compared.compact) == (True, False, kind == "compact")


def test_flux_and_share_are_those_of_the_mask(truth: Truth) -> None:
    half = truth.flux_map == 1.0
    compared = compare(jet_answer(truth, mask=half, flux=4.0), truth)
    assert compared.mask_share == pytest.approx(8 / 9.6)
    assert compared.flux_ratio == pytest.approx(4 / 8)
    assert compared.total_ratio == pytest.approx(4 / 9.6)


def test_a_measured_velocity_stands_for_one_lobe_only(truth: Truth) -> None:
    for measured, right in (((-110.0, 150.0), 2), ((-110.0, -115.0), 1), ((-100.0, 160.0), 0), ((np.nan,), 0)):
        assert compare(jet_answer(truth, lobe_velocities_kms=measured), truth).lobes_right == (right, 2)
    near = replace(truth, velocities_kms=(0.0, 10.0))
    assert compare(jet_answer(near, lobe_velocities_kms=(4.0,)), near).lobes_right == (1, 2)


def test_pulls_are_of_jets_with_one_velocity(truth: Truth) -> None:
    assert np.isnan(compare(jet_answer(truth), truth).pull)
    single = replace(truth, velocities_kms=(-120.0,))
    compared = compare(jet_answer(single, velocity_kms=-113.0), single)
    assert (compared.off_kms, compared.pull) == (7.0, 3.5)
    assert np.isnan(compare(jet_answer(single, velocity_error_kms=np.nan), single).pull)


def test_a_detector_without_kinds_claims_what_it_detects() -> None:
    detection = Detection(line=Line("Fe II", 5.34), detected=True, flags=("compact",), velocity_kms=3.0)
    answer = answer_of(detection)
    assert (answer.is_line, answer.is_extended, answer.kind) == (True, True, "compact")
    assert answer.lobe_velocities_kms == (3.0,)
    assert answer_of(replace(detection, detected=False, flags=())).kind == "none"


def test_bounds_are_of_cubes_and_not_of_windows() -> None:
    counts = [(31, 31)] + 99 * [(0, 31)]
    row = share_row("share", "", counts, Goal(most=0.02, bound=0.025))
    assert row["note"] == "31 of 3100"
    assert row["met"] == "no"  # one cube of a hundred has all of them
    assert float(row["high"]) > 2 * wilson(31, 3100)[1]
    even = share_row("share", "", 31 * [(1, 31)] + 69 * [(0, 31)], Goal(most=0.02, bound=0.025))
    assert even["met"] == "yes"


def test_a_bootstrap_that_sees_no_spread_is_not_believed() -> None:
    none, every = share_row("share", "", 100 * [(0, 31)]), found_row("share", "", 10 * [True])
    assert float(none["high"]) == pytest.approx(wilson(0, 3100)[1], rel=1e-3)
    assert float(every["low"]) == pytest.approx(wilson(10, 10)[0], rel=1e-3)
    assert share_row("share", "", [])["value"] == ""


def test_pulls_are_clipped_and_medians_leave_out_what_is_unknown() -> None:
    rng = np.random.default_rng(SEED)
    pulls = [*rng.standard_normal(4000), 70.0, -1000.0, np.nan]
    row = clipped_rms_row("pull", "", pulls, Goal(least=0.85, most=1.15))
    assert float(row["value"]) == pytest.approx(1, abs=0.05)
    assert float(row["low"]) < float(row["value"]) < float(row["high"])
    assert row["met"] == "yes"
    assert median_row("ratio", "", [1.0, np.nan, 3.0, 1.5])["value"] == "1.5"
    assert median_row("ratio", "", [np.nan], Goal(least=0.9))["met"] == "no"
    assert clipped_rms_row("pull", "", [50.0, -70.0], Goal(least=0.85, most=1.15))["met"] == "no"


def test_seeds_and_cells_have_cubes_of_their_own() -> None:
    drawn = {
        float(rng_of(seed, section, number).random())
        for seed in (SEED, SEED + 1)
        for section in (1, 2)
        for number in range(3)
    }
    assert len(drawn) == 12
    again = [sky_of("MRS 1A", rng_of(SEED, 1, 0)).cube().sci for _ in range(2)]
    np.testing.assert_array_equal(*again)


def test_windows_are_far_from_lines_that_are_there() -> None:
    cube = sky_of("NIRSpec G140H", rng_of(SEED, 1, 0)).cube()
    everywhere = line_free(cube, 31)
    assert len(everywhere) == 31
    taken_um = everywhere[7].wavelength_um * 1.0003
    free = line_free(cube, 31, [taken_um])
    assert set(everywhere) - set(free) == {everywhere[7]}


def test_scenes_and_places_of_unlisted_lines_meet() -> None:
    pairs = {(number % len(SIX), place_of(number)) for number in range(36)}
    assert len(pairs) == len(SIX) * len(PLACES)


@pytest.mark.parametrize("name", PEERS)
def test_peers_find_a_jet_and_where_it_is(name: str) -> None:
    rng = rng_of(SEED, 1, 1)
    sky = sky_of("MRS 1A", rng, CLEAN)
    cube = sky.cube(one_sided(sky, rng, 8.0, 150.0))
    found = PEERS[name](cube)
    score, answer = best_in_window(found, sky.line)
    elsewhere = [best_in_window(found, line)[0] for line in line_free(cube, 25, [sky.line.wavelength_um], 700.0)]
    assert answer.velocity_kms == pytest.approx(150, abs=40)
    assert (answer.mask & cube.truth[-1].mask).sum() > cube.truth[-1].mask.sum() / 2
    assert score > max(elsewhere)


def test_thresholds_let_no_more_through_than_they_should() -> None:
    rng = np.random.default_rng(SEED)
    values = list(rng.random(500))
    for rate, count in ((0.01, 5), (0.001, 0), (0.0, 0)):
        assert sum(value < quantile(values, rate) for value in values) == count


def test_objects_are_graded_and_grouped() -> None:
    windows = {"null_windows": 30, "null_p_values": (0.04, 0.09)}
    line = Line("Fe II", 5.340169)
    jet = Detection(line=line, detected=True, p_value=1e-7, velocity_kms=50.0, **windows)
    nothing = Detection(line=line, p_value=0.4, **windows)
    assert grades_of([[jet], [nothing], [jet], *18 * [[nothing]]]) == ["A", "", "A", *18 * [""]]
    assert 1 <= groups_of(jet) <= 5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one of the real cubes, which holds noise and one strong line of its list."""
    known = REAL_CUBES[0]
    wavelength_um = 2.09 + 0.00028 * np.arange(230)
    sci = np.random.default_rng(SEED).normal(0, 1, (230, 14, 14))
    sci += 20 * np.exp(-0.5 * ((wavelength_um - known.lines_um[2]) / 0.00025) ** 2)[:, None, None] * np.hanning(14)
    header = fits.Header({"CRVAL3": wavelength_um[0], "CRPIX3": 1.0, "CDELT3": 0.00028, "CDELT1": -0.2 / 3600})
    header.update({"CTYPE3": "WAVE", "CUNIT3": "um"})
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(sci, header, "SCI")]).writeto(tmp_path / known.file)
    return tmp_path


def test_real_cubes_are_searched_where_they_are(folder: Path) -> None:
    ((cube, path),) = [found for found in find_real_cubes(folder) if found[1].parent == folder]
    pixels = read_real_cube(path)
    assert pixels.pixel_arcsec == pytest.approx(0.2)
    assert pixels.wavelength_um[-1] == pytest.approx(2.09 + 229 * 0.00028)
    rows = measure_section("real", run(2, real=folder))
    (lines,) = (row for row in rows if row["figure"] == "real lines found, of any kind" and row["scene"] == cube.name)
    assert lines["note"].startswith("1 of 10; missed 1.9576")


def test_wavelengths_of_muse_are_turned_from_air_to_vacuum(tmp_path: Path) -> None:
    cards = {"CRVAL3": 6562.8, "CRPIX3": 1.0, "CD3_3": 1.25, "CD1_1": 3e-5, "CD2_1": 4e-5}
    header = fits.Header({**cards, "CTYPE3": "AWAV", "CUNIT3": "Angstrom"})
    path = tmp_path / "cube.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.zeros((3, 4, 4)), header, "DATA")]).writeto(path)
    pixels = read_real_cube(path)
    assert pixels.wavelength_um[0] == pytest.approx(0.656461, abs=1e-6)  # of H alpha: 6562.80 in air, 6564.61 in vacuum
    assert pixels.pixel_arcsec == pytest.approx(0.18)


def test_lists_of_lines_are_in_order_and_apart_from_airglow() -> None:
    assert (np.diff(AIRGLOW_UM) > 0).all()
    for cube in REAL_CUBES:
        assert cube.least <= len(set(cube.lines_um)) == len(cube.lines_um)
        assert not set(cube.lines_um) & set(cube.faint_um)


def test_time_is_taken_with_the_code_of_the_checkout_that_is_named(tmp_path: Path) -> None:
    file = save_cube(tmp_path, "MRS 1A", SEED, 0)
    (seconds,) = times(ROOT, [file])
    assert 0 < seconds < 60
    with pytest.raises(CalledProcessError):
        times(tmp_path, [file])
