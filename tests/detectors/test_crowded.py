"""Spectra full of lines that nobody listed: a jet is found between them, and they are listed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from feii_dask.detectors.identification import count_alike
from feii_dask.detectors.matched.bright_lines import is_crowded, lines_of, without_bright_lines
from feii_dask.detectors.matched.common_light import (
    SharedLight,
    find_shared_light,
    lines_within,
    without_image,
)
from feii_dask.detectors.matched.filters import FilteredCube, filter_cube, gaussian
from feii_dask.detectors.matched.matched_filter import MatchedFilter
from feii_dask.detectors.matched.nulls import find_nulls, strongest_lines
from feii_dask.detectors.matched.resolution import resolution_at
from feii_dask.detectors.matched.whitening import remove_continuum, rescaled
from feii_dask.detectors.matched.windows import Windows
from feii_dask.model import Line

PLANES, SIDE, MIDDLE = 401, 24, 200
WAVELENGTH_UM: NDArray[np.float64] = np.linspace(5.18, 5.5, PLANES)
RESOLUTION = resolution_at(WAVELENGTH_UM, MIDDLE, 0.13)
LINE = Line("Fe II", float(WAVELENGTH_UM[MIDDLE]))
SEARCHED, NEAR = (abs(np.arange(PLANES) - MIDDLE) <= reach for reach in (6, 12))
WINDOWS = Windows(tested=np.flatnonzero(SEARCHED), near=NEAR, free=~NEAR, flags=())
CROWD = np.setdiff1d(np.arange(12, PLANES - 12, 8), np.arange(MIDDLE - 8, MIDDLE + 9))
Y, X = np.mgrid[:SIDE, :SIDE]
NEBULA = np.exp(-(np.square(Y - 12) + np.square(X - 10)) / 80)
JET = ((abs(Y - X) <= 1) & (Y > 12) & (Y < 21)).astype(float)


def profile(planes: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return a narrow line at each of some planes, (k, n)."""
    return gaussian(np.arange(PLANES, dtype=np.float64) - planes[:, None], 2.5)


def crowded_cube(seed: int, sign: int = 1, jet: float = 0.0) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return a cube with a nebula of nearly fifty lines, and the strength of each line; the noise is 1."""
    rng = np.random.default_rng(seed)
    noise = gaussian_filter(rng.standard_normal((PLANES, SIDE, SIDE)), 0.7)
    strength = sign * np.exp(rng.uniform(np.log(10), np.log(60), CROWD.size))
    lit = np.multiply.outer(strength @ profile(CROWD), NEBULA)
    jets = np.multiply.outer(jet * profile(np.array([MIDDLE + 2]))[0], gaussian_filter(JET, 0.8))
    return (noise / noise.std() + lit + jets + 300).astype(np.float32), strength


def first_pass(cube: NDArray[np.float32]) -> FilteredCube:
    return filter_cube(remove_continuum(cube, RESOLUTION), RESOLUTION)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_jet_is_found_in_front_of_a_nebula_full_of_lines(sign: int) -> None:
    cube, _ = crowded_cube(1, sign, jet=12.0)
    assert is_crowded(first_pass(cube), RESOLUTION)
    found = MatchedFilter().measure(cube, WAVELENGTH_UM, LINE, pixel_arcsec=0.13)
    assert found.p_value < 0.001
    assert abs(found.velocity_kms - 2 * RESOLUTION.plane_kms) < RESOLUTION.plane_kms
    assert found.mask is not None
    jet = gaussian_filter(JET, 0.8) > 0.05
    assert (found.mask & jet).sum() > 0.9 * jet.sum()
    assert found.mask.sum() < 2.5 * jet.sum()  # with a beam around it, and no nebula


def test_an_error_of_the_continuum_that_has_the_image_of_the_lines_is_removed_and_a_jet_is_not() -> None:
    cube, strength = crowded_cube(5, jet=8.0)
    clean = remove_continuum(cube - np.multiply.outer(strength @ profile(CROWD), NEBULA).astype(np.float32), RESOLUTION)
    wrong = 3 * np.sin(np.arange(PLANES) / 9)[:, None, None] * NEBULA * (clean.normalized != 0)
    off = rescaled(clean, clean.normalized + wrong.astype(np.float32))
    nothing = np.zeros(cube.shape, dtype=np.float32)
    image = NEBULA.astype(np.float32)
    left = np.arange(PLANES) < 20
    light = SharedLight(nothing, nothing > 0, nothing[:, 0, 0], image, left, stands_out=left)
    mended = without_image(off, light)
    assert np.array_equal(mended.continuum_subtracted[:20], off.continuum_subtracted[:20])
    rms = [float(np.std((each.continuum_subtracted - clean.continuum_subtracted)[20:])) for each in (off, mended)]
    assert rms[1] < 0.2 * rms[0]  # its own noise is left
    jet = [float((each.continuum_subtracted[MIDDLE + 2] * JET).sum()) for each in (clean, mended)]
    assert jet[1] == pytest.approx(jet[0], rel=0.1)
    assert np.median(mended.noise) == pytest.approx(np.median(clean.noise), rel=0.03)


def test_a_jet_is_found_in_front_of_a_field_full_of_lines() -> None:
    for seed in range(3):
        cube, strength = crowded_cube(20 + seed, jet=7.0)
        cube += np.multiply.outer(strength @ profile(CROWD), 1 - NEBULA).astype(np.float32)
        found = MatchedFilter().measure(cube, WAVELENGTH_UM, LINE, pixel_arcsec=0.13)
        assert found.kind.is_line, seed
        assert abs(found.velocity_kms - 2 * RESOLUTION.plane_kms) < RESOLUTION.plane_kms


def test_without_a_jet_nothing_is_found_between_the_lines() -> None:
    found = [
        MatchedFilter().measure(crowded_cube(seed, sign)[0], WAVELENGTH_UM, LINE, pixel_arcsec=0.13).detected
        for seed, sign in ((11, 1), (12, -1), (13, 1), (14, -1))
    ]
    assert not any(found)


@pytest.mark.parametrize("jet", [10.0, 300.0])
def test_the_shared_light_has_the_image_of_the_nebula_and_nothing_of_the_jet(jet: float) -> None:
    cube, _ = crowded_cube(2, jet=jet)
    shared = find_shared_light(cube, first_pass(cube).residuals, NEAR, SEARCHED, RESOLUTION)
    image = shared.light[CROWD].std(axis=0)
    assert np.corrcoef(image.ravel(), NEBULA.ravel())[0, 1] > 0.999
    taken = shared.light[MIDDLE + 2] - np.median(shared.light[MIDDLE - 4 : MIDDLE + 9], axis=0)
    assert abs(taken).max() < 2.0  # of the noise: less than 1 % of the bright jet


def test_lines_that_were_taken_out_count_as_what_one_of_them_is_called() -> None:
    cube, strength = crowded_cube(5)
    cube += np.multiply.outer(30 * profile(np.array([MIDDLE + 2]))[0], NEBULA).astype(np.float32)
    found = MatchedFilter().measure(cube, WAVELENGTH_UM, LINE, pixel_arcsec=0.13)
    assert found.detected
    assert count_alike(found.unidentified, found.kind, found.flags) > 0.7 * np.count_nonzero(strength > 20)
    assert found.p_identification > 0.1


def test_the_gap_that_leaves_room_for_a_line_is_none() -> None:
    spectrum = np.full(PLANES, 5.0, dtype=np.float32) + np.random.default_rng(4).normal(size=PLANES).astype(np.float32)
    spectrum[SEARCHED] = -20
    spectrum[np.flatnonzero(SEARCHED)[-1] :][:4] = 60, 90, 60, 20  # the wing of a line beyond
    assert not lines_within(spectrum, SEARCHED).any()
    spectrum[MIDDLE] = 60
    assert lines_within(spectrum, SEARCHED)[MIDDLE]


def test_a_line_with_the_image_of_all_others_is_found() -> None:
    cube, _ = crowded_cube(5)
    cube += np.multiply.outer(30 * profile(np.array([MIDDLE + 2]))[0], NEBULA).astype(np.float32)
    assert is_crowded(first_pass(cube), RESOLUTION)
    found = MatchedFilter().measure(cube, WAVELENGTH_UM, LINE, pixel_arcsec=0.13)
    assert found.kind.is_line
    assert abs(found.velocity_kms - 2 * RESOLUTION.plane_kms) < RESOLUTION.plane_kms / 4
    with_a_factor = MatchedFilter().measure(cube * np.float32(1e-18), WAVELENGTH_UM, LINE, pixel_arcsec=0.13)
    assert with_a_factor.statistic == pytest.approx(found.statistic, rel=1e-3)
    assert with_a_factor.flux == pytest.approx(1e-18 * found.flux, rel=1e-3)


@pytest.mark.parametrize("sign", [1, -1])
def test_lines_that_are_taken_out_are_listed_once_with_their_sign(sign: int) -> None:
    cube, _ = crowded_cube(3, sign)
    filtered = without_bright_lines(cube, first_pass(cube), WINDOWS, RESOLUTION)
    free = ~NEAR
    free[:100] = free[-8:] = False
    lines = find_nulls(filtered, free, 13, RESOLUTION).lines
    planes = np.array([plane for plane, _ in lines])
    inside = CROWD[free[CROWD]]
    assert all(np.count_nonzero(abs(planes - plane) <= 1) == 1 for plane in inside)
    assert len(lines) == inside.size
    assert all(np.sign(statistic) == sign for _, statistic in lines)
    assert planes.min() >= 100


def test_a_cube_with_a_few_lines_is_not_crowded() -> None:
    cube, strength = crowded_cube(4)
    sparse = cube - np.multiply.outer(strength[2:] @ profile(CROWD[2:]), NEBULA).astype(np.float32)
    assert not is_crowded(first_pass(sparse), RESOLUTION)


def test_of_lines_that_are_not_resolved_the_most_significant_is_kept() -> None:
    assert strongest_lines([(50, 8.0), (10, 9.0), (11, -20.0), (30, 7.5)], RESOLUTION) == (
        (11, -20.0),
        (30, 7.5),
        (50, 8.0),
    )


def test_gaps_between_bright_lines_are_not_absorption() -> None:
    response = 100 * profile(np.array([50, 60])).sum(axis=0) - 8 * profile(np.array([55]))[0]
    response -= 8 * profile(np.array([300]))[0]
    assert [plane for plane, _ in lines_of(response, RESOLUTION)] == [50, 60, 300]
