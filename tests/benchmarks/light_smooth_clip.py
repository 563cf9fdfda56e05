"""The smooth and clip finder of SoFiA (Serra et al. 2015) as SoFiA-2 has it (Westmeier et al. 2021), rewritten.

It is not SoFiA-2, of which no package of Python, Debian or conda is known: what is here was written from the two
papers, with the default kernels and sizes of the second. Its reliability filter is left out; instead of it the sources
are ranked by their signal-to-noise ratio, so that a threshold can be set at which it has as many false alarms as
another detector.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["Source", "joined", "smooth_and_clip"]

KERNELS_XY, KERNELS_Z = (0, 3, 6), (0, 3, 7, 15)  # FWHM of a Gaussian, spaxels; width of a boxcar, planes
THRESHOLD = 3.8  # of the noise of each smoothed cube; with a reliability filter 3 to 4.5 are usual
REPLACEMENT = 2.0  # of the noise, by which what was found is replaced before the next kernel
LEAST_XY, LEAST_Z = 5, 5  # spaxels and planes that a source covers
SIGMA_PER_FWHM = 1 / 2.3548


@dataclass(frozen=True, eq=False)
class Source:
    """One source in a cube.

    Attributes
    ----------
    score : float
        Its signal-to-noise ratio.
    plane : float
        Flux-weighted centroid along the first axis.
    mask : (y, x) bool ndarray
        Spaxels that it covers in any plane.
    """

    score: float
    plane: float
    mask: NDArray[np.bool_]


def smooth_and_clip(line: NDArray[np.float32], seen: NDArray[np.bool_]) -> tuple[Source, ...]:
    """Find sources in a cube without continuum in units of its noise, best first.

    Parameters
    ----------
    line : (n, y, x) float32 ndarray
        0 where there are no data.
    seen : (n, y, x) bool ndarray
        Where there are data.
    """
    found = np.zeros(line.shape, dtype=bool)
    for width_xy, width_z in product(KERNELS_XY, KERNELS_Z):
        clipped = np.where(found, REPLACEMENT * np.sign(line), line)
        smoothed = smooth(clipped, width_xy, width_z)
        noise = negative_scale(smoothed[seen])
        found |= seen & (np.abs(smoothed) > THRESHOLD * noise)
    return joined(line, found & (line > 0), (LEAST_Z, LEAST_XY, LEAST_XY))


def smooth(line: NDArray[np.float32], width_xy: int, width_z: int) -> NDArray[np.float32]:
    """Smooth by a Gaussian on the sky and a boxcar in wavelength."""
    if width_xy:
        sigma = width_xy * SIGMA_PER_FWHM
        line = ndimage.gaussian_filter(line, (0, sigma, sigma), mode="constant", truncate=3)
    if width_z:
        line = ndimage.uniform_filter1d(line, width_z, axis=0, mode="constant")
    return line


def negative_scale(values: NDArray[np.float32]) -> float:
    """Return the noise, from the median of what is negative: sources in emission do not count."""
    negative = values[values < 0]
    return 1.4826 * float(np.median(-negative)) if negative.size else 1.0


def joined(line: NDArray[np.float32], found: NDArray[np.bool_], least: tuple[int, int, int]) -> tuple[Source, ...]:
    """Join neighbouring voxels, corners included, to sources of some size, best first."""
    labels, _ = ndimage.label(found, np.ones((3, 3, 3)))
    sources = []
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if any(edge.stop - edge.start < size for edge, size in zip(box, least, strict=True)):
            continue
        voxels = labels[box] == label
        flux = np.where(voxels, line[box], 0.0)
        total = float(flux.sum())
        by_plane = flux.sum(axis=(1, 2))
        plane = box[0].start + float(np.arange(by_plane.size) @ by_plane) / total
        mask = np.zeros(found.shape[1:], dtype=bool)
        mask[box[1:]] = voxels.any(axis=0)
        sources.append(Source(total / float(np.sqrt(np.count_nonzero(voxels))), plane, mask))
    return tuple(sorted(sources, key=lambda source: -source.score))
