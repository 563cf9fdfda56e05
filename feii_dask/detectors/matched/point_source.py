"""The image of an unresolved source, whose width, shape and wings differ somewhat from those expected."""

from __future__ import annotations

from dataclasses import dataclass
from math import atan, exp, hypot, log, pi, sqrt, tan

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

__all__ = ["RELATIVE_ERROR", "Freedom", "PointShape", "fit_point", "point_image"]

Image = NDArray[np.float64]

WING_FWHM = 3.0  # of the broad wings, a Moffat profile of exponent 2, over that of the core
WINGS = 0.012  # their height over the core's: 15 % of the light, as in an Airy pattern obstructed as JWST's is
REACH = 3.0  # FWHM about the place that are fitted
FARTHEST_PX = 1.5  # from the brightest spaxel to the place
RELATIVE_ERROR = 0.04  # of any model of a point-spread function


@dataclass(frozen=True, slots=True)
class PointShape:
    """What images of unresolved sources look like: an elliptical Gaussian, and broad wings.

    Attributes
    ----------
    fwhm_px : float
        Of the core, geometric mean of both axes.
    stretch : tuple of float
        Ellipticity (a² - b²) / (a² + b²), times cosine and sine of twice the angle from the x axis.
    wings : float
        Height of the broad wings over that of the core.
    """

    fwhm_px: float
    stretch: tuple[float, float] = (0.0, 0.0)
    wings: float = WINGS


@dataclass(frozen=True, slots=True)
class Freedom:
    """By how much a shape may differ from the one that is expected.

    Attributes
    ----------
    width : float
        The logarithm of its width.
    stretch : float
        Its ellipticity, in any direction.
    wings : float
        The height of its wings.
    """

    width: float
    stretch: float
    wings: float


def point_image(shape: tuple[int, ...], place: tuple[float, float], source: PointShape) -> Image:
    """Return the image of a point whose core has a peak of 1."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    dy, dx = y - place[0], x - place[1]
    along, across = source.stretch
    # by the inverse of the matrix [[1 + along, across], [across, 1 - along]], made to have a determinant of 1
    square = (1 - along) * dx**2 - 2 * across * dx * dy + (1 + along) * dy**2
    core = np.exp(-4 * log(2) / source.fwhm_px**2 / sqrt(1 - along**2 - across**2) * square)
    wing_scale = 4 * (sqrt(2) - 1) / (WING_FWHM * source.fwhm_px) ** 2
    image: Image = core + source.wings / np.square(1 + wing_scale * (dy**2 + dx**2))
    return image


def limited(free: float, reach: float) -> float:
    """Map a number of any size to one within ``reach`` of 0."""
    return 2 / pi * reach * atan(free)


def fit_point(
    image: Image, noise: Image, peak: tuple[int, int], expected: PointShape, freedom: Freedom
) -> tuple[tuple[float, float], PointShape, float]:
    """Fit the image of a point about a peak, and return its place, shape and height.

    Parameters
    ----------
    image : (y, x) float64 ndarray
        Of a line, or of a continuum.
    noise : (y, x) float64 ndarray
        Its noise; inf where it has no data.
    peak : tuple of int
        Where to begin, (y, x).
    expected : PointShape
        The shape that an unresolved source has about here.
    freedom : Freedom
        By how much it may differ.
    """
    y, x = np.indices(image.shape)
    near = (np.hypot(y - peak[0], x - peak[1]) <= max(REACH * expected.fwhm_px, 2.5)) & np.isfinite(noise)
    if np.count_nonzero(near) < 9:
        return (float(peak[0]), float(peak[1])), expected, max(float(image[peak]), 0.0)
    rows, columns = (slice(index[near].min(), index[near].max() + 1) for index in (y, x))
    part, inside = image[rows, columns], near[rows, columns]
    weight = np.where(inside, 1 / np.hypot(noise[rows, columns], RELATIVE_ERROR * part), 0)
    middle = peak[0] - rows.start, peak[1] - columns.start

    def read(free: Image) -> tuple[tuple[float, float], PointShape]:
        dy, dx = (limited(value, FARTHEST_PX) for value in free[:2])
        reach = limited(hypot(*free[3:5]), freedom.stretch) / (hypot(*free[3:5]) or 1.0)
        return (middle[0] + dy, middle[1] + dx), PointShape(
            fwhm_px=expected.fwhm_px * exp(limited(free[2], freedom.width)),
            stretch=(expected.stretch[0] + reach * free[3], expected.stretch[1] + reach * free[4]),
            wings=max(expected.wings + limited(free[5], freedom.wings), 0.0),
        )

    def height(model: Image) -> float:
        return float((weight**2 * model * part).sum() / (weight**2 * model**2).sum())

    def residual(free: Image) -> Image:
        model = point_image(part.shape, *read(free))
        left: Image = ((part - height(model) * model) * weight)[inside]
        return left

    found = least_squares(residual, np.full(6, 0.01), method="lm", max_nfev=150)
    place, shape = read(found.x)
    tallest = height(point_image(part.shape, place, shape))
    return (place[0] + rows.start, place[1] + columns.start), shape, max(tallest, 0.0)
