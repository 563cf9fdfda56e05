"""Velocity, width and flux of a line in a region."""

from __future__ import annotations

from math import ceil, floor, hypot, sqrt

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.matched.continuum import MAD_OF_NORMAL
from feii_dask.detectors.matched.emission import Emission
from feii_dask.detectors.matched.line_profile import Profiles, WhiteSpectra, fit_profiles
from feii_dask.detectors.matched.resolution import Resolution

__all__ = ["fit_line", "fitted_planes", "integral", "line_widths"]

WIDEST_KMS, TYPICAL_KMS = 350.0, 80.0  # FWHM of lines before the spectrograph
NARROWEST = 0.75  # of the line-spread function
FITTED, BEYOND_PLANES = 1.5, 2.0  # FWHM, and planes, on either side of a line that are fitted
OFF = 2.0  # FWHM beyond which there is no line
INTEGRATED = 1.3  # FWHM on either side of a line that are summed: all but 0.2 % of a Gaussian
BASELINE_PLANES = 40  # on either side, in which the level beside a line is taken
CLIP = 2.5  # standard deviations beyond which a plane is not of the level
PROFILE_ERROR = 0.005  # of a flux: what is outside of the planes that are summed


def line_widths(resolution: Resolution) -> tuple[float, float]:
    """Return the least and the largest FWHM of a line in the cube, in planes."""
    return NARROWEST * resolution.line_planes, resolution.width_planes(WIDEST_KMS)


def fitted_planes(
    centres: NDArray[np.float64], fwhm: float, seen: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Return which planes are off some lines, (n,), and the successive ones with data to which lines are fitted."""
    planes = np.arange(seen.size)
    low, high = float(np.min(centres)), float(np.max(centres))
    off_line = seen & ((planes < low - OFF * fwhm) | (planes > high + OFF * fwhm))
    reach = FITTED * fwhm + BEYOND_PLANES
    first, last = max(ceil(low - reach), 0), min(floor(high + reach), seen.size - 1)
    missing = np.flatnonzero(~seen)
    first = max([first, *(missing[missing < low] + 1)])
    last = min([last, *(missing[missing > high] - 1)])
    return off_line, np.arange(first, last + 1)


def fit_line(emission: Emission, plane: int, resolution: Resolution) -> Profiles:
    """Fit a Gaussian to the spectrum of a region.

    Spaxels weigh as the brightness of the line over the variance of their noise.

    Parameters
    ----------
    emission : Emission
        Of the region.
    plane : int
        Where its spectrum peaks.
    resolution : Resolution
        Of the cube, at the line.
    """
    spectrum, seen = emission.spectra((emission.light * emission.inverse_variance())[None])
    centres, fwhm = np.array([float(plane)]), resolution.width_planes(TYPICAL_KMS)
    for _ in range(2):
        white = WhiteSpectra.of(spectrum, *fitted_planes(centres, fwhm, seen))
        profile = fit_profiles(white, centres, fwhm, line_widths(resolution))
        centres, fwhm = profile.centre, profile.fwhm
    return profile


def integral(emission: Emission, mask: NDArray[np.bool_], centre: float, fwhm: float) -> tuple[float, float]:
    """Return the sum over a line and the spaxels of a mask, above the level beside it, and its 1-σ error.

    Parameters
    ----------
    emission : Emission
        Of the region.
    mask : (y, x) bool ndarray
        Its spaxels.
    centre, fwhm : float
        Of the line, in planes.
    """
    sums, seen = emission.spectra(mask[None].astype(np.float64))
    spectrum = sums[0]
    distance, reach = abs(np.arange(seen.size) - centre), INTEGRATED * fwhm
    weight = np.clip(reach + 0.5 - distance, 0, 1)
    off_line = seen & (distance > reach + 1)
    beside = spectrum[off_line & (distance < reach + 1 + BASELINE_PLANES)]
    if not beside.size:
        return float(weight @ spectrum), 0.0
    middle = float(np.median(beside))
    scatter = float(np.median(abs(beside - middle))) / MAD_OF_NORMAL
    level = float(beside[abs(beside - middle) <= CLIP * scatter].mean())
    total = float(weight @ spectrum) - level * float(weight.sum())
    boxes = np.convolve(spectrum, np.ones(max(round(float(weight.sum())), 1)), "same")[off_line]
    noise = float(np.median(abs(boxes - np.median(boxes)))) / MAD_OF_NORMAL
    return total, hypot(noise, float(weight.sum()) * noise_of_level(beside, scatter), PROFILE_ERROR * total)


def noise_of_level(beside: NDArray[np.float64], scatter: float) -> float:
    """Return the error of a mean of planes, which drizzling correlates in pairs."""
    return scatter * sqrt(2 / beside.size)
