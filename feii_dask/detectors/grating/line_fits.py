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
        Scatter of the spaxel about its continuum, no less than typical in its neighbourhood.
    """

    amplitude: Cube64
    information: Cube64
    noise: Cube64


def fit_lines(planes: Cube64, line_planes: float, line_mask: NDArray[np.bool_]) -> LineFits:
    """Fit by weighted least squares; a plane counts by its noise, and only where it has data.

    The line's coefficient follows from the normal equations by eliminating the two of the continuum (their Schur
    complement).

    Parameters
    ----------
    planes : (n, y, x) float64 ndarray
        The cube, NaN where there are no data.
    line_planes : float
        FWHM of the line, planes.
    line_mask : (n,) bool ndarray
        Planes that may hold the line; the noise is measured in the others.
    """
    good = np.isfinite(planes)
    known = np.where(good, planes, 0.0)
    position = np.linspace(-1, 1, len(planes))
    noise, of_plane = scatter_of(known, good, position, line_mask)
    weight = good / np.square(of_plane)[:, None, None]

    step = np.arange(len(planes))
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
    constrained = enough & (seen > 0.5) & (information > 0.1 * gg) & good
    amplitude = (gy - on_constant * y0 - on_slope * y1) / np.where(constrained, information, 1.0)
    return LineFits(
        amplitude=np.where(constrained, amplitude, np.nan),
        information=np.where(constrained, information, 0.0),
        noise=np.where(np.isfinite(noise), noise, 1.0),
    )


def scatter_of(
    known: Cube64, good: NDArray[np.bool_], position: NDArray[np.float64], line_mask: NDArray[np.bool_]
) -> tuple[Cube64, NDArray[np.float64]]:
    """Return the noise of every spaxel, (y, x), NaN without enough data, and of every plane, (n,), about 1."""
    use = good & ~line_mask[:, None, None]
    for _ in range(2):
        residual = known - straight_line(known, use, position[:, None, None])
        count = np.maximum(np.count_nonzero(use, axis=0), 1)
        scatter = np.sqrt(np.square(np.where(use, residual, 0.0)).sum(axis=0) / count)
        use &= np.abs(residual) <= CLIP * scatter
    constrained = (np.count_nonzero(use, axis=0) >= FEWEST_PLANES) & (scatter > 0)
    if not constrained.any():
        return np.full(constrained.shape, np.nan), np.ones(len(known))
    typical = median_filter(np.where(constrained, scatter, np.median(scatter[constrained])), size=5, mode="nearest")
    noise = np.where(constrained, np.maximum(scatter, typical), np.nan)
    normalized = residual / np.where(constrained, noise, 1.0)
    negative = np.where(good & constrained, np.minimum(normalized, 0.0), 0.0)  # emission only adds
    seen = np.maximum(np.count_nonzero(good & constrained, axis=(1, 2)), 1)
    of_plane = np.sqrt(2 * np.square(negative).sum(axis=(1, 2)) / seen)
    of_plane[line_mask] = np.median(of_plane[~line_mask])
    return noise, np.maximum(of_plane, np.median(of_plane) or 1.0)


def straight_line(known: Cube64, use: NDArray[np.bool_], position: Cube64) -> Cube64:
    """Return the least-squares line through the planes in use of every spaxel."""
    count = np.maximum(np.count_nonzero(use, axis=0), 1)
    centre, mean = (np.where(use, values, 0.0).sum(axis=0) / count for values in (position, known))
    lever = np.where(use, position - centre, 0.0)
    spread = np.square(lever).sum(axis=0)
    slope = (lever * (known - mean)).sum(axis=0) / np.where(spread > 0, spread, 1.0)
    return np.asarray(mean + slope * (position - centre))
