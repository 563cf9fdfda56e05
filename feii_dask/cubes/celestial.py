"""Celestial coordinates of a cube's spaxels, and the objects on spaxels with data."""

from __future__ import annotations

from math import inf, nan, sqrt

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_area
from numpy.typing import NDArray

__all__ = ["celestial_cards", "celestial_wcs", "on_data", "pixel_arcsec"]

AXIS_KEYWORDS = tuple(f"{key}{axis}" for key in ("CTYPE", "CRPIX", "CRVAL", "CUNIT", "CDELT") for axis in (1, 2))
MATRIX_KEYWORDS = tuple(f"{key}{i}_{j}" for key in ("PC", "CD") for i in (1, 2) for j in (1, 2))
FRAME_KEYWORDS = ("RADESYS", "EQUINOX", "LONPOLE", "LATPOLE")


def celestial_cards(header: fits.Header) -> dict[str, str | float | int]:
    """Return the celestial WCS keywords of a cube's header, and those only.

    Without the third axis, a ``WAVE-TAB`` header can be used without the file that it came from.
    """
    return {key: header[key] for key in (*AXIS_KEYWORDS, *MATRIX_KEYWORDS, *FRAME_KEYWORDS) if key in header}


def celestial_wcs(header: fits.Header) -> WCS | None:
    """Return the celestial coordinates of a cube's spaxels, or None where its header has none that are usable."""
    try:
        wcs = WCS(fits.Header(celestial_cards(header)), naxis=2)
    except Exception:  # noqa: BLE001 - a damaged header provokes anything; a cube is of use without
        return None
    return wcs if wcs.has_celestial else None


def pixel_arcsec(header: fits.Header, wcs: WCS | None) -> float:
    """Return the width of a square as large as a spaxel, arcsec; NaN where the header does not say."""
    area = header.get("PIXAR_A2")
    if isinstance(area, int | float) and 0 < area < inf:
        return sqrt(area)
    return sqrt(proj_plane_pixel_area(wcs)) * 3600 if wcs is not None else nan


def on_data(sci: NDArray[np.float32], wcs: WCS | None, ysos: tuple[tuple[int, float, float], ...]) -> tuple[int, ...]:
    """Return the ``yso_index`` of the objects whose spaxel is in the cube and has data; none where there is no WCS.

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
        return ()
    yso_indices, ra_deg, dec_deg = map(list, zip(*ysos, strict=True))
    y, x = wcs.world_to_array_index(SkyCoord(ra_deg, dec_deg, unit="deg"))
    height, width = sci.shape[1:]
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    return tuple(
        int(yso_index)
        for yso_index, is_inside, row, column in zip(yso_indices, inside, y, x, strict=True)
        if is_inside and np.isfinite(sci[:, row, column]).any()
    )
