"""The image of an unresolved source, whose width, shape and wings differ somewhat from those expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.matched.damped_fit import damped_fit
from feii_dask.detectors.matched.image_noise import ImageNoise

__all__ = ["RELATIVE_ERROR", "WINGS", "Freedom", "PointShape", "Points", "fit_points", "point_image"]

Image = NDArray[np.float64]

WING_FWHM = 3.0  # of the broad wings, a Moffat profile of exponent 2, over that of the core
WINGS = 0.012  # their height over the core's: 15 % of the light, as in an Airy pattern obstructed as JWST's is
REACH = 3.0  # FWHM about the place that are fitted
FEWEST_SPAXELS = 9  # to which a point is fitted
RIDGE = 1e-12  # of the normal matrix, added
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


@dataclass(frozen=True, slots=True)
class Points:
    """Unresolved sources of one shape.

    Attributes
    ----------
    places : tuple of tuple of float
        (y, x) of each.
    shape : PointShape
        Of all.
    heights : tuple of float
        Of their cores, none negative.
    """

    places: tuple[tuple[float, float], ...]
    shape: PointShape
    heights: tuple[float, ...]

    def images(self, shape: tuple[int, ...]) -> tuple[Image, ...]:
        """Return the image of each."""
        return tuple(
            height * point_image(shape, place, self.shape)
            for place, height in zip(self.places, self.heights, strict=True)
        )


@dataclass(frozen=True, slots=True, eq=False)
class PointFit:
    """The sum of squares of an image less points of one shape, at their best heights, and smooth light.

    Attributes
    ----------
    noise : ImageNoise
        Of the spaxels that are fitted.
    data : (n,) float64 ndarray
        The image there, with white noise.
    y, x : (n,) float64 ndarray
        The spaxels.
    smooth : (m, n) float64 ndarray
        Of what the smooth light is made.
    count : int
        Number of points.
    """

    noise: ImageNoise
    data: Image
    y: Image
    x: Image
    smooth: Image
    count: int

    @classmethod
    def of(
        cls, image: Image, noise: ImageNoise, near: NDArray[np.bool_], count: int, over_smooth_light: bool
    ) -> PointFit:
        """Return the fit to some spaxels of an image."""
        local = noise.within(near).larger(RELATIVE_ERROR * image)
        y, x = (axis.astype(np.float64) for axis in np.nonzero(near))
        dy, dx = ((axis - axis.mean()) / axis.size**0.5 for axis in (y, x))
        smooth = np.array([dy**0, dy, dx, dy**2, dy * dx, dx**2])[: 6 * over_smooth_light]
        return cls(local, local.white_values(image[near]), y, x, smooth, count)

    def models(self, parameters: Image) -> Image:
        """Return points of height 1 and smooth light, (k, count + m, n), with white noise."""
        shape = parameters[:, 2 * self.count :]
        points = [
            point_values(np.hstack([parameters[:, 2 * number : 2 * number + 2], shape]), self.y, self.x)
            for number in range(self.count)
        ]
        smooth = np.broadcast_to(self.smooth, (len(parameters), *self.smooth.shape))
        return self.noise.white_values(np.concatenate([np.stack(points, axis=1), smooth], axis=1))

    def heights(self, models: Image) -> Image:
        """Return the best height of each part of models, (k, count + m)."""
        normal = models @ models.transpose(0, 2, 1)
        ridge = RIDGE * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(normal.shape[1])
        found: Image = np.linalg.solve(normal + ridge, (models @ self.data)[..., None])[..., 0]
        return found

    def residuals(self, parameters: Image) -> Image:
        """Return what is left of the image, (k, n)."""
        models = self.models(parameters)
        left: Image = self.data - np.matmul(self.heights(models)[:, None], models)[:, 0]
        return left


def fit_points(
    image: Image,
    noise: ImageNoise,
    peaks: Sequence[tuple[float, float]],
    expected: PointShape,
    freedom: Freedom,
    over_smooth_light: bool = False,
) -> Points:
    """Fit points of one shape about some peaks.

    Parameters
    ----------
    image : (y, x) float64 ndarray
        Of a line, or of a continuum.
    noise : ImageNoise
        Its noise.
    peaks : sequence of tuple of float
        Where to begin, (y, x).
    expected : PointShape
        The shape that an unresolved source has about here.
    freedom : Freedom
        By how much it may differ.
    over_smooth_light : bool
        Whether there is other light, which a polynomial of second degree describes nearby.
    """
    y, x = np.indices(image.shape, dtype=np.float64)
    reach_px = max(REACH * expected.fwhm_px, 2.5)
    near = np.any([np.hypot(y - row, x - column) <= reach_px for row, column in peaks], axis=0) & noise.inside
    if np.count_nonzero(near) < FEWEST_SPAXELS * len(peaks):
        heights = (max(float(image[round(row), round(column)]), 0.0) for row, column in peaks)
        return Points(tuple(peaks), expected, tuple(heights))
    fit = PointFit.of(image, noise, near, len(peaks), over_smooth_light)
    middle = np.array([*np.ravel(peaks), log(expected.fwhm_px), *expected.stretch, expected.wings])
    shape_reach = freedom.width, freedom.stretch, freedom.stretch, freedom.wings
    reach = np.array([*(FARTHEST_PX,) * 2 * len(peaks), *shape_reach])
    low = np.maximum(middle - reach, [-np.inf] * (middle.size - 1) + [0.0])
    found, _ = damped_fit(fit.residuals, middle, low, middle + reach)
    best = np.maximum(fit.heights(fit.models(found[None]))[0, : len(peaks)], 0)
    *places, width, along, across, wings = found.tolist()
    return Points(
        places=tuple(zip(places[::2], places[1::2], strict=True)),
        shape=PointShape(exp(width), (along, across), wings),
        heights=tuple(best.tolist()),
    )
