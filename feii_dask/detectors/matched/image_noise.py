"""The noise of images: of each spaxel by itself, and what spaxels about stars have in common."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.matched.continuum import MAD_OF_NORMAL

__all__ = ["ImageNoise", "noise_of_images", "spread_of"]

Image = NDArray[np.float64]

NOISY = 1.4  # noise of a spaxel, over the median, beyond which it is that of a star's continuum
MOST_PATTERNS = 12  # of all spaxels about a star; in simulated cubes they leave them as noisy as the sky, within 2
MOST_SPAXELS = 3  # about stars, over the images: with more, patterns are those of chance


@dataclass(frozen=True, slots=True, eq=False)
class ImageNoise:
    """Noise with a covariance that is diagonal but for a few patterns.

    Attributes
    ----------
    scale : (y, x) float64 ndarray
        Of each spaxel by itself; inf where there are no data.
    modes : (k, y, x) float64 ndarray
        Patterns, each as large as its standard deviation.
    inside : (y, x) bool ndarray
        Spaxels with data.
    directions : (k, n) float64 ndarray
        Of the patterns over the scale, orthonormal, in the spaxels with data.
    shares : (k,) float64 ndarray
        Which share of an image in each direction is taken out of it to make its noise white.
    """

    scale: Image
    modes: Image
    inside: NDArray[np.bool_]
    directions: Image
    shares: NDArray[np.float64]

    @classmethod
    def of(cls, scale: Image, modes: Image | None = None) -> ImageNoise:
        """Return noise of a scale, with patterns."""
        inside = np.isfinite(scale)
        if modes is None or not len(modes):
            modes = np.zeros((0, *scale.shape))
            return cls(scale, modes, inside, np.zeros((0, np.count_nonzero(inside))), np.zeros(0))
        _, sizes, directions = np.linalg.svd(modes[:, inside] / scale[inside], full_matrices=False)
        return cls(scale, modes, inside, directions, 1 - 1 / np.sqrt(1 + sizes**2))

    def larger(self, error: Image) -> ImageNoise:
        """Return it with another, independent error of each spaxel."""
        return ImageNoise.of(np.hypot(self.scale, error), self.modes)

    def within(self, spaxels: NDArray[np.bool_]) -> ImageNoise:
        """Return it for some spaxels only."""
        return ImageNoise.of(np.where(spaxels, self.scale, np.inf), self.modes)

    def white(self, images: Image) -> Image:
        """Return images, (…, y, x), as (…, n) of the spaxels with data, with independent noise of variance 1."""
        return self.white_values(images[..., self.inside])

    def white_values(self, values: Image) -> Image:
        """Return the values of the spaxels with data, (…, n), with independent noise of variance 1."""
        flat = values / self.scale[self.inside]
        found: Image = flat - (flat @ self.directions.T * self.shares) @ self.directions
        return found

    def over_variance(self, images: Image) -> Image:
        """Return images, (…, y, x), multiplied with the inverse of the covariance: 0 where there are no data."""
        flat = self.white(images)
        found = np.zeros_like(images)
        found[..., self.inside] = (flat - (flat @ self.directions.T * self.shares) @ self.directions) / self.scale[
            self.inside
        ]
        return found


def noise_of_images(images: Image, valid: NDArray[np.bool_], scale: Image) -> ImageNoise:
    """Return the noise that images, (k, y, x), without a line show.

    Drizzling samples a star in a way that changes with wavelength: its spaxels rise and fall together, in a few
    patterns, by much more than the noise of each. Patterns are taken from spaxels that are noisier than most.

    Parameters
    ----------
    images : (k, y, x) float64 ndarray
        At other wavelengths.
    valid : (y, x) bool ndarray
        Spaxels with data.
    scale : (y, x) float64 ndarray
        Scatter of the images in each spaxel.
    """
    plain = np.where(valid, scale, np.inf)
    typical = float(np.median(scale[valid])) if valid.any() else 1.0
    starlit = valid & (scale > NOISY * typical)
    if not 0 < np.count_nonzero(starlit) < MOST_SPAXELS * len(images):
        return ImageNoise.of(plain)
    patterns, rest = patterns_of(images[:, starlit] / typical)
    plain[starlit] = np.maximum(rest, 1.0) * typical
    modes = np.zeros((len(patterns), *valid.shape))
    modes[:, starlit] = patterns * typical
    return ImageNoise.of(plain, modes)


def patterns_of(values: Image) -> tuple[Image, NDArray[np.float64]]:
    """Return patterns, (m, n), that vary in values, (k, n), by more than white noise of variance 1, and what is left.

    No image counts as larger than the median one, and the variance along a direction is taken from a median, so that a
    line in a few images makes no pattern. Chance alone reaches the square of 1 + √(n / k), and adds n / k to what is
    larger (Marchenko and Pastur 1967).
    """
    count, size = values.shape
    lengths = np.linalg.norm(values, axis=1)
    most = np.median(lengths)
    _, _, directions = np.linalg.svd(values * (most / np.maximum(lengths, most))[:, None], full_matrices=False)
    directions = directions[:MOST_PATTERNS]
    variance = np.square(spread_of(values @ directions.T))
    seen = variance > (1 + sqrt(size / count)) ** 2
    directions, variance = directions[seen], variance[seen] - size / count
    left = values - values @ directions.T @ directions
    return directions * np.sqrt(variance)[:, None], spread_of(left) / sqrt(1 - len(variance) / count)


def spread_of(values: Image) -> Image:
    """Return the robust standard deviation along the first axis, about 0."""
    spread: Image = np.median(abs(values), axis=0) / MAD_OF_NORMAL
    return spread
