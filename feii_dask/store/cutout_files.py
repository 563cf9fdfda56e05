"""Cutouts of detections as FITS files: maps around the line, and the spectrum at its peak."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feii_dask.errors import StoreError
from feii_dask.model import Cutout, Line, Outcome
from feii_dask.store.atomic import write_atomically
from feii_dask.store.cutout_hdus import ORIGIN, PLANES, cutout_hdus, from_ascii
from feii_dask.store.fits_parts import FitsPart, fits_parts
from feii_dask.store.run_files import read_regular

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
PLAIN_LINE = re.compile(r"[A-Za-z0-9. ]{1,40}")
STRUCTURE = {
    *("XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT"),
    *("EXTNAME", "CHECKSUM", "DATASUM"),
}


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
    """Return an outcome whose cutouts are files: a worker makes them, since a file costs milliseconds of a core.

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
    return b"".join(cutout_hdus(obs_id, cutout))


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
    with cutout_errors(path):
        primary, *parts = fits_parts(read_regular(path))
        by_name = {part.name: part for part in parts}
        table = by_name["SPECTRUM"].table
        maps: dict[str, Any] = {field: native(by_name[name].image, np.float32) for name, field in PLANES.items()}
        return Cutout(
            line=line_of(primary),
            **maps,
            moment_map=native(by_name["MOMENT0"].image, np.float32),
            wavelength_um=native(table["wavelength"], np.float64),
            spectrum=native(table["spectrum"], np.float64),
            statistic=native(table["statistic"], np.float64),
            header=stored_cards(by_name["LINE"]),
            mask=native(by_name["MASK"].image, np.bool_) if "MASK" in by_name else None,
            origin=cards_of_origin(primary),
            **planes_of(by_name),
            **jet_of(by_name["SPECTRUM"], table),
        )


def line_of(primary: FitsPart) -> Line:
    """Return the line that a cutout shows."""
    species, transition = (from_ascii(str(primary.value(keyword))) for keyword in ("SPECIES", "TRANSIT"))
    return Line(species, float(primary.value("RESTWAV")), transition)


def cards_of_origin(primary: FitsPart) -> dict[str, str | float | int]:
    """Return the cards that say where a cutout is from."""
    cards = {keyword: primary.value(keyword) for keyword in ORIGIN if keyword in primary.cards}
    return {keyword: from_ascii(value) if isinstance(value, str) else value for keyword, value in cards.items()}


def planes_of(by_name: Mapping[str, FitsPart]) -> dict[str, Any]:
    """Return the planes about the line, where there are any."""
    if "CUBE" not in by_name:
        return {}
    cube = by_name["CUBE"]
    return {"planes": native(cube.image, np.float32), "planes_start": cube.integer("ROW0")}


def jet_of(part: FitsPart, table: NDArray[np.void]) -> dict[str, Any]:
    """Return the spectrum of the jet, where there is one."""
    names = table.dtype.names or ()
    if "flux" not in names:
        return {}
    error, unit = native(table["uncertainty"], np.float64), f"TUNIT{names.index('flux') + 1}"
    return {
        "jet_spectrum": native(table["flux"], np.float64),
        "jet_error": float(error[0]) if error.size else nan,
        "jet_unit": str(part.value(unit)) if unit in part.cards else "",
    }


def read_line_map(path: Path) -> NDArray[np.float32]:
    """Read the line's plane only, which takes a quarter of the time; raises what `read_cutout` does."""
    with cutout_errors(path):
        parts = fits_parts(read_regular(path))
        return native(next(part for part in parts if part.name == "LINE").image, np.float32)


@contextmanager
def cutout_errors(path: Path) -> Iterator[None]:
    """Turn what is wrong with a file, or missing in it, into a `StoreError` that names it."""
    try:
        yield
    except Exception as error:  # a damaged file may provoke anything
        raise StoreError(f"{path} is not a cutout that can be read: {error!r}") from error


def native(data: np.ndarray, dtype: type) -> np.ndarray:
    """Copy out of the file, in the machine's byte order."""
    return np.array(data, dtype=dtype)


def stored_cards(part: FitsPart) -> dict[str, str | float | int]:
    """Return the cards of a map but for those of the file's structure."""
    return {keyword: part.value(keyword) for keyword in part.cards if keyword and keyword not in STRUCTURE}
