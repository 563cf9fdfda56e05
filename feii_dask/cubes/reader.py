"""Spectral cubes, of which only the planes that are asked for are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from feii_dask.addresses import shown
from feii_dask.cubes.celestial import celestial_wcs, pixel_arcsec
from feii_dask.cubes.hdus import BLOCK, FitsFile, Hdu, format_errors, integer_card, padded
from feii_dask.cubes.pixels import pixel_type, read_pixels
from feii_dask.cubes.remarks import cube_flags
from feii_dask.cubes.spaxel_places import wcs_of_spaxels
from feii_dask.cubes.storage import RangeReader
from feii_dask.cubes.wavelengths import MOST_PLANES, SPECTRAL, runs_backwards, table_places, wavelengths_um
from feii_dask.errors import CubeFormatError

__all__ = ["Cube", "open_cube", "read_cube"]

WIDEST_FIELD = 100_000  # spaxels; JWST mosaics have hundreds
LARGEST_TABLE = 64 * 1024**2
# Standard deviations: JWST's pipeline writes ERR (s3d products), that of FIFI-LS ERROR (sofia_redux,
# fifi_ls.resample), HIPE error in PACS's projected and SPIRE's cubes, and stddev in PACS's rebinned ones.
ERROR_EXTENSIONS = ("ERR", "ERROR", "STDDEV", "STDEV")


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Cube:
    """An open cube.

    Attributes
    ----------
    uri : str
        Where it is.
    shape : tuple of int
        Planes, rows and columns: (n, y, x).
    wavelength_um : (n,) float64 ndarray
        Vacuum wavelength of every plane, µm, strictly increasing. Planes whose frequency increases in the file are
        numbered from its end.
    header, primary_header : fits.Header
        Headers of the cube's extension, and of the file.
    wcs : astropy.wcs.WCS or None
        Celestial coordinates of the spaxels, where the header has them.
    pixel_arcsec : float
        Width of a spaxel, arcsec; NaN where the header does not say.
    flags : tuple of str
        What is odd about it, as ``no_coordinates``.
    """

    uri: str
    shape: tuple[int, int, int]
    wavelength_um: NDArray[np.float64]
    header: fits.Header
    primary_header: fits.Header
    wcs: WCS | None
    pixel_arcsec: float
    flags: tuple[str, ...]
    _file: FitsFile
    _extension: str
    _backwards: bool = False

    def __repr__(self) -> str:
        planes, rows, columns = self.shape
        band = f"{self.wavelength_um[0]:.4f}-{self.wavelength_um[-1]:.4f} µm"
        return f"<Cube {shown(self.uri)}: {planes} planes of {rows} × {columns} spaxels, {band}>"

    @property
    def bytes_read(self) -> int:
        """Bytes received so far."""
        return self._file.reader.bytes_read

    @property
    def requests(self) -> int:
        """Requests sent so far."""
        return self._file.reader.requests

    @property
    def held_bytes(self) -> int:
        """Bytes that a file which came whole takes in memory as long as the cube is open; 0 for others."""
        return self._file.reader.held_bytes

    def planes(self, start: int, stop: int, extension: str | None = None) -> NDArray[np.float32]:
        """Read some planes, in one request.

        Parameters
        ----------
        start, stop : int
            First plane, and the one after the last.
        extension : str, optional
            Another extension of the same shape, as ``"ERR"`` or ``"DQ"``; its header is looked for at first use.

        Returns
        -------
        (stop - start, y, x) float32 ndarray
            The values in the extension's unit. NaN and infinity stay what they are; BLANK becomes NaN.

        Raises
        ------
        IndexError
            If the cube has no such planes.
        CubeError
            If they cannot be read, or the file is damaged.
        """
        if not 0 <= start <= stop <= self.shape[0]:
            raise IndexError(f"planes {start} to {stop} of {shown(self.uri)}, which has {self.shape[0]}")
        with format_errors(self.uri):
            hdu = self._file.find(extension or self._extension)
            if cube_shape(hdu) != self.shape:
                raise CubeFormatError(f"has planes of another shape in {hdu.name} than in {self._extension}")
            stored = self.shape[0] - stop if self._backwards else start
            values = read_pixels(self._file, hdu, stored, stored + stop - start)
        return np.ascontiguousarray(values[::-1]) if self._backwards else values

    def errors(self, start: int, stop: int) -> NDArray[np.float32] | None:
        """Read the errors that the pipeline states for some planes, as `planes` does.

        Returns
        -------
        (stop - start, y, x) float32 ndarray or None
            Standard deviations as they are in the file, which may be of a wrong scale, zero or NaN; None where no
            extension of the cube's shape has them.
        """
        with format_errors(self.uri):
            hdu = self._file.find_any(*ERROR_EXTENSIONS)
        if hdu is None or tuple(hdu.header.get(f"NAXIS{axis}") for axis in (3, 2, 1)) != self.shape:
            return None
        return self.planes(start, stop, hdu.name)


def open_cube(uri: str, storage_options: Mapping[str, Any] | None = None, extension: str = "SCI") -> Cube:
    """Open a spectral cube, reading its headers only.

    Parameters
    ----------
    uri : str
        ``s3://…`` (anonymously), ``https://…``, or a path.
    storage_options : mapping, optional
        Options of the file system, as fsspec takes them, or one mapping of them for each protocol.
    extension : str
        Name of the extension that holds the cube.

    Returns
    -------
    Cube
        The open cube. There is nothing to close.

    Raises
    ------
    CubeMissingError
        If nothing is there.
    CubeReadError
        If it is there, but cannot be read; `CubeTimeoutError` if its storage is silent.
    CubeFormatError
        If it is not a spectral cube.
    """
    return read_cube(RangeReader(uri, storage_options), extension)


def read_cube(reader: RangeReader, extension: str = "SCI") -> Cube:
    """Open the cube in a file that is being read; raises what `open_cube` does."""
    with format_errors(reader.name):
        file = FitsFile(reader)
        primary = file.primary
        hdu = file.find(extension)
        shape = cube_shape(hdu)
        if damaged := SPECTRAL & hdu.unreadable:
            raise CubeFormatError(f"has in {hdu.name} a card {min(damaged)} that cannot be read")
        table, unit = read_wavelength_table(file, hdu)
        wavelength_um = wavelengths_um(hdu.header, table, unit)
        wcs = celestial_wcs(hdu.header, hdu.unreadable)
        if wcs is None:
            wcs = wcs_of_spaxels(file, shape)
        return Cube(
            uri=reader.uri,
            shape=shape,
            wavelength_um=wavelength_um,
            header=hdu.header,
            primary_header=primary.header,
            wcs=wcs,
            pixel_arcsec=pixel_arcsec(hdu.header, wcs),
            flags=cube_flags(hdu.header, primary.header, wavelength_um, wcs),
            _file=file,
            _extension=hdu.name,
            _backwards=runs_backwards(hdu.header),
        )


def cube_shape(hdu: Hdu) -> tuple[int, int, int]:
    """Return planes, rows and columns of an HDU, after checking that it is a cube."""
    header = hdu.header
    if header.get("ZIMAGE") is True:  # FITS 4.0, section 10.1
        raise CubeFormatError(
            f"has in {hdu.name} a tile-compressed image, of which no part can be read: funpack it first"
        )
    if header.get("XTENSION", "IMAGE") != "IMAGE" or header["NAXIS"] != 3:
        kind = header.get("XTENSION", "IMAGE")
        raise CubeFormatError(f"has in {hdu.name} no cube, but a {kind} of {header['NAXIS']} axes")
    pixel_type(hdu)
    x, y = (integer_card(header, f"NAXIS{axis}", 1, WIDEST_FIELD) for axis in (1, 2))
    return integer_card(header, "NAXIS3", 1, MOST_PLANES), y, x


def read_wavelength_table(file: FitsFile, sci: Hdu) -> tuple[Any, str | None]:
    """Return the wavelengths of a cube and their unit, where a table of the file has them; None where none has."""
    places = table_places(sci.header)
    for extension, column in places:
        if (hdu := find_table(file, sci, extension, is_sure=len(places) == 1)) is not None:
            return read_column(file, hdu, column)
    return None, None


def find_table(file: FitsFile, sci: Hdu, extension: str, *, is_sure: bool) -> Hdu | None:
    """Return a table, first sought where JWST's pipeline puts it: behind ERR, DQ and WMAP."""
    image = BLOCK + padded(4 * prod(cube_shape(sci)))
    hdu = file.find_at(sci.stop + 3 * image, extension)
    if hdu is not None or is_sure:
        return hdu or file.find(extension)
    return file.find_any(extension)


def read_column(file: FitsFile, hdu: Hdu, column: str) -> tuple[Any, str | None]:
    """Return a column of a table, and its unit."""
    if hdu.data_stop - hdu.data_start > LARGEST_TABLE:
        raise CubeFormatError(f"has a table of {hdu.data_stop - hdu.data_start} bytes in {hdu.name}")
    table = file.parse(hdu)
    return table.data[column], table.columns[column].unit
