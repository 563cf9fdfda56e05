"""Hits and warm pixels are removed, whatever the phase of their row; lines stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from feii_dask.detectors.matched.resolution import Resolution, resolution_at
from feii_dask.detectors.matched.whitening import Residuals, remove_continuum
from feii_dask.simulate.drizzled import CLEAN, DrizzledCube, Faults, Light, Point, SpectralLine, make_drizzled_cube

BANDS = {"ch1-short": 5.340169, "ch3-long": 17.936026, "g395h-f290lp": 4.889139}


def drizzled(band: str, faults: Faults = CLEAN, lights: tuple[Light, ...] = ()) -> DrizzledCube:
    return make_drizzled_cube(band=band, middle_um=BANDS[band], planes=241, faults=faults, lights=lights, seed=11)


def whitened(cube: DrizzledCube) -> tuple[Residuals, Resolution]:
    resolution = resolution_at(cube.wavelength_um, 120, cube.pixel_arcsec)
    return remove_continuum(cube.sci, resolution), resolution


def brightest(normalized: NDArray[np.float32], residuals: Residuals) -> NDArray[np.bool_]:
    return residuals.good & (normalized > 12)


@pytest.mark.parametrize("band", BANDS)
def test_hits_and_warm_pixels_are_removed(band: str) -> None:
    clean, faulty = drizzled(band), drizzled(band, Faults(hits=60.0, warm=20.0))
    residuals, _ = whitened(faulty)
    added = np.nan_to_num(faulty.sci - clean.sci) / residuals.noise
    hit = brightest(added, residuals)
    left = np.count_nonzero(residuals.normalized[hit]) / np.count_nonzero(hit)
    assert np.count_nonzero(hit) > 30
    assert left < 0.03


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize("snr", [10.0, 300.0])
def test_a_point_that_emits_an_unresolved_line_stays(band: str, snr: float) -> None:
    for place in ((0.0, 0.0), (0.31, -0.17), (-0.43, 0.29)):
        for velocity_kms in (0.0, 12.0, 25.0):
            line = SpectralLine(BANDS[band], snr, velocity_kms=velocity_kms, fwhm_kms=5.0)
            star = Light(Point(offset_arcsec=place), continuum=3.0, lines=(line,))
            residuals, _ = whitened(drizzled(band, lights=(star,)))
            plane, y, x = np.unravel_index(residuals.continuum_subtracted.argmax(), residuals.normalized.shape)
            assert residuals.normalized[plane, y, x] > 0, (place, velocity_kms)


def test_a_spaxel_of_tiny_numbers_has_no_data() -> None:
    cube = drizzled("ch1-short")
    sci = cube.sci.copy()
    rng = np.random.default_rng(2)
    sci[:, 18, 18] = 1e-9 * rng.standard_normal(len(sci))
    sci[100, 18, 18] = 1e-6
    residuals, _ = whitened(replace(cube, sci=sci))
    assert np.isinf(residuals.noise[18, 18])
    assert not residuals.normalized[:, 18, 18].any()
