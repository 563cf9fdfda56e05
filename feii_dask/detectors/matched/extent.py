"""Whether a line is extended: what neither an unresolved source nor light that follows the continuum explains."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, nan, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from feii_dask.detectors.matched.emission_region import disc
from feii_dask.detectors.matched.excess import p_of_excess, spread_of
from feii_dask.detectors.matched.line_images import LineImages
from feii_dask.detectors.matched.point_source import RELATIVE_ERROR
from feii_dask.detectors.matched.resolution import Resolution
from feii_dask.detectors.matched.unresolved_light import UnresolvedLight, fit_unresolved_light
from feii_dask.model import Kind

__all__ = ["Extent", "judge_extent"]

EXTENDED_P = 0.01  # largest p-value of what is extended
COMPACT_SHARE, COMPACT_SIGMAS = 0.2, 1.645  # beyond the core, at 95 %
SCATTERED, LEAST_SCATTERED = 0.4, 0.4  # share of the line beyond its core that the continuum explains, and of the line
ALIKE, LEAST_VARIANCE = 0.6, 0.2  # correlation of both, and least share of the variance that is not noise
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
    images: LineImages, continuum: NDArray[np.float64], mask: NDArray[np.bool_], resolution: Resolution
) -> Extent:
    """Test whether a line is extended, and measure its unresolved share.

    The null hypothesis is that its image is a point, at any place, and light that follows the continuum or its stars,
    each with a weight that is not negative; see `fit_unresolved_light`. What remains is compared with what remains of
    images at other wavelengths; see `p_of_excess`.

    Parameters
    ----------
    images : LineImages
        Of the line, and of the same planes at other wavelengths.
    continuum : (y, x) float64 ndarray
        Beside the line.
    mask : (y, x) bool ndarray
        The spaxels with emission.
    resolution : Resolution
        Of the cube, at the line.
    """
    flags = fills_field(images, mask)
    if not (resolution.psf_is_known and (mask & images.valid).any()):
        return Extent(Kind.UNDECIDED, flags=(*flags, "extent_not_judged"))
    model = fit_unresolved_light(images, continuum, mask, resolution)
    region = binary_dilation(mask, disc(resolution.psf_px)) & images.valid
    p_extent = p_of_excess(images, model, region, resolution)
    share, error = compact_share(images, model, region)
    if p_extent <= EXTENDED_P:
        kind = Kind.EXTENDED
    elif 1 - share + COMPACT_SIGMAS * error < COMPACT_SHARE:
        kind = Kind.COMPACT
    else:
        kind = Kind.UNDECIDED
    return Extent(kind, p_extent, share, error, flags + is_scattered(images, model, region))


def compact_share(images: LineImages, model: UnresolvedLight, region: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the share of a line's light in an unresolved core, and its error."""
    unresolved = model.point + model.star
    core = float(unresolved[images.valid].sum())
    total = core + float((images.line - unresolved)[region].sum())
    if not total > 0:
        return nan, nan
    noise = float(spread_of(images.others[:, region].sum(axis=1)[:, None])[0])
    return core / total, hypot(noise / total, RELATIVE_ERROR)


def is_scattered(images: LineImages, model: UnresolvedLight, region: NDArray[np.bool_]) -> tuple[str, ...]:
    """Return a flag where what lies beyond the core looks like the extended part of the continuum.

    That is, where the continuum explains much of it, and both are correlated, noise aside: what a jet shares with the
    cavity in which it lies is its place, not its shape.
    """
    line, point, scattered, star, noise = (
        image[region] for image in (images.line, model.point, model.scattered, model.star, images.noise)
    )
    extended = scattered - (1 + STAR_WINGS) * star
    beyond = max((line - point - star).sum(), LEAST_SCATTERED * line.sum())
    if not extended.sum() > SCATTERED * beyond > 0:
        return ()
    one, other = line - point - star, scattered - star
    variance = max(float(one.var() - np.square(noise).mean()), LEAST_VARIANCE * float(one.var()))
    alike = float(np.cov(one, other, ddof=0)[0, 1]) / sqrt(variance * max(float(other.var()), TINY))
    return ("scattered",) * bool(alike > ALIKE)


def fills_field(images: LineImages, mask: NDArray[np.bool_]) -> tuple[str, ...]:
    """Return a flag where a line is seen nearly everywhere, and is nowhere much brighter."""
    share = int(np.count_nonzero(mask)) / max(int(np.count_nonzero(images.valid)), 1)
    median = float(np.median(images.line[images.valid])) if images.valid.any() else 0.0
    fills = share > FIELD_SHARE and median * FIELD_CONTRAST > float(np.max(images.line[images.valid]))
    return ("fills_field",) * bool(fills)
