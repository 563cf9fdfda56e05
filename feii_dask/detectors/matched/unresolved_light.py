"""A line without extent of its own: an unresolved source, and light that follows the continuum."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.optimize import nnls

from feii_dask.detectors.matched.continuum import MAD_OF_NORMAL
from feii_dask.detectors.matched.line_images import LineImages
from feii_dask.detectors.matched.point_source import RELATIVE_ERROR, WINGS, Freedom, PointShape, fit_point, point_image
from feii_dask.detectors.matched.resolution import Resolution

__all__ = ["UnresolvedLight", "blurred", "bright_peak", "fit_unresolved_light"]

Image = NDArray[np.float64]

FAINTEST = 10.0  # percentile of the continuum that is background
# By how much points differ from what is expected. The MRS is 60 % broader than the diffraction limit along its long axis
# at 5 µm and 15 % at 28 µm (Argyriou et al. 2023, A&A 675, A111); what is known of a width holds to some 15 %. Spaxels as
# wide as the point-spread function broaden it by an amount that depends on how a cube was drizzled.
WIDTH_KNOWN, SPAXEL_WIDTH_KNOWN = 0.16, 0.3
BAND_STRETCH, BAND_WINGS = 0.25, 0.02
OF_STAR, OF_ANY_STAR = Freedom(0.06, 0.1, BAND_WINGS), Freedom(0.5, 0.35, 0.03)
STAR = 25.0  # peak of a continuum, over its spread elsewhere, whose own shape is taken for that of points
NEXT_STAR = 0.05  # peak of another one, over that of the brightest
MOST_STARS = 2
UNRESOLVED = 0.1  # excess of the continuum's logarithmic width over the widest of a point
CORE_SHARE = 0.8  # of the light within two FWHM, that a star's core has
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
    noise : (y, x) float64 ndarray
        With which it was fitted.
    place : tuple of float
        Of the point, (y, x).
    """

    point: Image
    scattered: Image
    star: Image
    parts: Image
    noise: Image
    place: tuple[float, float]


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
    noise = np.hypot(images.noise, RELATIVE_ERROR * np.maximum(blurred(line, resolution), 0))
    least, scattered, tried = np.inf, np.zeros_like(light), set[tuple[int, int]]()
    for weigh in (significant_peak, bright_peak, significant_peak):
        left = line - scattered
        peak = weigh(blurred(left, resolution), images.noise, mask & valid)
        if peak in tried:
            continue
        tried.add(peak)
        place, shape, _ = fit_point(left, images.noise, peak, expected, freedom)
        parts = np.array([point_image(light.shape, place, shape), light, *stars.images])
        heights, misfit = weights_of(parts, line, noise)
        if misfit < least:
            least, best, scattered = misfit, (heights, parts, place, shape), heights[1] * light
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
    )


def find_stars(light: Image, images: LineImages, resolution: Resolution) -> Stars:
    """Return the stars in a continuum without background, the brightest first."""
    y, x = np.indices(light.shape)
    noise = np.where(images.valid, images.continuum_noise, np.inf)
    peak = peak_of(np.where(images.valid, blurred(light, resolution), -np.inf))
    far = images.valid & (np.hypot(y - peak[0], x - peak[1]) > 2 * resolution.psf_px)
    level = float(np.median(light[far])) if far.any() else 0.0
    spread = float(np.median(abs(light[far] - level))) / MAD_OF_NORMAL if far.any() else np.inf
    left = np.maximum(light - level, 0)
    if not left[peak] > STAR * spread:
        return Stars(None)
    tolerance = UNRESOLVED + of_band(resolution).width
    place, shape, height = fit_point(left, noise, peak, PointShape(resolution.psf_px), OF_ANY_STAR)
    core = np.minimum(height * point_image(light.shape, place, shape), left)
    near = np.hypot(y - place[0], x - place[1]) < 2 * resolution.psf_px
    if shape.fwhm_px > resolution.psf_px * exp(tolerance):
        return Stars(None)
    if shape.fwhm_px < resolution.psf_px * exp(-tolerance) or core[near].sum() < CORE_SHARE * left[near].sum():
        return Stars(None, (core,))
    found = [core]
    while len(found) < MOST_STARS:
        rest = np.where(near, 0, left - np.sum(found, axis=0))
        peak = peak_of(np.where(images.valid, blurred(rest, resolution), -np.inf))
        place, other, height = fit_point(rest, noise, peak, shape, OF_ANY_STAR)
        near = near | (np.hypot(y - place[0], x - place[1]) < 2 * resolution.psf_px)
        if not (height > max(NEXT_STAR * left.max(), STAR * spread) and other.fwhm_px < shape.fwhm_px * exp(tolerance)):
            break
        found.append(np.minimum(height * point_image(light.shape, place, other), np.maximum(rest, 0)))
    # a nebula about a star looks like wings
    return Stars(replace(shape, wings=WINGS), tuple(found))


def of_band(resolution: Resolution) -> Freedom:
    """Return by how much points differ from what wavelength and instrument say."""
    return Freedom(max(WIDTH_KNOWN, SPAXEL_WIDTH_KNOWN / resolution.psf_px), BAND_STRETCH, BAND_WINGS)


def blurred(image: Image, resolution: Resolution) -> Image:
    """Return an image smoothed with the point-spread function."""
    smooth: Image = gaussian_filter(image, resolution.psf_px / 2.355)
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


def weights_of(parts: Image, image: Image, noise: Image) -> tuple[NDArray[np.float64], float]:
    """Return the weights, none negative, of the images that make another best, and χ²."""
    inside = np.isfinite(noise)
    matrix = (parts[:, inside] / noise[inside]).T
    data = image[inside] / noise[inside]
    scale = np.linalg.norm(matrix, axis=0)
    scale = np.where(scale > 0, scale, 1)
    rotation, triangle = np.linalg.qr(matrix / scale)
    heights, _ = nnls(triangle, rotation.T @ data)
    heights = heights / scale
    return heights, float(np.square(data - matrix @ heights).sum())
