"""No statistic, however large, small or degenerate, makes a p-value that is no number."""

from __future__ import annotations

import warnings
from math import inf, nan

import numpy as np
import pytest

from feii_dask.cubes.lines import find_lines
from feii_dask.detectors.contract import Detector
from feii_dask.detectors.function import FunctionDetector
from feii_dask.detectors.grating.grating_scan import GratingScan
from feii_dask.detectors.grating.random_field import random_field_p_value
from feii_dask.detectors.matched.matched_filter import MatchedFilter
from feii_dask.detectors.notebook import NotebookDetector
from feii_dask.detectors.p_values import window_p_value
from feii_dask.model import Detection, Status

(CII,) = find_lines("C II 157.741")
HEIGHTS = (nan, -inf, -1.0, 0.0, 1e-300, 1.0, 29.9, 30.1, 417.0, 1e8, 1e200, inf)
CUBES = ("empty", "constant", "steps", "huge", "tiny", "one bright voxel", "enormous line")
WITH_P = {
    "grating": GratingScan(),
    "matched": MatchedFilter(),
    "function": FunctionDetector(lambda planes: np.nanmax(planes, axis=(1, 2))),
}


@pytest.mark.parametrize("freedom", [0.0, 1.0, 50.0, 1e4, 1e9])
@pytest.mark.parametrize("height", HEIGHTS)
def test_the_random_field(height: float, freedom: float) -> None:
    for beams, elements in ((1.0, 0.0), (40.0, 2.0), (1e4, 30.0)):
        assert 0 < random_field_p_value(height, beams, elements, freedom) <= 1


def test_the_random_field_falls_with_height() -> None:
    p = [random_field_p_value(height, 1000.0, 2.0, 900.0) for height in np.geomspace(3, 1e4, 200)]
    assert (np.diff(p) <= 0).all()


@pytest.mark.parametrize("nulls", [[], [0.0], [0.0] * 30, [1e150] * 30, list(np.linspace(3, 6, 30))])
def test_line_free_windows(nulls: list[float]) -> None:
    for statistic in (0.0, 1e-300, 4.0, 417.0, 1e100):
        assert 0 <= window_p_value(statistic, nulls, nulls) <= 1


def cube_of(kind: str) -> np.ndarray:
    cube = np.random.default_rng(4).normal(size=(301, 20, 20))
    match kind:
        case "empty":
            cube[:] = np.nan
        case "constant":
            cube[:] = 3.0
        case "steps":
            cube = np.round(cube / 3)
        case "huge":
            cube *= 1e30
        case "tiny":
            cube *= 1e-30
        case "one bright voxel":
            cube[150, 10, 10] = 1e6
        case "enormous line":
            cube += 1e5 * np.exp(-((np.arange(301) - 150) ** 2) / 20)[:, None, None]
    return cube.astype(np.float32)


def measured(detector: Detector, kind: str, errors: np.ndarray | None = None) -> Detection:
    wavelength_um = CII.wavelength_um * (1 + 3.4e-4 * (np.arange(301) - 150) / 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of overflow and of empty slices, in the user's function too
        return detector.measure(  # type: ignore[attr-defined]
            cube_of(kind), wavelength_um, CII, pixel_arcsec=1.0, errors=errors
        )


@pytest.mark.parametrize("kind", CUBES)
@pytest.mark.parametrize("name", WITH_P)
def test_every_detector_that_has_p_values(name: str, kind: str) -> None:
    try:
        detection = measured(WITH_P[name], kind)
    except Exception as error:  # noqa: BLE001
        assert name == "function" and "no finite number" in str(error)  # noqa: PT018
        return
    if detection.status is Status.SCANNED:
        assert 0 <= detection.p_value <= 1
    assert all(0 <= p <= 1 for p in detection.null_p_values)


@pytest.mark.parametrize("value", [nan, inf, -1.0, 0.0, 1e-300, 1e300])
@pytest.mark.parametrize("kind", CUBES)
def test_no_error_of_a_cube_makes_another(kind: str, value: float) -> None:
    errors = np.random.default_rng(5).uniform(1, 2, (301, 20, 20))
    errors[:140, :8] = value
    detection = measured(GratingScan(), kind, errors)
    if detection.status is Status.SCANNED:
        assert 0 < detection.p_value <= 1


@pytest.mark.parametrize("kind", CUBES)
def test_the_notebooks_has_none(kind: str) -> None:
    assert np.isnan(measured(NotebookDetector(), kind).p_value)
