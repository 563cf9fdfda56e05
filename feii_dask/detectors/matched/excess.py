"""The significance of light that a model of a line leaves, against that of images at other wavelengths."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import pi

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.matched.filters import gaussian, gaussian_matrix
from feii_dask.detectors.matched.image_noise import spread_of
from feii_dask.detectors.matched.line_images import LineImages
from feii_dask.detectors.matched.point_source import RELATIVE_ERROR
from feii_dask.detectors.matched.resolution import Resolution
from feii_dask.detectors.matched.unresolved_light import UnresolvedLight

__all__ = ["Excess", "find_excess"]

Image = NDArray[np.float64]

SCALES = 1.0, 2.5  # FWHM of the point-spread function with which images are smoothed
DIRECTIONS, LENGTHS, STRETCH = 16, (1.5, 3.0, 6.0), 0.5  # of strips from the place, in FWHM, and steps along them
SPIKES = 0.004  # height of diffraction spikes, two FWHM from the core and within, over the core
TINY = 1e-3
EXPONENT = 12.0  # of the tail of the largest of others: an exponential would promise too much
SMALLEST_SCALE = 2.0  # of a squared significance: that of normal noise
LOW_QUANTILES = np.array([0.1, 0.6])  # of the largest significances of other images
HALF = 0.5  # of the height of a strip or a spot, within which its spaxels are
FEWEST_OTHERS = 10  # images that tell how noise looks


@dataclass(frozen=True, slots=True, eq=False)
class Excess:
    """The most significant excess over a model.

    Attributes
    ----------
    p_value : float
        Probability that noise, or an error of the model, leaves as significant a one.
    spaxels : (y, x) bool ndarray
        Where it is.
    """

    p_value: float
    spaxels: NDArray[np.bool_]


def find_excess(
    images: LineImages,
    model: UnresolvedLight,
    region: NDArray[np.bool_],
    hidden: NDArray[np.bool_],
    resolution: Resolution,
) -> Excess:
    """Return the most significant excess of a line over a model.

    Two kinds of excess are looked for: one anywhere in a region, smoothed with the point-spread function and wider; and
    strips from the line's place in any direction, or in both. Spaxels weigh as
    the inverse of the covariance of their noise. Each excess is divided by its scatter in images at other wavelengths,
    to which the same model was fitted, and the largest is compared with their largest.

    Parameters
    ----------
    images : LineImages
        Of the line, and of the same planes at other wavelengths.
    model : UnresolvedLight
        Fitted to the line.
    region : (y, x) bool ndarray
        The spaxels with emission.
    hidden : (y, x) bool ndarray
        Spaxels that do not count.
    resolution : Resolution
        Of the cube, at the line.
    """
    seen = images.valid & ~hidden
    left = np.where(seen, model.noise.over_variance(images.line - model.point - model.scattered), 0)
    others = np.where(seen, model.noise.over_variance(without_model(images.others, model)), 0)
    variance = np.square(model.noise.scale)
    alike, sampling = (np.where(seen, error / variance, 0) for error in errors_of(model, resolution))
    anywhere = smoothed_excess(left, others, alike, sampling, region, resolution)
    in_strips = strip_excess(left, others, alike, sampling, seen, model, resolution)
    best = min(anywhere, in_strips, key=lambda excess: excess.p_value)
    return replace(best, p_value=min(1.0, 2 * best.p_value))


def errors_of(model: UnresolvedLight, resolution: Resolution) -> tuple[Image, Image]:
    """Return by how much a model may be wrong: alike in many spaxels, and alternating between them."""
    y, x = np.indices(model.point.shape)
    core = model.point + model.star
    distance = np.hypot(y - model.place[0], x - model.place[1]) / resolution.psf_px
    spikes = SPIKES * core.max() * np.minimum((2 / np.maximum(distance, TINY)) ** 2, 1)
    alike = np.hypot(RELATIVE_ERROR * (model.scattered - model.star), spikes)
    return alike, model.sampling * core


def without_model(others: Image, model: UnresolvedLight) -> Image:
    """Return images less the best combination of the parts of a model."""
    weighted = model.noise.white(model.parts)
    scale = np.linalg.norm(weighted, axis=1)
    used = scale > 0
    heights = np.linalg.pinv((weighted[used] / scale[used, None]).T, rcond=1e-6) @ model.noise.white(others).T
    left: Image = others - np.tensordot(heights.T / scale[used], model.parts[used], 1)
    return left


def smoothed_excess(
    left: Image, others: Image, alike: Image, sampling: Image, region: NDArray[np.bool_], resolution: Resolution
) -> Excess:
    """Return the largest smoothed excess in a region, against those in the whole field."""
    height, width = left.shape
    largest, nulls, spaxels = 0.0, np.zeros(len(others)), np.zeros_like(region)
    for scale in SCALES:
        rows, columns = (gaussian_matrix(size, scale * resolution.psf_px) for size in (height, width))
        smooth = rows @ others @ columns
        noise = positive(spread_of(smooth))
        nulls = np.maximum(nulls, (smooth / noise).max(axis=(1, 2)))
        error = np.hypot(rows @ alike @ columns, np.sqrt(np.square(rows) @ np.square(sampling) @ np.square(columns)))
        excess = np.where(region, (rows @ left @ columns) / np.hypot(noise, error), 0)
        if excess.max() > largest:
            largest = float(excess.max())
            y, x = np.unravel_index(excess.argmax(), excess.shape)
            spaxels = np.outer(rows[y], columns[x]) > HALF * rows[y, y] * columns[x, x]
    return Excess(tail_of_largest(largest, nulls), spaxels)


def strip_excess(
    left: Image,
    others: Image,
    alike: Image,
    sampling: Image,
    seen: NDArray[np.bool_],
    model: UnresolvedLight,
    resolution: Resolution,
) -> Excess:
    """Return the largest excess in a strip from the line's place, or about it."""
    shapes = strips(left.shape, model.place, resolution)
    bank = shapes.reshape(-1, left.size)
    nulls = bank @ others.reshape(len(others), -1).T
    noise = positive(spread_of(nulls.T))
    error = np.hypot(bank @ alike.ravel(), np.sqrt(np.square(bank) @ np.square(sampling.ravel())))
    found = (bank @ left.ravel()) / np.hypot(noise, error)
    best = shapes[found.argmax()] * seen
    p_value = tail_of_largest(max(float(found.max()), 0.0), np.maximum((nulls / noise[:, None]).max(axis=0), 0))
    return Excess(p_value, best > HALF * best.max())


def strips(shape: tuple[int, ...], place: tuple[float, float], resolution: Resolution) -> Image:
    """Return images, (k, y, x), of strips as wide as the point-spread function, from a place outwards and across it."""
    y, x = np.indices(shape, dtype=np.float64)
    steps = np.arange(STRETCH, max(LENGTHS) + STRETCH, STRETCH) * resolution.psf_px
    angles = np.arange(DIRECTIONS) * 2 * pi / DIRECTIONS
    dy = y - (place[0] + steps * np.sin(angles)[:, None])[..., None, None]
    dx = x - (place[1] + steps * np.cos(angles)[:, None])[..., None, None]
    sums = np.cumsum(gaussian(np.sqrt(dy**2 + dx**2), resolution.psf_px), axis=1)
    ends = [round(length / STRETCH) - 1 for length in LENGTHS]
    half = DIRECTIONS // 2
    return np.concatenate([sums[:, end] for end in ends] + [sums[:half, end] + sums[half:, end] for end in ends])


def positive(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return noise, infinite where it is 0: there are no data."""
    return np.where(noise > 0, noise, np.inf)


def tail_of_largest(value: float, nulls: NDArray[np.float64]) -> float:
    """Return the probability that a largest significance reaches a value, given others of which some are lines.

    Squares of the largest of many significances follow Gumbel's distribution; its place and scale are taken from the
    lower part of the others, which no line raises.
    """
    if nulls.size < FEWEST_OTHERS:
        return 1.0
    low, middle = np.quantile(np.square(nulls), LOW_QUANTILES)
    gumbel = -np.log(-np.log(LOW_QUANTILES))
    scale = max(float((middle - low) / (gumbel[1] - gumbel[0])), SMALLEST_SCALE)
    excess = (value**2 - float(middle)) / scale + gumbel[1]
    if excess < 0:
        return 1.0
    rate = (1 + excess / EXPONENT) ** -EXPONENT
    return float(-np.expm1(-rate))
