"""Whether a line is extended: what neither an unresolved source nor light that follows the continuum explains."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, hypot, nan

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter

from feii_dask.detectors.matched.emission_region import disc
from feii_dask.detectors.matched.filters import gaussian_matrix
from feii_dask.detectors.matched.line_images import LineImages
from feii_dask.detectors.matched.point_source import RELATIVE_ERROR, Freedom, PointShape, fit_point, point_image
from feii_dask.detectors.matched.resolution import Resolution
from feii_dask.model import Kind

__all__ = ["Extent", "judge_extent"]

Image = NDArray[np.float64]

EXTENDED_P = 0.005  # largest p-value of what is extended
COMPACT_SHARE, COMPACT_SIGMAS = 0.2, 1.645  # beyond the core, at 95 %
SCALES = 1.0, 2.5  # FWHM of the point-spread function with which residuals are smoothed
EXPONENT_OF_NULLS = 12.0  # of their tail: exponential would promise too much
SMALLEST_SCALE = 2.0  # of the squared significance: that of normal noise
SCATTERED, LEAST_SCATTERED = 0.4, 0.4  # share of the line beyond its core that the continuum explains, and core
STAR_WINGS = 0.15  # of a star's light that its core may lack
FIELD_SHARE, FIELD_CONTRAST = 0.6, 8.0  # spaxels with the line, and its peak over its median, where it fills the field
SPIKES = 0.004  # height of diffraction spikes, two FWHM from the core, over the core
UNRESOLVED = 0.1  # excess of the continuum's logarithmic width over the widest of a point
STAR = 100.0  # peak of a continuum, over its spread elsewhere, whose own shape is taken for that of points
ROUNDS = 2  # of fitting a point to what the continuum leaves
# By how much points differ from what is expected. The MRS is 60 % broader than the diffraction limit along its long axis
# at 5 µm and 15 % at 28 µm (Argyriou et al. 2023, A&A 675, A111); what is known of a width holds to some 15 %.
# Spaxels as wide as the point-spread function broaden it by an amount that depends on how a cube was drizzled.
WIDTH_KNOWN, SPAXEL_WIDTH_KNOWN = 0.16, 0.3
OF_STAR, OF_ANY_STAR = Freedom(0.06, 0.1, 0.005), Freedom(0.5, 0.35, 0.03)
UNDERSAMPLED = 0.25  # error of a model whose FWHM is one spaxel, over it: where in the spaxel a point falls


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


@dataclass(frozen=True, slots=True, eq=False)
class Unresolved:
    """A model of a line without extent of its own: a point, and light that follows the continuum.

    Attributes
    ----------
    point, scattered : (y, x) float64 ndarray
        Both parts.
    error : (y, x) float64 ndarray
        By which the model may be wrong.
    star : (y, x) float64 ndarray
        The unresolved share of the part that follows the continuum.
    """

    point: Image
    scattered: Image
    error: Image
    star: Image


def judge_extent(images: LineImages, continuum: Image, mask: NDArray[np.bool_], resolution: Resolution) -> Extent:
    """Test whether a line is extended, and measure its unresolved share.

    The null hypothesis is that its image is a point, at any place, and light that follows the continuum, each with a
    weight that is not negative. What remains is smoothed with the point-spread function and wider, and divided by its
    scatter at other wavelengths, to which the error of the model is added. The largest such significance is compared
    with the largest ones of images at other wavelengths.

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
    fills = fills_field(images, mask)
    if not resolution.psf_is_known:
        return Extent(Kind.UNDECIDED, flags=(*fills, "extent_not_judged"))
    model = fit_unresolved(images, continuum, mask, resolution)
    left = np.where(images.valid, images.line - model.point - model.scattered, 0)
    region = binary_dilation(mask, disc(resolution.psf_px)) & images.valid
    p_extent = p_of_excess(images, left, model.error, region, resolution)
    share, error = compact_share(images, model, left, region)
    beyond = 1 - share
    flags = fills + is_scattered(images, model, region)
    if p_extent <= EXTENDED_P:
        kind = Kind.EXTENDED
    elif beyond + COMPACT_SIGMAS * error < COMPACT_SHARE:
        kind = Kind.COMPACT
    else:
        kind = Kind.UNDECIDED
    return Extent(kind, p_extent, share, error, flags)


def fit_unresolved(images: LineImages, continuum: Image, mask: NDArray[np.bool_], resolution: Resolution) -> Unresolved:
    """Fit a point and light that follows the continuum to the image of a line."""
    valid = images.valid
    level = float(np.percentile(continuum[valid], 10))
    light = np.where(valid, np.maximum(continuum - level, 0), 0)
    shape, star = star_of(light, images, resolution)
    expected, freedom = (shape, OF_STAR) if shape else (PointShape(resolution.psf_px), of_band(resolution))
    smooth = gaussian_filter(np.where(valid, images.line, 0), resolution.psf_px / 2.355)
    noise = np.hypot(images.noise, RELATIVE_ERROR * np.maximum(smooth, 0))
    scattered, best = np.zeros_like(light), np.inf
    for _ in range(ROUNDS):
        left = np.where(valid, images.line - scattered, 0)
        peak = brightest(left, images.noise, mask & valid, resolution)
        at, found, _ = fit_point(left, images.noise, peak, expected, freedom)
        image = point_image(light.shape, at, found)
        weights = two_weights(images.line, image, light, noise, valid)
        scattered = weights[1] * light
        left = np.where(valid, images.line - weights[0] * image - scattered, 0)
        misfit = float(np.square(left / np.where(valid, noise, np.inf)).sum())
        if misfit < best:
            best, place, point, share = misfit, at, weights[0] * image, weights[1]
    scattered, starlight = share * light, share * star
    core = point + starlight
    y, x = np.indices(light.shape)
    distance = np.hypot(y - place[0], x - place[1]) / resolution.psf_px
    spikes = SPIKES * core.max() * np.minimum(4 / np.maximum(distance, 0.5) ** 2, 4)
    relative = RELATIVE_ERROR + UNDERSAMPLED / resolution.psf_px**2
    error = np.hypot(relative * (core + scattered), spikes)
    return Unresolved(point, scattered, error, starlight)


def brightest(image: Image, noise: Image, mask: NDArray[np.bool_], resolution: Resolution) -> tuple[int, int]:
    """Return the spaxel of a mask in which a smooth image is brightest, and significant."""
    smooth = gaussian_filter(image, resolution.psf_px / 2.355)
    y, x = np.unravel_index(int(np.where(mask, smooth * abs(smooth) / noise, -np.inf).argmax()), mask.shape)
    return int(y), int(x)


def star_of(light: Image, images: LineImages, resolution: Resolution) -> tuple[PointShape | None, Image]:
    """Return the shape of a bright unresolved continuum, or None, and the image of the continuum's unresolved part."""
    nowhere = np.zeros_like(light)
    noise = np.where(images.valid, images.continuum_noise, np.inf)
    peak = np.unravel_index(int((light / noise).argmax()), light.shape)
    expected = PointShape(resolution.psf_px)
    y, x = np.indices(light.shape)
    far = images.valid & (np.hypot(y - peak[0], x - peak[1]) > 2 * resolution.psf_px)
    level = float(np.median(light[far]))
    if not light[peak] - level > STAR * np.median(abs(light[far] - level)):
        return None, nowhere
    light = np.maximum(light - level, 0)
    place, shape, height = fit_point(light, noise, (int(peak[0]), int(peak[1])), expected, OF_ANY_STAR)
    core = np.minimum(height * point_image(light.shape, place, shape), light)
    near = np.hypot(y - place[0], x - place[1]) < 2 * resolution.psf_px
    excess = UNRESOLVED + of_band(resolution).width
    unresolved = abs(np.log(shape.fwhm_px / resolution.psf_px)) < excess and core[near].sum() > 0.85 * light[near].sum()
    if not unresolved:
        return None, core if shape.fwhm_px < resolution.psf_px * exp(excess) else nowhere
    return shape, core


def of_band(resolution: Resolution) -> Freedom:
    """Return by how much points differ from what wavelength and instrument say."""
    return Freedom(max(WIDTH_KNOWN, SPAXEL_WIDTH_KNOWN / resolution.psf_px), 0.25, 0.02)


def two_weights(line: Image, point: Image, light: Image, noise: Image, valid: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the weights, neither negative, of two images that make a third best."""
    inverse = np.where(valid, 1 / np.square(noise), 0)
    pp, ll, pl = (
        float((inverse * one * other).sum()) for one, other in ((point, point), (light, light), (point, light))
    )
    p, l = (float((inverse * line * one).sum()) for one in (point, light))
    determinant = pp * ll - pl**2
    if determinant > 1e-9 * pp * ll:
        a, b = (p * ll - l * pl) / determinant, (l * pp - p * pl) / determinant
        if a >= 0 and b >= 0:
            return a, b
    single = max(p, 0) / pp if pp > 0 else 0.0, max(l, 0) / ll if ll > 0 else 0.0
    gains = single[0] * p, single[1] * l
    return (single[0], 0.0) if gains[0] >= gains[1] else (0.0, single[1])


def p_of_excess(
    images: LineImages, left: Image, error: Image, region: NDArray[np.bool_], resolution: Resolution
) -> float:
    """Return the probability that noise, or an error of the model, leaves as significant an excess."""
    height, width = left.shape
    largest, nulls = 0.0, np.zeros(len(images.others))
    for scale in SCALES:
        rows, columns = (gaussian_matrix(size, scale * resolution.psf_px) for size in (height, width))
        others = rows @ images.others @ columns
        noise = scatter(others)
        known = images.valid & (noise > 0)
        noise = np.where(known, noise, np.inf)
        nulls = np.maximum(nulls, (others / noise).max(axis=(1, 2)))
        excess = (rows @ left @ columns) / np.hypot(noise, rows @ error @ columns)
        largest = max(largest, float(excess[region].max(initial=0)))
    return tail_of_maxima(largest, nulls)


def scatter(images: NDArray[np.float64]) -> Image:
    """Return the robust standard deviation of images in each spaxel."""
    return np.median(abs(images), axis=0) / 0.6745


def tail_of_maxima(value: float, nulls: NDArray[np.float64]) -> float:
    """Return the probability that a largest significance reaches a value, given others of which some are lines.

    Squares of the largest of many significances follow Gumbel's distribution; its place and scale are taken from the
    lower part of the others, which no line raises.
    """
    squares = np.square(nulls)
    low, middle = np.quantile(squares, (0.1, 0.6))
    # Gumbel's quantiles are -ln(-ln q): -0.834 and 0.672
    scale = max(float(middle - low) / 1.506, SMALLEST_SCALE)
    begins = float(middle) - 0.672 * scale
    excess = (value**2 - begins) / scale
    if excess < 0:
        return 1.0
    rate = (1 + excess / EXPONENT_OF_NULLS) ** -EXPONENT_OF_NULLS
    return 1 - exp(-rate) if rate > 1e-6 else rate


def compact_share(images: LineImages, model: Unresolved, left: Image, region: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the share of a line's light in an unresolved core, and its error."""
    core = float((model.point + model.star)[images.valid].sum())
    total = core + float((left + model.scattered - model.star)[region].sum())
    if not total > 0:
        return nan, nan
    noise = float(scatter(images.others[:, region].sum(axis=1)[:, None])[0])
    share = core / total
    return share, hypot(noise / total, RELATIVE_ERROR)


def is_scattered(images: LineImages, model: Unresolved, region: NDArray[np.bool_]) -> tuple[str, ...]:
    """Return a flag where the extended part of the continuum explains much of what lies beyond the core."""
    line, point, scattered, star = (
        float(image[region].sum()) for image in (images.line, model.point, model.scattered, model.star)
    )
    extended = scattered - (1 + STAR_WINGS) * star
    return ("scattered",) * bool(extended > SCATTERED * max(line - point - star, LEAST_SCATTERED * line))


def fills_field(images: LineImages, mask: NDArray[np.bool_]) -> tuple[str, ...]:
    """Return a flag where a line is seen nearly everywhere, and is nowhere much brighter."""
    share = np.count_nonzero(mask) / max(np.count_nonzero(images.valid), 1)
    median = float(np.median(images.line[images.valid])) if images.valid.any() else 0.0
    fills = share > FIELD_SHARE and median * FIELD_CONTRAST > float(np.max(images.line[images.valid]))
    return ("fills_field",) * bool(fills)
