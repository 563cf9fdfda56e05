"""Pixels of an image extension, read as byte ranges."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from feii_dask.cubes.hdus import FitsFile, Hdu, number_card
from feii_dask.errors import CubeFormatError

__all__ = ["pixel_type", "read_pixels"]

PIXEL_TYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}  # FITS 4.0, table 8


def pixel_type(hdu: Hdu) -> np.dtype[Any]:
    """Return the type of the stored pixels of an image; raises `CubeFormatError` if FITS has no such type."""
    if hdu.header["BITPIX"] not in PIXEL_TYPES:
        raise CubeFormatError(f"has BITPIX = {hdu.header['BITPIX']!r} in {hdu.name}")
    return np.dtype(PIXEL_TYPES[hdu.header["BITPIX"]])


def read_pixels(file: FitsFile, hdu: Hdu, start: int, stop: int, dtype: type[np.floating[Any]] = np.float32) -> Any:
    """Read some planes of a cube, or the rows of an image, in one request.

    Parameters
    ----------
    file : FitsFile
        The file.
    hdu : Hdu
        An image of it.
    start, stop : int
        First index along its slowest axis, and the one after the last.
    dtype : type
        Of the values.

    Returns
    -------
    (stop - start, ...) ndarray
        The values in the extension's unit. NaN and infinity stay what they are; BLANK becomes NaN.

    Raises
    ------
    CubeFormatError
        If the pixels are of no type that FITS knows.
    CubeReadError
        If the file ends before.
    """
    pixel = pixel_type(hdu)
    shape = tuple(hdu.header[f"NAXIS{axis}"] for axis in range(hdu.header["NAXIS"], 0, -1))
    plane_bytes = prod(shape[1:]) * pixel.itemsize
    raw = file.read(hdu.data_start + start * plane_bytes, hdu.data_start + stop * plane_bytes)
    values = scale_pixels(np.frombuffer(raw, dtype=pixel), hdu.header, dtype)
    return values.reshape(stop - start, *shape[1:])


def scale_pixels(stored: NDArray[Any], header: fits.Header, dtype: type[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return stored pixels as physical values (FITS 4.0, equation 3)."""
    scale, zero = number_card(header, "BSCALE", 1.0), number_card(header, "BZERO", 0.0)
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold becomes infinite
        if scale == 1.0 and zero == 0.0:
            values = stored.astype(dtype)
        else:
            values = (stored.astype(np.float64) * scale + zero).astype(dtype)
    if stored.dtype.kind in "iu" and header.get("BLANK") is not None:
        values[stored == header["BLANK"]] = np.nan
    return values
