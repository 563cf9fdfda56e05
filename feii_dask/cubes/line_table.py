"""A user's table of lines: read, and checked before anything is searched for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.io.registry import IORegistryError
from astropy.table import Column, Table

from feii_dask.cubes.known_lines import as_line
from feii_dask.errors import LineError
from feii_dask.model import Line

__all__ = ["read_line_table"]

INSTRUMENTS_UM = (0.5, 700.0)  # of JWST and of the far infrared, with a margin
AIR = re.compile(r"\bair\b|(?<=_)air\b|\bair(?=_)", re.IGNORECASE)
NO = {"", "0", "false", "no", "n"}


def read_line_table(path: Path) -> Iterator[Line]:
    """Yield the lines of a table.

    Parameters
    ----------
    path : Path
        Of a table that astropy reads, with a column ``wavelength`` (µm, unless it has another unit) or
        ``wavelength_um``, in vacuum; lines that begin with ``#`` are comments.

    Raises
    ------
    LineError
        If it is not such a table, or a row of it is no line: it has no wavelength, none that is within 0.5 to 700 µm,
        one in air, or that of another row, or shares a name with another row.
    """
    try:
        table = open_table(path)
    except Exception as error:  # astropy's readers raise many kinds
        raise LineError(f"{path} is not a table that astropy can read ({type(error).__name__})") from error
    columns = {str(column).strip().lower(): table[column] for column in table.colnames}
    key = next((key for key in ("wavelength_um", "wavelength") if key in columns), None)
    if said := says_air(path, table):
        raise LineError(f"{path} has wavelengths in air, says {said}: give those in vacuum")
    if key is None:
        raise LineError(f"{path} has no column 'wavelength' or 'wavelength_um', but {', '.join(table.colnames)}")
    if len(table) == 0:
        raise LineError(f"{path} has no lines in it")
    factor = micron_per_unit(columns[key], path)
    seen: dict[float | str, tuple[int, Line]] = {}
    for row in range(len(table)):
        values = {name: column[row] for name, column in columns.items() if column[row] is not np.ma.masked}
        try:
            line = line_of_row(values, key, factor, has_unit=columns[key].unit is not None)
            refuse_second(line, row, seen)
        except (KeyError, TypeError, ValueError) as error:
            raise LineError(f"row {row + 1} of {path} is not a line: {error}") from error
        yield line


def line_of_row(values: Mapping[str, Any], key: str, factor: float, *, has_unit: bool) -> Line:
    """Return the line of a row, whose wavelength is in the column ``key``."""
    if key not in values:
        raise LineError(f"it has nothing in the column {key!r}")
    for name in ("air", "medium"):
        given = str(values.get(name, "")).strip().lower()
        if (name == "air" and given not in NO) or (name == "medium" and AIR.search(given)):
            raise LineError(f"its column {name!r} says {values[name]}, and wavelengths must be in vacuum")
    line = as_line(values, float(values[key]) * factor)
    low_um, high_um = INSTRUMENTS_UM
    if low_um <= line.wavelength_um <= high_um:
        return line
    hint = "" if has_unit else f"; the column {key!r} has no unit and counts as µm: give it one, such as nm or Angstrom"
    raise LineError(f"{line.wavelength_um:g} µm is outside {low_um:g} to {high_um:g} µm, where cubes are{hint}")


def refuse_second(line: Line, row: int, seen: dict[float | str, tuple[int, Line]]) -> None:
    """Raise an error if an earlier row has the wavelength or the name of a line; else keep both in mind."""
    if line.wavelength_um in seen:
        raise LineError(f"its wavelength, {line.wavelength_um:g} µm, is that of row {seen[line.wavelength_um][0] + 1}")
    if line.name in seen:
        first, other = seen[line.name]
        raise LineError(
            f"two lines are called {line.name!r}, at {other.wavelength_um} (row {first + 1}) "
            f"and {line.wavelength_um} µm: keep one"
        )
    seen[line.wavelength_um] = seen[line.name] = (row, line)


def says_air(path: Path, table: Table) -> str | None:
    """Return what in a table's head says that its wavelengths are in air."""
    for column in table.colnames:
        if AIR.search(str(column)) and str(column).strip().lower() != "air":
            return f"its column {column!r}"
        if AIR.search(str(table[column].description or "")):
            return f"the description of its column {column!r}"
    comments = [value for value in table.meta.values() if isinstance(value, str)]
    with path.open("rb") as file:
        comments += [row.decode(errors="replace") for row in file.read(65_536).splitlines() if row.startswith(b"#")]
    found = next((comment for comment in comments if AIR.search(comment) and "vacuum" not in comment.lower()), None)
    return None if found is None else f"its head ({found.strip('# ')[:60]!r})"


def open_table(path: Path) -> Table:
    """Read a table of any format that astropy reads."""
    if path.suffix.lower() == ".csv" and not path.read_bytes().startswith(b"# %ECSV"):
        return Table.read(path, format="ascii.csv", comment="#")
    try:
        return Table.read(path)
    except IORegistryError:  # the file's name does not say its format
        return Table.read(path, format="ascii")


def micron_per_unit(column: Column, path: Path) -> float:
    """Return the unit of a column of wavelengths, µm; µm where it has none."""
    try:
        return float((column.unit or u.um).to(u.um))
    except (ValueError, TypeError) as error:  # unknown units, and those of something else
        raise LineError(
            f"{path} has in column {column.name} wavelengths in {str(column.unit)!r}, which is not a unit of length; "
            f"those that work are um, nm, Angstrom, m"
        ) from error
