"""Cutouts of detections as FITS files: maps around the line, and the spectrum at its peak."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from feii_dask.errors import StoreError
from feii_dask.model import Cutout, Line, Outcome
from feii_dask.store.atomic import write_atomically
from feii_dask.store.cutout_hdus import ORIGIN, PLANES, cutout_hdus, from_ascii
from feii_dask.store.run_files import open_regular

__all__ = [
    "cutout_path",
    "make_file",
    "plain_name",
    "read_cutout",
    "read_line_map",
    "with_files",
    "write_cutout",
]

# Names that every file system takes, and in which a space of the line's name may become a hyphen.
PLAIN_OBS_ID = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9_+.-]{0,149}")
SIMPLE = b"SIMPLE  ="
PLAIN_LINE = re.compile(r"[A-Za-z0-9. ]{1,40}")


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
    """Return an outcome whose cutouts are files: a worker makes them, since a file costs 15 ms of a core.

    What else is kept of them is what a display of the run draws, so that nothing large is sent twice.
    """
    return replace(outcome, cutouts=tuple(as_file(outcome.obs_id, cutout) for cutout in outcome.cutouts))


def as_file(obs_id: str, cutout: Cutout) -> Cutout:
    """Return a cutout as its file, with the line's plane and the header."""
    no_map, no_curve = np.empty((0, 0), dtype=np.float32), np.empty(0)
    return Cutout(
        line=cutout.line,
        line_map=cutout.line_map,
        before_map=no_map,
        after_map=no_map,
        off_line_map=no_map,
        moment_map=no_map,
        wavelength_um=no_curve,
        spectrum=no_curve,
        statistic=no_curve,
        header=cutout.header,
        file=make_file(obs_id, cutout),
    )


def make_file(obs_id: str, cutout: Cutout) -> bytes:
    """Make the FITS file of a cutout, with checksums; see `feii_dask.store.cutout_hdus.cutout_hdus`."""
    content = BytesIO()
    cutout_hdus(obs_id, cutout).writeto(content, checksum=True)
    return content.getvalue()


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
        maps: dict[str, Any] = {field: native(by_name[name].data, np.float32) for name, field in PLANES.items()}
        return Cutout(
            line=Line(from_ascii(primary["SPECIES"]), primary["RESTWAV"], from_ascii(primary["TRANSIT"])),
            **maps,
            moment_map=native(by_name["MOMENT0"].data, np.float32),
            wavelength_um=native(table["wavelength"], np.float64),
            spectrum=native(table["spectrum"], np.float64),
            statistic=native(table["statistic"], np.float64),
            header=wcs_cards(by_name["LINE"].header),
            mask=native(by_name["MASK"].data, np.bool_) if "MASK" in by_name else None,
            origin=cards_of_origin(primary),
            **planes_of(by_name),
            **jet_of(table),
        )


def cards_of_origin(primary: fits.Header) -> dict[str, str | float | int]:
    """Return the cards that say where a cutout is from."""
    cards = {key: primary[key] for key in ORIGIN if key in primary}
    return {key: from_ascii(value) if isinstance(value, str) else value for key, value in cards.items()}


def planes_of(by_name: Mapping[str, Any]) -> dict[str, Any]:
    """Return the planes about the line, where there are any."""
    if "CUBE" not in by_name:
        return {}
    cube = by_name["CUBE"]
    return {"planes": native(cube.data, np.float32), "planes_start": int(cube.header["ROW0"])}


def jet_of(table: fits.FITS_rec) -> dict[str, Any]:
    """Return the spectrum of the jet, where there is one."""
    if "flux" not in table.names:
        return {}
    error = native(table["uncertainty"], np.float64)
    return {
        "jet_spectrum": native(table["flux"], np.float64),
        "jet_error": float(error[0]) if error.size else nan,
        "jet_unit": str(table.columns["flux"].unit or ""),
    }


def read_line_map(path: Path) -> NDArray[np.float32]:
    """Read the line's plane only, which takes a quarter of the time; raises what `read_cutout` does."""
    with open_cutout(path) as hdus:
        return native(hdus["LINE"].data, np.float32)


@contextmanager
def open_cutout(path: Path) -> Iterator[fits.HDUList]:
    """Open a cutout; what is wrong with the file, or missing in it, becomes a `StoreError`."""
    try:
        with open_regular(path) as file:
            if file.read(len(SIMPLE)) != SIMPLE:  # packed, a small file could fill the memory
                raise OSError("it is no FITS file")
            file.seek(0)
            with fits.open(file, memmap=False, disable_image_compression=True) as hdus:
                yield hdus
    except Exception as error:  # astropy has no base class for what a damaged file may raise
        raise StoreError(f"{path} is not a cutout that can be read: {error}") from error


def native(data: np.ndarray, dtype: type) -> np.ndarray:
    """Copy out of the file, in the machine's byte order."""
    return np.array(data, dtype=dtype)


def wcs_cards(header: fits.Header) -> dict[str, str | float | int]:
    """Return the cards of a map but for those of the file's structure."""
    structure = {
        "XTENSION",
        "BITPIX",
        "NAXIS",
        "NAXIS1",
        "NAXIS2",
        "PCOUNT",
        "GCOUNT",
        "EXTNAME",
        "CHECKSUM",
        "DATASUM",
    }
    return {name: value for name, value in header.items() if name not in structure}
