"""A line and a straight continuum fitted to the spectrum of every spaxel, centred on each plane in turn."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

__all__ = ["LineFits", "fit_lines"]

FEWEST_ELEMENTS = 3.0  # resolution elements with data that tell a line from its continuum
FEWEST_PLANES = 6  # beside the line, that tell the noise
CLIP = 3.0  # standard deviations beyond which a plane does not

Cube64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LineFits:
    """Lines fitted to the spectrum of every spaxel, one centred on each plane.

    Attributes
    ----------
    amplitude : (n, y, x) float64 ndarray
        Peak of the line in the cube's unit.
    information : (n, y, x) float64 ndarray
        Noise variance of a plane over that of the amplitude; 0 where there are too few data.
    noise : (y, x) float64 ndarray
        Scatter of the spaxel about its continuum, no less than usual in its neighbourhood.
    """

    amplitude: Cube64
    information: Cube64
    noise: Cube64


def fit_lines(light: Cube64, line_planes: float, shining: NDArray[np.bool_]) -> LineFits:
    """Fit by weighted least squares; a plane counts by its noise, and only where it has data.

    The line's coefficient follows from the normal equations by eliminating the two of the continuum (their Schur
    complement).

    Parameters
    ----------
    light : (n, y, x) float64 ndarray
        The cube, NaN where there are no data.
    line_planes : float
        FWHM of the line, planes.
    shining : (n,) bool ndarray
        Planes that may hold the line; the noise is measured in the others.
    """
    good = np.isfinite(light)
    known = np.where(good, light, 0.0)
    position = np.linspace(-1, 1, len(light))
    noise, of_plane = scatter_of(known, good, position, shining)
    weight = good / np.square(of_plane)[:, None, None]

    step = np.arange(len(light))
    profile = np.exp(-4 * log(2) * np.square((step[:, None] - step) / line_planes))
    s0, s1, s2, y0, y1 = (
        np.tensordot(basis, data, axes=1)
        for basis, data in (
            *((position**power, weight) for power in (0, 1, 2)),
            *((position**power, weight * known) for power in (0, 1)),
        )
    )
    g0, g1, gg = (np.tensordot(basis, weight, axes=1) for basis in (profile, profile * position, np.square(profile)))
    gy = np.tensordot(profile, weight * known, axes=1)
    determinant = s0 * s2 - s1**2
    solvable = determinant > 1e-9 * np.maximum(s0 * s2, 1e-300)
    determinant = np.where(solvable, determinant, 1.0)
    on_constant, on_slope = (s2 * g0 - s1 * g1) / determinant, (s0 * g1 - s1 * g0) / determinant
    information = gg - on_constant * g0 - on_slope * g1
    # At least half of the line's planes, and enough spectrum for three coefficients.
    enough = solvable & (good.sum(axis=0) >= FEWEST_ELEMENTS * line_planes) & np.isfinite(noise)
    seen = np.tensordot(np.square(profile), good.astype(np.float64), axes=1) / np.square(profile).sum(axis=1).max()
    told = enough & (seen > 0.5) & (information > 0.1 * gg) & good
    amplitude = (gy - on_constant * y0 - on_slope * y1) / np.where(told, information, 1.0)
    return LineFits(
        np.where(told, amplitude, np.nan), np.where(told, information, 0.0), np.where(np.isfinite(noise), noise, 1.0)
    )


def scatter_of(
    known: Cube64, good: NDArray[np.bool_], position: NDArray[np.float64], shining: NDArray[np.bool_]
) -> tuple[Cube64, NDArray[np.float64]]:
    """Return the noise of every spaxel, (y, x), NaN without enough data, and of every plane, (n,), about 1."""
    use = good & ~shining[:, None, None]
    for _ in range(2):
        residual = known - straight_line(known, use, position[:, None, None])
        count = np.maximum(np.count_nonzero(use, axis=0), 1)
        scatter = np.sqrt(np.square(np.where(use, residual, 0.0)).sum(axis=0) / count)
        use &= np.abs(residual) <= CLIP * scatter
    told = (np.count_nonzero(use, axis=0) >= FEWEST_PLANES) & (scatter > 0)
    if not told.any():
        return np.full(told.shape, np.nan), np.ones(len(known))
    usual = median_filter(np.where(told, scatter, np.median(scatter[told])), size=5, mode="nearest")
    noise = np.where(told, np.maximum(scatter, usual), np.nan)
    dark = np.where(good & told, np.minimum(residual / np.where(told, noise, 1.0), 0.0), 0.0)  # light only adds
    seen = np.maximum(np.count_nonzero(good & told, axis=(1, 2)), 1)
    of_plane = np.sqrt(2 * np.square(dark).sum(axis=(1, 2)) / seen)
    of_plane[shining] = np.median(of_plane[~shining])
    return noise, np.maximum(of_plane, np.median(of_plane) or 1.0)


def straight_line(known: Cube64, use: NDArray[np.bool_], position: Cube64) -> Cube64:
    """Return the least-squares line through the planes in use of every spaxel."""
    count = np.maximum(np.count_nonzero(use, axis=0), 1)
    centre, mean = (np.where(use, values, 0.0).sum(axis=0) / count for values in (position, known))
    lever = np.where(use, position - centre, 0.0)
    spread = np.square(lever).sum(axis=0)
    slope = (lever * (known - mean)).sum(axis=0) / np.where(spread > 0, spread, 1.0)
    return np.asarray(mean + slope * (position - centre))
