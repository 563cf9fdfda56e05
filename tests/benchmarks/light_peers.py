"""Peers of the detector in the benchmark of real light, each run once on a whole cube, which gives all its windows.

Both get what they need and do not do themselves: the continuum is taken off by a running median in wavelength, and
noise is made one spaxel by spaxel and plane by plane. The 3-D matched filter also gets a cube in which voxels that
stand alone in wavelength are replaced; without that, bad voxels are all that it finds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import nan
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from feii_dask.model import SPEED_OF_LIGHT_KMS, Line

from .light_search import Answer, CubeLike
from .light_smooth_clip import SIGMA_PER_FWHM, Source, joined, smooth_and_clip

__all__ = ["PEERS", "Peer", "ResolvedCube", "best_in_window"]

CONTINUUM_PLANES = 31  # of the running median; wider than any line
REACH_KMS = 300.0
SPIKE, ALONE = 5.0, 0.5  # a voxel above this, of which neither neighbour in wavelength reaches this part
LINE_KMS = 100.0  # FWHM of the line that the template expects, before the instrument's profile
DETECTION, ANALYSIS = 3.0, 3.0  # S/N at the peak and at the border of a source (Herenz & Wisotzki 2017)


class ResolvedCube(CubeLike, Protocol):
    """A cube with what its instrument resolves."""

    @property
    def psf_fwhm_arcsec(self) -> float:
        """FWHM of the point spread, arcsec."""
        ...

    @property
    def lsf_fwhm_kms(self) -> float:
        """FWHM of the profile of the instrument, km/s."""
        ...


@dataclass(frozen=True, eq=False)
class Peer:
    """The sources that a peer finds in one cube, best first."""

    sources: tuple[Source, ...]
    wavelength_um: NDArray[np.float64]


def best_in_window(peer: Peer, line: Line, least: float = -np.inf) -> tuple[float, Answer]:
    """Return score and answer of the best source within 300 km/s of a line, if its score is more than the least."""
    for source in peer.sources:
        wavelength_um = np.interp(source.plane, np.arange(peer.wavelength_um.size), peer.wavelength_um)
        velocity_kms = float(SPEED_OF_LIGHT_KMS * (wavelength_um / line.wavelength_um - 1))
        if abs(velocity_kms) <= REACH_KMS and source.score > least:
            return source.score, Answer(True, True, "unjudged", velocity_kms=velocity_kms, mask=source.mask)
    return -np.inf, Answer(False, False, "none", velocity_kms=nan)


def sofia(cube: ResolvedCube) -> Peer:
    """Run SoFiA's smooth and clip finder, rewritten."""
    return Peer(smooth_and_clip(*normalised(cube.sci)), cube.wavelength_um)


def lsdcat(cube: ResolvedCube) -> Peer:
    """Run a matched filter with the template of LSDCat (Herenz & Wisotzki 2017): PSF times a Gaussian line.

    The noise of the filtered cube is that of the unfiltered one, propagated as if voxels were independent and then
    scaled to what it is: the drizzled noise is correlated.
    """
    line, seen = normalised(cube.sci)
    line = despiked(line)
    sigma_px = cube.psf_fwhm_arcsec / cube.pixel_arcsec * SIGMA_PER_FWHM
    plane_kms = SPEED_OF_LIGHT_KMS * float(np.median(np.diff(cube.wavelength_um) / cube.wavelength_um[1:]))
    sigma_planes = float(np.hypot(LINE_KMS, cube.lsf_fwhm_kms)) / plane_kms * SIGMA_PER_FWHM
    filtered = ndimage.gaussian_filter(line, (sigma_planes, sigma_px, sigma_px), mode="constant")
    filtered /= noise_of(filtered, seen, (0, 1, 2))
    sources = joined(filtered, seen & (filtered > ANALYSIS), (1, 1, 1))
    peaks = [score_at_peak(source, filtered) for source in sources]
    return Peer(tuple(sorted(peaks, key=lambda source: -source.score)), cube.wavelength_um)


def score_at_peak(source: Source, filtered: NDArray[np.float32]) -> Source:
    """Rank a source by its brightest voxel near its centroid, as LSDCat does."""
    plane = round(source.plane)
    near = filtered[max(0, plane - 3) : plane + 4, source.mask]
    return Source(float(near.max()), source.plane, source.mask)


PEERS: dict[str, Callable[[ResolvedCube], Peer]] = {
    "SoFiA's smooth and clip, rewritten": sofia,
    "3-D matched filter after despiking": lsdcat,
}


def normalised(sci: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return a cube without continuum in units of its noise, 0 where it has no data, and where it has data."""
    seen = np.isfinite(sci)
    filled = np.where(seen, sci, median_of(np.where(seen, sci, np.nan), (0,))).astype(np.float32)
    line = filled - running_median(filled)
    line[~seen] = 0.0
    for axes in ((0,), (1, 2)):
        line /= noise_of(line, seen, axes)
    return line, seen


def running_median(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the running median along the first axis; spectrum by spectrum, for which there is a fast filter."""
    spectra = np.ascontiguousarray(planes.reshape(len(planes), -1).T)
    medians = [ndimage.median_filter(spectrum, CONTINUUM_PLANES, mode="nearest") for spectrum in spectra]
    return np.array(medians).T.reshape(planes.shape)


def noise_of(line: NDArray[np.float32], seen: NDArray[np.bool_], axes: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the robust scatter over some axes of what is seen; 1 where nothing is."""
    scatter = 1.4826 * median_of(np.where(seen, np.abs(line), np.nan), axes)
    return np.where(scatter > 0, scatter, 1.0).astype(np.float32)


def median_of(values: NDArray[np.floating], axes: tuple[int, ...]) -> NDArray[np.floating]:
    """Return medians over some axes, which are kept; 0 where all is NaN."""
    empty = np.isnan(values).all(axis=axes, keepdims=True)
    return np.nanmedian(np.where(empty, 0.0, values), axis=axes, keepdims=True)


def despiked(line: NDArray[np.float32]) -> NDArray[np.float32]:
    """Replace voxels that stand alone in wavelength by the mean of their neighbours."""
    before, after = np.roll(line, 1, axis=0), np.roll(line, -1, axis=0)
    size = np.abs(line)
    alone = (size > SPIKE) & (np.abs(before) < ALONE * size) & (np.abs(after) < ALONE * size)
    return np.where(alone, (before + after) / 2, line)
