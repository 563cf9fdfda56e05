"""A line and a straight continuum fitted to the spectrum of every spaxel, centred on each plane in turn."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

__all__ = ["LineFits", "WeighedSpectra", "fit_lines", "weighed_spectra"]

FEWEST_ELEMENTS = 2.5  # resolution elements with data that tell a line from its continuum
FEWEST_PLANES = 6  # beside the line, that tell the noise
FEWEST_NEGATIVE = 10  # spaxels of a plane that tell its noise
DEGREE = 1  # of the continuum
SINGULAR = 1e-9  # determinant of the normal equations, scaled to unit trace, that cannot be solved
CLIP = 3.0  # standard deviations beyond which a plane does not

Cube64 = NDArray[np.float64]
Image64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class WeighedSpectra:
    """The spectra of all spaxels, and what each of their planes counts.

    Attributes
    ----------
    known : (n, y, x) float64 ndarray
        The cube, 0 where there are no data.
    weight : (n, y, x) float64 ndarray
        Square of the spaxel's noise over that of the voxel; 0 where there are no data.
    noise : (y, x) float64 ndarray
        Scatter of the spaxel about its continuum, no less than typical in its neighbourhood; NaN without enough data.
    continuum : (n, y, x) float64 ndarray
        Straight lines through the planes beside the line.
    """

    known: Cube64
    weight: Cube64
    noise: Image64
    continuum: Cube64

    def without(self, line_mask: NDArray[np.bool_]) -> WeighedSpectra:
        """Return the same without weight in the planes of a mask, (n,)."""
        weight = np.where(line_mask[:, None, None], 0.0, self.weight)
        return WeighedSpectra(self.known, weight, self.noise, self.continuum)


@dataclass(frozen=True, slots=True, eq=False)
class LineFits:
    """Lines fitted to the spectrum of every spaxel, one centred on each of some planes.

    Attributes
    ----------
    amplitude : (m, y, x) float64 ndarray
        Peak of the line in the cube's unit; 0 where there are too few data.
    information : (m, y, x) float64 ndarray
        Inverse variance of the amplitude, as independent voxels would have it; 0 where there are too few data.
    """

    amplitude: Cube64
    information: Cube64


def fit_lines(spectra: WeighedSpectra, centres: NDArray[np.float64], line_planes: float) -> LineFits:
    """Fit by weighted least squares; a plane counts by its noise, and only where it has data.

    The line's coefficient follows from the normal equations by eliminating the two of the continuum (their Schur
    complement).

    Parameters
    ----------
    spectra : WeighedSpectra
        Of n planes.
    centres : (m,) float64 ndarray
        Where the lines are centred, planes.
    line_planes : float
        FWHM of the line, planes.
    """
    weight, weighted = spectra.weight, spectra.weight * spectra.known
    bases = continuum_bases(len(weight))
    profile = np.exp(-4 * log(2) * np.square((np.arange(len(weight)) - centres[:, None]) / line_planes))
    normal = np.moveaxis(np.tensordot(bases[:, None] * bases, weight, axes=1), (0, 1), (-2, -1))
    trace = np.trace(normal, axis1=-2, axis2=-1)[..., None, None]
    solvable = np.linalg.det(normal / np.maximum(trace, 1e-300)) > SINGULAR
    normal = np.where(solvable[..., None, None], normal, np.eye(len(bases)))
    crossed = np.stack([np.tensordot(profile * basis, weight, axes=1) for basis in bases])
    inverse = np.moveaxis(np.linalg.inv(normal), (-2, -1), (0, 1))
    per_line = (inverse[:, :, None] * crossed).sum(axis=1)
    gg = np.tensordot(np.square(profile), weight, axes=1)
    information = gg - (per_line * crossed).sum(axis=0)
    of_continuum = np.tensordot(bases, weighted, axes=1)[:, None]
    response = np.tensordot(profile, weighted, axes=1) - (per_line * of_continuum).sum(axis=0)
    # At least half of the line's planes, and enough spectrum for three coefficients.
    good = weight > 0
    enough = solvable & (good.sum(axis=0) >= FEWEST_ELEMENTS * line_planes) & np.isfinite(spectra.noise)
    whole = np.square(profile).sum(axis=1).max()
    seen = np.tensordot(np.square(profile), good.astype(np.float64), axes=1) / whole
    constrained = enough & (seen > 0.5) & (information > 0.1 * gg)
    amplitude = response / np.where(constrained, information, 1.0)
    square_noise = np.square(np.where(np.isfinite(spectra.noise), spectra.noise, 1.0))
    return LineFits(np.where(constrained, amplitude, 0.0), np.where(constrained, information / square_noise, 0.0))


def weighed_spectra(planes: Cube64, line_mask: NDArray[np.bool_]) -> WeighedSpectra:
    """Measure the noise of every spaxel and plane.

    Parameters
    ----------
    planes : (n, y, x) float64 ndarray
        The cube, NaN where there are no data.
    line_mask : (n,) bool ndarray
        Planes that may hold the line: the continuum and a spaxel's noise are measured in the others.
    """
    good = np.isfinite(planes)
    known = np.where(good, planes, 0.0)
    position = np.linspace(-1, 1, len(planes))[:, None, None]
    use = good & ~line_mask[:, None, None]
    for _ in range(2):
        continuum = straight_line(known, use, position)
        count = np.count_nonzero(use, axis=0)
        scatter = np.sqrt(np.square(np.where(use, known - continuum, 0.0)).sum(axis=0) / np.maximum(count - 2, 1))
        use &= np.abs(known - continuum) <= CLIP * scatter
    constrained = (count >= FEWEST_PLANES) & (scatter > 0)
    if not constrained.any():
        return WeighedSpectra(known, np.zeros_like(known), np.full(constrained.shape, np.nan), continuum)
    typical = median_filter(np.where(constrained, scatter, np.median(scatter[constrained])), size=5, mode="nearest")
    noise = np.where(constrained, np.maximum(scatter, typical), np.nan)
    normalized = np.where(good & constrained, (known - continuum) / np.where(constrained, noise, 1.0), 0.0)
    weight = good / np.square(noise_of_planes(normalized))[:, None, None]
    return WeighedSpectra(known, weight, noise, continuum)


def noise_of_planes(normalized: Cube64) -> NDArray[np.float64]:
    """Return how much noisier than the median each plane is, (n,), but no less noisy than that.

    Only negative residuals tell: emission adds to the others. Where a line leaves few of them the plane is as others.
    """
    negative = np.minimum(normalized, 0.0)
    count = np.count_nonzero(negative, axis=(1, 2))
    told = count >= FEWEST_NEGATIVE
    if not told.any():
        return np.ones(len(normalized))
    noise = np.sqrt(np.square(negative).sum(axis=(1, 2)) / np.maximum(count, 1))
    typical = float(np.median(noise[told]))
    return np.where(told, np.maximum(noise, typical), typical)


def straight_line(known: Cube64, use: NDArray[np.bool_], position: Cube64) -> Cube64:
    """Return the least-squares line through the planes in use of every spaxel."""
    count = np.maximum(np.count_nonzero(use, axis=0), 1)
    centre, mean = (np.where(use, values, 0.0).sum(axis=0) / count for values in (position, known))
    lever = np.where(use, position - centre, 0.0)
    spread = np.square(lever).sum(axis=0)
    slope = (lever * (known - mean)).sum(axis=0) / np.where(spread > 0, spread, 1.0)
    return np.asarray(mean + slope * (position - centre))


def continuum_bases(planes: int) -> NDArray[np.float64]:
    """Return the polynomials, (degree + 1, n), of which a continuum is made."""
    return np.asarray(np.polynomial.legendre.legvander(np.linspace(-1, 1, planes), DEGREE).T)
