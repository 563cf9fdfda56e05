"""The flux at which lines are found: in noise that knows nothing of how it was fitted."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from numpy.typing import NDArray

from feii_dask.detectors.matched import MatchedFilter
from feii_dask.model import SPEED_OF_LIGHT_KMS, Line

LINE = Line("Fe II", 5.340169)
WAVELENGTH_UM = 5.18 + 0.0008 * np.arange(401)
PIXEL_ARCSEC = 0.13
PSF_PX, LSF_KMS = 2.2, 80.0
W_M2_PER_UNIT = 1e-20 * (PIXEL_ARCSEC / 206264.806) ** 2 * SPEED_OF_LIGHT_KMS * 1e9 * 0.0008 / LINE.wavelength_um**2
LINES = 20


def noise(rng: np.random.Generator) -> NDArray[np.float32]:
    """Normal noise, three times as large in one half of the field."""
    planes = rng.normal(size=(401, 24, 24)).astype(np.float32)
    planes[:, :, :12] *= 3
    return planes


def line(rng: np.random.Generator, flux: float, length_px: float) -> NDArray[np.float32]:
    """A straight line of some flux, W m⁻², none wide before the telescope, at a random place, angle and velocity."""
    y, x = rng.uniform(2, 21, 2)
    angle, velocity_kms = rng.uniform(0, np.pi), rng.uniform(-250, 250)
    image = np.zeros((24, 24))
    for along in np.linspace(-0.5, 0.5, 31) * length_px:
        there = y + along * np.cos(angle), x + along * np.sin(angle)
        image += np.exp(-4 * np.log(2) * ((np.indices(image.shape).T - there) ** 2).sum(axis=2).T / PSF_PX**2)
    velocity = SPEED_OF_LIGHT_KMS * (WAVELENGTH_UM / LINE.wavelength_um - 1) - velocity_kms
    profile = np.exp(-4 * np.log(2) * velocity**2 / (100.0**2 + LSF_KMS**2))
    cube = profile[:, None, None] * image
    return (flux / W_M2_PER_UNIT / cube.sum() * cube).astype(np.float32)


@pytest.mark.parametrize("length", [0.0, 3.0], ids=["beam", "3x1 beams"])
def test_nearly_all_lines_of_this_flux_are_found_and_few_of_a_third(length: float) -> None:
    rng = np.random.default_rng(20261129)
    detector = MatchedFilter(psf_arcsec=PSF_PX * PIXEL_ARCSEC, lsf_kms=LSF_KMS)
    found = np.zeros(2, dtype=int)
    for _ in range(LINES):
        planes = noise(rng)
        plain = detector.measure(planes, WAVELENGTH_UM, LINE, pixel_arcsec=PIXEL_ARCSEC)
        flux = plain.flux_sensitivity_jet if length else plain.flux_sensitivity_beam
        light = line(rng, flux, length * PSF_PX)
        for number, part in enumerate((1, 1 / 3)):
            lit = planes + np.float32(part) * light
            detection = detector.measure(lit, WAVELENGTH_UM, LINE, pixel_arcsec=PIXEL_ARCSEC)
            found[number] += detection.kind.is_line
    assert found[0] >= 0.75 * LINES  # of 20, at .95, fewer are found in 1 of 400 cases
    assert found[1] <= 0.6 * LINES


def test_it_goes_with_the_noise() -> None:
    planes = noise(np.random.default_rng(3))
    one, other = (
        MatchedFilter().measure(factor * planes, WAVELENGTH_UM, LINE, pixel_arcsec=PIXEL_ARCSEC)
        for factor in (np.float32(1), np.float32(7))
    )
    assert other.flux_sensitivity_beam == pytest.approx(7 * one.flux_sensitivity_beam, rel=1e-2)
    assert other.flux_sensitivity_jet == pytest.approx(7 * one.flux_sensitivity_jet, rel=1e-2)
    assert one.flux_sensitivity_jet > one.flux_sensitivity_beam


def test_it_is_not_known_without_the_resolution() -> None:
    planes = noise(np.random.default_rng(3))
    optical_um = 0.6 + 0.000125 * np.arange(401)
    detection = MatchedFilter().measure(planes, optical_um, Line("H alpha", 0.625), pixel_arcsec=0.2)
    assert isnan(detection.flux_sensitivity_beam)
    assert isnan(detection.flux_sensitivity_jet)
