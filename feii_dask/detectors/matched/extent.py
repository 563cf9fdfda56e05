"""Whether a line is extended: what neither an unresolved source nor light that follows the continuum explains."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, nan

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter

from feii_dask.detectors.matched.emission_region import disc
from feii_dask.detectors.matched.excess import find_excess
from feii_dask.detectors.matched.image_noise import spread_of
from feii_dask.detectors.matched.line_images import LineImages
from feii_dask.detectors.matched.point_source import RELATIVE_ERROR
from feii_dask.detectors.matched.resolution import Resolution
from feii_dask.detectors.matched.sharpness import is_smooth
from feii_dask.detectors.matched.unresolved_light import UnresolvedLight, fit_unresolved_light
from feii_dask.detectors.matched.whitening import Residuals
from feii_dask.model import Kind

__all__ = ["Extent", "judge_extent"]

SIGMA_PER_FWHM = 1 / 2.3548

MOST_FAULTS = 3  # of a detector, that are looked for in one image
# Largest p-value of what is extended: a line that is brighter would, if it were, show it with a smaller one.
EXTENDED_P, EXTENDED_P_OF_FAINT, FAINT = 0.02, 0.05, 15.0
COMPACT_SHARE, COMPACT_SIGMAS = 0.2, 1.645  # beyond the core, at 95 %
SCATTERED, LEAST_SCATTERED = 0.2, 0.4  # share of the line beyond its core that the continuum explains, and of the line
ALIKE = 0.6  # correlation of the small structures of both
STRUCTURE_FWHM = 3.0  # of the point-spread function, with which both are smoothed: larger structures do not count
STRUCTURE_NOISE, LEAST_POWER = 0.8, 0.1  # share of the noise that is in small structures; of a line that is no noise
STELLAR = 0.3  # share of a star in the continuum beyond which it is no extended one
LEAST_SHARE = 1e-3
STAR_WINGS = 0.15  # of a star's light that its core may lack
FIELD_SHARE, FIELD_CONTRAST = 0.6, 8.0  # spaxels with the line, and its peak over its median, where it fills the field
TINY = 1e-30


@dataclass(frozen=True, slots=True)
class Extent:
    """What is known of the extent of a line.

    Attributes
    ----------
    kind : Kind
        ``extended``, ``compact`` or ``undecided``.
    p_extent : float
        Probability that what is not extended looks as extended.
    compact_share, compact_share_error : float
        Share of the line's light in an unresolved core.
    flags : tuple of str
        ``scattered``, ``fills_field``, ``extent_not_judged``.
    """

    kind: Kind
    p_extent: float = nan
    compact_share: float = nan
    compact_share_error: float = nan
    flags: tuple[str, ...] = ()


def judge_extent(
    images: LineImages, residuals: Residuals, mask: NDArray[np.bool_], significance: float, resolution: Resolution
) -> Extent:
    """Test whether a line is extended, and measure its unresolved share.

    The null hypothesis is that its image is a point, at any place, and light that follows the continuum or its stars,
    each with a weight that is not negative; see `fit_unresolved_light`. What remains is compared with what remains of
    images at other wavelengths; see `find_excess`. An excess that is sharper than light can be is a fault of the
    detector, and does not count.

    Parameters
    ----------
    images : LineImages
        Of the line, and of the same planes at other wavelengths.
    residuals : Residuals
        Of the cube.
    mask : (y, x) bool ndarray
        The spaxels with emission.
    significance : float
        Of the line, in standard deviations.
    resolution : Resolution
        Of the cube, at the line.
    """
    flags = fills_field(images, mask)
    if not (resolution.psf_is_known and (mask & images.valid).any()):
        return Extent(Kind.UNDECIDED, flags=(*flags, "extent_not_judged"))
    model = fit_unresolved_light(images, residuals.continuum.astype(np.float64), mask, resolution)
    region = binary_dilation(mask, disc(resolution.psf_px)) & images.valid
    highest_p = EXTENDED_P_OF_FAINT if significance < FAINT else EXTENDED_P
    p_extent = p_of_light(images, residuals, model, region, highest_p, resolution)
    share, error = compact_share(images, model, region)
    if p_extent <= highest_p:
        kind = Kind.EXTENDED
    elif 1 - min(share, 1.0) + COMPACT_SIGMAS * error < COMPACT_SHARE:
        kind = Kind.COMPACT
    else:
        kind = Kind.UNDECIDED
    return Extent(kind, p_extent, share, error, flags + is_scattered(images, model, region, resolution))


def p_of_light(
    images: LineImages,
    residuals: Residuals,
    model: UnresolvedLight,
    region: NDArray[np.bool_],
    highest_p: float,
    resolution: Resolution,
) -> float:
    """Return the probability of the most significant excess that is no fault of the detector."""
    hidden = np.zeros_like(region)
    for _ in range(MOST_FAULTS):
        excess = find_excess(images, model, region & ~hidden, hidden, resolution)
        if excess.p_value > highest_p or is_smooth(
            residuals.normalized, residuals.noise, excess.spaxels & images.valid, images.profile, resolution
        ):
            return excess.p_value
        hidden = hidden | binary_dilation(excess.spaxels, disc(resolution.psf_px))
    return 1.0


def compact_share(images: LineImages, model: UnresolvedLight, region: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the share of a line's light in an unresolved core, and its error."""
    unresolved = model.point + model.star
    core = float(unresolved[images.valid].sum())
    total = core + float((images.line - unresolved)[region].sum())
    if not total > 0:
        return nan, nan
    noise = float(spread_of(images.others[:, region].sum(axis=1)[:, None])[0])
    return core / total, hypot(noise / total, RELATIVE_ERROR)


def is_scattered(
    images: LineImages, model: UnresolvedLight, region: NDArray[np.bool_], resolution: Resolution
) -> tuple[str, ...]:
    """Return a flag where what lies beyond the core looks like the extended part of the continuum.

    That is, where the continuum explains much of it, and both have the same small structures, noise aside: what a jet
    shares with the cavity in which it lies is its place, not its shape.
    """
    line, point, scattered, star = (
        float(image[region].sum()) for image in (images.line, model.point, model.scattered, model.star)
    )
    beyond = max(line - point - star, LEAST_SCATTERED * line)
    if not scattered - (1 + STAR_WINGS) * star > SCATTERED * beyond > 0:
        return ()
    diffuse = region & (model.star < STELLAR * model.scattered)
    one, other = (
        structure(image, images.valid, resolution)[diffuse] / images.noise[diffuse]
        for image in (images.line, model.scattered)
    )
    power = float(np.square(one).sum())
    power = max(power - STRUCTURE_NOISE * one.size, LEAST_POWER * power)
    alike = float(one @ other) > ALIKE * (power * float(np.square(other).sum())) ** 0.5
    return ("scattered",) * bool(alike and diffuse.any())


def structure(image: NDArray[np.float64], valid: NDArray[np.bool_], resolution: Resolution) -> NDArray[np.float64]:
    """Return an image less itself smoothed."""
    sigma = STRUCTURE_FWHM * resolution.psf_px * SIGMA_PER_FWHM
    share = gaussian_filter(valid.astype(np.float64), sigma)
    smooth = gaussian_filter(np.where(valid, image, 0), sigma) / np.maximum(share, LEAST_SHARE)
    return np.where(valid, image - smooth, 0)


def fills_field(images: LineImages, mask: NDArray[np.bool_]) -> tuple[str, ...]:
    """Return a flag where a line is seen nearly everywhere, and is nowhere much brighter."""
    seen = images.line[images.valid]
    if not np.count_nonzero(mask) > FIELD_SHARE * seen.size > 0:
        return ()
    fills = float(np.median(seen)) * FIELD_CONTRAST > float(np.max(seen))
    return ("fills_field",) * bool(fills)
