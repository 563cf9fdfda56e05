"""Residuals of a cube: continuum and spikes removed, and scaled to the noise of every spaxel."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.matched.continuum import MAD_OF_NORMAL, balanced, continuum_of, is_supported
from feii_dask.detectors.matched.resolution import Resolution
from feii_dask.detectors.matched.spikes import without_spikes

__all__ = ["CLIP", "CLIPPED_VARIANCE", "Residuals", "remove_continuum", "rescaled", "robust_scale"]

Cube32 = NDArray[np.float32]

LARGEST = 1e30  # MJy/sr; beyond, squares would overflow
CLIP = 3.0  # standard deviations beyond which a value counts as this many
LEAST_NOISE = 1e-4  # over that of the median spaxel; what scatters less is no measurement
LEAST_SHARE = 0.15  # of the planes, in which there is something to measure a scatter from
CLIPPED_VARIANCE = 0.9751  # of a normal distribution clipped at ±3


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """What is left of a cube without its continuum.

    Attributes
    ----------
    continuum_subtracted : (n, y, x) float32 ndarray
        Residual in the cube's unit; 0 where there are no data.
    normalized : (n, y, x) float32 ndarray
        The same over the noise of its spaxel, without spikes.
    noise : (y, x) float32 ndarray
        Robust scatter of every spaxel along wavelength; inf where a spaxel has none.
    good : (n, y, x) bool ndarray
        Voxels with data and a continuum to compare them with, which no line hides.
    continuum : (y, x) float32 ndarray
        Mean continuum.
    """

    continuum_subtracted: Cube32
    normalized: Cube32
    noise: NDArray[np.float32]
    good: NDArray[np.bool_]
    continuum: NDArray[np.float32]


def remove_continuum(
    sci: Cube32,
    resolution: Resolution,
    lines: NDArray[np.bool_] | None = None,
    hidden: NDArray[np.bool_] | None = None,
) -> Residuals:
    """Remove continuum, spikes and warm pixels from a cube, and measure its noise.

    Parameters
    ----------
    sci : (n, y, x) float32 ndarray
        The cube; voxels that are not finite have no data.
    resolution : Resolution
        Of the cube, at the line in question.
    lines : (n, y, x) bool ndarray, optional
        Voxels that lines fill: they tell nothing of continuum and noise.
    hidden : (n, y, x) bool ndarray, optional
        Voxels that are set to 0, because lines or their wings reach them.
    """
    good = has_data(sci)
    plain = good if lines is None else good & ~lines
    level = continuum_of(np.where(plain, sci, np.float32(np.nan)))
    good = is_supported(good)
    with np.errstate(over="ignore", invalid="ignore"):  # of voxels without data
        continuum_subtracted = np.where(good, sci - level, np.float32(0))
    enough = good.sum(axis=0) >= len(good) / 2
    noise = np.where(enough, robust_scale(continuum_subtracted, good & plain), np.float32(np.inf))
    seen = np.isfinite(noise)
    if seen.any():
        noise[noise < LEAST_NOISE * np.median(noise[seen])] = np.inf
    normalized = without_spikes((continuum_subtracted / noise).astype(np.float32, copy=False), resolution)
    if hidden is not None:
        normalized[hidden] = 0
        good &= ~hidden
    return Residuals(continuum_subtracted, normalized, noise, good, level.mean(axis=0))


def rescaled(residuals: Residuals, normalized: Cube32) -> Residuals:
    """Return residuals with other values over their own noise.

    Parameters
    ----------
    residuals : Residuals
        As they were.
    normalized : (n, y, x) float32 ndarray
        The values, over the former noise.
    """
    scatter = robust_scale(normalized, residuals.good)
    noise = residuals.noise * scatter
    unit = np.where(np.isfinite(residuals.noise), residuals.noise, np.float32(0))
    subtracted = residuals.continuum_subtracted + (normalized - residuals.normalized) * unit
    return replace(residuals, continuum_subtracted=subtracted, normalized=normalized / scatter, noise=noise)


def has_data(sci: Cube32) -> NDArray[np.bool_]:
    """Tell voxels with data: finite, of a possible size, and in a plane that is not the same everywhere."""
    good: NDArray[np.bool_] = np.abs(sci) < LARGEST
    seen = np.where(good, sci, np.float32(np.nan)).reshape(len(sci), -1)
    good[np.fmax.reduce(seen, axis=1) == np.fmin.reduce(seen, axis=1)] = False
    return good


def robust_scale(values: Cube32, good: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the standard deviation along the first axis, about 0.

    First from the median of every third plane, then from all planes, clipped at `CLIP` of these. It is inf where it
    would be 0, or where hardly any data are there.
    """
    size = balanced(np.abs(values[::3]), good[::3], low=0)
    middle = len(size) // 2
    first = np.partition(size, middle, axis=0)[middle] / np.float32(MAD_OF_NORMAL)
    count = good.sum(axis=0, dtype=np.int32)  # four times as fast as with numpy's own choice of 64 bits
    enough = (count >= LEAST_SHARE * len(good)) & (first > 0) & np.isfinite(first)
    first = np.where(enough, first, np.float32(1))
    clipped = np.abs(values)
    clipped /= first
    np.minimum(clipped, np.float32(CLIP), out=clipped)
    variance = np.square(clipped, out=clipped).sum(axis=0) / (np.maximum(count, 1) * CLIPPED_VARIANCE)
    return np.where(enough, first * np.sqrt(variance), np.inf).astype(np.float32)
