"""A small part of the benchmark of detection: enough to notice that the detector has become worse."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from .detection_contenders import Verdict
from .detection_injection import SPECIALS, Cell, jet_of, recover, search_cube
from .detection_null import null_p_values
from .detection_scenes import BAND_LINES, SCENES, simulate
from .detection_survey import Observed, grade
from .detection_tables import share

SEED = 900
CUT = 0.0075


def found(cell: Cell, seed: int) -> bool:
    return search_cube(cell, seed)["matched"].found


@pytest.mark.parametrize("scene", SCENES)
def test_windows_without_a_line_are_silent(scene: str) -> None:
    cubes = [null_p_values(scene, seed) for seed in range(SEED, SEED + 5)]
    windows = sum(count for count, _ in cubes)
    alarms = sum(p <= CUT for _, small in cubes for p in small)
    assert windows >= 140
    assert alarms <= 3  # of 1 % the probability of more is 0.05, and the seeds are fixed


@pytest.mark.parametrize("fwhm_kms", [80, 115, 250])
@pytest.mark.parametrize("velocity_kms", [-250, 0, 150])
def test_a_jet_of_ordinary_strength_is_found(velocity_kms: float, fwhm_kms: float) -> None:
    cell = Cell(grid="", velocity_kms=velocity_kms, fwhm_kms=fwhm_kms)
    recovered = [search_cube(cell, seed)["matched"] for seed in range(SEED, SEED + 2)]
    assert all(one.found for one in recovered)


@pytest.mark.parametrize("cell", SPECIALS, ids=lambda cell: cell.grid)
def test_what_the_notebook_cannot_cope_with_is_found(cell: Cell) -> None:
    assert found(cell, SEED)


@pytest.mark.parametrize("band", BAND_LINES)
def test_velocity_and_flux_of_a_strong_line(band: str) -> None:
    recovered = search_cube(Cell(grid="", band=band, snr=10.0), SEED)["matched"]
    assert recovered.found
    assert abs(recovered.velocity_kms) < 30
    assert abs(log(recovered.flux)) < log(1.3)


def test_a_faint_line_is_mostly_found() -> None:
    cell = Cell(grid="", snr=3.0, velocity_kms=0, fwhm_kms=115)
    assert sum(found(cell, seed) for seed in range(SEED, SEED + 6)) >= 4


def test_found_means_the_right_velocity_and_the_right_place() -> None:
    cell = Cell(grid="", snr=10.0)
    truth = simulate("ch1-short", seed=1, jets=(jet_of(cell, 0),), star=3.0).truth[0]
    elsewhere = np.roll(truth.mask, truth.mask.shape[0] // 2, axis=0) & ~truth.mask
    for velocity_kms, mask, expected in (
        (100.0, truth.mask, True),
        (150.0, truth.mask, False),
        (100.0, elsewhere, False),
    ):
        recovered = recover(Verdict(True, velocity_kms, mask, flux=1.0), truth)
        assert (recovered.found, recovered.alarm) == (expected, not expected)
    assert not recover(Verdict(False), truth).alarm


def test_a_survey_is_graded_band_by_band() -> None:
    def observed(number: int, p: float) -> Observed:
        jet = p < 1e-3
        verdicts = dict.fromkeys(("notebook", "muselet", "matched"), jet)
        return Observed("ch1-short", 10.0 * jet, p, 50.0, 30, (0.02, 0.05), verdicts, verdicts)

    table = grade([observed(number, 1e-8 if number < 5 else 0.5) for number in range(50)])
    assert (table["grade"][:5] == "A").all()
    assert (table["grade"][5:] == "").all()


def test_shares_have_wilson_intervals() -> None:
    assert share(10, 1000) == {"count": 10, "trials": 1000, "share": "0.01", "low": "0.0054", "high": "0.0183"}
    assert share(0, 0)["share"] == ""
