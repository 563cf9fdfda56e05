"""The two lobes of a jet: one side of a region has another velocity than the other."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, pi, sqrt
from math import log as ln

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.matched.filters import gaussian
from feii_dask.detectors.matched.line_profile import Profiles, WhiteSpectra, fit_profiles
from feii_dask.detectors.matched.resolution import Resolution

__all__ = ["TwoSides", "find_counter_lobe", "find_two_sides"]

CUTS = np.linspace(0.1, 0.9, 13)  # shares of the light along the major axis at which a region is cut
GAIN = 20.0  # of χ² by a second velocity
LEAST_KMS = 20.0  # difference of velocities that are told apart
LEAST_SIGMAS = 4.0
APART = 0.7  # FWHM between two lines of which each side may have both
GAP = 0.5  # FWHM of the point-spread function next to the cut, where light of both sides is mixed
COUNTER_LOBE = 4.5  # significance of a lobe that no spaxel shows
HALF_WIDTH = 1.5  # of its strip, over the rms width of the other lobe
FITTED, BEYOND_PLANES = 1.5, 3.0  # FWHM, and planes, on either side of the lines that are fitted


@dataclass(frozen=True, slots=True, eq=False)
class TwoSides:
    """Two sides of a region, with two velocities.

    Attributes
    ----------
    profiles : Profiles
        The two lines.
    sums, errors : (2,) float64 ndarray
        Sum of each over planes and spaxels, in the unit of the cube, and its 1-σ error.
    """

    profiles: Profiles
    sums: NDArray[np.float64]
    errors: NDArray[np.float64]


def find_two_sides(
    cube: NDArray[np.float32],
    noise: NDArray[np.float32],
    light: NDArray[np.floating],
    planes: NDArray[np.intp],
    one: Profiles,
    widths: tuple[float, float],
    resolution: Resolution,
) -> TwoSides | None:
    """Return the two sides of a region whose velocities differ, or None.

    The region is cut across its major axis, where two velocities explain the spectra of both sides best.

    Parameters
    ----------
    cube : (n, y, x) float32 ndarray
        The cube without its continuum, in its unit.
    noise : (y, x) float32 ndarray
        Of every spaxel; inf where it has no data.
    light : (y, x) ndarray
        Brightness of the line at any velocity; 0 outside of the region.
    planes : (k,) intp ndarray
        Planes in which the line may be.
    one : Profiles
        The line that fits the whole region best.
    widths : tuple of float
        Least and largest FWHM of a line, in planes.
    resolution : Resolution
        Of the cube, at the line.
    """
    along, _ = axes_of(light)
    order = np.argsort(along, axis=None)
    cumulated = np.cumsum(light.ravel()[order])
    places = np.unique(along.ravel()[order][np.searchsorted(cumulated, CUTS * cumulated[-1])])
    inverse = np.where(light > 0, 1 / np.square(noise), 0)
    spectra_of = sides_of(cube, light * inverse)
    sides = np.array([spectra_of(along < place, along >= place) for place in places])
    gain, start = gains_of_cuts(sides, planes, one, resolution)
    best = int(gain.argmax())
    if not gain[best] > GAIN:
        return None
    gap = GAP * resolution.psf_px
    one_side, other = along < places[best] - gap, along >= places[best] + gap
    if min(light[one_side].sum(), light[other].sum()) < 0.5 * min(
        light[along < places[best]].sum(), light[along >= places[best]].sum()
    ):
        one_side, other = along < places[best], along >= places[best]
    profiles = fit_both(spectra_of(one_side, other), start[best], one.fwhm, widths, len(cube))
    apart = abs(profiles.centre[1] - profiles.centre[0])
    least = max(LEAST_KMS / resolution.plane_kms, LEAST_SIGMAS * float(np.hypot(*profiles.centre_error)))
    if not apart > least:
        return None
    whole = sides_of(cube, (light > 0).astype(np.float64))(along < places[best], along >= places[best])
    sums, errors = sums_of(whole, profiles, len(cube))
    return TwoSides(profiles, sums, errors)


def find_counter_lobe(
    cube: NDArray[np.float32],
    noise: NDArray[np.float32],
    light: NDArray[np.float64],
    planes: NDArray[np.intp],
    fwhm: float,
    resolution: Resolution,
) -> NDArray[np.bool_]:
    """Return the spaxels, (y, x), of a lobe too faint to be seen spaxel by spaxel: a region's axis, continued.

    Parameters
    ----------
    cube, noise, light, planes, resolution
        As for `find_two_sides`.
    fwhm : float
        Of the line, in planes.
    """
    along, across = axes_of(light)
    inside = light > 0
    low, high = along[inside].min(), along[inside].max()
    reach = high - low
    half = max(HALF_WIDTH * sqrt(float((light * across**2).sum() / light.sum())), resolution.psf_px / 2, 1.0)
    strip = (abs(across) <= half) & ~inside & np.isfinite(noise)
    found = np.zeros_like(inside)
    everywhere = np.arange(len(cube))
    bank = gaussian(planes[:, None] - everywhere, fwhm)
    off = everywhere[(everywhere < planes[0] - 2 * fwhm) | (everywhere > planes[-1] + 2 * fwhm)]
    off_bank = gaussian(off[:, None] - everywhere, fwhm)
    for side in (
        strip & (along < low + 1) & (along > low - reach),
        strip & (along > high - 1) & (along < high + reach),
    ):
        if np.count_nonzero(side) < resolution.beam_px:
            continue
        spectrum = sides_of(cube, np.where(side, 1 / np.square(noise), 0))(side)[0]
        scale = float(np.median(abs(off_bank @ spectrum))) / 0.6745
        if scale > 0 and float((bank @ spectrum).max()) > COUNTER_LOBE * scale:
            found |= side
    return found


def sides_of(cube, weight):
    flat = cube.reshape(len(cube), -1)

    def spectra(*sides):
        weights = np.stack([(side * weight).ravel() for side in sides], axis=1).astype(np.float32)
        return (flat @ weights).T.astype(np.float64)

    return spectra


def axes_of(light: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where each spaxel lies along, and across, the major axis of an image."""
    y, x = np.indices(light.shape)
    total = light.sum()
    dy, dx = y - (light * y).sum() / total, x - (light * x).sum() / total
    mixed = (light * dy * dx).sum()
    _, axes = np.linalg.eigh(np.array([[(light * dy * dy).sum(), mixed], [mixed, (light * dx * dx).sum()]]))
    return dy * axes[0, 1] + dx * axes[1, 1], dy * axes[0, 0] + dx * axes[1, 0]


def gains_of_cuts(
    sides: NDArray[np.float64], planes: NDArray[np.intp], one: Profiles, resolution: Resolution
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return by how much χ² falls, (cuts,), where each side has a velocity of its own, and these places, (cuts, 2)."""
    size = sides.shape[2]
    centres = np.arange(planes[0], planes[-1] + 0.5, 0.5)
    bank = gaussian(np.arange(size) - centres[:, None], one.fwhm)
    everywhere = np.arange(size)
    off = abs(everywhere - (planes[0] + planes[-1]) / 2) > (planes[-1] - planes[0]) / 2 + 2 * one.fwhm
    filtered = gaussian(everywhere[off][:, None] - everywhere, one.fwhm) @ sides.transpose(0, 2, 1)
    scale = np.median(abs(filtered), axis=1) / 0.6745
    response = np.maximum(bank @ sides.transpose(0, 2, 1), 0) / np.where(scale > 0, scale, np.inf)[:, None]
    power = np.square(response)
    gain = power.max(axis=1).sum(axis=1) - power.sum(axis=2).max(axis=1)
    return gain, centres[power.argmax(axis=1)]


def fit_both(spectra, start, fwhm, widths, size) -> Profiles:
    has_line = np.eye(2, dtype=bool)
    profiles = None
    for _ in range(2):
        white = WhiteSpectra.of(spectra, *fitted_planes(start, fwhm, size))
        profiles = fit_profiles(white, start, fwhm, widths, has_line)
        start, fwhm = profiles.centre, profiles.fwhm
        has_line = has_line | (abs(start[1] - start[0]) > APART * fwhm)
    return profiles


def fitted_planes(centres, fwhm, size):
    """Return which planes are off the lines, (n,), and those that are fitted."""
    everywhere = np.arange(size)
    low, high = min(centres), max(centres)
    off = (everywhere < low - 2 * fwhm) | (everywhere > high + 2 * fwhm)
    reach = FITTED * fwhm + BEYOND_PLANES
    return off, everywhere[max(ceil(low - reach), 0) : floor(high + reach) + 1]


def sums_of(spectra, profiles, size):
    off, planes = fitted_planes(profiles.centre, profiles.fwhm, size)
    white = WhiteSpectra.of(spectra, off, planes)
    apart = abs(profiles.centre[1] - profiles.centre[0]) > APART * profiles.fwhm
    heights, errors, _ = white.heights(profiles.centre, profiles.fwhm, np.eye(2, dtype=bool) | apart)
    area = profiles.fwhm * sqrt(pi / (4 * ln(2)))
    return heights.sum(axis=0) * area, np.sqrt(np.square(errors * (heights > 0)).sum(axis=0)) * area
