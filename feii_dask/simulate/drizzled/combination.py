"""The combination of a cube's exposures without their bad pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from feii_dask.simulate.drizzled.drizzle import Drizzle

__all__ = ["Combination"]

DO_NOT_USE, OUTSIDE = 1, 513  # values of DQ: a hole, and a voxel outside of the field (512 NON_SCIENCE + 1)


@dataclass(frozen=True, eq=False)
class Combination:
    """Weighted means over the good pixels.

    Attributes
    ----------
    drizzle : Drizzle
        Exposures and weights.
    good : (exposure, slice, row, column) float32 ndarray, or None
        1 where a pixel is good, otherwise 0; None if all are.
    """

    drizzle: Drizzle
    good: NDArray[np.float32] | None = None

    @cached_property
    def weight(self) -> NDArray[np.float32]:
        """Sum of the weights of every voxel's good pixels, (λ, y, x)."""
        if self.good is None:
            return self.drizzle.full_weight
        return self.drizzle.summed(self.good)

    def combined(self, pixels: NDArray[np.float32], planes: slice = slice(None)) -> NDArray[np.float32]:
        """Return the weighted means of pixels, (λ, y, x), in all or some planes; 0 where there is none."""
        summed = self.drizzle.summed(pixels if self.good is None else pixels * self.good, planes)
        weight = self.weight[planes]
        return np.divide(summed, weight, out=np.zeros_like(summed), where=weight > 0)

    def error(self, noise: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the noise of the means, from that of the pixels, without the covariance of voxels."""
        variance = np.square(noise) if self.good is None else np.square(noise) * self.good
        deviation = np.sqrt(self.drizzle.summed(variance, power=2))
        return np.divide(deviation, self.weight, out=np.zeros_like(deviation), where=self.weight > 0)

    def quality(self) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
        """Return DQ and WMAP, the number of good pixels in a voxel."""
        wmap = self.drizzle.contributions
        if self.good is not None:
            wmap = self.drizzle.summed(self.good, power=0)
        no_data = self.drizzle.exposures.band.no_data_um
        if no_data is not None:
            wavelength_um = self.drizzle.exposures.wavelength_um
            empty = (wavelength_um > no_data[0]) & (wavelength_um < no_data[1])
            wmap = np.where(empty[:, None, None], np.float32(0), wmap)
        outside = (self.drizzle.contributions == 0) | ((wmap == 0).all(axis=(1, 2)))[:, None, None]
        dq = np.where(wmap == 0, DO_NOT_USE, 0).astype(np.uint32)
        dq[outside] = OUTSIDE
        return dq, wmap.copy()
