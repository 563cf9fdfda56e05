"""How faint a line would still be seen at a place: the scatter of line fluxes where there is no line."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, nan, pi, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from feii_dask.detectors.flux_units import JET_BEAMS, LIMIT_WIDTH_KMS, watt_per_unit
from feii_dask.detectors.line_window import LineWindow, doppler_um
from feii_dask.detectors.matched.resolution import Resolution, resolution_at
from feii_dask.model import SPEED_OF_LIGHT_KMS

__all__ = [
    "LEAST_COVERED",
    "POSITION_ANGLES_DEG",
    "Shape",
    "aperture_area",
    "aperture_spectrum",
    "aperture_weights",
    "flux_sigmas",
    "line_fluxes",
]

POSITION_ANGLES_DEG = (0.0, 45.0, 90.0, 135.0)  # of the elongated aperture, over which its variance is averaged
SUBSAMPLES = 5  # per spaxel and axis, for spaxels at the rim of an aperture
LEAST_COVERED = 0.5  # share of an aperture that must be on data
CONTINUUM_FWHM = 8  # of the line, in whose running median it takes no part
LINE_FREE_KMS = 400.0  # from every line that is looked for: the search reaches to 300
FEWEST_PLANES = 30
CLIP, CLIPPED_VARIANCE = 3.0, 0.9751  # standard deviations; variance of a normal distribution clipped there
LARGEST = 1e30  # what is larger is a filling, as in the detectors
MAD_OF_NORMAL = 0.6745

Shape = tuple[float, float, float]  # length and width in spaxels, and position angle in degrees from the y axis


def flux_sigmas(window: LineWindow, places_yx: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Return the 1-σ error of the flux of a line at some places, in an aperture of one beam and in one of three by one.

    It is the scatter of the fluxes that are measured in the same way at other wavelengths of the same aperture, so that
    correlated noise, fringes and the star's own light are in it. Fluxes are of the light inside the aperture: a circle
    as wide as the point-spread function's FWHM, and a rectangle three times as long, of which the variance is averaged
    over four position angles.

    Parameters
    ----------
    window : LineWindow
        Planes about the line, MJy/sr.
    places_yx : sequence of (float, float)
        Row and column of each place, whose centres are whole numbers.

    Returns
    -------
    tuple of (float, float)
        For each place, W m⁻²; NaN where the resolution of the cube is not known, the aperture is on too few data, or
        too few wavelengths are free of lines.

    Examples
    --------
    >>> from feii_dask.model import Line
    >>> planes = np.random.default_rng(1).normal(size=(200, 20, 20)).astype(np.float32)
    >>> window = LineWindow(planes, 5.26 + 0.0008 * np.arange(200), Line("Fe II", 5.340169))
    >>> (beam, jet), = flux_sigmas(window, [(10.0, 10.0)])
    >>> 1.2 < jet / beam < 2.5
    True
    """
    unknown = ((nan, nan),) * len(places_yx)
    if len(window.planes) < FEWEST_PLANES or not np.isfinite(window.pixel_arcsec):
        return unknown
    resolution = resolution_at(window.wavelength_um, window.nearest_plane, window.pixel_arcsec)
    if not resolution.psf_is_known:
        return unknown
    free = line_free_planes(window)
    beam, length = resolution.psf_px, JET_BEAMS * resolution.psf_px
    unit = watt_per_unit(window, resolution.step_um)

    def sigma(place: tuple[float, float], shape: Shape) -> float:
        fluxes = line_fluxes(aperture_spectrum(window.planes, place, shape), resolution)
        return clipped_scatter(fluxes[free & np.isfinite(fluxes)]) * unit

    return tuple(
        (
            sigma(place, (0.0, beam, 0.0)),
            sqrt(float(np.mean([sigma(place, (length, beam, angle)) ** 2 for angle in POSITION_ANGLES_DEG]))),
        )
        for place in places_yx
    )


def line_free_planes(window: LineWindow) -> NDArray[np.bool_]:
    """Return the planes, (n,), far from every line that is looked for; all of them where hardly any would be left."""
    free = np.ones(len(window.planes), dtype=bool)
    for line in {window.line, *window.searched}:
        shift = window.wavelength_um / doppler_um(line, window.rv_kms) - 1
        free &= abs(shift) * SPEED_OF_LIGHT_KMS > LINE_FREE_KMS
    return free if free.sum() >= FEWEST_PLANES else np.ones_like(free)


def aperture_spectrum(planes: NDArray[np.float32], place_yx: tuple[float, float], shape: Shape) -> NDArray[np.float64]:
    """Return the sum over an aperture, (n,), of planes, (n, y, x); NaN in planes with too few data.

    What is missing in a plane is taken to be as bright as the rest. A length of 0 makes the aperture a circle.
    """
    rows, columns, weight = aperture_weights(planes.shape[1:], place_yx, shape)
    values = planes[:, rows, columns]
    with np.errstate(invalid="ignore"):  # at signalling NaN
        seen = abs(values) < LARGEST
    covered = seen @ weight / aperture_area(shape)
    total = np.where(seen, values, 0).astype(np.float64) @ weight
    return np.where(covered > LEAST_COVERED, total / np.maximum(covered, LEAST_COVERED), np.nan)


def aperture_area(shape: Shape) -> float:
    """Return the area of an aperture, spaxels."""
    length, width, _ = shape
    return length * width if length else pi / 4 * width**2


def aperture_weights(
    size: tuple[int, ...], place_yx: tuple[float, float], shape: Shape
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return rows and columns of the spaxels in an aperture, and how much of each is inside."""
    length, width, angle_deg = shape
    offsets = (np.arange(SUBSAMPLES) - (SUBSAMPLES - 1) / 2) / SUBSAMPLES
    y, x = np.indices(size, sparse=True)
    dy = (y - place_yx[0])[..., None, None] + offsets[:, None]
    dx = (x - place_yx[1])[..., None, None] + offsets
    if length == 0:
        inside = dy**2 + dx**2 <= (width / 2) ** 2
    else:
        along_y, along_x = cos(radians(angle_deg)), -sin(radians(angle_deg))
        along, across = dy * along_y + dx * along_x, dx * along_y - dy * along_x
        inside = (abs(along) <= length / 2) & (abs(across) <= width / 2)
    share = inside.mean(axis=(2, 3))
    rows, columns = np.nonzero(share)
    return rows, columns, share[rows, columns]


def line_fluxes(spectrum: NDArray[np.float64], resolution: Resolution) -> NDArray[np.float64]:
    """Return the flux of a line at each plane of a spectrum, (n,): the best-fitting Gaussian on a running continuum.

    In units of the spectrum times planes; NaN where the spectrum is missing.
    """
    known = np.isfinite(spectrum)
    if known.sum() < FEWEST_PLANES:
        return np.full(spectrum.size, np.nan)
    planes = np.arange(spectrum.size)
    filled = np.interp(planes, planes[known], spectrum[known])
    fwhm = resolution.width_planes(LIMIT_WIDTH_KMS)
    reach = max(round(CONTINUUM_FWHM * fwhm / 2), 5)
    residual = filled - median_filter(filled, 2 * reach + 1, mode="nearest")
    grid = np.arange(-round(2 * fwhm), round(2 * fwhm) + 1)
    profile = np.exp(-4 * np.log(2) * (grid / fwhm) ** 2)
    fitted: NDArray[np.float64] = np.convolve(residual, profile, "same") * profile.sum() / np.square(profile).sum()
    edge = grid.size // 2
    fitted[:edge] = fitted[spectrum.size - edge :] = np.nan
    fitted[~known] = np.nan
    return fitted


def clipped_scatter(values: NDArray[np.float64]) -> float:
    """Return the standard deviation of values about zero, those far off clipped; NaN where they are too few."""
    if values.size < FEWEST_PLANES:
        return nan
    scale = float(np.median(abs(values))) / MAD_OF_NORMAL
    for _ in range(3):
        scale = float(np.sqrt(np.mean(np.square(np.clip(values, -CLIP * scale, CLIP * scale))) / CLIPPED_VARIANCE))
    return scale
