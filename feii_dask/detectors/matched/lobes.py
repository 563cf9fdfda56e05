"""The two lobes of a jet: one side of a region has another velocity than the other."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.matched.continuum import MAD_OF_NORMAL
from feii_dask.detectors.matched.emission import Emission
from feii_dask.detectors.matched.filters import gaussian
from feii_dask.detectors.matched.line_fit import fitted_planes, line_widths
from feii_dask.detectors.matched.line_profile import Profiles, WhiteSpectra, fit_profiles
from feii_dask.detectors.matched.resolution import Resolution

__all__ = ["TwoSides", "find_counter_lobe", "find_two_sides"]

CUTS = np.linspace(0.1, 0.9, 17)  # shares of the length of a region at which it is cut across
GAIN = 20.0  # of χ² by a second velocity
LEAST_KMS, LEAST_SIGMAS = 20.0, 4.0  # difference of velocities that are told apart
LEAST_LOBE = 3.0  # standard deviations of its flux
APART = 0.7  # FWHM between two lines of which each side may have both
GAP, GAP_SHARE = 0.5, 0.5  # FWHM of the point-spread function beside the cut, where sides mix; light that must be left
COUNTER_LOBE = 4.0  # significance of a lobe that no spaxel shows
SPAN, LENGTHS = 3.0, (0.5, 1.0)  # of a lobe, over the rms of its light, and shares of that in which the other is sought
NOISY = 3.0  # noise of a spaxel, over that of the other lobe's, that would drown it


@dataclass(frozen=True, slots=True, eq=False)
class TwoSides:
    """Two velocities in a region.

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


def find_two_sides(emission: Emission, one: Profiles, resolution: Resolution) -> TwoSides | None:
    """Return the two sides of a region whose velocities differ, or None.

    The region is cut across its major axis, where two velocities explain the spectra of both sides best.

    Parameters
    ----------
    emission : Emission
        Of the region.
    one : Profiles
        The line that fits the whole region best.
    resolution : Resolution
        Of the cube, at the line.
    """
    light = emission.light
    along, _ = axes_of(light)
    inside = along[light > 0]
    places = inside.min() + CUTS * (inside.max() - inside.min())
    weight = light * emission.inverse_variance()
    cuts = np.array([[along < place, along >= place] for place in places])
    spectra, seen = emission.spectra((cuts * weight).reshape(-1, *light.shape))
    gain, start = gains_of_cuts(spectra.reshape(len(places), 2, -1), seen, emission.searched, one)
    best = int(gain.argmax())
    if not gain[best] > GAIN:
        return None
    spectra, seen = emission.spectra(apart_from(places[best], along, light, resolution) * weight)
    profiles = fit_both(spectra, seen, start[best], one.fwhm, resolution)
    low, high = emission.searched[0] - 0.5, emission.searched[-1] + 0.5
    if not ((low <= profiles.centre) & (profiles.centre <= high)).all():
        return None
    apart = abs(profiles.centre[1] - profiles.centre[0])
    if not apart > max(LEAST_KMS / resolution.plane_kms, LEAST_SIGMAS * float(np.hypot(*profiles.centre_error))):
        return None
    sums, errors = sums_of(*emission.spectra(cuts[best] * (light > 0)), profiles)
    return TwoSides(profiles, sums, errors) if (sums > LEAST_LOBE * errors).all() else None


def axes_of(light: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where each spaxel lies along, and across, the major axis of an image, from its middle."""
    y, x = np.indices(light.shape)
    total = light.sum()
    dy, dx = y - (light * y).sum() / total, x - (light * x).sum() / total
    mixed = (light * dy * dx).sum()
    _, axes = np.linalg.eigh(np.array([[(light * dy * dy).sum(), mixed], [mixed, (light * dx * dx).sum()]]))
    return dy * axes[0, 1] + dx * axes[1, 1], dy * axes[0, 0] + dx * axes[1, 0]


def apart_from(
    place: float, along: NDArray[np.float64], light: NDArray[np.float64], resolution: Resolution
) -> NDArray[np.bool_]:
    """Return the two sides of a cut, (2, y, x), without what is next to it, unless most is."""
    sides = np.array([along < place, along >= place])
    gap = GAP * resolution.psf_px
    parted = np.array([along < place - gap, along >= place + gap])
    left = [float(light[part].sum() / max(light[side].sum(), 1e-30)) for part, side in zip(parted, sides, strict=True)]
    return parted if min(left) > GAP_SHARE else sides


def gains_of_cuts(
    sides: NDArray[np.float64], seen: NDArray[np.bool_], searched: NDArray[np.intp], one: Profiles
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return by how much χ² falls, (cuts,), where each side has a velocity of its own, and these places, (cuts, 2)."""
    planes = np.arange(seen.size)
    centres = np.arange(searched[0], searched[-1] + 0.5, 0.5)
    off_line, _ = fitted_planes(centres[[0, -1]], one.fwhm, seen)
    spectra = sides.transpose(0, 2, 1)
    elsewhere = gaussian(planes[off_line][:, None] - planes, one.fwhm) @ spectra
    scatter = np.median(abs(elsewhere), axis=1) / MAD_OF_NORMAL if off_line.any() else np.zeros(sides.shape[:2])
    response = np.maximum(gaussian(planes - centres[:, None], one.fwhm) @ spectra, 0)
    power = np.square(response / np.where(scatter > 0, scatter, np.inf)[:, None])
    gain = power.max(axis=1).sum(axis=1) - power.sum(axis=2).max(axis=1)
    return gain, centres[power.argmax(axis=1)]


def fit_both(
    spectra: NDArray[np.float64],
    seen: NDArray[np.bool_],
    start: NDArray[np.float64],
    fwhm: float,
    resolution: Resolution,
) -> Profiles:
    """Fit one line to each side; where they are far enough apart, both to both."""
    has_line = np.eye(2, dtype=bool)
    for _ in range(2):
        white = WhiteSpectra.of(spectra, *fitted_planes(start, fwhm, seen))
        profiles = fit_profiles(white, start, fwhm, line_widths(resolution), has_line)
        start, fwhm = profiles.centre, profiles.fwhm
        has_line = may_have(profiles)
    return profiles


def may_have(profiles: Profiles) -> NDArray[np.bool_]:
    """Return which of two lines each side may have, (2, 2)."""
    apart = abs(float(profiles.centre[1] - profiles.centre[0])) > APART * profiles.fwhm
    return np.eye(2, dtype=np.bool_) | np.bool_(apart)


def sums_of(
    spectra: NDArray[np.float64], seen: NDArray[np.bool_], profiles: Profiles
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sums over planes of two lines in two spectra, and their errors."""
    white = WhiteSpectra.of(spectra, *fitted_planes(profiles.centre, profiles.fwhm, seen))
    heights, errors, _ = white.heights(profiles.centre, profiles.fwhm, may_have(profiles))
    area = profiles.fwhm * sqrt(pi / (4 * log(2)))
    return heights.sum(axis=0) * area, np.sqrt(np.square(errors * (heights > 0)).sum(axis=0)) * area


def find_counter_lobe(emission: Emission, fwhm: float, resolution: Resolution) -> NDArray[np.bool_]:
    """Return the spaxels, (y, x), of a lobe too faint to be seen spaxel by spaxel: a region's axis, continued.

    Parameters
    ----------
    emission : Emission
        Of the region.
    fwhm : float
        Of the line, in planes.
    resolution : Resolution
        Of the cube, at the line.
    """
    light = emission.light
    along, across = axes_of(light)
    inside = light > 0
    total = light.sum()
    length, half = (SPAN * sqrt(float((light * offset**2).sum() / total)) for offset in (along, across))
    quiet = emission.noise < NOISY * np.median(emission.noise[inside])
    strip = (abs(across) <= max(half / 2, resolution.psf_px / 2, 1.0)) & ~inside & quiet
    found = np.zeros_like(inside)
    for edge, outwards in ((float(along[inside].min()), -1), (float(along[inside].max()), 1)):
        beyond = outwards * (along - edge)
        for share in LENGTHS:
            side = strip & (beyond >= -resolution.psf_px) & (beyond <= share * length)
            if np.count_nonzero(side) >= resolution.beam_px and significance_in(side, emission, fwhm) > COUNTER_LOBE:
                found |= side
    return found


def significance_in(side: NDArray[np.bool_], emission: Emission, fwhm: float) -> float:
    """Return the largest significance of a line in the planes that are searched, in the sum of some spaxels."""
    (spectrum,), seen = emission.spectra((side * emission.inverse_variance())[None])
    searched, planes = emission.searched, np.arange(seen.size)
    off_line, _ = fitted_planes(searched[[0, -1]].astype(np.float64), fwhm, seen)
    elsewhere = gaussian(planes[off_line][:, None] - planes, fwhm) @ spectrum
    scatter = float(np.median(abs(elsewhere))) / MAD_OF_NORMAL if off_line.any() else 0.0
    return float((gaussian(searched[:, None] - planes, fwhm) @ spectrum).max()) / scatter if scatter > 0 else 0.0
