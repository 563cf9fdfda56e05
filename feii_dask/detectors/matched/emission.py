"""The light of a line in the spaxels of a region, and its spectra."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.matched.whitening import Residuals

__all__ = ["Emission", "emission_of"]

EXPECTED_OF_NOISE, LEAST_LIGHT = 2.0, 0.5  # standard deviations that the brightest of some planes has; least weight
PRESENT = 0.5  # share of the light that must be in spaxels with data


@dataclass(frozen=True, slots=True, eq=False)
class Emission:
    """A line in a region of a cube.

    Attributes
    ----------
    cube : (n, y x) float32 ndarray
        The spectra of all spaxels in the cube's unit, without continuum and spikes; 0 where there are no data.
    known : (n, y x) float32 ndarray
        1 where there are data, else 0.
    noise : (y, x) float32 ndarray
        Scatter of each spaxel; inf where it has no data.
    light : (y, x) float64 ndarray
        How bright the line is, whatever its velocity; 0 outside of the region.
    searched : (k,) intp ndarray
        Planes in which it may be.
    """

    cube: NDArray[np.float32]
    known: NDArray[np.float32]
    noise: NDArray[np.float32]
    light: NDArray[np.float64]
    searched: NDArray[np.intp]

    def spectra(self, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return sums over spaxels, (s, n), and the planes with enough data, (n,).

        What is missing in a plane is taken to be as bright there as in the others.

        Parameters
        ----------
        weights : (s, y, x) float64 ndarray
            Of the spaxels in each sum.
        """
        flat = weights.reshape(len(weights), -1).astype(np.float32)
        expected = flat * np.maximum(self.light.ravel(), np.finfo(np.float32).tiny).astype(np.float32)
        present = expected @ self.known.T / np.maximum(expected.sum(axis=1), np.finfo(np.float32).tiny)[:, None]
        seen = present > PRESENT
        sums = np.where(seen, flat @ self.cube.T / np.where(seen, present, 1), 0)
        return sums.astype(np.float64), seen.all(axis=0)

    def inverse_variance(self) -> NDArray[np.float64]:
        """Return the best weight of each spaxel, (y, x), in a sum of equally bright ones; 0 without data.

        It is over that of the quietest spaxel: of a cube in W m⁻² the squares would leave the range of floats.
        """
        known = np.isfinite(self.noise) & (self.noise > 0)
        if not known.any():
            return np.zeros(self.noise.shape)
        relative = np.where(known, self.noise, np.inf).astype(np.float64) / float(self.noise[known].min())
        return 1 / np.square(relative)


def emission_of(
    residuals: Residuals, significance: NDArray[np.float32], mask: NDArray[np.bool_], searched: NDArray[np.intp]
) -> Emission:
    """Return the light of a line in a mask.

    Parameters
    ----------
    residuals : Residuals
        Of the cube.
    significance : (n, y, x) float32 ndarray
        Of a line at each voxel.
    mask : (y, x) bool ndarray
        The region.
    searched : (k,) intp ndarray
        Planes in which the line may be.
    """
    noise = np.where(np.isfinite(residuals.noise), residuals.noise, np.float32(0))
    highest = np.maximum(significance[searched].max(axis=0) - EXPECTED_OF_NOISE, LEAST_LIGHT)
    cube = (residuals.normalized * noise).reshape(len(residuals.normalized), -1)
    return Emission(
        cube=cube,
        known=(cube != 0).astype(np.float32),
        noise=residuals.noise,
        light=np.where(mask, highest * noise, 0).astype(np.float64),
        searched=searched,
    )
