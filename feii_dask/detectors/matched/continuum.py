"""Continuum of every spaxel: a robust polynomial and a running median, which no line bends."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.polynomial.legendre import legvander
from numpy.typing import NDArray

__all__ = ["MAD_OF_NORMAL", "balanced", "continuum_of", "is_supported"]

Cube32 = NDArray[np.float32]

MAD_OF_NORMAL = 0.6745  # median absolute deviation over standard deviation
BLOCK_PLANES = 7
BLOCKS = 9  # of the running median: 63 planes, in which a line of 6 planes FWHM is a minority
END_PLANES = 8  # at either end, where the continuum is extrapolated and false alarms are frequent
DEGREE = 4  # of the polynomial that comes first
REFITS = 3
REFIT_CLIP = 2.5  # standard deviations beyond which a block's residual counts as this many
# Fewest exchanges that bring the median of so many to the middle (Paeth 1990, Graphics Gems, 171; Devillard 1998).
EXCHANGES: dict[int, tuple[tuple[int, int], ...]] = {
    1: (),
    3: ((0, 1), (1, 2), (0, 1)),
    5: ((0, 1), (3, 4), (0, 3), (1, 4), (1, 2), (2, 3), (1, 2)),
    7: (
        *((0, 5), (0, 3), (1, 6), (2, 4), (0, 1), (3, 5), (2, 6)),
        *((2, 3), (3, 6), (4, 5), (1, 4), (1, 3), (3, 4)),
    ),
    9: (
        *((1, 2), (4, 5), (7, 8), (0, 1), (3, 4), (6, 7), (1, 2), (4, 5), (7, 8), (0, 3)),
        *((5, 8), (4, 7), (3, 6), (1, 4), (2, 5), (4, 7), (4, 2), (6, 4), (4, 2)),
    ),
}


def continuum_of(planes: Cube32) -> Cube32:
    """Return the continuum of every spaxel.

    First a polynomial, then a running median of what it leaves: where the continuum is steep, the median of a few
    planes is the plane in the middle, line or not.

    Parameters
    ----------
    planes : (n, y, x) float32 ndarray
        The cube, NaN where there are no data.
    """
    trend = polynomial(planes)
    return trend + running_median(planes - trend)


def is_supported(good: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the voxels, (n, y, x), with data whose continuum has data on both sides: not next to a gap, not at an end.

    Parameters
    ----------
    good : (n, y, x) bool ndarray
        Voxels with data.
    """
    missing = np.zeros((-len(good) % BLOCK_PLANES, *good.shape[1:]), dtype=bool)
    blocks = np.concatenate([good, missing]).reshape(-1, BLOCK_PLANES, *good.shape[1:])
    empty = ~np.logical_or.reduce(blocks, axis=1)
    near_gap = empty.copy()
    near_gap[1:] |= empty[:-1]
    near_gap[:-1] |= empty[1:]
    supported: NDArray[np.bool_] = good & ~np.repeat(near_gap, BLOCK_PLANES, axis=0)[: len(good)]
    supported[:END_PLANES] = supported[-END_PLANES:] = False
    return supported


def block_medians(planes: Cube32) -> Cube32:
    """Return the medians of successive blocks; what has no data is left out, or infinite."""
    missing = np.full((-len(planes) % BLOCK_PLANES, *planes.shape[1:]), np.nan, dtype=np.float32)
    padded = balanced(np.concatenate([planes, missing]))
    return median_of(padded[i::BLOCK_PLANES] for i in range(BLOCK_PLANES))


def block_centres(first: int, count: int) -> NDArray[np.float64]:
    """Return the planes in the middle of blocks."""
    return (first + np.arange(count, dtype=np.float64)) * BLOCK_PLANES + (BLOCK_PLANES - 1) / 2


def polynomial(planes: Cube32) -> Cube32:
    """Return the polynomial, at every plane, that fits the block medians of each spaxel robustly."""
    medians = nearest_filled(block_medians(planes))
    degree = min(DEGREE, (len(medians) - 1) // 3)
    reach = len(planes) / 2
    basis = legvander(block_centres(0, len(medians)) / reach - 1, degree)
    fit, at_blocks = np.linalg.pinv(basis).astype(np.float32), basis.astype(np.float32)
    levels = medians.reshape(len(medians), -1)
    clipped = levels
    for _ in range(REFITS):
        coefficients = fit @ clipped
        model = at_blocks @ coefficients
        size = np.abs(levels - model)
        scatter = np.partition(size, len(size) // 2, axis=0)[len(size) // 2] * np.float32(REFIT_CLIP / MAD_OF_NORMAL)
        clipped = model + np.clip(levels - model, -scatter, scatter)
    everywhere = legvander(np.arange(len(planes)) / reach - 1, degree).astype(np.float32)
    return (everywhere @ (fit @ clipped)).reshape(planes.shape)


def running_median(planes: Cube32) -> Cube32:
    """Return a running median of block medians, joined by straight lines.

    Towards the ends it takes fewer blocks, as many on either side, and at last its straight line goes on.
    """
    medians = balanced(block_medians(planes))
    blocks = len(medians)
    half = min(BLOCKS, blocks - 1) // 2
    start = [median_of(medians[: 2 * reach + 1]) for reach in range(1, half)]
    middle = median_of(medians[i : blocks - 2 * half + i] for i in range(2 * half + 1))
    end = [median_of(medians[blocks - 2 * reach - 1 :]) for reach in range(half - 1, 0, -1)]
    running = nearest_filled(np.array([*start, *middle, *end]))
    centres = block_centres(min(1, half), len(running))
    weights = straight_lines(np.arange(len(planes)), centres)
    return (weights @ running.reshape(len(running), -1)).reshape(planes.shape)


def median_of(slabs: Iterable[Cube32]) -> Cube32:
    """Return the elementwise median of as many arrays as `EXCHANGES` knows."""
    ordered = list(slabs)
    for low, high in EXCHANGES[len(ordered)]:
        one, other = ordered[low], ordered[high]
        ordered[low], ordered[high] = np.minimum(one, other), np.maximum(one, other)
    return ordered[len(ordered) // 2]


def balanced(planes: Cube32, known: NDArray[np.bool_] | None = None, low: float = -np.inf) -> Cube32:
    """Replace what is not known, or else not finite, by ``low`` and infinity in turn, which keeps medians in place."""
    fill = np.where(np.arange(len(planes)) % 2, np.inf, low).astype(np.float32)
    known = np.isfinite(planes) if known is None else known
    return np.where(known, planes, fill.reshape(-1, *(1,) * (planes.ndim - 1)))


def nearest_filled(planes: Cube32) -> Cube32:
    """Give missing planes the value of the nearest earlier plane of the same spaxel, or else later; or else 0."""
    known = np.isfinite(planes)
    incomplete = ~known.all(axis=0)
    if not incomplete.any():
        return planes
    values, known = planes[:, incomplete], known[:, incomplete]
    index = np.arange(len(planes))[:, None]
    earlier = np.maximum.accumulate(np.where(known, index, -1))
    later = np.minimum.accumulate(np.where(known, index, len(planes))[::-1])[::-1]
    source = np.where(earlier >= 0, earlier, later % len(planes))
    values = np.take_along_axis(values, source, axis=0)
    filled = planes.copy()
    filled[:, incomplete] = np.where(np.isfinite(values), values, np.float32(0))
    return filled


def straight_lines(positions: NDArray[np.intp], nodes: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the matrix, (positions, nodes), that interpolates between nodes, and extrapolates, linearly."""
    weights = np.zeros((positions.size, nodes.size), dtype=np.float32)
    if nodes.size == 1:
        weights[:] = 1
        return weights
    left = np.clip(np.searchsorted(nodes, positions) - 1, 0, nodes.size - 2)
    share = (positions - nodes[left]) / (nodes[left + 1] - nodes[left])
    weights[positions, left] = 1 - share
    weights[positions, left + 1] = share
    return weights
