"""Colours of the figures: palette, colour map, and the normalization of images."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Colormap, LogNorm, Normalize, PowerNorm
from numpy.typing import ArrayLike, NDArray

__all__ = ["BLUE", "VERMILION", "colormap", "finite_or_nan", "linear_norm", "log_norm", "power_norm"]

# Two colours of Okabe & Ito's palette, which readers with any colour vision can distinguish.
BLUE, VERMILION = "#0072B2", "#D55E00"
GAMMA = 0.4  # the notebook's stretch: faint jets are visible next to bright stars


def colormap() -> Colormap:
    """Return the colour map of images, which is perceptually uniform; grey is no data."""
    return mpl.colormaps["viridis"].with_extremes(bad="0.8")


def finite_or_nan(image: ArrayLike) -> NDArray[np.float64]:
    """Return an image with NaN in place of infinite values."""
    image = np.asarray(image, dtype=np.float64)
    return np.where(np.isfinite(image), image, np.nan)


def linear_norm(image: ArrayLike) -> Normalize:
    """Return a linear scale between percentiles of an image."""
    return Normalize(*percentile_limits(image))


def power_norm(image: ArrayLike) -> Normalize:
    """Return the notebook's stretch between percentiles of an image."""
    return PowerNorm(GAMMA, *percentile_limits(image))


def log_norm(image: ArrayLike) -> Normalize:
    """Return a logarithmic scale over the positive values of an image."""
    values = np.asarray(image, dtype=np.float64)
    positive = values[np.isfinite(values) & (values > 0)]
    return LogNorm(positive.min(), positive.max()) if positive.size else LogNorm(1, 10)


def percentile_limits(image: ArrayLike) -> tuple[float, float]:
    """Return the percentiles 0.5 and 99.5 of the finite values, 0 and 1 where there are none."""
    values = np.asarray(image, dtype=np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = np.percentile(values, [0.5, 99.5])
    return float(low), float(high)
