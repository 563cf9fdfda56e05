"""Small images that stand inside a page."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from math import ceil

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from feii_dask.results.figures import colours, finite, power_norm

__all__ = ["thumbnail"]

SIDE_PX = 64  # a PNG of 5 kB where every spaxel is noise, the worst case
LEVELS = 255  # a PNG's palette has 256 colours, of which one stands for no data


def thumbnail(image: ArrayLike) -> str:
    """Return an image as a ``data:`` address, one pixel per spaxel, stretched as in the notebook's figure 5.

    Parameters
    ----------
    image : (y, x) array_like
        Surface brightness; images of more than 64 spaxels are averaged over squares until they fit.
    """
    image = _shrink(finite(image))
    level = np.clip(power_norm(image)(np.ma.masked_invalid(image)), 0, 1) * (LEVELS - 1)
    palette = colours()(np.append(np.linspace(0, 1, LEVELS), np.nan), bytes=True)[:, :3]
    picture = Image.fromarray(level.filled(LEVELS).astype(np.uint8)[::-1])  # the first row goes to the bottom
    picture.putpalette(palette.tobytes())
    png = BytesIO()
    picture.save(png, format="PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(png.getvalue()).decode()}"


def _shrink(image: NDArray[np.float64]) -> NDArray[np.float64]:
    side = ceil(max(image.shape) / SIDE_PX)
    if side <= 1:
        return image
    padding = [(0, -size % side) for size in image.shape]
    blocks = np.pad(image, padding, constant_values=np.nan)
    blocks = blocks.reshape(blocks.shape[0] // side, side, blocks.shape[1] // side, side)
    count = np.isfinite(blocks).sum(axis=(1, 3))
    total = np.nansum(blocks, axis=(1, 3))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
