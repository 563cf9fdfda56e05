"""Gaussian line profiles, fitted to spectra whose noise is correlated between planes."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from feii_dask.detectors.matched.continuum import MAD_OF_NORMAL
from feii_dask.detectors.matched.damped_fit import damped_fit
from feii_dask.detectors.matched.filters import gaussian
from feii_dask.detectors.matched.whitening import CLIPPED_VARIANCE

__all__ = ["Profiles", "WhiteSpectra", "fit_profiles"]

Vector = NDArray[np.float64]

LAGS = 12  # planes over which noise is followed: wiggles have periods of some seven
CLIP = 3.5  # standard deviations beyond which a product of noise counts as this many
WHITE = 0.02  # of the variance, added: no covariance from a few hundred planes is exact
FLOOR = 0.05  # of the variance, that every pattern of planes has
RIDGE = 1e-10  # of the normal matrix, added: a spectrum may lack a line
FEWEST_SHIFTS = 30  # to other wavelengths, from which a scatter is taken
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
    """

    centre: Vector
    centre_error: Vector
    fwhm: float
    peak: NDArray[np.float64]


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
    scale = float(np.median(abs(known))) / MAD_OF_NORMAL if known.size else 1.0
    if known.size < 3 * LAGS or scale == 0:
        white: Vector = np.eye(1, LAGS)[0] * (scale or 1.0) ** 2
        return white
    scale = sqrt(float(np.mean(np.square(np.clip(known, -3 * scale, 3 * scale)))) / CLIPPED_VARIANCE)
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
    whitening: NDArray[np.float64] = (vectors / np.sqrt(np.maximum(values, FLOOR * covariance[0]))) @ vectors.T
    return whitening


@dataclass(frozen=True, slots=True, eq=False)
class WhiteSpectra:
    """Some planes of spectra, multiplied by what makes their noise independent and of variance 1.

    Attributes
    ----------
    planes : (m,) intp ndarray
        The planes.
    whitening : (s, m, m) float64 ndarray
        The matrices.
    spectra : (s, m) float64 ndarray
        The products.
    whole : (s, n) float64 ndarray
        The spectra.
    off_line : (n,) bool ndarray
        Planes without the line.
    """

    planes: NDArray[np.intp]
    whitening: NDArray[np.float64]
    spectra: NDArray[np.float64]
    whole: NDArray[np.float64]
    off_line: NDArray[np.bool_]

    @classmethod
    def of(cls, spectra: NDArray[np.float64], off_line: NDArray[np.bool_], planes: NDArray[np.intp]) -> WhiteSpectra:
        """Whiten some planes of spectra, (s, n), whose noise is that of the planes off the line, (n,)."""
        matrices = [whitening_matrix(noise_covariance(spectrum, off_line), planes) for spectrum in spectra]
        whitening = np.array(matrices)
        return cls(planes, whitening, np.einsum("sij,sj->si", whitening, spectra[:, planes]), spectra, off_line)

    def scatter_of(self, kernels: NDArray[np.float64]) -> Vector:
        """Return the scatter, (c,), of what is linear in the planes, by applying it to planes off the line.

        Parameters
        ----------
        kernels : (c, s, m) float64 ndarray
            Weights of the planes of every spectrum.
        """
        length = self.planes.size
        clear = sliding_window_view(self.off_line, length).all(axis=1)
        if np.count_nonzero(clear) < FEWEST_SHIFTS:
            weights = np.einsum("csi,sij->csj", kernels, np.linalg.inv(self.whitening))
            noise: Vector = np.sqrt(np.square(weights).sum(axis=(1, 2)))
            return noise
        shifted = sliding_window_view(self.whole, length, axis=1)[:, clear]
        scatter: Vector = np.median(abs(np.einsum("csi,sni->cn", kernels, shifted)), axis=1) / MAD_OF_NORMAL
        return scatter

    def heights(
        self, centres: Vector, fwhm: float, has_line: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return the best heights, (s, c), of Gaussian lines over a constant level, their errors, and what is left.

        Parameters
        ----------
        centres : (c,) float64 ndarray
            Places of the lines, in planes.
        fwhm : float
            Their width.
        has_line : (s, c) bool ndarray, optional
            Which of them each spectrum may have; with it, none is negative.
        """
        columns = [gaussian(self.planes - centre, fwhm) for centre in centres]
        matrix = self.whitening @ np.stack([*columns, np.ones(self.planes.size)], axis=1)
        if has_line is not None:
            matrix[:, :, :-1] *= has_line[:, None, :]
        found, inverse = solve(matrix, self.spectra)
        if has_line is not None and (found[:, :-1] < 0).any():
            matrix[:, :, :-1] *= found[:, None, :-1] > 0
            found, inverse = solve(matrix, self.spectra)
        errors = np.sqrt(np.diagonal(inverse, axis1=1, axis2=2))
        return found[:, :-1], errors[:, :-1], self.spectra - np.einsum("sij,sj->si", matrix, found)


def solve(matrix: NDArray[np.float64], data: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the least-squares solutions of stacked systems, and the inverses of their normal matrices."""
    normal = np.einsum("sij,sik->sjk", matrix, matrix)
    normal += np.eye(matrix.shape[2]) * (RIDGE * normal.max() or 1.0)
    inverse = np.linalg.inv(normal)
    found = np.einsum("sjk,sk->sj", inverse, np.einsum("sij,si->sj", matrix, data))
    return found, inverse


def fit_profiles(
    white: WhiteSpectra,
    centres: Vector,
    fwhm: float,
    widths: tuple[float, float],
    has_line: NDArray[np.bool_] | None = None,
) -> Profiles:
    """Fit lines of one width, each at one place in all spectra: least squares, by variable projection.

    Parameters
    ----------
    white : WhiteSpectra
        The spectra.
    centres : (c,) float64 ndarray
        First guess of each line's place, in planes.
    fwhm : float
        First guess of their width, planes.
    widths : tuple of float
        Least and largest width.
    has_line : (s, c) bool ndarray, optional
        Which line each spectrum may have.
    """

    def left(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([white.heights(row[:-1], float(np.exp(row[-1])), has_line)[2].ravel() for row in parameters])

    start = np.array([*centres, np.log(fwhm)])
    reach = np.full(centres.size, 2 * fwhm)
    low = np.array([*(centres - reach), np.log(widths[0])])
    high = np.array([*(centres + reach), np.log(widths[1])])
    found, jacobian = damped_fit(left, start, low, high)
    moves = np.linalg.pinv(jacobian)[:-1].reshape(centres.size, *white.spectra.shape)
    errors = white.scatter_of(np.einsum("csi,sij->csj", moves, white.whitening))
    width = float(np.exp(found[-1]))
    peaks, _, rest = white.heights(found[:-1], width, has_line)
    degrees = max(white.spectra.size - start.size - peaks.size - len(peaks), 1)
    chi2 = float(np.square(rest).sum()) / degrees
    if chi2 > 1 + MISFIT * sqrt(2 / degrees):
        errors = errors * sqrt(chi2)
    return Profiles(found[:-1], errors, width, peaks)
