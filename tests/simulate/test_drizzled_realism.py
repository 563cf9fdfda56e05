"""Noise and undersampling of drizzled cubes, against what is published of real ones."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from feii_dask.simulate.drizzled import ALL_FAULTS, CLEAN, Faults, Light, Nebula, Point, make_drizzled_cube
from feii_dask.simulate.drizzled.combination import Combination
from feii_dask.simulate.drizzled.drizzle import Drizzle, drizzle_of
from feii_dask.simulate.drizzled.drizzled_cube import continuum_factor, sum_of_continua
from feii_dask.simulate.drizzled.optics import Optics

PLANES, SHAPE, SEED = 201, (30, 30), 21
BANDS = (("ch1-short", 5.340169), ("ch3-long", 16.5), ("ch4-long", 25.98839))
NIRSPEC = (("g140h-f100lp", 1.644002), ("g395h-f290lp", 4.889139))


def empty_sky(band: str, middle_um: float, faults: Faults = CLEAN) -> NDArray[np.float64]:
    """Return noise, without the background and without the border where fewer exposures overlap."""
    cube = make_drizzled_cube(
        band=band, middle_um=middle_um, planes=PLANES, shape=SHAPE, faults=faults, background=3.0, seed=SEED
    )
    return cube.sci[:, 8:22, 8:22].astype(np.float64) - 3.0


def correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    return float(np.nanmean(first * second) / np.nanmean(first**2))


@pytest.mark.parametrize(("band", "middle_um"), BANDS + NIRSPEC)
def test_empty_sky_has_the_stated_noise(band: str, middle_um: float) -> None:
    noise = empty_sky(band, middle_um)
    assert np.nanstd(noise) == pytest.approx(1.0, abs=0.12)
    assert np.nanmean(noise) == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize(("band", "middle_um"), BANDS + NIRSPEC)
def test_neighbours_are_correlated_as_in_real_cubes(band: str, middle_um: float) -> None:
    """Real cubes of slicers and reconstructed ones: 0.1 to 0.7 between spaxels; VV 114: 0.26 to 0.46 between planes."""
    noise = empty_sky(band, middle_um)
    for axis in (1, 2):
        first, second = np.delete(noise, -1, axis=axis), np.delete(noise, 0, axis=axis)
        assert 0.15 < correlation(first, second) < 0.65
    assert 0.1 < correlation(noise[1:], noise[:-1]) < 0.46
    assert abs(correlation(noise[5:], noise[:-5])) < 0.03
    assert abs(correlation(noise[:, 8:], noise[:, :-8])) < 0.03


@pytest.mark.parametrize(("band", "middle_um"), BANDS)
@pytest.mark.parametrize("faults", [CLEAN, ALL_FAULTS], ids=["clean", "faults"])
def test_apertures_are_noisier_than_independent_spaxels(band: str, middle_um: float, faults: Faults) -> None:
    """By a factor of 1.5 to 3, depending on wavelength and cube (Law et al. 2023, for the MRS)."""
    noise = empty_sky(band, middle_um, faults)
    y, x = np.indices(noise.shape[1:]) - 6.5
    fwhm_px = make_drizzled_cube(band=band, middle_um=middle_um, planes=9, shape=SHAPE).psf_fwhm_arcsec
    spaxel = drizzle_of(band, middle_um, PLANES, SHAPE, 4, 30.0).exposures.band.pixel_arcsec
    aperture = noise[:, np.hypot(y, x) < 1.5 * fwhm_px / spaxel]
    scatter = spread_of(np.nansum(aperture, axis=1)) / spread_of(aperture)
    assert 1.5 < scatter / np.sqrt(aperture.shape[1]) < 3.0


def spread_of(values: NDArray[np.float64]) -> float:
    """Return a standard deviation that some hits do not change."""
    middle = np.nanmedian(values)
    return float(1.4826 * np.nanmedian(abs(values - middle)))


def star_drizzle(band: str, middle_um: float) -> Drizzle:
    """Return a long and narrow cube, for wiggles that need not be short."""
    return drizzle_of(band, middle_um, 481, (20, 20), 4, 30.0)


def noise_free(band: str, middle_um: float, light: Light) -> NDArray[np.float64]:
    drizzle = star_drizzle(band, middle_um)
    optics, combination = Optics(drizzle.exposures), Combination(drizzle)
    pixels = sum_of_continua((light,), [continuum_factor(light, optics, combination)], optics)
    return combination.combined(pixels).astype(np.float64)


def wiggles(spectrum: NDArray[np.float64]) -> float:
    """Return the scatter of a spectrum about a polynomial."""
    position = np.linspace(-1, 1, spectrum.size)
    smooth = np.polyval(np.polyfit(position, spectrum, 6), position)
    return float(np.std((spectrum / smooth - 1)[10:-10]))


@pytest.mark.parametrize(
    ("band", "middle_um", "low", "high"),
    [
        ("ch1-short", 5.340169, 0.02, 0.15),
        ("ch3-long", 16.5, 0.01, 0.05),
        ("ch4-long", 25.98839, 0.002, 0.02),
        ("g140h-f100lp", 1.644002, 0.02, 0.2),
        ("g395h-f290lp", 4.889139, 0.01, 0.05),
    ],
)
def test_a_star_wiggles_and_a_nebula_does_not(band: str, middle_um: float, low: float, high: float) -> None:
    """In its brightest spaxel; the more, the smaller the star is compared with a pixel.

    In apertures of 1.5 FWHM it is below 1 % with four dithers (Law et al. 2023).
    """
    star = noise_free(band, middle_um, Light(Point(offset_arcsec=(0.05, 0.02)), continuum=100.0))
    image = star.mean(axis=0)
    y, x = np.unravel_index(image.argmax(), image.shape)
    assert low < wiggles(star[:, y, x]) < high
    exposures = star_drizzle(band, middle_um).exposures
    y_arcsec, x_arcsec = (np.indices(image.shape) - 9.5) * exposures.band.pixel_arcsec
    aperture = np.hypot(y_arcsec - 0.05, x_arcsec - 0.02) < 1.5 * Optics(exposures).psf_fwhm_arcsec(middle_um)
    assert wiggles(star[:, aperture].sum(axis=1)) < 0.01
    wide = Light(Nebula(fwhm_arcsec=10 * exposures.spectrograph.slice_arcsec), continuum=100.0)
    nebula = noise_free(band, middle_um, wide)
    assert wiggles(nebula[:, 10, 10]) < wiggles(star[:, y, x]) / 5
