"""How noisy every voxel of a cube is, from the errors that the cube states and its scatter beside the line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

__all__ = ["WeighedSpectra", "weighed_spectra"]

FEWEST_PLANES = 6  # beside the line, that tell the noise
FEWEST_NEGATIVE = 10  # spaxels of a plane that tell its noise
CLIP = 3.0  # standard deviations beyond which a plane does not
LEAST_QUANTILE = 0.7  # of all spaxels' scatter, in units of the stated errors, below which none is believed to be
FEWEST_STATED = 0.5  # share of the data with a usable error, below which errors are not believed
WIDEST_STATED = 30.0  # an error over the median or the other way round; what is beyond is taken to be that

Cube64 = NDArray[np.float64]
Image64 = NDArray[np.float64]
Good = NDArray[np.bool_]


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


def weighed_spectra(planes: Cube64, line_mask: Good, errors: NDArray[np.floating] | None = None) -> WeighedSpectra:
    """Measure the noise of every spaxel and plane.

    Errors that a pipeline propagates know nothing of baselines and of correlated noise: they are often too small, by a
    factor. They tell how the noise differs between voxels. How large it is in each spaxel is told by its scatter, which
    is known from a few independent planes only, and so is taken to be no less than elsewhere, in units of the errors.

    Parameters
    ----------
    planes : (n, y, x) float64 ndarray
        The cube, NaN where there are no data.
    line_mask : (n,) bool ndarray
        Planes that may hold the line: the continuum and a spaxel's noise are measured in the others.
    errors : (n, y, x) ndarray, optional
        Standard deviations of any scale. Without, or where few of them can be used, the planes' own scatter tells.
    """
    good = np.isfinite(planes)
    known = np.where(good, planes, 0.0)
    stated = stated_errors(errors, good)
    unit = np.ones_like(known) if stated is None else stated
    continuum, scatter, constrained = scatter_about_continuum(known, unit, good & ~line_mask[:, None, None])
    if not constrained.any():
        return WeighedSpectra(known, np.zeros_like(known), np.full(constrained.shape, np.nan), continuum)
    median = float(np.median(scatter[constrained]))
    typical = median_filter(np.where(constrained, scatter, median), size=5, mode="nearest")
    scatter = np.maximum(scatter, typical)
    if stated is None:
        noise = np.where(constrained, scatter, np.nan)
        normalized = np.where(good & constrained, (known - continuum) / np.where(constrained, noise, 1.0), 0.0)
        return WeighedSpectra(known, good / np.square(noise_of_planes(normalized))[:, None, None], noise, continuum)
    of_spaxel = np.median(stated, axis=0)
    least = np.quantile(scatter[constrained], LEAST_QUANTILE)
    noise = np.where(constrained, np.maximum(scatter, least) * of_spaxel, np.nan)
    return WeighedSpectra(known, good * np.square(of_spaxel / stated), noise, continuum)


def stated_errors(errors: NDArray[np.floating] | None, good: Good) -> Cube64 | None:
    """Return errors that are positive everywhere, or None where too few of the data have a usable one.

    One that is missing, as at the borders of a field, is that of a typical plane of its spaxel, or of the cube.
    """
    if errors is None:
        return None
    with np.errstate(invalid="ignore"):  # of signalling NaN, which flipped bits make
        stated = np.asarray(errors, dtype=np.float64)
    usable = good & np.isfinite(stated) & (stated > 0)
    if not usable.any() or np.count_nonzero(usable) < FEWEST_STATED * np.count_nonzero(good):
        return None
    median = float(np.median(stated[usable]))
    relative = np.clip(np.where(usable, stated, median) / median, 1 / WIDEST_STATED, WIDEST_STATED)
    spaxels = usable.any(axis=0)
    of_spaxel = np.ones(spaxels.shape)
    of_spaxel[spaxels] = np.nanmedian(np.where(usable, relative, np.nan)[:, spaxels], axis=0)
    return np.asarray(np.where(usable, relative, of_spaxel))


def scatter_about_continuum(known: Cube64, unit: Cube64, use: Good) -> tuple[Cube64, Image64, Good]:
    """Return straight lines through the planes in use, the scatter about them in some unit, and where that is known."""
    position = np.linspace(-1, 1, len(known))[:, None, None]
    for _ in range(2):
        continuum = straight_line(known, use, position)
        deviation = (known - continuum) / unit
        count = np.count_nonzero(use, axis=0)
        scatter = np.sqrt(np.square(np.where(use, deviation, 0.0)).sum(axis=0) / np.maximum(count - 2, 1))
        use = use & (np.abs(deviation) <= CLIP * scatter)
    return continuum, scatter, (count >= FEWEST_PLANES) & (scatter > 0)


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
