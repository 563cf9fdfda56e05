"""A line and a straight continuum fitted to the spectrum of every spaxel, centred on each plane in turn."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.grating.correlated_noise import expected_scatter
from feii_dask.detectors.grating.weighed_spectra import WeighedSpectra

__all__ = ["LineFits", "fit_lines"]

FEWEST_ELEMENTS = 2.5  # resolution elements with data that tell a line from its continuum
DEGREE = 1  # of the continuum
SINGULAR = 1e-9  # determinant of the normal equations, scaled to unit trace, that cannot be solved

Cube64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LineFits:
    """Lines fitted to the spectrum of every spaxel, one centred on each of some planes.

    Attributes
    ----------
    amplitude : (m, y, x) float64 ndarray
        Peak of the line in the cube's unit; 0 where there are too few data.
    information : (m, y, x) float64 ndarray
        Inverse variance of the amplitude, as independent voxels would have it; 0 where there are too few data.
    scatter : (m,) float64 ndarray
        By what a typical spaxel's amplitude scatters more since planes share their noise.
    """

    amplitude: Cube64
    information: Cube64
    scatter: NDArray[np.float64]


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
    scatter = expected_scatter(profile, bases, weight.mean(axis=(1, 2)), line_planes)
    information = np.where(constrained, information / square_noise, 0.0)
    return LineFits(np.where(constrained, amplitude, 0.0), information, scatter)


def continuum_bases(planes: int) -> NDArray[np.float64]:
    """Return the polynomials, (degree + 1, n), of which a continuum is made."""
    return np.asarray(np.polynomial.legendre.legvander(np.linspace(-1, 1, planes), DEGREE).T)
