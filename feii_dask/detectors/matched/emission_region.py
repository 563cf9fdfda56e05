"""The whole region of a line's emission: light that is connected, whatever its velocity."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, distance_transform_edt, label

from feii_dask.detectors.matched.resolution import Resolution
from feii_dask.detectors.matched.whitening import Residuals

__all__ = ["Seed", "disc", "grow_region"]

JOINED = 3.0  # significance of a voxel that is joined to its neighbours
FAINTEST = 0.01  # share of the peak below which light is the wings of the point-spread function
COMPANION = 5.0  # significance of the peak of a part that is not connected
GAP, LEAST_GAP_PX = 2.0, 4.0  # FWHM of the point-spread function, and spaxels, that may lie between it and the rest
MARGIN = 1.0  # FWHM by which the region is enlarged: where it ends by chance, light is lost
NOISY = 3.0  # noise of a spaxel, over that of the region's, which is not taken in as margin: a star's would drown it
EVERY_NEIGHBOUR = np.ones((3, 3, 3), dtype=bool)


@dataclass(frozen=True, slots=True, eq=False)
class Seed:
    """Where a line was found.

    Attributes
    ----------
    mask : (y, x) bool ndarray
        Spaxels whose spectra, together, showed it.
    plane : int
        Where that spectrum peaks.
    line_extent : tuple of int
        The planes, as start and stop, in which it shows no other line.
    significance : float
        Of the peak.
    faults : (y, x) bool ndarray, optional
        Spaxels in the same planes, of which the light is no line's.
    """

    mask: NDArray[np.bool_]
    plane: int
    line_extent: tuple[int, int]
    significance: float = inf
    faults: NDArray[np.bool_] | None = None


def grow_region(
    significance: NDArray[np.float32],
    residuals: Residuals,
    seed: Seed,
    searched: NDArray[np.intp],
    resolution: Resolution,
) -> NDArray[np.bool_]:
    """Return the spaxels, (y, x), of all light that is connected to a seed in space and wavelength, or lies next to it.

    The two lobes of a jet may have no plane in common: a part that is significant by itself is joined across a gap.

    Parameters
    ----------
    significance : (n, y, x) float32 ndarray
        Of a line at each voxel.
    residuals : Residuals
        Of the cube.
    seed : Seed
        Where to begin.
    searched : (k,) intp ndarray
        Planes in which the line may be.
    resolution : Resolution
        Of the cube.
    """
    valid = np.isfinite(residuals.noise)
    if seed.faults is not None and seed.faults.any():
        valid &= distance_transform_edt(~seed.mask) <= distance_transform_edt(~seed.faults)
    planes = np.union1d(searched, seed.plane)
    excerpt = np.where(valid, significance[planes], 0)
    brightest = float(excerpt[:, seed.mask].max(initial=0))
    bright = excerpt > max(JOINED, FAINTEST * brightest)
    bright[1:][np.diff(planes) > 1] = False  # planes of a known neighbour part what lies on its two sides
    labels, count = label(bright, EVERY_NEIGHBOUR)
    at_seed = int(np.searchsorted(planes, seed.plane))
    connected = np.zeros(count + 1, dtype=bool)
    connected[labels[max(at_seed - 1, 0) : at_seed + 2][:, seed.mask]] = True
    connected[0] = False
    mask = connected[labels].any(axis=0) if connected.any() else seed.mask & valid
    near = binary_dilation(mask, disc(max(GAP * resolution.psf_px, LEAST_GAP_PX)))
    peaks = np.zeros(count + 1)
    np.maximum.at(peaks, labels[bright], excerpt[bright])
    for part in np.flatnonzero((peaks > COMPANION) & ~connected):
        footprint = (labels == part).any(axis=0)
        if (footprint & near).any():
            mask = mask | footprint
    quiet = residuals.noise < NOISY * np.median(residuals.noise[mask]) if mask.any() else valid
    grown: NDArray[np.bool_] = mask | (
        binary_dilation(mask, disc(max(1.0, MARGIN * resolution.psf_px))) & valid & quiet
    )
    return grown


def disc(radius_px: float) -> NDArray[np.bool_]:
    """Return a disc, of at least one spaxel, as a structuring element."""
    reach = int(radius_px)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside: NDArray[np.bool_] = y**2 + x**2 <= radius_px**2
    return inside
