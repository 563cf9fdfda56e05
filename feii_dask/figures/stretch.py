"""How pixels become colours, the same in every figure: what blank spaxels look like, and where the scale ends."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Colormap, LogNorm, Normalize, PowerNorm
from numpy.typing import ArrayLike, NDArray

__all__ = ["GAMMA", "colormap", "finite", "linear_norm", "log_norm", "power_norm"]

GAMMA = 0.4  # the notebook's stretch: faint jets show beside bright stars


def colormap() -> Colormap:
    """Return a map that is even for all eyes; grey stands for no data."""
    return mpl.colormaps["viridis"].with_extremes(bad="0.8")


def finite(image: ArrayLike) -> NDArray[np.float64]:
    """Return the image with NaN for all that is not a number one can draw."""
    image = np.asarray(image, dtype=np.float64)
    return np.where(np.isfinite(image), image, np.nan)


def linear_norm(image: ArrayLike) -> Normalize:
    """Return a linear scale, between limits that suit the image."""
    return Normalize(*_limits(image))


def power_norm(image: ArrayLike) -> Normalize:
    """Return the notebook's stretch, between limits that suit the image."""
    return PowerNorm(GAMMA, *_limits(image))


def log_norm(image: ArrayLike) -> Normalize:
    """Return a logarithmic scale over the positive values."""
    values = np.asarray(image, dtype=np.float64)
    positive = values[np.isfinite(values) & (values > 0)]
    return LogNorm(positive.min(), positive.max()) if positive.size else LogNorm(1, 10)


def _limits(image: ArrayLike) -> tuple[float, float]:
    """Return between which values to draw: all but the few brightest and faintest spaxels."""
    values = np.asarray(image, dtype=np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = np.percentile(values, [0.5, 99.5])
    return float(low), float(high)
