"""The image of an unresolved source, whose width, shape and wings differ somewhat from those expected."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.matched.damped_fit import damped_fit

__all__ = ["RELATIVE_ERROR", "WINGS", "Freedom", "PointShape", "fit_point", "point_image"]

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
    y, x = np.indices(shape, dtype=np.float64)
    parameters = np.array([[*place, log(source.fwhm_px), *source.stretch, source.wings]])
    return point_values(parameters, y.ravel(), x.ravel()).reshape(shape)


def point_values(parameters: Image, y: Image, x: Image) -> Image:
    """Return the brightness, (k, n), that points have at some spaxels.

    Parameters
    ----------
    parameters : (k, 6) float64 ndarray
        Place (y, x), logarithm of the FWHM, both components of the stretch, and wings, of each point.
    y, x : (n,) float64 ndarray
        The spaxels.
    """
    y0, x0, log_fwhm, along, across, wings = parameters.T[:, :, None]
    dy, dx, inverse_square = y - y0, x - x0, np.exp(-2 * log_fwhm)
    # by the inverse of the matrix [[1 + along, across], [across, 1 - along]], made to have a determinant of 1
    square = (1 - along) * dx**2 - 2 * across * dx * dy + (1 + along) * dy**2
    core = np.exp(-4 * log(2) * inverse_square / np.sqrt(1 - along**2 - across**2) * square)
    wing = 1 / np.square(1 + 4 * (sqrt(2) - 1) / WING_FWHM**2 * inverse_square * (dy**2 + dx**2))
    values: Image = core + wings * wing
    return values


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
    y, x = np.indices((len(image), image.shape[1]))
    near = (np.hypot(y - peak[0], x - peak[1]) <= max(REACH * expected.fwhm_px, 2.5)) & np.isfinite(noise)
    if np.count_nonzero(near) < 9:
        return (float(peak[0]), float(peak[1])), expected, max(float(image[peak]), 0.0)
    weight, data = 1 / np.hypot(noise[near], RELATIVE_ERROR * image[near]), image[near]
    spaxels = y[near].astype(np.float64), x[near].astype(np.float64)

    def heights(models: Image) -> Image:
        found: Image = (models * (data * weight**2)).sum(axis=1) / (np.square(models * weight)).sum(axis=1)
        return found

    def residuals(parameters: Image) -> Image:
        models = point_values(parameters, *spaxels)
        left: Image = (data - heights(models)[:, None] * models) * weight
        return left

    middle = np.array([*peak, log(expected.fwhm_px), *expected.stretch, expected.wings])
    reach = np.array([FARTHEST_PX, FARTHEST_PX, freedom.width, freedom.stretch, freedom.stretch, freedom.wings])
    low = np.maximum(middle - reach, [-np.inf] * 5 + [0.0])
    found, _ = damped_fit(residuals, middle, low, middle + reach)
    height = float(heights(point_values(found[None], *spaxels))[0])
    shape = PointShape(exp(found[2]), (float(found[3]), float(found[4])), float(found[5]))
    return (float(found[0]), float(found[1])), shape, max(height, 0.0)
