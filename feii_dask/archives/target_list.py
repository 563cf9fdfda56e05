"""A user's table of objects, as a catalogue."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from astropy import units as u
from astropy.coordinates import Angle, SkyCoord
from astropy.io.registry import IORegistryError
from astropy.table import Column, Table
from numpy.typing import NDArray

from feii_dask.archives.column_search import DEC, NAME, NUMBERS, OTYPE, RA, ColumnKind, find_column
from feii_dask.archives.named_objects import find_each, names_in_text
from feii_dask.archives.provenance import QueryRecord, QueryTimer
from feii_dask.archives.units import YSO_UNITS, factor_to
from feii_dask.archives.yso_table import check_coordinates, describe_ysos, find_by_name, tidy_ysos, without_repeated
from feii_dask.errors import TargetError

__all__ = ["TargetList", "names_alone"]

log = logging.getLogger(__name__)

MRT_COLUMNS = ("RAh", "RAm", "RAs", "DE-", "DEd", "DEm", "DEs")  # of the journals' machine-readable tables
MISSING_ANGLES = ("", "nan", "--", "null", "none")


class TargetList:
    """Objects of one table file, of any format that astropy reads.

    Coordinates are found by UCD or by name: as numbers (degrees, or the column's unit), as sexagesimal text (right
    ascension in hours), or as a column of `~astropy.coordinates.SkyCoord`. Names, radial velocities and proper motions
    are taken where there are any.

    Parameters
    ----------
    path : path
        The table. It is read at once.

    Raises
    ------
    TargetError
        If it cannot be read, has no coordinates, or some that are impossible.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        timer = QueryTimer()
        self._path = Path(path)
        table = read_target_table(self._path)
        coordinates = self._coordinates(table)
        names = self._names(table, coordinates)
        columns = {"main_id": names, "ra": coordinates[:, 0], "dec": coordinates[:, 1]}
        columns["otype"] = text_cells(table, OTYPE)
        for name, kind in NUMBERS.items():
            columns[name] = self._numbers(table, kind, YSO_UNITS[name])
        self._ysos, self._repeated = without_repeated(tidy_ysos(pd.DataFrame(columns)))
        notes = (*self._repeated, *describe_ysos(self._ysos))
        self._query = timer.record("file", str(self._path), len(table), notes)
        self.unresolved: Sequence[Mapping[str, str]] = ()

    @property
    def queries(self) -> Sequence[QueryRecord]:
        """The reading of the file."""
        return (self._query,)

    def ysos(self) -> pd.DataFrame:
        """Return the objects, those without coordinates included and each of them once."""
        for note in self._repeated:
            log.warning("%s: %s", self._path, note)
        return self._ysos

    def find_object(self, name: str) -> pd.DataFrame:
        """Return the object of that name; raises `TargetError` if there is none."""
        return find_by_name(name, self._ysos, str(self._path))

    def find_objects(self, names: Sequence[str]) -> pd.DataFrame:
        """Return objects by their names; raises `TargetError` if the table has none of them."""
        found, self.unresolved = find_each(names, self.find_object)
        return found

    def _coordinates(self, table: Table) -> NDArray[np.float64]:
        """Return right ascension and declination, (n, 2), deg; NaN where there are none."""
        ra_deg, dec_deg = self._stated_coordinates(table).T
        try:
            check_coordinates(ra_deg, dec_deg)
        except ValueError as error:
            self._fail(f"cannot be used: {error}")
        return np.column_stack([ra_deg % 360, dec_deg])

    def _stated_coordinates(self, table: Table) -> NDArray[np.float64]:
        """Return the coordinates as they stand in the table, (n, 2), deg."""
        for name in table.colnames:
            if isinstance(table[name], SkyCoord):
                position = table[name].icrs
                return np.column_stack([position.ra.deg, position.dec.deg])
        if set(MRT_COLUMNS) <= set(table.colnames):
            return from_mrt_columns(table)
        found = [find_column(table, kind) for kind in (RA, DEC)]
        if None in found:
            kinds = ("right ascension", "declination")
            lacking = " and ".join(kind for kind, name in zip(kinds, found, strict=True) if name is None)
            self._fail(
                f"has no column of {lacking} that can be told by its UCD (pos.eq.ra, pos.eq.dec) or name "
                f"(ra, dec; RAJ2000, DEJ2000; …); it has {', '.join(table.colnames)}"
            )
        ra_deg = self._degrees(table[str(found[0])], is_ra=True)
        dec_deg = self._degrees(table[str(found[1])], is_ra=False)
        return np.column_stack([ra_deg, dec_deg])

    def _degrees(self, column: Column, *, is_ra: bool) -> NDArray[np.float64]:
        """Return a column of angles in degrees."""
        if column.dtype.kind in "fiu":
            return filled(column) * self._factor(u.deg, column, is_ra=is_ra)
        # Sexagesimal text says itself what it is, and its unit may be none that astropy knows, as VizieR's "h:m:s".
        factor = self._factor(u.deg, column, is_ra=is_ra) if any(map(is_number, cells_of(column))) else 1.0
        degrees = []
        for row, cell in enumerate(cells_of(column), start=1):
            try:
                degrees.append(angle_deg(cell, is_ra, factor))
            except (ValueError, u.UnitsError) as error:
                self._fail(f"has in row {row} of column {column.name} {cell!r}, which is no angle ({error})")
        return np.array(degrees, dtype=np.float64)

    def _names(self, table: Table, coordinates: NDArray[np.float64]) -> list[str]:
        """Return the objects' names, or their coordinates where they have none."""
        found = text_cells(table, NAME)
        positions = [f"{ra:.5f} {dec:+.5f}" for ra, dec in coordinates]
        return [name or position for name, position in zip(found, positions, strict=True)]

    def _numbers(self, table: Table, kind: ColumnKind, unit: u.UnitBase) -> NDArray[np.float64]:
        """Return a column of numbers in a unit, NaN where there are none."""
        name = find_column(table, kind)
        if name is None or table[name].dtype.kind not in "fiu":
            return np.full(len(table), np.nan)
        return filled(table[name]) * self._factor(unit, table[name])

    def _factor(self, wanted: u.UnitBase, column: Column, *, is_ra: bool = False) -> float:
        try:
            return factor_to(wanted, column, is_ra=is_ra)
        except ValueError as error:
            self._fail(f"cannot be used: {error}")

    def _fail(self, reason: str) -> NoReturn:
        raise TargetError(f"the table of targets {str(self._path)!r} {reason}")


def names_alone(path: str | os.PathLike[str]) -> list[str]:
    """Return the names in a file without coordinates: of a column of names, or line by line; nothing where it has any.

    Raises
    ------
    TargetError
        If it cannot be read.
    """
    path = Path(path)
    lines = names_in_text(path)
    try:
        table = read_target_table(path)
    except TargetError:
        if lines:
            return lines
        raise
    has_places = any(isinstance(table[name], SkyCoord) for name in table.colnames)
    if has_places or set(MRT_COLUMNS) <= set(table.colnames) or any(find_column(table, kind) for kind in (RA, DEC)):
        return []
    named = [name for name in text_cells(table, NAME) if name]
    if named and any(table[name].dtype.kind in "fiu" for name in table.colnames):
        return []  # they may be coordinates of another kind, which are not to be passed over
    return named or lines


def read_target_table(path: Path) -> Table:
    """Read a table of any format that astropy reads."""
    try:
        try:
            table = Table.read(path)
        except IORegistryError:  # the file's name does not say its format
            table = Table.read(path, format="ascii")
    except FileNotFoundError:
        raise TargetError(f"there is no table of targets {str(path)!r}") from None
    # Every reader has its own kind of error; all of them mean that the file is not what its name says.
    except Exception as error:
        if path.stat().st_size == 0:
            raise TargetError(f"{str(path)!r} is empty: write names into it, one a line, or a table") from None
        reason = str(error).strip().partition("\n")[0]  # the formats that were tried fill a page
        raise TargetError(f"{str(path)!r} is no table that astropy reads ({type(error).__name__}: {reason})") from error
    if len(table) == 0:
        raise TargetError(f"the table of targets {str(path)!r} has no rows")
    return table


def text_cells(table: Table, kind: ColumnKind) -> list[str]:
    """Return the cells of a column of text, all of them empty where there is none."""
    name = find_column(table, kind)
    return [""] * len(table) if name is None else list(cells_of(table[name]))


def cells_of(column: Column) -> Iterator[str]:
    """Yield the cells as text, empty where they are masked."""
    for cell in column:
        text = cell.decode() if isinstance(cell, bytes) else cell
        yield "" if text is np.ma.masked or text is None else str(text).strip()


def filled(column: Any) -> NDArray[np.float64]:
    """Return a column of numbers, NaN where it is masked."""
    values = np.ma.asarray(getattr(column, "value", column), dtype=np.float64)
    return np.asarray(values.filled(np.nan))


def is_number(text: str) -> bool:
    """Whether a cell is a number and not a missing value."""
    try:
        float(text)
    except ValueError:
        return False
    return text.lower() not in MISSING_ANGLES


def angle_deg(text: str, is_ra: bool, factor: float) -> float:
    """Read one angle: a number times the factor; sexagesimal right ascension in hours unless it says otherwise."""
    if text.lower() in MISSING_ANGLES:
        return np.nan
    if is_number(text):
        return float(text) * factor
    return float(Angle(text, unit=u.hourangle if is_ra else u.deg).deg)


def from_mrt_columns(table: Table) -> NDArray[np.float64]:
    """Return the coordinates, (n, 2), deg, in the columns of a machine-readable table."""
    hours, minutes, seconds, degrees, arcminutes, arcseconds = (
        filled(table[name]) for name in MRT_COLUMNS if name != "DE-"
    )
    sign = np.array([-1.0 if cell == "-" else 1.0 for cell in cells_of(table["DE-"])])
    ra_deg = 15 * (hours + minutes / 60 + seconds / 3600)
    return np.column_stack([ra_deg, sign * (degrees + arcminutes / 60 + arcseconds / 3600)])
