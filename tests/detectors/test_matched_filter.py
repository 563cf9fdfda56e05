"""The matched filter: false alarms, detections, and data that cannot be measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from feii_dask.detectors.matched.matched_filter import MatchedFilter
from feii_dask.detectors.registry import load_detector
from feii_dask.errors import DetectorError
from feii_dask.model import Context, Line, MatchedCube
from feii_dask.scan import scan_cube
from feii_dask.simulate import Jet, SimulatedCube, make_cube
from tests.cubes.samples import write_cube

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


@pytest.mark.parametrize(
    ("fwhm_kms", "snr", "kind"), [(330, 4, "undecided"), (150, 4, "extended"), (330, 12, "extended")]
)
def test_what_is_broader_than_jets_has_to_be_very_significant(fwhm_kms: float, snr: float, kind: str) -> None:
    simulated = cube(Jet(line=LINE, snr=snr, fwhm_kms=fwhm_kms), seed=2)
    found = MatchedFilter().measure(simulated.sci, simulated.wavelength_um, LINE)
    assert found.kind.value == kind
    assert found.p_extent < 1e-4
    assert found.detected == (kind == "extended")


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
        lambda sci: sci[:, :0],
        lambda sci: np.where(np.arange(len(sci))[:, None, None] % 2, sci, np.nan),
        lambda sci: np.where(sci > 0, np.inf, sci),
        lambda sci: np.where(sci > 0, -np.inf, np.inf),
        lambda sci: np.where(sci < 1e9, 1e35, sci),
    ],
    ids=[
        "all NaN",
        "constant",
        "two planes",
        "3 x 3 spaxels",
        "no spaxels",
        "every other plane",
        "infinite",
        "all infinite",
        "huge",
    ],
)
def test_what_cannot_be_measured_says_why_and_is_no_detection(change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
    simulated = cube()
    sci = change(simulated.sci).astype(np.float32)
    found = MatchedFilter().measure(sci, simulated.wavelength_um[: len(sci)], LINE)
    assert not found.detected
    assert found.reason
    assert np.isnan(found.p_value)


def test_a_line_in_the_gap_of_a_detector() -> None:
    simulated = cube(Jet(line=LINE, snr=20.0), seed=5)
    middle = int(np.argmin(abs(simulated.wavelength_um - LINE.wavelength_um)))
    simulated.sci[middle - 12 : middle + 12] = np.nan
    found = MatchedFilter().measure(simulated.sci, simulated.wavelength_um, LINE)
    assert not found.detected
    assert found.reason


@pytest.mark.parametrize("plane", [0, 1, 5, 10, -1, -2, -6, -11])
def test_a_band_that_ends_within_the_search(plane: int) -> None:
    for seed in range(2):
        simulated = cube(seed=seed, star=300.0)
        line = Line("Fe II", float(simulated.wavelength_um[plane]))
        found = MatchedFilter().measure(simulated.sci, simulated.wavelength_um, line)
        assert found.reason or "cut" in found.flags
        assert not found.detected


def test_half_of_the_search_in_a_gap_leaves_the_other_half() -> None:
    simulated = cube(Jet(line=LINE, snr=10.0, velocity_kms=-150.0), seed=5)
    middle = int(np.argmin(abs(simulated.wavelength_um - LINE.wavelength_um)))
    simulated.sci[middle + 3 : middle + 40] = np.nan
    found = MatchedFilter().measure(simulated.sci, simulated.wavelength_um, LINE)
    assert found.detected
    assert "cut" in found.flags
    assert abs(found.velocity_kms + 150) <= 40


@pytest.mark.parametrize("error", [0.0, np.nan, np.inf, 1e-3])
def test_formal_errors_change_nothing(error: float, tmp_path: Path) -> None:
    simulated = cube(Jet(line=LINE, snr=10.0), seed=2, shape=(17, 17))
    errors = {"one": np.ones_like(simulated.sci), "other": np.full_like(simulated.sci, error)}
    axis = {"CRVAL3": simulated.wavelength_um[0], "CDELT3": 0.0008}
    uris = [write_cube(tmp_path / f"{name}.fits", simulated.sci, err, **axis) for name, err in errors.items()]
    outcomes = [scan_cube(MatchedCube(obs_id="jw01", uri=uri), Context(lines=(LINE,))) for uri in uris]
    without, found = (outcome.detections[0] for outcome in outcomes)
    assert found.kind.is_line
    assert (found.kind, found.p_value, found.flux) == (without.kind, without.p_value, without.flux)


@pytest.mark.parametrize("planes", [1, 2, 3])
def test_what_begins_and_ends_sharply_is_no_line(planes: int) -> None:
    for seed in range(5):
        simulated = cube(seed=seed)
        middle = int(np.argmin(abs(simulated.wavelength_um - LINE.wavelength_um))) + seed - 2
        y, x = np.indices(simulated.sci.shape[1:])
        blob = 12 * np.exp(-(np.square(y - 9) + np.square(x - 14)) / 8).astype(np.float32)
        simulated.sci[middle : middle + planes] += blob
        assert not MatchedFilter().measure(simulated.sci, simulated.wavelength_um, LINE).detected


@pytest.mark.parametrize("planes", [100, 150, 250])
def test_a_few_windows_without_a_line_are_enough_for_a_jet(planes: int) -> None:
    simulated = cube(Jet(line=LINE, snr=7.0, velocity_kms=100.0), seed=4)
    first = int(np.argmin(abs(simulated.wavelength_um - LINE.wavelength_um))) - planes // 2
    part = slice(first, first + planes)
    found = MatchedFilter().measure(simulated.sci[part], simulated.wavelength_um[part], LINE)
    assert found.detected
    assert abs(found.velocity_kms - 100) <= 40


@pytest.mark.parametrize("rv_kms", [-120.0, 80.0])
def test_the_search_follows_the_source(rv_kms: float) -> None:
    simulated = cube(Jet(line=LINE, snr=10.0, velocity_kms=rv_kms + np.sign(rv_kms) * 260.0), seed=6)
    matched = MatchedFilter()
    assert matched.measure(simulated.sci, simulated.wavelength_um, LINE, rv_kms=rv_kms).detected
    assert not matched.measure(simulated.sci, simulated.wavelength_um, LINE, rv_kms=-rv_kms).detected


@pytest.mark.parametrize(
    ("planes", "width"), [(10, 0.13), (480, -0.13), (480, float("nan"))], ids=["wavelengths", "negative", "NaN"]
)
def test_what_is_no_cube_is_refused(planes: int, width: float) -> None:
    simulated = cube(shape=(9, 9))
    wavelength_um = simulated.wavelength_um[:planes] if planes == 10 else simulated.wavelength_um
    with pytest.raises(DetectorError):
        MatchedFilter().measure(simulated.sci, wavelength_um, LINE, pixel_arcsec=width)


def test_a_line_outside_the_cube() -> None:
    simulated = cube(shape=(9, 9))
    assert MatchedFilter().plane_range(simulated.wavelength_um, Line("Fe II", 17.936026)) is None
    assert MatchedFilter().measure(simulated.sci, simulated.wavelength_um, Line("Fe II", 17.936026)).reason
