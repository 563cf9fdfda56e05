"""The error of a line's flux at a place is the scatter of fluxes without a line, whatever the noise."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from numpy.typing import NDArray

from feii_dask.detectors.flux_sigma import aperture_spectrum, flux_sigmas, line_fluxes
from feii_dask.detectors.line_window import LineWindow
from feii_dask.detectors.matched.resolution import resolution_at
from feii_dask.model import SPEED_OF_LIGHT_KMS, Line

LINE = Line("Fe II", 5.340169)
WAVELENGTH_UM = 5.26 + 0.0008 * np.arange(200)
PIXEL_ARCSEC = 0.13
PLANE = 100
RESOLUTION = resolution_at(WAVELENGTH_UM, PLANE, PIXEL_ARCSEC)
PLACE = (7.3, 6.6)
SPAXEL_SR = (PIXEL_ARCSEC / 206264.806) ** 2


def noise(seed: int, correlated: float = 0.0) -> NDArray[np.float32]:
    planes = np.random.default_rng(seed).normal(size=(200, 15, 15)).astype(np.float32)
    return planes + np.float32(correlated) * (np.roll(planes, 1, 0) + np.roll(planes, 1, 1))


@pytest.mark.parametrize("correlated", [0.0, 0.6])
def test_pulls_at_line_free_places_have_unit_scatter(correlated: float) -> None:
    pulls = []
    for seed in range(60):
        planes = noise(seed, correlated)
        ((beam, _),) = flux_sigmas(LineWindow(planes, WAVELENGTH_UM, LINE), [PLACE])
        spectrum = aperture_spectrum(planes, PLACE, (0.0, RESOLUTION.psf_px, 0.0))
        per_plane = 1e-20 * SPAXEL_SR * SPEED_OF_LIGHT_KMS * 1e9 * RESOLUTION.step_um / LINE.wavelength_um**2
        fluxes = line_fluxes(spectrum, RESOLUTION) * per_plane
        pulls += (fluxes[PLANE - 15 : PLANE + 16 : 10] / beam).tolist()
    assert np.std(pulls) == pytest.approx(1, abs=0.15)  # of 240 pulls, the error of a scatter is 5 %
    assert np.mean(pulls) == pytest.approx(0, abs=0.2)


def test_a_line_of_known_flux_is_measured() -> None:
    fwhm = RESOLUTION.width_planes(100.0)
    profile = np.exp(-4 * np.log(2) * ((np.arange(200) - PLANE) / fwhm) ** 2)
    planes = np.full((200, 15, 15), 30.0) + 5 * profile[:, None, None]
    shape = (0.0, 4.0, 0.0)
    fluxes = line_fluxes(aperture_spectrum(planes.astype(np.float32), PLACE, shape), RESOLUTION)
    assert fluxes[PLANE] == pytest.approx(5 * profile.sum() * np.pi * 4, rel=0.05)


def test_missing_spaxels_are_replaced_and_too_few_have_no_answer() -> None:
    planes = np.full((40, 15, 15), 2.0, dtype=np.float32)
    planes[:, :, 8] = np.nan
    planes[3] = 1e35
    spectrum = aperture_spectrum(planes, PLACE, (0.0, 4.0, 0.0))
    assert np.isnan(spectrum[3])
    np.testing.assert_allclose(np.delete(spectrum, 3), 2 * np.pi * 4, rtol=0.03)
    planes[:, :, 5:] = np.nan
    assert np.isnan(aperture_spectrum(planes, PLACE, (0.0, 4.0, 0.0))).all()


def test_a_line_in_the_window_does_not_raise_the_limit() -> None:
    planes = noise(3)
    ((quiet, _),) = flux_sigmas(LineWindow(planes, WAVELENGTH_UM, LINE), [PLACE])
    planes[PLANE - 2 : PLANE + 3] += 500
    ((beside, _),) = flux_sigmas(LineWindow(planes, WAVELENGTH_UM, LINE), [PLACE])
    assert beside == pytest.approx(quiet, rel=0.25)


@pytest.mark.parametrize("pixel_arcsec", [np.nan, 3.0])
def test_where_the_resolution_is_not_known_there_is_no_limit(pixel_arcsec: float) -> None:
    window = LineWindow(noise(1), WAVELENGTH_UM, LINE, pixel_arcsec=pixel_arcsec)
    assert all(isnan(sigma) for pair in flux_sigmas(window, [PLACE, PLACE]) for sigma in pair)


def test_too_few_planes_have_no_limit() -> None:
    window = LineWindow(noise(1)[:20], WAVELENGTH_UM[:20], Line("Fe II", 5.265))
    assert all(isnan(sigma) for sigma in flux_sigmas(window, [PLACE])[0])
