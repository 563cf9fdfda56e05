"""The expected scatter of fits in correlated noise, against fits to simulated noise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from feii_dask.detectors.grating.correlated_noise import KERNEL, expected_scatter

PLANES, LINE_PLANES = 45, 8.0


def fitted(planes: int, spectra: NDArray[np.float64], use: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the scatter of lines fitted with a straight continuum, and what it would be in independent noise."""
    step = np.arange(PLANES)
    profile = np.exp(-4 * np.log(2) * ((step - planes) / LINE_PLANES) ** 2)
    model = np.stack([profile, np.ones(PLANES), step], axis=1)[use]
    amplitude = np.linalg.lstsq(model, spectra[:, use].T)[0][0]
    return float(amplitude.std()), float(np.sqrt(np.linalg.inv(model.T @ model)[0, 0]))


@pytest.mark.parametrize("left_out", [False, True])
def test_it_is_what_fits_to_simulated_noise_scatter(left_out: bool) -> None:
    use = np.ones(PLANES, dtype=bool)
    use[14:32] = not left_out
    noise = np.random.default_rng(3).standard_normal((4000, PLANES + 40))
    spectra = gaussian_filter1d(noise, KERNEL * LINE_PLANES / 2.3548, axis=1)[:, 20:-20]
    spectra /= spectra.std()
    profiles = np.exp(-4 * np.log(2) * np.square((np.arange(PLANES) - np.arange(PLANES)[:, None]) / LINE_PLANES))
    bases = np.polynomial.legendre.legvander(np.linspace(-1, 1, PLANES), 1).T
    scatter = expected_scatter(profiles, bases, use.astype(float), LINE_PLANES)
    for plane in (0, 5, 10, 22, 44):
        if use[plane]:
            measured, independent = fitted(plane, spectra, use)
            assert scatter[plane] == pytest.approx(measured / independent, rel=0.06)


def test_planes_without_weight_are_no_fits() -> None:
    profiles = np.eye(10)
    scatter = expected_scatter(profiles, np.ones((1, 10)), np.zeros(10), LINE_PLANES)
    np.testing.assert_array_equal(scatter, 1.0)
