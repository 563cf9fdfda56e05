"""The image of an unresolved source, whose width, shape and wings differ somewhat from those expected."""

from __future__ import annotations

from dataclasses import dataclass
from math import atan, pi, sqrt, tan

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

__all__ = ["PointShape", "fit_point", "point_image"]

Image = NDArray[np.float64]

# The MRS is 60 % broader than the diffraction limit along its long axis at 5 µm, 15 % at 28 µm (Argyriou et al. 2023,
# A&A 675, A111); what is known of a width holds to some 15 %.
WIDTH_RANGE = 0.16  # of the logarithm of the width
SHAPE_RANGE = 0.25  # of the ellipticity
WING_FWHM = 3.0  # of the broad wings, over that of the core
# An Airy pattern, obstructed as JWST's is, has some 15 % of its light in such wings: 0.012 of the peak.
WINGS, MOST_WINGS = 0.012, 0.04
EXPONENT, EXPONENTS = 6.0, (1.8, 12.0)  # of the core, a Moffat profile: from broad wings to nearly a Gaussian
REACH = 3.0  # FWHM about the place that are fitted
PRIOR = 0.3  # weight of what is expected, against one standard deviation of the data
RELATIVE_ERROR = 0.04  # of any model of a point-spread function


@dataclass(frozen=True, slots=True)
class PointShape:
    """What images of unresolved sources look like.

    Attributes
    ----------
    fwhm_px : float
        Of the core, geometric mean of both axes.
    stretch : tuple of float
        Ellipticity (a² - b²) / (a² + b²), times cosine and sine of twice the angle from the x axis.
    exponent : float
        Of the core's Moffat profile.
    wings : float
        Height of the broad wings over that of the core.
    """

    fwhm_px: float
    stretch: tuple[float, float] = (0.0, 0.0)
    exponent: float = EXPONENT
    wings: float = WINGS


def moffat(square_px: Image, fwhm_px: float, exponent: float) -> Image:
    """Return a Moffat profile of peak 1."""
    profile: Image = (1 + square_px * (4 * (2 ** (1 / exponent) - 1) / fwhm_px**2)) ** -exponent
    return profile


def point_image(shape: tuple[int, ...], place: tuple[float, float], source: PointShape) -> Image:
    """Return the image of a point whose core has a peak of 1."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    dy, dx = y - place[0], x - place[1]
    along, across = source.stretch
    # by the inverse of the matrix [[1 + along, across], [across, 1 - along]], made to have a determinant of 1
    square = (1 - along) * dx**2 - 2 * across * dx * dy + (1 + along) * dy**2
    core = moffat(square / sqrt(1 - along**2 - across**2), source.fwhm_px, source.exponent)
    return core + source.wings * moffat(dy**2 + dx**2, WING_FWHM * source.fwhm_px, 2.0)


def between(free: float, low: float, high: float) -> float:
    """Map a number of any size to one between two limits."""
    return low + (high - low) * (0.5 + atan(free) / pi)


def free_of(value: float, low: float, high: float) -> float:
    """Return the inverse of `between`."""
    share = min(max((value - low) / (high - low), 0.02), 0.98)
    return tan(pi * (share - 0.5))


def fit_point(
    image: Image, noise: Image, peak: tuple[int, int], expected: PointShape, width_range: float = WIDTH_RANGE
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
    width_range : float
        By how much the logarithm of the width may differ from that.
    """
    y, x = np.indices(image.shape)
    near = (np.hypot(y - peak[0], x - peak[1]) <= max(REACH * expected.fwhm_px, 2.5)) & np.isfinite(noise)
    if np.count_nonzero(near) < 9:
        return (float(peak[0]), float(peak[1])), expected, max(float(image[peak]), 0.0)
    box = slice(y[near].min(), y[near].max() + 1), slice(x[near].min(), x[near].max() + 1)
    origin, part, inside = (box[0].start, box[1].start), image[box], near[box]
    weight = inside / np.where(inside, np.hypot(noise[box], RELATIVE_ERROR * part), 1)

    def read(free: Image) -> tuple[tuple[float, float], PointShape]:
        place = peak[0] - origin[0] + between(free[0], -1.5, 1.5), peak[1] - origin[1] + between(free[1], -1.5, 1.5)
        ellipticity = SHAPE_RANGE * np.hypot(*free[3:5]) / (1 + np.hypot(*free[3:5]))
        angle = np.arctan2(free[4], free[3])
        return place, PointShape(
            fwhm_px=expected.fwhm_px * float(np.exp(between(free[2], -width_range, width_range))),
            stretch=(float(ellipticity * np.cos(angle)), float(ellipticity * np.sin(angle))),
            exponent=between(free[5], *EXPONENTS),
            wings=between(free[6], 0, MOST_WINGS),
        )

    def height(model: Image) -> float:
        return float((weight**2 * model * part).sum() / (weight**2 * model**2).sum())

    def residual(free: Image) -> Image:
        model = point_image(part.shape, *read(free))
        left: Image = ((part - height(model) * model) * weight)[inside]
        return np.concatenate([left, PRIOR * (free - start)])

    tails = free_of(expected.exponent, *EXPONENTS), free_of(expected.wings, 0, MOST_WINGS)
    start = np.array([0.0, 0.0, 0.0, *expected.stretch, *tails])
    found = least_squares(residual, start, method="lm", max_nfev=200)
    place, shape = read(found.x)
    tallest = height(point_image(part.shape, place, shape))
    return (place[0] + origin[0], place[1] + origin[1]), shape, max(tallest, 0.0)

