"""Matched filters in space and wavelength: the significance of a line at every voxel of a cube."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from math import ceil, log

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import toeplitz
from scipy.ndimage import median_filter

from feii_dask.detectors.flux_units import LIMIT_WIDTH_KMS
from feii_dask.detectors.matched.resolution import Resolution
from feii_dask.detectors.matched.whitening import CLIP, CLIPPED_VARIANCE, Residuals, robust_scale

__all__ = ["NEGLIGIBLE", "SEARCH_WIDTHS_KMS", "FilteredCube", "extremes", "filter_cube", "gaussian", "gaussian_matrix"]

SEARCH_WIDTHS_KMS = (0.0, 100.0, 200.0)  # FWHM of a line before the spectrograph
NEGLIGIBLE = 1e-5  # weights below are 0: they would become denormal numbers, which are slow
BLOCK_PLANES = 64  # of a product with a matrix that is empty but for a band
NOISE_PLANES = 25  # a plane is at least as noisy as the median of so many about it


@dataclass(frozen=True, slots=True, eq=False)
class FilteredCube:
    """A cube's residuals, and how significant a line would be at each voxel.

    Attributes
    ----------
    residuals : Residuals
        What was filtered.
    profiles : (k, n, n) float32 ndarray
        The filters along wavelength, for lines of `SEARCH_WIDTHS_KMS`.
    largest, smallest : (n, y, x) float32 ndarray
        The largest and the smallest significance that a line of any width has at each voxel.
    highest, lowest : (n, y, x) float32 ndarray
        The same where the significance of the narrowest line peaks along wavelength, upwards and downwards, else 0: the
        wings of a bright line are no lines of their own.
    scatter : (y, x) float32 ndarray
        Scatter along wavelength of what the filter for lines of `LIMIT_WIDTH_KMS` makes; inf where there are no data.
    plane_noise : (n,) float32 ndarray
        Noise of every plane over that of the median plane.
    removed : tuple of (int, float)
        Plane and statistic, negative in absorption, of every line that was taken out of the residuals.
    left_elsewhere : tuple of int
        Planes of those of them that would have been left in, if the line in question were looked for there.
    """

    residuals: Residuals
    profiles: NDArray[np.float32]
    largest: NDArray[np.float32]
    smallest: NDArray[np.float32]
    highest: NDArray[np.float32]
    lowest: NDArray[np.float32]
    scatter: NDArray[np.float32]
    plane_noise: NDArray[np.floating]
    removed: tuple[tuple[int, float], ...] = ()
    left_elsewhere: tuple[int, ...] = ()


def gaussian(
    offset: NDArray[np.floating] | NDArray[np.integer], fwhm: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return a Gaussian of peak 1."""
    profile: NDArray[np.float64] = np.exp(-4 * log(2) * np.square(offset / fwhm))
    return profile


def gaussian_matrix(size: int, fwhm: float) -> NDArray[np.float32]:
    """Return the symmetric matrix, (size, size), that correlates with a Gaussian of unit norm.

    As a matrix, a filter runs at the speed of BLAS.
    """
    weights = gaussian(np.arange(size, dtype=np.float64), fwhm)
    weights[weights < NEGLIGIBLE] = 0
    reach = np.arange(-ceil(2 * fwhm), ceil(2 * fwhm) + 1, dtype=np.float64)
    matrix: NDArray[np.float32] = toeplitz((weights / np.linalg.norm(gaussian(reach, fwhm))).astype(np.float32))
    return matrix


def filter_cube(residuals: Residuals, resolution: Resolution) -> FilteredCube:
    """Filter residuals with the profiles of lines.

    The normalized residuals are filtered with the point-spread function, divided by the noise of their plane, filtered
    with each line profile, and divided by their own scatter in each spaxel, whatever the covariance of its neighbours.
    """
    planes, height, width = residuals.normalized.shape
    blurred = (
        gaussian_matrix(height, resolution.psf_px) @ residuals.normalized @ gaussian_matrix(width, resolution.psf_px)
    )
    valid = np.isfinite(residuals.noise)
    noise = plane_noise(blurred, valid)
    spectra = (blurred / noise[:, None, None]).reshape(planes, -1)
    profiles = np.array([gaussian_matrix(planes, resolution.width_planes(width)) for width in SEARCH_WIDTHS_KMS])
    filtered = [correlate(profile, spectra).reshape(blurred.shape) for profile in profiles]
    scatters = [np.where(valid, robust_scale(cube, residuals.good), np.float32(np.inf)) for cube in filtered]
    filtered = [np.divide(cube, scatter, dtype=np.float32) for cube, scatter in zip(filtered, scatters, strict=True)]
    largest, smallest = reduce(np.maximum, filtered), reduce(np.minimum, filtered)
    peak, trough = extremes(filtered[0])
    scatter = scatters[SEARCH_WIDTHS_KMS.index(LIMIT_WIDTH_KMS)]
    return FilteredCube(residuals, profiles, largest, smallest, largest * peak, smallest * trough, scatter, noise)


def extremes(spectra: NDArray[np.float32]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return where spectra, (n, …), peak along the first axis, and where they are lowest; never at an end."""
    rises = spectra[1:] > spectra[:-1]
    peak, trough = np.zeros(spectra.shape, dtype=np.bool_), np.zeros(spectra.shape, dtype=np.bool_)
    peak[1:-1] = rises[:-1] & ~rises[1:]
    trough[1:-1] = ~rises[:-1] & rises[1:]
    return peak, trough


def correlate(profile: NDArray[np.float32], spectra: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``profile @ spectra`` of a matrix whose weights are near its diagonal only, block by block."""
    planes, reach = len(profile), int(np.count_nonzero(profile[0]))
    filtered = np.empty_like(spectra)
    for start in range(0, planes, BLOCK_PLANES):
        rows = slice(start, start + BLOCK_PLANES)
        columns = slice(max(start - reach, 0), start + BLOCK_PLANES + reach)
        np.matmul(profile[rows, columns], spectra[columns], out=filtered[rows])
    return filtered


def plane_noise(cube: NDArray[np.floating], valid: NDArray[np.bool_]) -> NDArray[np.floating]:
    """Return the noise of every plane, (n,), over that of the median plane, from its negative values only.

    Emission only adds: a plane in which a jet fills half of the field is no noisier than its neighbours.
    """
    negative = np.minimum(cube[:, valid], 0)
    negative /= np.sqrt(2 * np.mean(np.square(negative))) or 1
    rms = np.sqrt(2 * np.mean(np.square(np.maximum(negative, -CLIP)), axis=1) / CLIPPED_VARIANCE)
    noise: NDArray[np.floating] = np.maximum(rms, median_filter(rms, NOISE_PLANES, mode="nearest"))
    return np.where(noise > 0, noise, np.float32(1))
