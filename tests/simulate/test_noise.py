from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from feii_dask.simulate.noise import add_showers, drizzled_noise, fringe, wiggle

Floats = NDArray[np.float64]


def correlation(noise: Floats, axis: int) -> float:
    """Return the correlation between neighbours along an axis, by the definition."""
    moved = np.moveaxis(noise, axis, 0)
    return np.mean(moved[1:] * moved[:-1]) / np.mean(noise**2)


def test_noise_has_rms_one_and_is_correlated_as_drizzled() -> None:
    noise = drizzled_noise((300, 61, 61), 0, np.random.default_rng(1)).astype(float)
    assert noise.std() == pytest.approx(1, abs=0.01)
    assert correlation(noise, 0) == pytest.approx(0.29, abs=0.02)
    assert correlation(noise, 1) == pytest.approx(0.44, abs=0.02)
    assert correlation(noise, 2) == pytest.approx(0.44, abs=0.02)


def test_apertures_are_noisier_than_independent_spaxels() -> None:
    noise = drizzled_noise((200, 60, 60), 0, np.random.default_rng(2)).astype(float)
    apertures = noise.reshape(200, 5, 12, 5, 12).sum(axis=(2, 4))
    assert 1.5 < apertures.std() / 12 < 3.0  # Law et al. 2023


def test_spikes_are_single_voxels_spread_over_their_neighbours() -> None:
    quiet = drizzled_noise((60, 31, 31), 0, np.random.default_rng(3))
    spiked = drizzled_noise((60, 31, 31), 4, np.random.default_rng(3))
    difference = abs(spiked - quiet)
    assert 4 * 8 <= np.sum(difference > 1e-3) <= 4 * 27
    assert difference.max() >= 5 * 0.99


def spectral_peak(signal: Floats, frequency: tuple[Floats, Floats]) -> float:
    """Return the frequency at which a demeaned signal has most power."""
    power = abs(np.exp(-2j * np.pi * np.outer(frequency[0], frequency[1])) @ (signal - signal.mean())) ** 2
    return frequency[0][np.argmax(power)]


def test_wiggles_have_their_period_and_differ_between_neighbours() -> None:
    cube = wiggle(2000, (15, 15), 7.0, np.random.default_rng(4)).astype(float)
    assert cube.std() == pytest.approx(np.sqrt(0.5), rel=0.1)
    trial = np.linspace(1 / 14, 1 / 3, 400)
    assert 1 / spectral_peak(cube[:, 7, 7], (trial, np.arange(2000.0))) == pytest.approx(7, rel=0.1)
    assert cube.mean(axis=(1, 2)).std() < 0.2 * cube[:, 7, 7].std()


def test_fringes_are_periodic_in_wavenumber_and_alike_over_the_field() -> None:
    wavelength_um = 24.4 + 0.006 * np.arange(717)
    cube = fringe(wavelength_um, (15, 15), 0.355, np.random.default_rng(5)).astype(float)
    trial = np.linspace(1 / 0.6, 1 / 0.25, 800)
    assert 1 / spectral_peak(cube[:, 7, 7], (trial, 1e4 / wavelength_um)) == pytest.approx(0.355, rel=0.02)
    assert np.corrcoef(cube[:, 7, 7], cube[:, 7, 8])[0, 1] > 0.95


def test_showers_are_wide_in_wavelength_and_narrow_across_slices() -> None:
    cube = np.zeros((1000, 41, 41), dtype=np.float32)
    add_showers(cube, 1, 0.0, np.random.default_rng(6))
    peak = cube.max()
    assert 0 < peak < 20
    _, y, x = np.unravel_index(cube.argmax(), cube.shape)
    assert 6 <= np.sum(cube[:, y, x] > peak / 2) <= 60
    plane = cube[cube.max(axis=(1, 2)).argmax()]
    assert np.sum(plane[y] > peak / 2) > np.sum(plane[:, x] > peak / 2)


def test_no_showers_change_nothing() -> None:
    cube = np.ones((5, 5, 5), dtype=np.float32)
    add_showers(cube, 0, 30.0, np.random.default_rng(0))
    assert np.array_equal(cube, np.ones((5, 5, 5)))
