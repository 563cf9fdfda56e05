"""Spikes: hits of cosmic rays and warm pixels, which are sharper than spectrograph and telescope let anything be."""

from __future__ import annotations

from itertools import product
from math import exp, log

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.matched.resolution import Resolution

__all__ = ["without_spikes"]

Cube32 = NDArray[np.float32]

SPIKE_PASSES = 2  # what is next to a spike is isolated only when that is gone
SPIKE = 5.0  # standard deviations that a voxel needs to be a spike
# Drizzled into a cube, a detector pixel fills two planes, whatever its phase: the planes beside these have at most so
# much of them, with the charge that spreads to its neighbours. Across, it gives its neighbours this.
HIT_BESIDE, HIT_ACROSS = 0.04, 0.32
BESIDE_VARIANCE, ACROSS_VARIANCE = 2.0, 0.4  # of sums and means of correlated neighbours, in units of the noise
WARM = 0.7  # brightest neighbour of a warm pixel, over what the neighbour of a point would have at least


def without_spikes(normalized: Cube32, resolution: Resolution) -> Cube32:
    """Set to 0 what no light can be, with its 26 neighbours, onto which drizzling spreads it.

    Parameters
    ----------
    normalized : (n, y, x) float32 ndarray
        Residuals over their noise.
    resolution : Resolution
        Nothing can be sharper than this.
    """
    padded = np.pad(normalized, 2)
    for _ in range(SPIKE_PASSES):
        remove_spikes(padded, resolution)
    return np.ascontiguousarray(padded[2:-2, 2:-2, 2:-2])


def remove_spikes(padded: Cube32, resolution: Resolution) -> None:
    """Set spikes to 0, in place, in a cube with a border of two voxels.

    A hit is told from a point that emits a line by what is beside it in wavelength and across: the likelihoods of both
    are compared. A warm pixel is there in many planes, but sharper than any point.
    """
    size = np.abs(padded)
    plane, y, x = np.unravel_index(np.flatnonzero(size > SPIKE), size.shape)  # ten times as fast as nonzero() alone
    peak = size[plane, y, x]
    before, after = size[plane - 1, y, x], size[plane + 1, y, x]
    side = np.where(after > before, 1, -1)
    pair = peak + np.maximum(before, after)
    beside = np.minimum(before, after) + size[plane + 2 * side, y, x]
    sides = size[plane, y - 1, x], size[plane, y + 1, x], size[plane, y, x - 1], size[plane, y, x + 1]
    corners = [size[plane, y + dy, x + dx] for dy, dx in product((-1, 1), repeat=2)]
    across = np.add.reduce(sides) / 4
    evidence = evidence_of_light(beside, pair, HIT_BESIDE, least_beside(resolution.line_planes), BESIDE_VARIANCE)
    evidence += evidence_of_light(across, peak, HIT_ACROSS, point_neighbour(resolution.psf_px), ACROSS_VARIANCE)
    warm = np.maximum.reduce([*sides, *corners]) < WARM * point_neighbour(resolution.psf_px) * peak
    isolated = (evidence < 0) | warm
    plane, y, x = plane[isolated], y[isolated], x[isolated]
    for dp, dy, dx in product((-1, 0, 1), repeat=3):
        padded[plane + dp, y + dy, x + dx] = 0


def evidence_of_light(
    measured: NDArray[np.float32], peak: NDArray[np.float32], hit: float, light: float, variance: float
) -> NDArray[np.float32]:
    """Return the logarithm of the likelihood ratio of light and hit, from what each adds beside its peak."""
    if light <= hit:
        return np.zeros_like(peak)
    excess = np.minimum(measured, light * peak) - (hit + light) / 2 * peak
    ratio: NDArray[np.float32] = excess * (light - hit) * peak / variance
    return ratio


def point_neighbour(psf_px: float) -> float:
    """Return what a neighbouring spaxel has of a point's peak."""
    return exp(-4 * log(2) / psf_px**2)


def least_beside(line_planes: float) -> float:
    """Return what is least beside the two brightest planes of an unresolved line, over these, whatever its phase."""
    offset = np.array([-1.5, -0.5, 0.5, 1.5])
    profile = np.exp(-4 * log(2) * np.square(offset / line_planes))
    return float((profile[0] + profile[-1]) / (profile[1] + profile[2]))
