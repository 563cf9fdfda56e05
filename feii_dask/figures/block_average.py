"""Averages of images over square blocks of spaxels."""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import ArrayLike, NDArray

from feii_dask.figures.colors import finite_or_nan

__all__ = ["block_average", "block_side"]


def block_side(shape: tuple[int, ...], max_side_px: float) -> int:
    """Return the least side of a block, in spaxels, with which an image of this shape has at most so many pixels.

    Examples
    --------
    >>> block_side((64, 64), 64), block_side((65, 20), 64)
    (1, 2)
    """
    return max(ceil(max(shape) / max_side_px), 1)


def block_average(image: ArrayLike, max_side_px: float) -> NDArray[np.float64]:
    """Average an image over square blocks, so that its longer side has at most so many pixels.

    Parameters
    ----------
    image : (y, x) array_like
        Values that are not finite are ignored; the last blocks may reach beyond the image.
    max_side_px : float
        Most pixels along a side.

    Returns
    -------
    (y, x) float64 ndarray
        NaN where a block has no finite value.
    """
    image = finite_or_nan(image)
    side = block_side(image.shape, max_side_px)
    if side == 1:
        return image
    padding = [(0, -size % side) for size in image.shape]
    blocks = np.pad(image, padding, constant_values=np.nan)
    blocks = blocks.reshape(blocks.shape[0] // side, side, blocks.shape[1] // side, side)
    count = np.isfinite(blocks).sum(axis=(1, 3))
    total = np.nansum(blocks, axis=(1, 3))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
