"""Gaussian line profiles, fitted to spectra whose noise is correlated between planes."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from feii_dask.detectors.matched.filters import gaussian
from feii_dask.detectors.matched.resolution import Resolution

__all__ = ["Profiles", "fit_profiles", "noise_covariance"]

Vector = NDArray[np.float64]

WIDEST_KMS = 350.0  # FWHM of a line before the spectrograph
NARROWEST = 0.75  # of the line-spread function
LAGS = 12  # planes over which noise is followed: wiggles have periods of some seven
CLIP = 3.5  # standard deviations beyond which a product of noise counts as this many
WHITE = 0.02  # of the variance, added: no covariance from a few hundred planes is exact
REACH = 1.6  # FWHM on either side that are fitted
BEYOND_PLANES = 2.0  # and planes beyond, for the level
RIDGE = 1e-9
MISFIT = 3.0  # standard deviations of a reduced χ² beyond which errors grow with it


@dataclass(frozen=True, slots=True, eq=False)
class Profiles:
    """Gaussian lines of one width in one or more spectra.

    Attributes
    ----------
    centre, centre_error : (c,) float64 ndarray
        Of each line, in planes.
    fwhm : float
        Of all, in planes.
    peak : (s, c) float64 ndarray
        Of each line in each spectrum, in its unit.
    chi2 : float
        Of the fit.
    degrees : int
        Its degrees of freedom.
    """

    centre: Vector
    centre_error: Vector
    fwhm: float
    peak: NDArray[np.float64]
    chi2: float
    degrees: int


def noise_covariance(spectrum: Vector, seen: NDArray[np.bool_]) -> Vector:
    """Return the covariance, (`LAGS`,), of the noise of two planes against their distance.

    Parameters
    ----------
    spectrum : (n,) float64 ndarray
        A spectrum.
    seen : (n,) bool ndarray
        Planes with data and without the line.
    """
    known = spectrum[seen]
    if known.size < 3 * LAGS:
        return np.eye(1, LAGS)[0]
    scale = float(np.median(abs(known))) / 0.6745
    scale = sqrt(float(np.mean(np.square(np.clip(known, -3 * scale, 3 * scale))) / 0.9751)) or 1.0
    clipped = np.where(seen, np.clip(spectrum / scale, -CLIP, CLIP), 0)
    count = np.correlate(seen.astype(np.float64), seen.astype(np.float64), "full")[seen.size - 1 :][:LAGS]
    product = np.correlate(clipped, clipped, "full")[seen.size - 1 :][:LAGS]
    correlation = product / np.maximum(count, 1) * (1 - np.arange(product.size) / LAGS)
    correlation[0] = 1 + WHITE
    covariance: Vector = np.pad(correlation, (0, LAGS - correlation.size)) * scale**2
    return covariance


def whitening_matrix(covariance: Vector, planes: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the matrix that makes the noise of some planes independent and of variance 1."""
    distance = abs(planes[:, None] - planes)
    matrix = np.where(distance < covariance.size, covariance[np.minimum(distance, covariance.size - 1)], 0)
    values, vectors = np.linalg.eigh(matrix)
    whitening: NDArray[np.float64] = (vectors / np.sqrt(np.maximum(values, 0.05 * covariance[0]))) @ vectors.T
    return whitening


def fit_profiles(
    spectra: NDArray[np.float64],
    covariances: NDArray[np.float64],
    planes: NDArray[np.intp],
    centres: Vector,
    fwhm: float,
    widths: tuple[float, float],
) -> Profiles:
    """Fit lines of one width, each at one place, to spectra: least squares with their noise, by variable projection.

    Parameters
    ----------
    spectra : (s, n) float64 ndarray
        The spectra.
    covariances : (s, k) float64 ndarray
        Of the noise of each, against the distance of planes.
    planes : (m,) intp ndarray
        Those that are fitted.
    centres : (c,) float64 ndarray
        First guess of each line's place.
    fwhm : float
        First guess of their width, planes.
    widths : tuple of float
        Least and largest width.
    """
    whitening = np.array([whitening_matrix(covariance, planes) for covariance in covariances])
    data = np.einsum("sij,sj->si", whitening, spectra[:, planes])
    low, high = np.log(widths)

    def design(parameters: Vector) -> tuple[NDArray[np.float64], float]:
        width = float(np.exp(low + (high - low) * (0.5 + np.arctan(parameters[-1]) / np.pi)))
        columns = [gaussian(planes - centre, width) for centre in parameters[:-1]]
        return whitening @ np.stack([*columns, np.ones(planes.size)], axis=1), width

    def amplitudes(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        gram = np.einsum("sij,sik->sjk", matrix, matrix) + RIDGE * np.eye(matrix.shape[2])
        found = np.linalg.solve(gram, np.einsum("sij,si->sj", matrix, data)[..., None])[..., 0]
        return found

    def residual(parameters: Vector) -> Vector:
        matrix, _ = design(parameters)
        left: Vector = (data - np.einsum("sij,sj->si", matrix, amplitudes(matrix))).ravel()
        return left

    share = min(max((np.log(fwhm) - low) / (high - low), 0.02), 0.98)
    start = np.array([*centres, np.tan(np.pi * (share - 0.5))])
    found = least_squares(residual, start, method="lm", max_nfev=60 * start.size)
    matrix, width = design(found.x)
    hessian = found.jac.T @ found.jac
    errors = np.sqrt(np.maximum(np.diag(np.linalg.pinv(hessian)), 0))[:-1]
    degrees = data.size - start.size - amplitudes(matrix).size
    chi2 = 2 * float(found.cost)
    if degrees > 0 and chi2 / degrees > 1 + MISFIT * sqrt(2 / degrees):
        errors = errors * sqrt(chi2 / degrees)
    return Profiles(found.x[:-1], errors, width, amplitudes(matrix)[:, :-1], chi2, degrees)
