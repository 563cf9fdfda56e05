"""Small images as ``data:`` URLs."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from io import BytesIO

import numpy as np
from matplotlib.colors import Normalize
from numpy.typing import ArrayLike
from PIL import Image

from feii_dask.figures.block_average import block_average
from feii_dask.figures.colors import colormap, power_norm

__all__ = ["MAX_SIDE_PX", "png_data_url"]

MAX_SIDE_PX = 64  # a PNG of 4 kB where every spaxel is noise, the worst case
COLORS = 63  # and one for no data, so that a pixel has six bits; more are hardly distinguishable, and larger


def png_data_url(image: ArrayLike, norm: Normalize | None = None, max_side_px: int = MAX_SIDE_PX) -> str:
    """Return an image as a PNG in a ``data:`` URL, with one pixel per spaxel or per block of spaxels.

    Parameters
    ----------
    image : (y, x) array_like
        Surface brightness; a larger image is averaged over blocks.
    norm : Normalize, optional
        From values to colours; by default that of the notebook's figure 5.
    max_side_px : int
        Most pixels along a side.
    """
    image = block_average(image, max_side_px)
    norm = norm or power_norm(image)
    shade = np.ma.filled(norm(image), np.nan)  # a logarithm has none where the image is negative
    level = np.where(np.isfinite(image) & ~np.isnan(shade), np.clip(shade, 0, 1) * (COLORS - 1), COLORS)
    indexed = Image.fromarray(level.astype(np.uint8)[::-1])  # the first row is at the bottom
    indexed.putpalette(palette())
    png = BytesIO()
    indexed.save(png, format="PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(png.getvalue()).decode()}"


@cache
def palette() -> bytes:
    """Return red, green and blue of each colour, the last is that of no data."""
    colors = colormap()(np.append(np.linspace(0, 1, COLORS), np.nan), bytes=True)
    return bytes(colors[:, :3].tobytes())
