"""How noisy each voxel is taken to be: from the errors that a cube states, of any scale, and from its scatter."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from feii_dask.cubes.lines import find_lines
from feii_dask.detectors.grating.grating_scan import GratingScan
from feii_dask.detectors.grating.weighed_spectra import weighed_spectra
from feii_dask.simulate.fifi import make_fifi_cube

(CII,) = find_lines("C II 157.741")
SHAPE = (60, 14, 12)
MASK = np.abs(np.arange(60) - 30) < 9
PLANES = np.random.default_rng(7).normal(size=SHAPE)


def uneven_errors() -> NDArray[np.float64]:
    """Return errors that grow over the planes and over the field."""
    return np.geomspace(1, 3, 60)[:, None, None] * np.geomspace(1, 2, 12) * np.ones(SHAPE)


def test_weights_are_the_inverse_squares_of_the_stated_errors() -> None:
    errors = uneven_errors()
    spectra = weighed_spectra(PLANES * errors, MASK, errors)
    variance = np.square(spectra.noise) / spectra.weight
    np.testing.assert_allclose(variance / variance[0], np.square(errors / errors[0]), rtol=1e-12)


def test_the_scale_is_that_of_the_scatter() -> None:
    errors = uneven_errors()
    spectra = weighed_spectra(PLANES * errors, MASK, errors)
    other = weighed_spectra(PLANES * errors, MASK, 1e-5 * errors)
    np.testing.assert_allclose(other.noise, spectra.noise, rtol=1e-12)
    np.testing.assert_allclose(other.weight, spectra.weight, rtol=1e-12)
    stated = np.median(errors, axis=0)
    assert 1.0 <= np.median(spectra.noise / stated) < 1.3


def test_a_spaxel_noisier_than_it_states_is_taken_to_be() -> None:
    planes = PLANES.copy()
    planes[:, 5, 5] *= 6
    spectra = weighed_spectra(planes, MASK, np.ones(SHAPE))
    assert spectra.noise[5, 5] > 4 * np.median(spectra.noise)
    quiet = PLANES.copy()
    quiet[:, 5, 5] /= 6
    assert weighed_spectra(quiet, MASK, np.ones(SHAPE)).noise[5, 5] >= 0.9 * np.median(spectra.noise)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, -1.0])
def test_errors_that_cannot_be_used_are_as_if_there_were_none(value: float) -> None:
    expected = weighed_spectra(PLANES, MASK)
    errors = np.full(SHAPE, value)
    errors[:20] = 1.0  # of a third of the data
    for given in (np.full(SHAPE, value), errors):
        spectra = weighed_spectra(PLANES, MASK, given)
        np.testing.assert_array_equal(spectra.noise, expected.noise)
        np.testing.assert_array_equal(spectra.weight, expected.weight)


@pytest.mark.parametrize("value", [np.nan, 0.0, 1e-30, 1e30, np.float32(3e38)])
def test_some_bad_errors_spoil_nothing_else(value: float) -> None:
    errors = uneven_errors()
    planes = PLANES * errors
    errors[10:20, 3:5, 3:5] = value
    spectra = weighed_spectra(planes, MASK, errors)
    assert np.isfinite(spectra.noise).all()
    assert (spectra.weight > 0).all()
    clean = weighed_spectra(planes, MASK, uneven_errors())
    np.testing.assert_allclose(spectra.noise[8:], clean.noise[8:], rtol=0.05)


def test_a_line_in_noisy_planes_stands_out_less_where_the_cube_says_so() -> None:
    """Noise of the line's own planes cannot be told from others by their scatter; the stated errors can."""
    cube = make_fifi_cube(CII, snr=10.0, continuum=0.0, seed=31)
    errors = cube.error.copy()
    detector = GratingScan()
    told = detector.measure(cube.flux, cube.wavelength_um, CII, errors=errors)
    assert told.plane is not None
    errors[max(told.plane - 8, 0) : told.plane + 9] *= 3
    warned = detector.measure(cube.flux, cube.wavelength_um, CII, errors=errors)
    assert told.kind.is_line
    assert warned.statistic < 0.7 * told.statistic
    assert warned.p_value > told.p_value
