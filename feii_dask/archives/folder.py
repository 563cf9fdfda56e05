"""Tables of a folder that takes the place of the archives, read with their units."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from astropy import units as u
from astropy.table import Table

from feii_dask.archives.tidying import tidy
from feii_dask.archives.units import factor_to
from feii_dask.errors import SettingsError

__all__ = ["FOLDER_SERVICE", "find_table", "open_folder", "read_table"]

FOLDER_SERVICE = "folder"  # in the provenance

SUFFIXES = (".parquet", ".ecsv", ".csv", ".vot", ".xml", ".fits")
ASTROPY_FORMATS = {".ecsv": "ascii.ecsv", ".vot": "votable", ".xml": "votable", ".fits": "fits"}


def open_folder(archive: str | os.PathLike[str]) -> Path:
    """Return the folder's path, links followed.

    Raises
    ------
    SettingsError
        If there is no such folder.
    """
    directory = Path(archive).resolve()
    if not directory.is_dir():
        raise SettingsError(f"--archive {os.fspath(archive)!r} is no directory, and not 'live' either")
    return directory


def find_table(directory: Path, name: str) -> Path | None:
    """Return the path of a table in any format that `read_table` reads, or None where there is none."""
    paths = (directory / f"{name}{suffix}" for suffix in SUFFIXES)
    return next((path for path in paths if path.is_file()), None)


def read_table(path: Path, units: Mapping[str, u.UnitBase]) -> pd.DataFrame:
    """Read a table, with columns converted to units where they declare others; `tidy` is to settle their types.

    Parameters
    ----------
    path : Path
        The file.
    units : mapping of str to Unit
        The units of its columns.

    Raises
    ------
    SettingsError
        If it cannot be read, or declares a unit that cannot be converted.
    """
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        if path.suffix == ".csv":  # as text: programme 01290 is not the number 1290
            return pd.read_csv(path, dtype=str, keep_default_na=False)
        table = Table.read(path, format=ASTROPY_FORMATS[path.suffix])
        table.convert_bytestring_to_unicode()
        frame = pd.DataFrame(table.to_pandas())
    # Every reader has its own kind of error; all of them mean that the file is not what its name says.
    except Exception as error:
        raise SettingsError(f"{path} cannot be read as a table: {type(error).__name__}: {error}") from error
    try:
        return convert_units(frame, table, units)
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from error


def convert_units(frame: pd.DataFrame, table: Table, units: Mapping[str, u.UnitBase]) -> pd.DataFrame:
    """Return the numbers in these units where a column of the table declares another."""
    declared = [name for name in units if name in frame and table[name].info.unit is not None]
    frame = tidy(frame, numbers=declared)
    factors = {name: factor_to(units[name], table[name], is_ra=name in {"ra", "s_ra"}) for name in declared}
    return frame.assign(**{name: frame[name] * factor for name, factor in factors.items()})
