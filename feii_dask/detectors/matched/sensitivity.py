"""How bright a line must be for the matched filter to find it, wherever in the field it is."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, exp, isfinite, nan

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d
from scipy.optimize import brentq
from scipy.special import ndtr

from feii_dask.detectors.flux_units import LIMIT_WIDTH_KMS, watt_per_unit
from feii_dask.detectors.line_window import LineWindow
from feii_dask.detectors.matched.filters import FilteredCube, gaussian
from feii_dask.detectors.matched.line_regions import border_of
from feii_dask.detectors.matched.resolution import Resolution

__all__ = ["flux_sensitivities"]

FOUND = 0.95  # share of the lines of this flux
QUANTILES = 101  # of the significance among the spaxels
FLUX_RANGE = 10.0  # in natural logarithms, about the flux at which a line in the median voxel is found as often as not


@dataclass(frozen=True, slots=True)
class Extent:
    """How often lines of one extent are found, as a function of their brightness.

    Let x be the significance that the filter gives a point of the same flux at the same place, T the least statistic
    that is significant in this cube, and w the FWHM of the point-spread function in spaxels. A line is found with
    probability (1 - lost) Φ(ln(x / c T) / spread), where c = ratio exp(undersampling / w²): the fewer spaxels, the more
    a line looks like a cosmic ray. Fitted to some 350 lines of each extent, at seven to ten brightnesses each, at
    random places, velocities and angles of simulated drizzled cubes of six scenes, all together.

    Attributes
    ----------
    ratio, undersampling, spread : float
        See above.
    lost : float
        Share of lines that are not found at any brightness, as those whose peak is taken for a cosmic ray.
    """

    ratio: float
    undersampling: float
    spread: float
    lost: float


BEAM, JET = Extent(1.14, 2.09, 0.29, 0.023), Extent(1.56, 1.75, 0.31, 0.0)


def flux_sensitivities(
    filtered: FilteredCube,
    least_statistic: float,
    searched: NDArray[np.intp],
    window: LineWindow,
    resolution: Resolution,
) -> tuple[float, float]:
    """Return the flux at which 95 % of lines are found, anywhere in the field and at any velocity that is searched.

    Of a point, and of a straight line three beams long; both as wide as the point-spread function, with a FWHM of
    100 km/s before the spectrograph. Spaxels at the border of the data are no part of the field: what is there is half
    outside of it.

    Parameters
    ----------
    filtered : FilteredCube
        The cube.
    least_statistic : float
        Least statistic that is significant.
    searched : (k,) intp ndarray
        Planes in which the line may be.
    window : LineWindow
        The planes that the residuals are of.
    resolution : Resolution
        Of the cube, at the line.

    Returns
    -------
    tuple of float
        W m⁻², where the cube is in MJy/sr; NaN where the point-spread function is not known, no spaxel is
        inside, or nothing would be significant.
    """
    valid = np.isfinite(filtered.residuals.noise)
    of_spaxels = of_point(filtered, resolution)
    inner = valid & ~border_of(valid) & (of_spaxels > 0)
    if not (resolution.psf_is_known and inner.any() and isfinite(least_statistic)):
        return nan, nan
    of_spaxels = np.quantile(of_spaxels[inner], np.linspace(0, 1, QUANTILES))
    of_planes = of_profile(filtered, resolution)[searched]
    significance = np.outer(of_spaxels, of_planes) / (watt_per_unit(window, resolution.step_um) * least_statistic)
    return least_flux(BEAM, significance, resolution.psf_px), least_flux(JET, significance, resolution.psf_px)


def least_flux(extent: Extent, significance: NDArray[np.float64], psf_px: float) -> float:
    """Return the flux at which lines are found, given the significance of points of flux 1 over the least one."""
    log_ratio = np.log(significance / extent.ratio) - extent.undersampling / psf_px**2
    middle = float(np.median(log_ratio))

    def excess(log_flux: float) -> float:
        found = ndtr((log_flux + log_ratio - middle) / extent.spread).mean()
        return (1 - extent.lost) * float(found) - FOUND

    return exp(brentq(excess, -FLUX_RANGE, FLUX_RANGE, xtol=1e-3) - middle)


def of_point(filtered: FilteredCube, resolution: Resolution) -> NDArray[np.float64]:
    """Return how significant a point of flux 1 is at each spaxel, (y, x), but for its profile."""
    noise = filtered.residuals.noise
    weight = np.where(np.isfinite(noise), 1 / noise, 0).astype(np.float64)
    response = seen(seen(weight, resolution.psf_px, 0), resolution.psf_px, 1)
    significance: NDArray[np.float64] = response / filtered.scatter
    return significance


def of_profile(filtered: FilteredCube, resolution: Resolution) -> NDArray[np.float64]:
    """Return how significant a profile of sum 1 is at each plane, (n,), but for its place."""
    return seen(1 / filtered.plane_noise.astype(np.float64), resolution.width_planes(LIMIT_WIDTH_KMS), 0)


def seen(weight: NDArray[np.float64], fwhm: float, axis: int) -> NDArray[np.float64]:
    """Return what a Gaussian filter of unit norm makes, in its middle, of a Gaussian of sum 1 times some weights."""
    reach = ceil(2 * fwhm)
    profile = gaussian(np.arange(-reach, reach + 1), fwhm)
    response: NDArray[np.float64] = correlate1d(weight, np.square(profile), axis, mode="constant")
    response /= np.linalg.norm(profile) * profile.sum()
    return response
