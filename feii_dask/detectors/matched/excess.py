"""The significance of light that a model of a line leaves, against that of images at other wavelengths."""

from __future__ import annotations

from math import exp, pi

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.matched.continuum import MAD_OF_NORMAL
from feii_dask.detectors.matched.filters import gaussian, gaussian_matrix
from feii_dask.detectors.matched.line_images import LineImages
from feii_dask.detectors.matched.point_source import RELATIVE_ERROR
from feii_dask.detectors.matched.resolution import Resolution
from feii_dask.detectors.matched.unresolved_light import UnresolvedLight

__all__ = ["p_of_excess", "spread_of"]

Image = NDArray[np.float64]

SCALES = 1.0, 2.5  # FWHM of the point-spread function with which images are smoothed
DIRECTIONS, LENGTHS, STRETCH = 16, (1.5, 3.0, 6.0), 0.5  # of strips from the place, in FWHM, and steps along them
# By which a model of points is wrong: alternating between spaxels, as they sample it, and alike in many.
SAMPLING, UNDERSAMPLED = 0.1, 0.3  # over the model, the second where its FWHM is one spaxel
SPIKES = 0.004  # height of diffraction spikes, two FWHM from the core, over the core
EXPONENT = 12.0  # of the tail of the largest of others: an exponential would promise too much
SMALLEST_SCALE = 2.0  # of a squared significance: that of normal noise


def p_of_excess(images: LineImages, model: UnresolvedLight, region: NDArray[np.bool_], resolution: Resolution) -> float:
    """Return the probability that noise, or an error of the model, leaves as significant an excess.

    Two kinds of excess are looked for: one anywhere in a region, smoothed with the point-spread function and wider; and
    strips that begin at the line's place, in any direction. Each is divided by its scatter in images at other
    wavelengths, to which the same model was fitted, and the largest is compared with their largest.

    Parameters
    ----------
    images : LineImages
        Of the line, and of the same planes at other wavelengths.
    model : UnresolvedLight
        Fitted to the line.
    region : (y, x) bool ndarray
        The spaxels with emission.
    resolution : Resolution
        Of the cube, at the line.
    """
    left = np.where(images.valid, images.line - model.point - model.scattered, 0)
    others = without_model(images.others, model)
    alike, sampling = errors_of(model, resolution)
    return min(
        1.0,
        2
        * min(
            smoothed_p(left, others, alike, sampling, region, resolution),
            strips_p(left, others, alike, sampling, model, resolution),
        ),
    )


def errors_of(model: UnresolvedLight, resolution: Resolution) -> tuple[Image, Image]:
    """Return by how much a model may be wrong: alike in many spaxels, and alternating between them."""
    y, x = np.indices(model.point.shape)
    core = model.point + model.star
    distance = np.hypot(y - model.place[0], x - model.place[1]) / resolution.psf_px
    spikes = SPIKES * core.max() * np.minimum(4 / np.maximum(distance, 0.5) ** 2, 4)
    alike = np.hypot(RELATIVE_ERROR * (model.point + model.scattered), spikes)
    return alike, (SAMPLING + UNDERSAMPLED / resolution.psf_px**2) * core


def without_model(others: Image, model: UnresolvedLight) -> Image:
    """Return images less the best combination of the parts of a model."""
    inside = np.isfinite(model.noise)
    weighted = model.parts[:, inside] / model.noise[inside]
    scale = np.linalg.norm(weighted, axis=1)
    weighted = weighted[scale > 0] / scale[scale > 0, None]
    heights = np.linalg.pinv(weighted.T, rcond=1e-6) @ (others[:, inside] / model.noise[inside]).T
    left = np.zeros_like(others)
    left[:, inside] = others[:, inside] - (heights.T @ weighted) * model.noise[inside]
    return left


def smoothed_p(
    left: Image, others: Image, alike: Image, sampling: Image, region: NDArray[np.bool_], resolution: Resolution
) -> float:
    """Return the probability of the largest smoothed excess in a region, against those in the whole field."""
    height, width = left.shape
    largest, nulls = 0.0, np.zeros(len(others))
    for scale in SCALES:
        rows, columns = (gaussian_matrix(size, scale * resolution.psf_px) for size in (height, width))
        smooth = rows @ others @ columns
        noise = positive(spread_of(smooth))
        nulls = np.maximum(nulls, (smooth / noise).max(axis=(1, 2)))
        error = np.hypot(rows @ alike @ columns, np.sqrt(np.square(rows) @ np.square(sampling) @ np.square(columns)))
        excess = (rows @ left @ columns) / np.hypot(noise, error)
        largest = max(largest, float(excess[region].max(initial=0)))
    return tail_of_largest(largest, nulls)


def strips_p(
    left: Image, others: Image, alike: Image, sampling: Image, model: UnresolvedLight, resolution: Resolution
) -> float:
    """Return the probability of the largest excess in a strip from the line's place."""
    inside = np.isfinite(model.noise)
    bank = strips(left.shape, model.place, resolution)[:, inside] / np.square(model.noise[inside])
    found = bank @ left[inside]
    nulls = bank @ others[:, inside].T
    noise = positive(spread_of(nulls.T))
    error = np.hypot(bank @ alike[inside], np.sqrt(np.square(bank) @ np.square(sampling[inside])))
    largest = float((found / np.hypot(noise, error)).max(initial=0))
    return tail_of_largest(largest, np.maximum((nulls / noise[:, None]).max(axis=0), 0))


def strips(shape: tuple[int, ...], place: tuple[float, float], resolution: Resolution) -> Image:
    """Return images, (k, y, x), of strips as wide as the point-spread function, from a place outwards."""
    y, x = np.indices(shape, dtype=np.float64)
    steps = np.arange(STRETCH, max(LENGTHS) + STRETCH, STRETCH) * resolution.psf_px
    angles = np.arange(DIRECTIONS) * 2 * pi / DIRECTIONS
    dy = y - (place[0] + steps * np.sin(angles)[:, None])[..., None, None]
    dx = x - (place[1] + steps * np.cos(angles)[:, None])[..., None, None]
    sums = np.cumsum(gaussian(np.sqrt(dy**2 + dx**2), resolution.psf_px), axis=1)
    return np.concatenate([sums[:, round(length / STRETCH) - 1] for length in LENGTHS])


def spread_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the robust standard deviation along the first axis, about 0."""
    spread: NDArray[np.float64] = np.median(abs(values), axis=0) / MAD_OF_NORMAL
    return spread


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


LOW_QUANTILES = np.array([0.1, 0.6])
FEWEST_OTHERS = 10
exp
