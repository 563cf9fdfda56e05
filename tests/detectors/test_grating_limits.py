"""Limits in cubes of one line: errors equal the scatter of fluxes that are fitted otherwise, and 95 % are found."""

from __future__ import annotations

from math import isnan, log

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import correlate

from feii_dask.cubes.lines import find_lines
from feii_dask.detectors.flux_sigma import aperture_spectrum
from feii_dask.detectors.grating import GratingScan
from feii_dask.detectors.grating.limits import sums_about
from feii_dask.detectors.line_window import LineWindow
from feii_dask.model import SPEED_OF_LIGHT_KMS

(CII,) = find_lines("C II 157.741")
PSF_PX, LINE_PLANES, PLANES, SIZE = 5.0, 8.0, 61, 31
PLANE_KMS = 30.0
DETECTOR = GratingScan(psf_px=PSF_PX, line_planes=LINE_PLANES, jy_per_unit=1.0)
OFFSET_KMS = (np.arange(PLANES) - PLANES // 2) * PLANE_KMS
WIDTH_KMS = float(np.hypot(LINE_PLANES * PLANE_KMS, 100.0))
PROFILE = np.exp(-4 * log(2) * np.square(OFFSET_KMS / WIDTH_KMS))
W_M2_PER_JY_KMS = 1e-26 * 1e9 / CII.wavelength_um  # 1 km/s is as many Hz as λ in µm goes into 1e9
PLACE = (15.0, 14.0)
LINES = 20


def window_of(planes: NDArray[np.float64]) -> LineWindow:
    wavelength_um = CII.wavelength_um * (1 + OFFSET_KMS / SPEED_OF_LIGHT_KMS)
    return LineWindow(planes.astype(np.float32), wavelength_um, CII)


def noise(seed: int) -> NDArray[np.float64]:
    """Return a star on a baseline, in noise that neighbours share."""
    rng = np.random.default_rng([seed, 17])
    planes = rng.normal(size=(PLANES, SIZE, SIZE))
    planes += 0.5 * (np.roll(planes, 1, 1) + np.roll(planes, 1, 2))
    return 0.02 * planes + point(PLACE)[None] * np.linspace(0.5, 0.7, PLANES)[:, None, None]


def point(place_yx: tuple[float, float]) -> NDArray[np.float64]:
    y, x = np.indices((SIZE, SIZE))
    square_px = np.square(y - place_yx[0]) + np.square(x - place_yx[1])
    return np.asarray(np.exp(-4 * log(2) * square_px / PSF_PX**2))


def point_line(flux: float, place_yx: tuple[float, float], offset_kms: float) -> NDArray[np.float64]:
    """Return a line of some flux, W m⁻²."""
    profile = np.exp(-4 * log(2) * np.square((OFFSET_KMS - offset_kms) / WIDTH_KMS))
    light = profile[:, None, None] * point(place_yx)
    area_kms = WIDTH_KMS * np.sqrt(np.pi / log(2)) / 2
    return np.asarray(light * flux / (area_kms * point((15.0, 15.0)).sum() * W_M2_PER_JY_KMS))


def fitted_flux(planes: NDArray[np.float64], length_px: float) -> float:
    """Return a line's flux in an aperture, W m⁻², by one fit of line and straight line to its spectrum."""
    spectrum = aperture_spectrum(planes.astype(np.float32), PLACE, (length_px, PSF_PX, 0.0))
    model = np.column_stack([PROFILE, np.ones(PLANES), OFFSET_KMS])
    peak = float(np.linalg.lstsq(model, spectrum)[0][0])
    return peak * PROFILE.sum() * PLANE_KMS * W_M2_PER_JY_KMS


def test_errors_are_the_scatter_of_fluxes() -> None:
    cubes = [noise(seed) for seed in range(40)]
    sigmas = [DETECTOR.flux_sigmas(window_of(cube), [PLACE])[0] for cube in cubes]
    for sigma, length_px in zip(zip(*sigmas, strict=True), (0.0, 3 * PSF_PX), strict=True):
        pulls = [fitted_flux(cube, length_px) / one for cube, one in zip(cubes, sigma, strict=True)]
        assert np.std(pulls) == pytest.approx(1, abs=0.3)  # of 40 pulls, the error of a scatter is 11 %


def test_lines_of_the_sensitivity_are_found_and_half_as_bright_ones_often_not() -> None:
    found, fainter = 0, 0
    for seed in range(LINES):
        cube = noise(100 + seed)
        flux = DETECTOR.detect(window_of(cube)).flux_sensitivity_beam
        rng = np.random.default_rng([seed, 23])
        y, x = rng.uniform(2, SIZE - 3, 2)
        line = point_line(flux, (float(y), float(x)), float(rng.uniform(-280, 280)))
        found += DETECTOR.detect(window_of(cube + line)).kind.is_line
        fainter += DETECTOR.detect(window_of(cube + line / 2)).kind.is_line
    assert found >= 0.75 * LINES  # of 20, at .95, fewer are found in 1 of 400 cases
    assert fainter <= 0.8 * LINES


@pytest.mark.parametrize("side", [1, 9, 41])
@pytest.mark.parametrize("shape", [(3, 31, 31), (2, 40, 7), (4, 1, 1), (0, 9, 9)])
def test_sums_are_those_of_a_correlation(shape: tuple[int, int, int], side: int) -> None:
    rng = np.random.default_rng(8)
    values, weight = rng.normal(size=shape), rng.random((side, side))
    expected = correlate(values, weight[None], mode="constant")
    sums = sums_about(values, weight)
    np.testing.assert_allclose(sums, expected.reshape(sums.shape), atol=1e-11)


def test_elongated_lines_need_more_flux() -> None:
    detection = DETECTOR.detect(window_of(noise(3)))
    assert 1.2 < detection.flux_sensitivity_jet / detection.flux_sensitivity_beam < 3
    ((beam, jet),) = DETECTOR.flux_sigmas(window_of(noise(3)), [PLACE])
    assert beam < jet < detection.flux_sensitivity_jet / 3


def test_limits_are_not_known_without_a_unit_or_data() -> None:
    without_unit = GratingScan(psf_px=PSF_PX, line_planes=LINE_PLANES)
    assert isnan(without_unit.detect(window_of(noise(1))).flux_sensitivity_beam)
    assert all(map(isnan, without_unit.flux_sigmas(window_of(noise(1)), [PLACE])[0]))
    empty = noise(1)
    empty[:, :, 10:] = np.nan
    assert all(map(isnan, DETECTOR.flux_sigmas(window_of(empty), [(15.0, 25.0)])[0]))
    assert all(map(isnan, DETECTOR.flux_sigmas(window_of(np.full_like(empty, np.nan)), [PLACE])[0]))
    assert DETECTOR.flux_sigmas(window_of(noise(1)), []) == ()


def test_a_beam_in_arcseconds_gives_the_same_limits() -> None:
    same = GratingScan(
        beam_arcsec=((100.0, PSF_PX * 0.13), (200.0, PSF_PX * 0.13)), line_planes=LINE_PLANES, jy_per_unit=1.0
    )
    window = window_of(noise(5))
    np.testing.assert_allclose(same.flux_sigmas(window, [PLACE]), DETECTOR.flux_sigmas(window, [PLACE]), rtol=1e-6)
