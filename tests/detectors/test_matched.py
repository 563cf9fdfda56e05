"""The matched filter: silent where there is no line, and never at a loss."""

from __future__ import annotations

import numpy as np
import pytest

from feii_dask.detectors.base import load_detector
from feii_dask.detectors.matched import MatchedFilter
from feii_dask.model import Line, Status
from feii_dask.simulate import Jet, SimulatedCube, make_cube

LINE = Line("Fe II", 5.340169)
WINDOW_UM = (5.15, 5.53)


def cube(*jets: Jet, seed: int = 0, star: float = 50.0, shape: tuple[int, int] = (25, 25)) -> SimulatedCube:
    return make_cube(jets=jets, seed=seed, star=star, shape=shape, planes_um=WINDOW_UM)


def test_it_is_found_by_its_name() -> None:
    assert load_detector("matched") == MatchedFilter()


@pytest.mark.parametrize("velocity_kms", [-250.0, -100.0, 0.0, 150.0, 250.0])
def test_a_jet_is_found_at_any_velocity_and_measured(velocity_kms: float) -> None:
    simulated = cube(Jet(line=LINE, snr=10.0, velocity_kms=velocity_kms), seed=7)
    found = MatchedFilter().measure(simulated.sci, simulated.wavelength_um, LINE)
    assert found.detected
    assert abs(found.velocity_kms - velocity_kms) <= 40
    assert found.mask is not None
    assert (found.mask & simulated.truth[0].mask).any()
    assert found.p_value < 0.01
    assert found.snr > 3


def test_cubes_without_a_jet_are_silent() -> None:
    stars = [3.0, 50.0, 300.0]
    nulls = [cube(seed=100 + number, star=stars[number % 3]) for number in range(12)]
    found = [MatchedFilter().measure(null.sci, null.wavelength_um, LINE).detected for null in nulls]
    assert sum(found) <= 1  # at most 1 % each: more than one of twelve has a probability below 0.01


def test_the_planes_that_it_asks_for_are_enough() -> None:
    simulated = make_cube(jets=(Jet(line=LINE, snr=10.0),), seed=3, shape=(21, 21))
    window = MatchedFilter().plane_range(simulated.wavelength_um, LINE)
    assert window is not None
    assert window[1] - window[0] <= len(simulated.wavelength_um) / 2
    whole = MatchedFilter().measure(simulated.sci, simulated.wavelength_um, LINE)
    part = MatchedFilter().measure(simulated.sci[slice(*window)], simulated.wavelength_um[slice(*window)], LINE)
    assert (part.detected, part.p_value, part.velocity_kms) == (whole.detected, whole.p_value, whole.velocity_kms)


@pytest.mark.parametrize(
    "change",
    [
        lambda sci: sci * np.nan,
        lambda sci: sci * 0 + 1,
        lambda sci: sci[:2],
        lambda sci: sci[:, :3, :3],
        lambda sci: np.where(np.arange(len(sci))[:, None, None] % 2, sci, np.nan),
        lambda sci: np.where(sci > 0, np.inf, sci),
    ],
    ids=["all NaN", "constant", "two planes", "3 x 3 spaxels", "every other plane", "infinite"],
)
def test_what_cannot_be_measured_says_why_and_is_no_detection(change) -> None:
    simulated = cube()
    sci = change(simulated.sci).astype(np.float32)
    found = MatchedFilter().measure(sci, simulated.wavelength_um[: len(sci)], LINE)
    assert not found.detected
    assert found.status is Status.SCANNED or found.reason


def test_a_line_outside_the_cube() -> None:
    simulated = cube(shape=(9, 9))
    assert MatchedFilter().plane_range(simulated.wavelength_um, Line("Fe II", 17.936026)) is None
    assert MatchedFilter().measure(simulated.sci, simulated.wavelength_um, Line("Fe II", 17.936026)).reason
