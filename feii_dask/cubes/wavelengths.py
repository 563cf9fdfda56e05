"""Wavelengths of a cube's planes, from its header."""

from __future__ import annotations

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.io.fits.card import Undefined
from numpy.typing import ArrayLike, NDArray

from feii_dask.cubes.hdus import integer_card, number_card
from feii_dask.errors import CubeFormatError
from feii_dask.model import SPEED_OF_LIGHT_KMS

__all__ = ["MOST_PLANES", "SPECTRAL", "runs_backwards", "table_places", "wavelengths_um"]

MOST_PLANES = 1_000_000
SPECTRAL = frozenset({"CTYPE3", "CUNIT3", "CRPIX3", "CRVAL3", "CDELT3", "CD3_3", "PC3_3", "PS3_0", "PS3_1"})
# JWST's pipeline, and HIPE (PACS Data Reduction Guide for spectroscopy, section 7.3).
USUAL_TABLES = (("WCS-TABLE", "wavelength"), ("WCS-TAB", "wavelen"))
WAVELENGTH, FREQUENCY = {"", "WAVE", "WAVELENGTH"}, {"FREQ", "FREQUENCY"}  # CTYPE3, as FITS and as HIPE words it
UM_HZ = SPEED_OF_LIGHT_KMS * 1e9


def table_places(header: fits.Header) -> tuple[tuple[str, str], ...]:
    """Return extension and column where a table of wavelengths may be, the likeliest first; none for a linear axis.

    A file may have a ``WCS-TABLE`` beside a linear axis (jwst ≥ 2.0 writes one always), so the header decides: a
    ``WAVE-TAB`` axis has a table, and so may an axis without start or step, as of PACS's mosaic cubes.
    """
    if axis_type(header) == "WAVE-TAB" and has_value(header, "PS3_0"):
        return ((str(header["PS3_0"]), str(header["PS3_1"]) if has_value(header, "PS3_1") else "wavelength"),)
    step = has_value(header, "CD3_3") or has_value(header, "CDELT3")
    is_linear = axis_type(header) != "WAVE-TAB" and step and has_value(header, "CRVAL3")
    return () if is_linear else USUAL_TABLES


def wavelengths_um(
    header: fits.Header, table: ArrayLike | None = None, table_unit: str | None = None
) -> NDArray[np.float64]:
    """Return the vacuum wavelength of every plane.

    Linear axes follow FITS WCS paper III, equation 1, with CRPIX3 and the step in CD3_3 or CDELT3 (times PC3_3).
    Other JWST cubes have a table. A frequency is turned into a wavelength; see `runs_backwards`.

    Parameters
    ----------
    header : fits.Header
        Header of the cube.
    table : array_like, optional
        What `table_places` point to, in units of CUNIT3.
    table_unit : str, optional
        Its unit where the header has no CUNIT3.

    Returns
    -------
    (n,) float64 ndarray
        Wavelengths, µm, strictly increasing.

    Raises
    ------
    CubeFormatError
        If the third axis is neither vacuum wavelength nor frequency, has no such unit, or does not increase. Planes of
        wavelength are never reordered, because a plane's index is what users quote.

    Examples
    --------
    >>> header = fits.Header({"NAXIS3": 3, "CTYPE3": "WAVE", "CUNIT3": "um"})
    >>> header.update({"CRPIX3": 1.0, "CRVAL3": 4.9, "CDELT3": 0.0008})
    >>> wavelengths_um(header)
    array([4.9   , 4.9008, 4.9016])
    """
    planes = integer_card(header, "NAXIS3", 1, MOST_PLANES)
    if table is not None:
        stored = np.asarray(table, dtype=np.float64).ravel()
        unit = header["CUNIT3"] if has_value(header, "CUNIT3") else table_unit
        wavelength = stored * unit_factor(unit, u.um, "length")
    elif axis_type(header) == "WAVE-TAB":
        raise CubeFormatError("has CTYPE3 = 'WAVE-TAB', but its table of wavelengths was not given")
    else:
        wavelength = axis_um(linear_axis(header, planes), header)
    if wavelength.size != planes:
        raise CubeFormatError(f"has {planes} planes, but {wavelength.size} wavelengths in its table")
    if not (np.isfinite(wavelength).all() and wavelength[0] > 0 and (np.diff(wavelength) > 0).all()):
        raise CubeFormatError("has wavelengths that are not positive and strictly increasing")
    return wavelength


def runs_backwards(header: fits.Header) -> bool:
    """Whether planes are stored from the longest wavelength to the shortest: their frequency increases."""
    return axis_type(header) in FREQUENCY and not table_places(header) and axis_step(header) > 0


def axis_type(header: fits.Header) -> str:
    """Return CTYPE3 in capitals; empty where it has no value."""
    return str(header["CTYPE3"]).strip().upper() if has_value(header, "CTYPE3") else ""


def has_value(header: fits.Header, key: str) -> bool:
    """Whether a header has a card, and the card a value: HIPE writes cards without."""
    value = header.get(key)
    return value is not None and value != "" and not isinstance(value, Undefined)


def linear_axis(header: fits.Header, planes: int) -> NDArray[np.float64]:
    """Return the values of a linear third axis, in units of CUNIT3."""
    if axis_type(header) not in WAVELENGTH | FREQUENCY:
        raise CubeFormatError(
            f"has CTYPE3 = {axis_type(header)!r}; it must be WAVE or WAVE-TAB (vacuum wavelength), or FREQ"
        )
    # Without CRPIX3 it is 0 (FITS 4.0, section 8.2).
    # The pixel numbers are whole where CRPIX3 is, so the usual CRPIX3 = 1 costs no rounding.
    pixel = np.arange(planes, dtype=np.float64) + (1.0 - number_card(header, "CRPIX3", 0.0))
    return number_card(header, "CRVAL3") + axis_step(header) * pixel


def axis_step(header: fits.Header) -> float:
    """Return the step of a linear third axis, in units of CUNIT3."""
    if "CD3_3" in header:
        return number_card(header, "CD3_3")
    return number_card(header, "CDELT3") * number_card(header, "PC3_3", 1.0)


def axis_um(axis: NDArray[np.float64], header: fits.Header) -> NDArray[np.float64]:
    """Return the values of the third axis as wavelengths, µm, from the shortest."""
    if axis_type(header) not in FREQUENCY:
        return axis * unit_factor(header.get("CUNIT3"), u.um, "length")
    hertz = axis * unit_factor(header.get("CUNIT3"), u.Hz, "frequency")
    if not (hertz > 0).all():
        raise CubeFormatError("has frequencies that are not positive")
    return UM_HZ / (hertz[::-1] if runs_backwards(header) else hertz)


def unit_factor(name: object, unit: u.UnitBase, kind: str) -> float:
    """Return the factor that converts CUNIT3 into a unit, whatever its capitals and number, as ``Microns``."""
    text = name.strip() if isinstance(name, str) else ""
    for spelling in (text, text.lower(), text.lower().removesuffix("s")):
        try:
            return float(u.Unit(spelling).to(unit))
        except (TypeError, ValueError, u.UnitConversionError):
            continue
    raise CubeFormatError(f"has CUNIT3 = {name!r}; it must be a unit of {kind}")
