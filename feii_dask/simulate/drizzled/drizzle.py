"""Drizzling: from the detector pixels of all exposures to the voxels of a cube.

It is the three-dimensional drizzle of the pipeline (Law et al. 2023, AJ 166, 45): the weight of a detector pixel in a
voxel is the area that its footprint shares with the spaxel times the range of wavelengths that it shares with the
plane, both without shrinking the pixel; a voxel is the weighted mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from feii_dask.simulate.drizzled.geometry import PHASES, Exposures, exposures_of
from feii_dask.simulate.drizzled.overlap import shared_areas

__all__ = ["Drizzle", "drizzle_of"]


@dataclass(frozen=True, eq=False)
class Drizzle:
    """The exposures of a cube, and the weights of their pixels in its voxels.

    Attributes
    ----------
    exposures : Exposures
        The detector pixels.
    weights : (voxels, pixels) csr_array, float32
        Weights, in spaxels times planes.
    """

    exposures: Exposures
    weights: csr_array

    @property
    def cube_shape(self) -> tuple[int, int, int]:
        """Planes and spaxels of the cube, (λ, y, x)."""
        return (self.exposures.wavelength_um.size, *self.exposures.shape)

    @cached_property
    def contributions(self) -> NDArray[np.float32]:
        """Number of detector pixels in every voxel."""
        counts: NDArray[np.float32] = np.diff(self.weights.indptr).reshape(self.cube_shape).astype(np.float32)
        return counts

    @cached_property
    def full_weight(self) -> NDArray[np.float32]:
        """Sum of the weights of all pixels in every voxel."""
        return self.summed(np.ones(self.weights.shape[1], dtype=np.float32))

    @cached_property
    def pixel_noise(self) -> float:
        """Noise of a detector pixel that makes that of the median voxel 1, in the middle half of both axes."""
        _, height, width = self.cube_shape
        middle = np.s_[:, height // 4 : height - height // 4, width // 4 : width - width // 4]
        square = self.summed(np.ones(self.weights.shape[1], dtype=np.float32), power=2)[middle]
        weight = self.full_weight[middle]
        return float(1 / np.median(np.sqrt(square[weight > 0]) / weight[weight > 0]))

    def summed(
        self, pixels: NDArray[np.float32], planes: slice = slice(None), *, power: int = 1
    ) -> NDArray[np.float32]:
        """Return sums over detector pixels times a power of their weights, (λ, y, x), in all or some planes."""
        first, last, _ = planes.indices(self.cube_shape[0])
        spaxels = self.cube_shape[1] * self.cube_shape[2]
        bounds = self.weights.indptr[first * spaxels : last * spaxels + 1]
        indices, data = (array[bounds[0] : bounds[-1]] for array in (self.weights.indices, self.weights.data))
        rows = csr_array((data**power, indices, bounds - bounds[0]), shape=(bounds.size - 1, self.weights.shape[1]))
        summed: NDArray[np.float32] = (rows @ pixels.ravel()).reshape(last - first, *self.cube_shape[1:])
        return summed


@lru_cache(maxsize=8)
def drizzle_of(
    band_name: str, middle_um: float, planes: int, shape: tuple[int, int], dithers: int, roll_deg: float
) -> Drizzle:
    """Return the drizzle of a cube, made once for each geometry; the arguments are those of `exposures_of`.

    Examples
    --------
    >>> drizzle = drizzle_of("ch1-short", 5.34, 41, (16, 16), 2, 30.0)
    >>> flat = np.ones(drizzle.exposures.pixels_shape, dtype=np.float32)
    >>> bool((drizzle.summed(2 * flat) == 2 * drizzle.summed(flat)).all())
    True
    """
    exposures = exposures_of(band_name, middle_um, planes, shape, dithers, roll_deg)
    parts = [
        slice_weights(exposures, exposure, number)
        for exposure in range(exposures.pixels_shape[0])
        for number in range(exposures.pixels_shape[1])
    ]
    counts, indices, data = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    del parts
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    voxels = planes * shape[0] * shape[1]
    by_pixel = csc_array((data, indices, indptr), shape=(voxels, counts.size))
    return Drizzle(exposures, by_pixel.tocsr())


def slice_weights(
    exposures: Exposures, exposure: int, number: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """Return voxels and weights of the pixels of one slice: how many for each pixel, the voxels, the weights."""
    spaxel, area = spaxels_of_slice(exposures, exposure, number)
    spaxel, area = spaxel[exposures.phase[number]], area[exposures.phase[number]]
    plane, share = planes_of_slice(exposures, exposure, number)
    weight = (share[:, :, :, None] * area[:, :, None, :]).astype(np.float32)
    spaxels = exposures.shape[0] * exposures.shape[1]
    voxel = plane[:, :, :, None] * np.int32(spaxels) + spaxel[:, :, None, :]
    used = weight > 0
    return used.sum(axis=(2, 3), dtype=np.int32).ravel(), voxel[used], weight[used]


def spaxels_of_slice(exposures: Exposures, exposure: int, number: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return spaxels, and areas shared with them, for every phase and column, (phase, column, spaxel)."""
    along = exposures.along_arcsec[exposure].ravel() / exposures.band.pixel_arcsec
    across = exposures.across_arcsec[exposure, number] / exposures.band.pixel_arcsec
    cosine, sine = np.cos(np.deg2rad(exposures.roll_deg)), np.sin(np.deg2rad(exposures.roll_deg))
    height, width = exposures.shape
    rows, columns, areas = shared_areas(
        across * cosine + along * sine + (height - 1) / 2,
        along * cosine - across * sine + (width - 1) / 2,
        exposures.spectrograph.pixel_arcsec / exposures.band.pixel_arcsec / 2,
        exposures.spectrograph.slice_arcsec / exposures.band.pixel_arcsec / 2,
        exposures.roll_deg,
    )
    areas *= (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    order = np.argsort(-areas, axis=1)[:, : max(int((areas > 0).sum(axis=1).max()), 1)]
    spaxel = np.take_along_axis(rows * width + columns, order, axis=1).astype(np.int32)
    shared = np.take_along_axis(areas, order, axis=1).astype(np.float32)
    return spaxel.reshape(PHASES, -1, order.shape[1]), shared.reshape(PHASES, -1, order.shape[1])


def planes_of_slice(exposures: Exposures, exposure: int, number: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return planes, and ranges shared with them, for every row and column, (row, column, plane)."""
    middle = exposures.plane[exposure, number]
    half = exposures.spectrograph.row_planes / 2
    first = np.floor(middle - half + 0.5).astype(np.int32)
    plane = first[:, :, None] + np.arange(int(np.ceil(2 * half)) + 1, dtype=np.int32)
    upper = np.minimum(middle[:, :, None] + half, plane + 0.5)
    lower = np.maximum(middle[:, :, None] - half, plane - 0.5)
    shared = np.clip(upper - lower, 0, None) * ((plane >= 0) & (plane < exposures.wavelength_um.size))
    return plane, np.where(shared > 1e-4, shared, 0).astype(np.float32)
