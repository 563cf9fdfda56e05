"""Cutouts of detections as FITS files: maps around the line, and the spectrum at its peak."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from feii_dask.errors import StoreError
from feii_dask.model import Cutout, Line, Outcome
from feii_dask.store.atomic import write_atomically
from feii_dask.store.run_files import open_regular

__all__ = ["cutout_path", "make_file", "read_cutout", "read_line_map", "with_files", "write_cutout"]

# Names that every file system takes, and in which a space of the line's name may become a hyphen.
PLAIN_OBS_ID = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9_+.-]{0,149}")
PLAIN_LINE = re.compile(r"[A-Za-z0-9. ]{1,40}")

PLANES = {"LINE": "line_map", "BEFORE": "before_map", "AFTER": "after_map", "OFFLINE": "off_line_map"}


def cutout_path(directory: Path, obs_id: str, line: str) -> Path:
    """Return where the cutout of one line in one observation is kept.

    Identifiers hold slashes, or are longer than a file name may be, in some archives: such a name is made plain, and
    a digest keeps it unique.

    Parameters
    ----------
    directory : Path
        The run's ``cutouts``.
    obs_id, line : str
        Identifier of the observation, and the line's name.

    Examples
    --------
    >>> cutout_path(Path("cutouts"), "jw01290-o001_t001_miri_ch1-short", "Fe II 5.340").name
    'jw01290-o001_t001_miri_ch1-short_Fe-II-5.340.fits'
    >>> cutout_path(Path("cutouts"), "../etc/passwd", "Fe II 5.340").name
    'etc-passwd_Fe-II-5.340_fc42f042.fits'
    """
    stem = f"{plain_name(obs_id)[:150]}_{plain_name(line)[:40]}"
    if not (PLAIN_OBS_ID.fullmatch(obs_id) and PLAIN_LINE.fullmatch(line)):
        stem += "_" + sha256(f"{obs_id}\n{line}".encode(errors="surrogatepass")).hexdigest()[:8]
    return directory / f"{stem}.fits"


def plain_name(text: str) -> str:
    """Replace what a file name may not hold."""
    return re.sub(r"[^A-Za-z0-9_+.-]+", "-", text).lstrip(".-") or "unnamed"


def write_cutout(path: Path, obs_id: str, cutout: Cutout) -> None:
    """Write a cutout, as the worker made it or as `make_file` does.

    Raises
    ------
    StoreError
        If the disk is full, or the directory cannot be written to.
    """
    write_atomically(path, cutout.file or make_file(obs_id, cutout))


def with_files(outcome: Outcome) -> Outcome:
    """Return an outcome whose cutouts have their files: a worker makes them, since a file costs 10 ms of a core."""
    cutouts = tuple(replace(cutout, file=make_file(outcome.obs_id, cutout)) for cutout in outcome.cutouts)
    return replace(outcome, cutouts=cutouts)


def make_file(obs_id: str, cutout: Cutout) -> bytes:
    """Make the FITS file of a cutout: maps with their units and WCS, and the table ``SPECTRUM``.

    The maps are ``LINE``, ``BEFORE`` and ``AFTER`` (ten planes away), ``OFFLINE``, ``MOMENT0``, and ``MASK`` where the
    detector says which spaxels have emission.
    """
    unit = str(cutout.header.get("BUNIT", ""))
    hdus = fits.HDUList(
        [
            primary_hdu(obs_id, cutout.line),
            *(image_hdu(name, getattr(cutout, field), cutout, unit) for name, field in PLANES.items()),
            image_hdu("MOMENT0", cutout.moment_map, cutout, f"um {unit}".strip()),
            spectrum_hdu(cutout, unit),
        ]
    )
    if cutout.mask is not None:
        hdus.append(image_hdu("MASK", cutout.mask.astype(np.uint8), cutout, ""))
    content = BytesIO()
    hdus.writeto(content)
    return content.getvalue()


def primary_hdu(obs_id: str, line: Line) -> fits.PrimaryHDU:
    """Return the header that says which line of which observation this is."""
    primary = fits.PrimaryHDU()
    primary.header["OBS_ID"] = (to_ascii(obs_id), "observation")
    primary.header["LINE"] = (to_ascii(line.name), "spectral line")
    primary.header["SPECIES"] = (to_ascii(line.species), "ion or molecule")
    primary.header["RESTWAV"] = (line.wavelength_um, "[um] vacuum rest wavelength")
    primary.header["TRANSIT"] = (to_ascii(line.transition), "upper and lower level")
    return primary


def to_ascii(text: str) -> str:
    """Escape what is not printable ASCII, which is all that FITS cards hold."""
    return text.encode("unicode_escape").decode("ascii")


def from_ascii(text: str) -> str:
    """Return what `to_ascii` was given."""
    return text.encode("ascii").decode("unicode_escape")


def image_hdu(name: str, data: np.ndarray, cutout: Cutout, unit: str) -> fits.ImageHDU:
    """Return a map with its unit and celestial coordinates."""
    image = fits.ImageHDU(in_fits_order(data), name=name)
    image.header.update(cutout.header)
    image.header["BUNIT"] = unit
    return image


def in_fits_order(data: np.ndarray) -> np.ndarray:
    """Copy an array into FITS's byte order: astropy swaps the bytes of one that is not, while others may read it."""
    return data.astype(data.dtype.newbyteorder(">"))


def spectrum_hdu(cutout: Cutout, unit: str) -> fits.BinTableHDU:
    """Return the table of spectrum and statistic against wavelength."""
    return fits.BinTableHDU.from_columns(
        [
            fits.Column("wavelength", "D", unit="um", array=cutout.wavelength_um),
            fits.Column("spectrum", "D", unit=unit or None, array=cutout.spectrum),
            fits.Column("statistic", "D", array=cutout.statistic),
        ],
        name="SPECTRUM",
    )


def read_cutout(path: Path) -> Cutout:
    """Read back what `write_cutout` wrote.

    Returns
    -------
    Cutout
        With the coordinates of the maps in its header; its line has no coefficients.

    Raises
    ------
    StoreError
        If the file is missing, or is not a cutout.
    """
    with open_cutout(path) as hdus:
        by_name = {hdu.name: hdu for hdu in hdus}  # found by name in the list itself, all are asked each time
        primary, table = hdus[0].header, by_name["SPECTRUM"].data
        planes: dict[str, Any] = {field: native(by_name[name].data, np.float32) for name, field in PLANES.items()}
        return Cutout(
            line=Line(from_ascii(primary["SPECIES"]), primary["RESTWAV"], from_ascii(primary["TRANSIT"])),
            **planes,
            moment_map=native(by_name["MOMENT0"].data, np.float32),
            wavelength_um=native(table["wavelength"], np.float64),
            spectrum=native(table["spectrum"], np.float64),
            statistic=native(table["statistic"], np.float64),
            header=wcs_cards(by_name["LINE"].header),
            mask=native(by_name["MASK"].data, np.bool_) if "MASK" in by_name else None,
        )


def read_line_map(path: Path) -> NDArray[np.float32]:
    """Read the line's plane only, which takes a quarter of the time; raises what `read_cutout` does."""
    with open_cutout(path) as hdus:
        return native(hdus["LINE"].data, np.float32)


@contextmanager
def open_cutout(path: Path) -> Iterator[fits.HDUList]:
    """Open a cutout; what is wrong with the file, or missing in it, becomes a `StoreError`."""
    try:
        with open_regular(path) as file, fits.open(file, memmap=False) as hdus:
            yield hdus
    except Exception as error:  # astropy has no base class for what a damaged file may raise
        raise StoreError(f"{path} is not a cutout that can be read: {error}") from error


def native(data: np.ndarray, dtype: type) -> np.ndarray:
    """Copy out of the file, in the machine's byte order."""
    return np.array(data, dtype=dtype)


def wcs_cards(header: fits.Header) -> dict[str, str | float | int]:
    """Return the cards of a map but for those of the file's structure."""
    structure = {"XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "EXTNAME"}
    return {name: value for name, value in header.items() if name not in structure}
