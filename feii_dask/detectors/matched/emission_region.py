"""The whole region of a line's emission: light that is connected, whatever its velocity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label

from feii_dask.detectors.matched.resolution import Resolution

__all__ = ["Seed", "disc", "grow_region"]

JOINED = 3.0  # significance of a voxel that is joined to its neighbours
FAINTEST = 0.01  # share of the peak below which light is the wings of the point-spread function
COMPANION = 5.0  # significance of the peak of a part that is not connected
GAP, LEAST_GAP_PX = 2.0, 4.0  # FWHM of the point-spread function, and spaxels, that may lie between it and the rest
MARGIN = 0.5  # FWHM by which the region is enlarged: where it ends by chance, light is lost
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
    """

    mask: NDArray[np.bool_]
    plane: int
    line_extent: tuple[int, int]


def grow_region(
    significance: NDArray[np.float32],
    seed: Seed,
    searched: NDArray[np.intp],
    valid: NDArray[np.bool_],
    resolution: Resolution,
) -> NDArray[np.bool_]:
    """Return the spaxels, (y, x), of all light that is connected to a seed in space and wavelength, or lies next to it.

    The two lobes of a jet may have no plane in common: a part that is significant by itself is joined across a gap.

    Parameters
    ----------
    significance : (n, y, x) float32 ndarray
        Of a line at each voxel.
    seed : Seed
        Where to begin.
    searched : (k,) intp ndarray
        Planes in which the line may be.
    valid : (y, x) bool ndarray
        Spaxels with data.
    resolution : Resolution
        Of the cube.
    """
    planes = np.union1d(searched, np.clip(seed.plane, 0, len(significance) - 1))
    excerpt = significance[planes]
    excerpt = np.where(valid, excerpt, 0)
    brightest = float(excerpt[:, seed.mask].max(initial=0))
    bright = excerpt > max(JOINED, FAINTEST * brightest)
    bright[1:][np.diff(planes) > 1] = False  # planes of a known neighbour part what lies on its two sides
    labels, _ = label(bright, EVERY_NEIGHBOUR)
    peaks = np.zeros(labels.max() + 1)
    np.maximum.at(peaks, labels.ravel(), excerpt.ravel())
    at_seed = int(np.searchsorted(planes, seed.plane))
    inside = np.unique(labels[max(at_seed - 1, 0) : at_seed + 2][:, seed.mask])
    inside = inside[inside > 0]
    mask = np.isin(labels, inside).any(axis=0) | (seed.mask & ~np.any(inside))
    others = [part for part in np.flatnonzero(peaks > COMPANION) if part and part not in inside]
    near = binary_dilation(mask, disc(max(GAP * resolution.psf_px, LEAST_GAP_PX)))
    for part in others:
        footprint = (labels == part).any(axis=0)
        if (footprint & near).any():
            mask |= footprint
    return binary_dilation(mask, disc(max(1.0, MARGIN * resolution.psf_px))) & valid


def disc(radius_px: float) -> NDArray[np.bool_]:
    """Return a disc, of at least one spaxel, as a structuring element."""
    reach = int(radius_px)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside: NDArray[np.bool_] = y**2 + x**2 <= radius_px**2
    return inside
