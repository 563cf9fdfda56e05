"""Bright lines that fill so many planes that continuum and noise must be measured beside them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from feii_dask.detectors.matched.filters import FilteredCube, filter_cube
from feii_dask.detectors.matched.resolution import Resolution
from feii_dask.detectors.matched.whitening import remove_continuum

__all__ = ["is_crowded", "without_bright_lines"]

BRIGHT = 5.0  # significance of a voxel in a line
WING_PLANES = 2  # beside such voxels
CROWDED = 0.1  # share of the planes that lines fill, from which medians are led astray
PASSES = 2  # what bright lines hid is bright when these are gone


def without_bright_lines(
    planes: NDArray[np.float32], filtered: FilteredCube, near: NDArray[np.bool_], resolution: Resolution
) -> FilteredCube:
    """Return a cube whose continuum and noise were measured beside all bright lines, filtered.

    Parameters
    ----------
    planes : (n, y, x) float32 ndarray
        The cube.
    filtered : FilteredCube
        What came of it at first.
    near : (n,) bool ndarray
        The planes about the line in question. Elsewhere bright lines are removed.
    resolution : Resolution
        Of the cube, at the line.
    """
    lines = bright_voxels(filtered)
    for _ in range(PASSES):
        filtered = filter_cube(remove_continuum(planes, resolution, lines, near), resolution)
        lines |= bright_voxels(filtered)
    return filtered


def is_crowded(filtered: FilteredCube, resolution: Resolution) -> bool:
    """Whether bright lines fill more planes than medians bear, in more than a beam."""
    share = bright_voxels(filtered).mean(axis=0)
    return int(np.count_nonzero(share > CROWDED)) > resolution.beam_px


def bright_voxels(filtered: FilteredCube) -> NDArray[np.bool_]:
    """Return the voxels, (n, y, x), in and beside lines of emission or absorption."""
    bright = (filtered.largest > BRIGHT) | (filtered.smallest < -BRIGHT)
    near: NDArray[np.bool_] = maximum_filter1d(bright.view(np.uint8), 2 * WING_PLANES + 1, axis=0).view(np.bool_)
    return near
