"""Outlines of regions: spaxels that are joined by where, and at which wavelength, they are significant."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from feii_dask.detectors.matched.resolution import Resolution

__all__ = ["Outlines", "beams_about_peaks", "outline", "parts_of"]

MOST_REGIONS = 3  # that are looked at in one window
ALIKE_PLANES = 2  # between the peaks of neighbouring spaxels that are of one line


@dataclass(frozen=True, slots=True, eq=False)
class Outlines:
    """Where regions are.

    Attributes
    ----------
    window : (r,) intp ndarray
        Row of the windows that were given.
    mask : (r, y, x) bool ndarray
        The spaxels.
    """

    window: NDArray[np.intp]
    mask: NDArray[np.bool_]


def outline(voxels: NDArray[np.float32], level: float, resolution: Resolution) -> Outlines:
    """Return the most significant regions of every window, of at least the beam's area.

    Spaxels are joined where they are neighbours and peak at nearly the same wavelength, so that a fault of the detector
    in the same window is no part of a line.

    Parameters
    ----------
    voxels : (w, k, y, x) float32 ndarray
        Significance where it peaks along wavelength, in each window.
    level : float
        Significance that joins a voxel to a region.
    resolution : Resolution
        Of the cube, at the line.
    """
    height, width = voxels.shape[2:]
    bright = np.flatnonzero(voxels > level)
    window, plane, y, x = np.unravel_index(bright, voxels.shape)
    part, count = connected(window, plane, y, x, voxels.shape)
    value = voxels.ravel()[bright]
    spaxel = (part * height + y) * width + x
    order = np.lexsort((-value, spaxel))
    order = order[np.diff(spaxel[order], prepend=-1) > 0]
    window, y, x, part, value = window[order], y[order], x[order], part[order], value[order]
    area = np.bincount(part, minlength=count)
    weight = np.bincount(part, value, minlength=count)
    owner = np.zeros(count, dtype=np.intp)
    owner[part] = window
    large = np.flatnonzero(area >= max(resolution.beam_px, 1))
    large = large[np.lexsort((-weight[large], owner[large]))]
    large = large[np.arange(large.size) - np.searchsorted(owner[large], owner[large]) < MOST_REGIONS]
    row = np.full(count, large.size)
    row[large] = np.arange(large.size)
    mask = np.zeros((large.size + 1, height, width), dtype=bool)
    mask[row[part], y, x] = True
    return Outlines(owner[large], mask[:-1])


def connected(
    window: NDArray[np.intp],
    plane: NDArray[np.intp],
    y: NDArray[np.intp],
    x: NDArray[np.intp],
    shape: tuple[int, ...],
) -> tuple[NDArray[np.int32], int]:
    """Return which part each voxel, in ascending order, belongs to, (v,), and how many parts there are.

    Few voxels are bright: this is ten times as fast as to label all of them.
    """
    _, planes, height, width = shape
    row = width + 1  # one is left empty, so that no neighbour is at the other end
    layer = row * (height + 1)
    place = ((window * (planes + ALIKE_PLANES) + plane) * (height + 1) + y) * row + x
    steps = product(range(ALIKE_PLANES + 1), (-1, 0, 1), (-1, 0, 1))
    forward = [step for step in (dp * layer + dy * row + dx for dp, dy, dx in steps) if step > 0]
    pairs = []
    for step in forward:
        at = np.searchsorted(place, place + step)
        joined = np.flatnonzero(place[np.minimum(at, place.size - 1)] == place + step)
        pairs.append((joined, at[joined]))
    one, other = np.concatenate(pairs, axis=1) if place.size else np.zeros((2, 0), dtype=np.intp)
    graph = coo_array((np.ones(one.size, dtype=np.bool_), (one, other)), shape=(place.size, place.size))
    count, part = connected_components(graph, directed=False)
    return part, int(count)


def parts_of(outlines: Outlines, voxels: NDArray[np.float32], level: float, resolution: Resolution) -> Outlines:
    """Return the regions of a higher level within some of a lower one."""
    window = np.unique(outlines.window)
    inside = np.zeros((len(window), *voxels.shape[2:]), dtype=bool)
    np.logical_or.at(inside, np.searchsorted(window, outlines.window), outlines.mask)
    parts = outline(voxels[window] * inside[:, None], level, resolution)
    return Outlines(window[parts.window], parts.mask)


def beams_about_peaks(maps: NDArray[np.float32], resolution: Resolution) -> NDArray[np.bool_]:
    """Return the beam, (w, y, x), about the brightest spaxel of every map, (w, y, x)."""
    height, width = maps.shape[1:]
    y, x = np.unravel_index(maps.reshape(len(maps), -1).argmax(axis=1), (height, width))
    square = np.square(np.arange(height)[:, None] - y[:, None, None]) + np.square(np.arange(width) - x[:, None, None])
    beams: NDArray[np.bool_] = square <= max(resolution.psf_px / 1.8, 1.0) ** 2
    return beams
