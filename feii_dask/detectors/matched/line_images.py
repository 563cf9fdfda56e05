"""Images of a line, and of the same planes at other wavelengths, which say how noisy they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from feii_dask.detectors.matched.whitening import Residuals

__all__ = ["LineImages", "line_images"]

MOST_OTHERS = 130  # more would say little more of the noise
ENOUGH_OTHERS = 60  # first planes of images without another line, which overlap
FEWEST_PRESENT = 0.5  # share of the spaxels with data in the planes of an image, and of a line in those of a spaxel


@dataclass(frozen=True, slots=True, eq=False)
class LineImages:
    """Images in the unit of the cube, as the brightest plane of the line has it.

    Attributes
    ----------
    line : (y, x) float64 ndarray
        Of the line.
    others : (k, y, x) float64 ndarray
        Of the same planes, moved to other wavelengths.
    noise : (y, x) float64 ndarray
        Scatter of these; inf where there are no data.
    valid : (y, x) bool ndarray
        Spaxels with data.
    continuum_noise : (y, x) float64 ndarray
        Noise of the mean continuum.
    profile : (n,) float32 ndarray
        Weights of the planes that make the image of the line.
    """

    line: NDArray[np.float64]
    others: NDArray[np.float64]
    noise: NDArray[np.float64]
    valid: NDArray[np.bool_]
    continuum_noise: NDArray[np.float64]
    profile: NDArray[np.float32]


def line_images(
    residuals: Residuals,
    weights: NDArray[np.float64],
    first: int,
    free: NDArray[np.bool_],
    empty: NDArray[np.bool_],
) -> LineImages:
    """Sum planes with weights, at the line and at other wavelengths.

    Parameters
    ----------
    residuals : Residuals
        Of the cube.
    weights : (k,) float64 ndarray
        Of successive planes.
    first : int
        The first of them at the line.
    free : (n,) bool ndarray
        Planes without the line.
    empty : (n,) bool ndarray
        Those of them without another line, which are used if they are enough.
    """
    planes, length = len(residuals.normalized), weights.size
    valid = np.isfinite(residuals.noise)
    scale = np.where(valid, residuals.noise, 0)
    present = residuals.good[:, valid].mean(axis=1) > FEWEST_PRESENT
    every_start, starts = (
        np.flatnonzero(sliding_window_view(usable & present, length).all(axis=1)) for usable in (free, empty)
    )
    starts = starts if starts.size >= ENOUGH_OTHERS else every_start
    every = max(-(-starts.size // MOST_OTHERS), length // 4, 1)
    starts = starts[::every]
    seen = seen_share(residuals.normalized[first : first + length], weights)
    bank = np.zeros((starts.size + 1, planes), dtype=np.float32)
    for row, start in enumerate((first, *starts)):
        bank[row, start : start + length] = weights
    summed = (bank @ residuals.normalized.reshape(planes, -1)).reshape(-1, *valid.shape) * scale
    images = summed.astype(np.float64)
    scatter = np.median(abs(images[1:]), axis=0) / 0.6745 if starts.size else scale.astype(np.float64)
    valid &= (scatter > 0) & (seen > FEWEST_PRESENT)
    return LineImages(
        line=np.divide(images[0], seen, out=np.zeros_like(images[0]), where=valid),
        others=images[1:],
        noise=np.divide(scatter, np.sqrt(seen), out=np.full_like(scatter, np.inf), where=valid),
        valid=valid,
        continuum_noise=np.where(valid, scale / np.sqrt(planes), np.inf),
        profile=bank[0],
    )


def seen_share(normalized: NDArray[np.float32], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return which share of a line, (y, x), lies in voxels with data: what was removed as a spike is none."""
    power = np.square(weights)
    share: NDArray[np.float64] = np.tensordot(power, normalized != 0, 1) / power.sum()
    return share
