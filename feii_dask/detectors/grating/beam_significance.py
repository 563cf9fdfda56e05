"""How significant a line is at every voxel, averaged over beams and in units of the scatter beside the line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from feii_dask.detectors.grating.line_fits import LineFits
from feii_dask.detectors.grating.weighed_spectra import WeighedSpectra

__all__ = ["BEAMS", "FWHM", "LineSearch", "beam_average", "scatter_beside", "search_lines"]

BEAMS = 1.0, 1.8  # FWHM of the averages, over that of the point-spread function
FWHM = 2.3548  # over the standard deviation of a Gaussian
NORMAL_90 = 1.645  # standard deviations that nine of ten normal deviates do not exceed

Cube64 = NDArray[np.float64]
Planes = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class LineSearch:
    """Fits of a line to every voxel, and their significance.

    Attributes
    ----------
    spectra : WeighedSpectra
        What was fitted.
    fits, beside : LineFits
        To all data, and to those beside the line.
    off_line : (n,) bool ndarray
        Planes whose fits told the scale.
    sharp : (n, y, x) float64 ndarray
        Significance of the averages over the narrower beam.
    significance : (n, y, x) float64 ndarray
        The largest of the beams' averages, standard deviations; NaN where there are too few data.
    scales : tuple of float
        Scatter of the averages over each of `BEAMS`, over that of independent voxels: what it is beside the line tells
        what it is where it is largest.
    nulls : tuple of float
        The largest significance of fits beside the line, as they are and with the sign turned.
    """

    spectra: WeighedSpectra
    fits: LineFits
    beside: LineFits
    off_line: Planes
    sharp: Cube64
    significance: Cube64
    scales: tuple[float, ...]
    nulls: tuple[float, ...]

    @property
    def curve(self) -> NDArray[np.float64]:
        """Significance of the best beam, (n,), in each plane; -inf without data."""
        return np.asarray(np.where(np.isfinite(self.significance), self.significance, -np.inf).max(axis=(1, 2)))

    def beams(self, psf_px: float) -> float:
        """Return how many beams the field has, those of either width counted."""
        known = np.count_nonzero(np.isfinite(self.significance).any(axis=0))
        return sum(max(1.0, known / (width * psf_px) ** 2) for width in BEAMS)


def search_lines(
    spectra: WeighedSpectra, fits: LineFits, beside: LineFits, off_line: Planes, psf_px: float
) -> LineSearch:
    """Average the fits over beams of two widths, and scale each to unit scatter beside the line.

    Parameters
    ----------
    spectra : WeighedSpectra
        What was fitted.
    fits, beside : LineFits
        To all data, and to those beside the line: a strong line bends the continua of fits beside it.
    off_line : (n,) bool ndarray
        The planes beside the line.
    psf_px : float
        FWHM of the point-spread function, spaxels.
    """
    averages, scales, largest, smallest = [], [], [], []
    most = float(fits.scatter.max())
    uneven, uneven_beside = (each.scatter[:, None, None] / most for each in (fits, beside))
    for width in BEAMS:
        off = (beam_average(beside, width * psf_px) / uneven_beside)[off_line]
        off = off[np.isfinite(off)]
        scale = scatter_beside(off)
        averages.append(beam_average(fits, width * psf_px) / (scale * uneven))
        scales.append(scale)
        if off.size:
            largest.append(float(off.max()) / scale)
            smallest.append(float(-off.min()) / scale)
    nulls = (max(largest), max(smallest)) if largest else ()
    told = off_line & (beside.information > 0).any(axis=(1, 2))
    return LineSearch(spectra, fits, beside, told, averages[0], np.fmax(*averages), tuple(scales), nulls)


def scatter_beside(averages: NDArray[np.float64]) -> float:
    """Return the scatter of averages about 0: rms, or that of their 90 % interval if it is larger; 1 without any."""
    if not averages.size:
        return 1.0
    interval = float(np.quantile(np.abs(averages), 0.9)) / NORMAL_90
    return max(interval, float(np.sqrt(np.mean(np.square(averages))))) or 1.0


def beam_average(fits: LineFits, fwhm_px: float) -> Cube64:
    """Return amplitudes averaged over a beam, weighted by what each spaxel knows, over their formal error."""
    spread = fwhm_px / FWHM
    total = gaussian_filter(fits.information * fits.amplitude, spread, axes=(1, 2), mode="constant")
    square = gaussian_filter(fits.information, spread / np.sqrt(2), axes=(1, 2), mode="constant")
    return np.where(fits.information > 0, total / np.sqrt(np.maximum(square, 1e-300)), np.nan)
