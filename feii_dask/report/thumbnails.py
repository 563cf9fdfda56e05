"""Small images that stand inside a page."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from math import ceil

import numpy as np
from matplotlib.colors import Normalize
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from feii_dask.figures.stretch import colormap, finite, power_norm

__all__ = ["block_side", "shrink", "thumbnail"]

SIDE_PX = 64  # a PNG of 4 kB where every spaxel is noise, the worst case
LEVELS = 63  # of colour, and one for no data: six bits; more cannot be told apart, and take more room


def thumbnail(image: ArrayLike, norm: Normalize | None = None, side_px: int = SIDE_PX) -> str:
    """Return an image as a ``data:`` address, one pixel per spaxel.

    Parameters
    ----------
    image : (y, x) array_like
        Surface brightness; what is larger than the side is averaged over squares until it fits.
    norm : Normalize, optional
        From values to colours; by default as in the notebook's figure 5.
    side_px : int
        The longest side, in pixels.
    """
    image = shrink(image, side_px)
    norm = norm or power_norm(image)
    level = np.clip(norm(np.ma.masked_invalid(image)), 0, 1) * (LEVELS - 1)
    palette = colormap()(np.append(np.linspace(0, 1, LEVELS), np.nan), bytes=True)[:, :3]
    picture = Image.fromarray(level.filled(LEVELS).astype(np.uint8)[::-1])  # the first row goes to the bottom
    picture.putpalette(palette.tobytes())
    png = BytesIO()
    picture.save(png, format="PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(png.getvalue()).decode()}"


def block_side(shape: tuple[int, ...], side_px: int = SIDE_PX) -> int:
    """Return the side of the squares, in spaxels, over which `shrink` averages an image of this shape."""
    return max(ceil(max(shape) / side_px), 1)


def shrink(image: ArrayLike, side_px: int = SIDE_PX) -> NDArray[np.float64]:
    """Average an image over squares until it fits, passing over what is not finite."""
    image = finite(image)
    square = block_side(image.shape, side_px)
    if square == 1:
        return image
    padding = [(0, -size % square) for size in image.shape]
    blocks = np.pad(image, padding, constant_values=np.nan)
    blocks = blocks.reshape(blocks.shape[0] // square, square, blocks.shape[1] // square, square)
    count = np.isfinite(blocks).sum(axis=(1, 3))
    total = np.nansum(blocks, axis=(1, 3))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
