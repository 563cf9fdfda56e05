"""Regions of one line: told from other light of the same window, and from faults of the detector that touch them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from feii_dask.detectors.matched import MatchedFilter
from feii_dask.detectors.matched.filters import filter_cube, gaussian
from feii_dask.detectors.matched.line_regions import find_regions
from feii_dask.detectors.matched.nulls import least_of_lines
from feii_dask.detectors.matched.outlines import outline
from feii_dask.detectors.matched.resolution import resolution_at
from feii_dask.detectors.matched.whitening import remove_continuum
from feii_dask.model import Detection, Line

PLANES, SIDE, MIDDLE = 401, 28, 200
WAVELENGTH_UM: NDArray[np.float64] = np.linspace(5.18, 5.5, PLANES)
RESOLUTION = resolution_at(WAVELENGTH_UM, MIDDLE, 0.13)
LINE = Line("Fe II", float(WAVELENGTH_UM[MIDDLE]))
TESTED = np.arange(MIDDLE - 6, MIDDLE + 7)
Y, X = np.mgrid[:SIDE, :SIDE]
JET = gaussian_filter(((X >= 14) & (X < 22) & (abs(Y - 12) <= 1)).astype(float), 0.9)
STREAK = (((X == 10) | (X == 11)) & (Y > 2) & (Y < 26)).astype(float)  # as sharp as spaxels, across the end of the jet


def noise(seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    white = gaussian_filter(rng.standard_normal((PLANES, SIDE, SIDE)), 0.7)
    return white / white.std() + 300


def light(image: NDArray[np.float64], height: float, plane: int, fwhm: float) -> NDArray[np.float64]:
    return np.multiply.outer(height * gaussian(np.arange(PLANES) - float(plane), fwhm), image)


def measured(cube: NDArray[np.floating]) -> Detection:
    return MatchedFilter().measure(cube.astype(np.float32), WAVELENGTH_UM, LINE, pixel_arcsec=0.13)


def test_neighbours_at_other_wavelengths_are_other_regions() -> None:
    voxels = np.zeros((2, TESTED.size, SIDE, SIDE), dtype=np.float32)
    left, right = (Y > 9) & (Y < 14) & (X < 10), (Y > 9) & (Y < 14) & (X >= 10) & (X < 15)
    voxels[0, 2, left], voxels[0, 7, right] = 6.0, 5.0
    voxels[1, 2, left], voxels[1, 4, right] = 6.0, 5.0
    outlines = outline(voxels, 3.0, RESOLUTION)
    assert outlines.window.tolist() == [0, 0, 1]
    for found, expected in zip(outlines.mask, [left, right, left | right], strict=True):
        assert np.array_equal(found, expected)


def test_what_is_smaller_than_the_beam_is_no_region() -> None:
    voxels = np.zeros((1, TESTED.size, SIDE, SIDE), dtype=np.float32)
    voxels[0, 3, 5, 5:7] = 9.0
    assert outline(voxels, 3.0, RESOLUTION).window.size == 0


@pytest.mark.parametrize("streak_plane", [MIDDLE + 2, MIDDLE - 4])
def test_a_jet_is_found_though_a_fault_of_the_detector_touches_it(streak_plane: int) -> None:
    cube = noise(3) + light(JET, 12.0, MIDDLE + 2, 3.0) + light(STREAK, 12.0, streak_plane, 6.0)
    regions = find_regions(
        filter_cube(remove_continuum(cube.astype(np.float32), RESOLUTION), RESOLUTION), 1, TESTED[None], RESOLUTION
    )
    jet, streak = JET > 0.3, (STREAK > 0) & (JET < 0.05)
    best = regions.mask[np.argmax(np.where(regions.passed, regions.significance, 0))]
    assert (best & jet).sum() > 2 * (best & streak).sum()
    found = measured(cube)
    assert found.mask is not None
    assert abs(found.velocity_kms - 2 * RESOLUTION.plane_kms) < RESOLUTION.plane_kms
    assert (found.mask & jet).sum() > 0.7 * jet.sum()
    assert (found.mask & streak).sum() < 0.5 * streak.sum()


def test_a_fault_alone_is_no_line() -> None:
    for seed in range(4):
        found = measured(noise(seed) + light(STREAK, 12.0, MIDDLE, 6.0))
        assert not found.detected, seed


def test_the_last_digits_of_a_cube_change_no_answer() -> None:
    cube = noise(5) + light(JET, 9.0, MIDDLE + 1, 3.0)
    factor = 1 + 1e-6 * np.random.default_rng(6).standard_normal(cube.shape)
    one, other = measured(cube), measured(cube * factor)
    assert (one.kind, one.flags, one.plane, one.peak_yx) == (other.kind, other.flags, other.plane, other.peak_yx)
    assert one.p_extent == pytest.approx(other.p_extent, rel=0.1)
    assert one.mask is not None
    assert np.array_equal(one.mask, np.asarray(other.mask))
    assert replace(one, mask=None).statistic == pytest.approx(other.statistic, rel=1e-3)


def test_windows_without_any_region_do_not_hide_the_lines_of_others() -> None:
    calm = np.zeros(29)
    lit = np.concatenate([np.zeros(20), [5.6, 5.7, 6.6, 7.1, 7.2, 7.3, 8.0, 8.3, 30.0]])
    for positive, negative in ((lit, calm), (calm, lit)):
        assert least_of_lines(positive, negative) < 7.0
