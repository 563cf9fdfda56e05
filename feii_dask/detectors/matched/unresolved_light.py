"""A line without extent of its own: an unresolved source, and light that follows the continuum."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import hypot, log

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.optimize import nnls

from feii_dask.detectors.matched.image_noise import ImageNoise, noise_of_images, spread_of
from feii_dask.detectors.matched.line_images import LineImages
from feii_dask.detectors.matched.point_source import (
    RELATIVE_ERROR,
    WINGS,
    Freedom,
    Points,
    PointShape,
    fit_points,
    point_image,
)
from feii_dask.detectors.matched.resolution import Resolution

__all__ = ["UnresolvedLight", "blurred", "bright_peak", "fit_unresolved_light"]

Image = NDArray[np.float64]

FAINTEST = 10.0  # percentile of the continuum that is background
# By how much points differ from what is expected. The MRS is 60 % broader than the diffraction limit along its long
# axis at 5 µm and 15 % at 28 µm (Argyriou et al. 2023, A&A 675, A111); what is known of a width holds to some 15 %.
# Spaxels as wide as the point-spread function broaden it by an amount that depends on how a cube was drizzled.
WIDTH_KNOWN, SPAXEL_WIDTH_KNOWN = 0.16, 0.3
BAND_STRETCH, BAND_WINGS = 0.25, 0.02
OF_STAR, OF_ANY_STAR = Freedom(0.03, 0.05, 0.01), Freedom(0.5, 0.35, 0.03)
STAR = 25.0  # peak of a continuum, over its spread elsewhere, whose own shape is taken for that of points
NEXT_STAR = 0.05  # peak of another one, over that of the brightest
MOST_STARS = 2
SMOOTH, APART = 3.0, 2.0  # FWHM of light that is no star's, and between two stars, over that of points
STAR_ERROR = 0.01  # of a model of stars and smooth light, over the brightest spaxel
UNRESOLVED = 0.1  # excess of the continuum's logarithmic width over the widest of a point
# By which spaxels sample a point wrongly, over its light: where no star shows it (the second for a FWHM of one spaxel);
# the core of a star that does, over its peak; and the error of a line over that, as points of S/N above 60 have it.
SAMPLING, UNDERSAMPLED = 0.1, 0.3
CORE, LINE_OVER_STAR = 0.25, 1.5
SIGNIFICANT = 3.0  # standard deviations of a brightest spaxel


@dataclass(frozen=True, slots=True, eq=False)
class UnresolvedLight:
    """The best model of a line image without extent of its own.

    Attributes
    ----------
    point : (y, x) float64 ndarray
        Light of points.
    scattered : (y, x) float64 ndarray
        Light that follows the continuum.
    star : (y, x) float64 ndarray
        The unresolved share of that.
    parts : (k, y, x) float64 ndarray
        What the model is made of, and how the first changes with its place.
    noise : ImageNoise
        With which it was fitted.
    place : tuple of float
        Of the point, (y, x).
    sampling : float
        By how much spaxels sample a point wrongly, over its light, alternating between them.
    """

    point: Image
    scattered: Image
    star: Image
    parts: Image
    noise: ImageNoise
    place: tuple[float, float]
    sampling: float


@dataclass(frozen=True, slots=True, eq=False)
class Stars:
    """The unresolved part of a continuum.

    Attributes
    ----------
    shape : PointShape or None
        What the brightest star shows of the shape of points.
    images : tuple of (y, x) float64 ndarray
        The stars, in the unit of the continuum.
    """

    shape: PointShape | None
    images: tuple[Image, ...] = ()


def fit_unresolved_light(
    images: LineImages, continuum: Image, mask: NDArray[np.bool_], resolution: Resolution
) -> UnresolvedLight:
    """Fit a point, stars, and light that follows the continuum, none of them negative, to the image of a line.

    Parameters
    ----------
    images : LineImages
        Of the line.
    continuum : (y, x) float64 ndarray
        Beside the line.
    mask : (y, x) bool ndarray
        The spaxels with emission.
    resolution : Resolution
        Of the cube, at the line.
    """
    valid = images.valid
    level = float(np.percentile(continuum[valid], FAINTEST))
    light = np.where(valid, np.maximum(continuum - level, 0), 0)
    stars = find_stars(light, images, resolution)
    expected, freedom = (stars.shape, OF_STAR) if stars.shape else (PointShape(resolution.psf_px), of_band(resolution))
    line = np.where(valid, images.line, 0)
    plain = noise_of_images(images.others, valid, images.noise)
    noise = plain.larger(RELATIVE_ERROR * np.maximum(blurred(line, resolution), 0))
    least, scattered, tried = np.inf, np.zeros_like(light), set[tuple[int, int]]()
    for weigh in (significant_peak, bright_peak, significant_peak):
        left = line - scattered
        peak = weigh(blurred(left, resolution), images.noise, mask & valid)
        if peak in tried:
            continue
        tried.add(peak)
        points = fit_points(left, plain, [peak], expected, freedom)
        place, shape = points.places[0], points.shape
        parts = np.array([point_image(light.shape, place, shape), light, *stars.images])
        heights, misfit = weights_of(parts, line, noise)
        scattered = heights[1] * light  # of the last fit, better or not: what is tried hangs on no last digit
        if misfit < least:
            least, best = misfit, (heights, parts, place, shape)
    heights, parts, place, shape = best
    moved = [point_image(light.shape, (place[0] + dy, place[1] + dx), shape) for dy, dx in ((0.1, 0), (0, 0.1))]
    stellar = np.tensordot(heights[2:], parts[2:], 1) if len(parts) > 2 else np.zeros_like(light)
    return UnresolvedLight(
        point=heights[0] * parts[0] + stellar,
        scattered=heights[1] * light,
        star=heights[1] * np.sum(stars.images, axis=0) if stars.images else np.zeros_like(light),
        parts=np.array([*parts, *(image - parts[0] for image in moved)]),
        noise=noise,
        place=place,
        sampling=sampling_error(stars, images, place, resolution),
    )


def sampling_error(stars: Stars, images: LineImages, place: tuple[float, float], resolution: Resolution) -> float:
    """Return by how much spaxels sample a point wrongly in one image, over its light: a star's own wiggles tell.

    They do not tell how a point is sampled elsewhere, where it falls between spaxels in another way.
    """
    elsewhere = UNDERSAMPLED / resolution.psf_px**2
    assumed = SAMPLING + elsewhere
    if not stars.images:
        return assumed
    star = stars.images[0]
    core = images.valid & (star > CORE * star.max())
    if not core.any():
        return assumed
    wiggles = LINE_OVER_STAR * float(np.linalg.norm(images.noise[core]) / np.linalg.norm(star[core]))
    y, x = (min(max(round(along), 0), size - 1) for along, size in zip(place, core.shape, strict=True))
    return min(assumed, wiggles if core[y, x] else hypot(wiggles, elsewhere))


def find_stars(light: Image, images: LineImages, resolution: Resolution) -> Stars:
    """Return the stars in a continuum without background, over smooth light such as a nebula's."""
    y, x = np.indices(light.shape)
    noise = ImageNoise.of(np.where(images.valid, np.hypot(images.continuum_noise, STAR_ERROR * light.max()), np.inf))
    stars = Points((), PointShape(resolution.psf_px), ())
    far, left = images.valid, light
    while len(stars.places) < MOST_STARS and far.any():
        sharp = blurred(left, resolution) - blurred(left, resolution, SMOOTH)
        spread = float(spread_of(sharp[far][:, None])[0])
        peaks = *stars.places, peak_of(np.where(far, sharp, -np.inf))
        more = fit_points(light, noise, peaks, stars.shape, OF_ANY_STAR, over_smooth_light=True)
        least = max(NEXT_STAR * max(more.heights), STAR * spread)
        if not (more.heights[-1] > least and is_unresolved(more.shape, resolution)):
            break
        stars = more
        left = light - np.sum(stars.images(light.shape), axis=0)
        near = [np.hypot(y - row, x - column) < APART * resolution.psf_px for row, column in stars.places]
        far = images.valid & ~np.any(near, axis=0)
    if not stars.places:
        return Stars(None)
    # what is left of a nebula about a star looks like wings
    stars = replace(stars, shape=replace(stars.shape, wings=WINGS))
    return Stars(stars.shape, stars.images(light.shape))


def is_unresolved(shape: PointShape, resolution: Resolution) -> bool:
    """Whether a shape is as wide as a point may be."""
    return abs(log(shape.fwhm_px / resolution.psf_px)) < UNRESOLVED + of_band(resolution).width


def of_band(resolution: Resolution) -> Freedom:
    """Return by how much points differ from what wavelength and instrument say."""
    return Freedom(max(WIDTH_KNOWN, SPAXEL_WIDTH_KNOWN / resolution.psf_px), BAND_STRETCH, BAND_WINGS)


def blurred(image: Image, resolution: Resolution, width: float = 1.0) -> Image:
    """Return an image smoothed with the point-spread function, or something wider."""
    smooth: Image = gaussian_filter(image, width * resolution.psf_px / 2.355)
    return smooth


def significant_peak(smooth: Image, noise: Image, mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the spaxel of a mask in which an image is bright and significant."""
    return peak_of(np.where(mask, smooth * abs(smooth) / noise, -np.inf))


def bright_peak(smooth: Image, noise: Image, mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the brightest spaxel of a mask, of those that are significant: a star's own is noisy."""
    return peak_of(
        np.where(mask & (smooth > SIGNIFICANT * noise), smooth, np.where(mask, smooth / noise - 1e6, -np.inf))
    )


def peak_of(image: Image) -> tuple[int, int]:
    """Return the brightest spaxel."""
    y, x = np.unravel_index(int(image.argmax()), image.shape)
    return int(y), int(x)


def weights_of(parts: Image, image: Image, noise: ImageNoise) -> tuple[NDArray[np.float64], float]:
    """Return the weights, none negative, of the images that make another best, and χ²."""
    matrix, data = noise.white(parts).T, noise.white(image)
    scale = np.linalg.norm(matrix, axis=0)
    scale = np.where(scale > 0, scale, 1)
    rotation, triangle = np.linalg.qr(matrix / scale)
    heights, _ = nnls(triangle, rotation.T @ data)
    heights = heights / scale
    return heights, float(np.square(data - matrix @ heights).sum())
