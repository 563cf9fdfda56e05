"""Celestial coordinates of a cube's spaxels, and the objects on spaxels with data."""

from __future__ import annotations

import re
from math import hypot, inf, isfinite, nan, sqrt

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.io.fits.card import UNDEFINED, Undefined
from astropy.wcs import WCS
from numpy.typing import NDArray

__all__ = [
    "celestial_cards",
    "celestial_wcs",
    "cutout_cards",
    "icrs_deg",
    "north_and_east",
    "pixel_arcsec",
    "places_on_data",
    "spaxel_arcsec",
]

# Every keyword of FITS 4.0, tables 22, 23 and 27, that places the first two axes; those of the drafts and conventions
# before it that wcslib and astropy read too: CROTAn, PROJPn, EPOCH, PC001002, CD001002, and SIP's polynomials.
CELESTIAL = re.compile(
    r"(?:CTYPE|CRPIX|CRVAL|CUNIT|CDELT|CROTA)[12]"
    r"|(?:PC|CD)0{0,2}[12]_0{0,2}[12]|(?:PC|CD)00[12]00[12]"
    r"|P[VS][12]_\d{1,2}|PROJP\d{1,2}|LONPOLE|LATPOLE|RADESYS|RADECSYS|EQUINOX|EPOCH"
    r"|(?:A|B|AP|BP)_(?:ORDER|\d_\d)"
)
FIXED = re.compile(r"CUNIT[12]")
ACROSS = re.compile(r"(?:PC|CD)(?:[12]_3|3_[12])")  # a place that differs from plane to plane
LARGEST = 1e30  # as in the detectors: what is larger is a filling
LEAST_SPREAD = 1e-4  # of a spaxel's values, over that of the median spaxel; as in the detectors


def celestial_cards(header: fits.Header) -> dict[str, str | float | int]:
    """Return the celestial WCS keywords of a cube's header, and those only.

    Without the third axis, a ``WAVE-TAB`` header can be used without the file that it came from. Cards without a value
    are left out, and units are put in FITS's words.

    Examples
    --------
    >>> celestial_cards(fits.Header({"CUNIT1": "Degrees", "CROTA2": 30.0, "CRVAL3": 63.2}))
    {'CUNIT1': 'deg', 'CROTA2': 30.0}
    """
    cards = {key: header[key] for key in header if CELESTIAL.fullmatch(key)}
    stated = {key: value for key, value in cards.items() if isinstance(value, str | float | int)}
    return {key: angle_unit(str(value)) if FIXED.fullmatch(key) else value for key, value in stated.items()}


def angle_unit(name: str) -> str:
    """Return a unit in FITS's words, whatever its capitals and number, as HIPE's ``Degrees``; else as it is."""
    for spelling in (name.strip(), name.strip().lower(), name.strip().lower().removesuffix("s")):
        try:
            return str(u.Unit(spelling).to_string("fits"))
        except (ValueError, TypeError):
            continue
    return name


def celestial_wcs(header: fits.Header, unreadable: frozenset[str] = frozenset()) -> WCS | None:
    """Return the celestial coordinates of a cube's spaxels, or None where its header has none that are usable.

    Parameters
    ----------
    header : fits.Header
        Header of the cube.
    unreadable : frozenset of str
        Its cards that cannot be read: where one of them would place the spaxels, nothing else does.
    """
    if any(CELESTIAL.fullmatch(key) for key in unreadable) or is_contradictory(header):
        return None
    try:
        wcs = WCS(fits.Header(celestial_cards(header)), naxis=2)
        reference = icrs_deg(wcs, *(wcs.wcs.crpix - 1))  # astropy refuses frames only where they are used
    except Exception:  # noqa: BLE001 - a damaged header provokes anything; a cube is of use without
        return None
    return wcs if all(map(isfinite, reference)) else None


def icrs_deg(wcs: WCS, x_px: float, y_px: float) -> tuple[float, float]:
    """Return right ascension and declination (ICRS, degrees) of a place in a cube.

    Coordinates that are ICRS already, as JWST's, need none of astropy's frames, which take half a millisecond.

    Examples
    --------
    >>> cards = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 1.0, "CRPIX2": 1.0, "RADESYS": "ICRS"}
    >>> wcs = WCS(fits.Header(cards | {"CRVAL1": 69.9, "CRVAL2": 25.7, "CDELT1": -1e-4, "CDELT2": 1e-4}))
    >>> [round(angle, 9) for angle in icrs_deg(wcs, 0, 0)]
    [69.9, 25.7]
    """
    if wcs.wcs.radesys == "ICRS" and [name[:4] for name in wcs.wcs.ctype] == ["RA--", "DEC-"]:
        ra_deg, dec_deg = wcs.pixel_to_world_values(x_px, y_px)
        return float(ra_deg) % 360.0, float(dec_deg)
    place = wcs.pixel_to_world(x_px, y_px).icrs
    return float(place.ra.deg), float(place.dec.deg)


def is_contradictory(header: fits.Header) -> bool:
    """Whether a header places its spaxels twice, by something like a complex number, or elsewhere in every plane."""
    stated: dict[str, object] = {}
    for card in header.cards:
        if CELESTIAL.fullmatch(card.keyword) and stated.setdefault(card.keyword, card.value) != card.value:
            return True
        if CELESTIAL.fullmatch(card.keyword) and not isinstance(card.value, str | float | int | Undefined | None):
            return True
        if ACROSS.fullmatch(card.keyword) and card.value not in (0, UNDEFINED):
            return True
    return False


def cutout_cards(wcs: WCS) -> dict[str, str | float | int]:
    """Return the cards that place a cutout as its cube, in the words of FITS 4.0."""
    return celestial_cards(wcs.to_header(relax=True))


def pixel_arcsec(header: fits.Header, wcs: WCS | None) -> float:
    """Return the width of a square as large as a spaxel, arcsec; NaN where the header does not say."""
    area = header.get("PIXAR_A2")
    if isinstance(area, int | float) and 0 < area < inf:
        return sqrt(area)
    if wcs is not None:
        return spaxel_arcsec(wcs)
    return sqrt(abs(step_arcsec(header, 1) * step_arcsec(header, 2)))


def spaxel_arcsec(wcs: WCS) -> float:
    """Return the side of a square of a spaxel's area in the plane of projection, arcsec.

    The area is that of astropy's ``proj_plane_pixel_area``, which takes 1 ms since it copies the coordinates to leave
    out axes that are not celestial; ours have no others.
    """
    return sqrt(abs(np.linalg.det(wcs.pixel_scale_matrix))) * 3600


def step_arcsec(header: fits.Header, axis: int) -> float:
    """Return the step of an axis that is no celestial one but has a unit of angle, as FIFI-LS's of moving targets."""
    step = header.get(f"CDELT{axis}")
    try:
        factor = u.Unit(angle_unit(str(header.get(f"CUNIT{axis}")))).to(u.arcsec)
    except (ValueError, TypeError, u.UnitConversionError):
        return nan
    return step * factor if isinstance(step, int | float) and isfinite(step) and step != 0 else nan


def north_and_east(wcs: WCS | None, x_px: float, y_px: float) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Return the directions to north and east (ICRS) at a spaxel, each as (x, y) of unit length; None without a WCS.

    Examples
    --------
    >>> tilted = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -1e-4, "CDELT2": 1e-4, "CROTA2": 90.0}
    >>> north, east = north_and_east(celestial_wcs(fits.Header(tilted | {"CRVAL1": 69.9, "CRVAL2": 25.7})), 0.0, 0.0)
    >>> [round(value, 3) + 0.0 for value in (*north, *east)]
    [-1.0, 0.0, 0.0, -1.0]
    """
    if wcs is None:
        return None
    directions = []
    try:
        here = wcs.pixel_to_world(x_px, y_px).icrs
        for angle_deg in (0.0, 90.0):
            x, y = wcs.world_to_pixel(here.directional_offset_by(angle_deg * u.deg, 1.0 * u.arcsec))
            across, up = float(x) - x_px, float(y) - y_px
            length = hypot(across, up)
            directions.append((across / length, up / length))
    except Exception:  # noqa: BLE001 - as in `celestial_wcs`
        return None
    north, east = directions
    return (north, east) if all(map(isfinite, (*north, *east))) else None


def places_on_data(
    sci: NDArray[np.float32], wcs: WCS | None, ysos: tuple[tuple[int, float, float], ...]
) -> dict[int, tuple[float, float]]:
    """Return the ``yso_index`` of the objects whose spaxel is in the cube and has data, with their row and column.

    There is none without a WCS.

    A spaxel that was filled with one value, such as 0 or -1e20, has no data, and neither has one whose values hardly
    differ: the detectors measure nothing there either.

    Parameters
    ----------
    sci : (n, y, x) float32 ndarray
        Some planes.
    wcs : WCS or None
        Celestial coordinates of the spaxels.
    ysos : tuple of (int, float, float)
        ``yso_index``, right ascension and declination (ICRS, degrees) of each.
    """
    if wcs is None or not ysos:
        return {}
    yso_indices, ra_deg, dec_deg = map(list, zip(*ysos, strict=True))
    x_px, y_px = wcs.world_to_pixel(SkyCoord(ra_deg, dec_deg, unit="deg"))
    x, y = np.rint(x_px), np.rint(y_px)
    height, width = sci.shape[1:]
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    if not inside.any():
        return {}
    known = spaxels_with_data(sci)
    return {
        int(index): (float(y_px[number]), float(x_px[number]))
        for number, index in enumerate(yso_indices)
        if inside[number] and known[int(y[number]), int(x[number])]
    }


def spaxels_with_data(sci: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell the spaxels, (y, x), whose values differ from plane to plane, and not much less than those of others."""
    seen = np.abs(sci) < LARGEST
    highest = np.where(seen, sci, -np.inf).max(axis=0).astype(np.float64)
    lowest = np.where(seen, sci, np.inf).min(axis=0).astype(np.float64)
    spread = highest - lowest
    known: NDArray[np.bool_] = spread > 0
    if known.any():
        known &= spread >= LEAST_SPREAD * np.median(spread[known])
    return known
