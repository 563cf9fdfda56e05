"""A user's own table of objects, in whatever way it names its columns."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from astropy import units as u
from astropy.coordinates import Angle, SkyCoord
from astropy.io.registry import IORegistryError
from astropy.table import Column, Table
from numpy.typing import NDArray

from feii_dask.archives.base import Query
from feii_dask.archives.tables import (
    check_coordinates,
    describe_ysos,
    object_called,
    tidy_ysos,
    without_repeated,
)
from feii_dask.archives.units import YSO_UNITS, factor_to
from feii_dask.errors import TargetError

__all__ = ["TargetList"]

log = logging.getLogger(__name__)

# UCDs (IVOA's UCD1+, and the UCD1 of older tables) and names that a column may have, the better ones first.
RA = ("pos.eq.ra;meta.main", "pos_eq_ra_main"), ("ra", "raicrs", "raj2000", "radeg", "rightascension"), ("pos.eq.ra",)
DEC = (
    ("pos.eq.dec;meta.main", "pos_eq_dec_main"),
    ("dec", "deicrs", "decicrs", "dej2000", "decj2000", "dedeg", "decdeg", "declination", "de"),
    ("pos.eq.dec",),
)
NAME = (
    ("meta.id;meta.main", "id_main"),
    ("mainid", "name", "source", "sourcename", "object", "objectname", "target", "designation", "id"),
    ("meta.id",),
)
OTYPE = ((), ("otype",), ())
NUMBERS = {
    "rvz_radvel": (
        ("spect.dopplerveloc", "spect.dopplerveloc.opt", "phys.veloc;pos.heliocentric"),
        ("rvzradvel", "rv", "radialvelocity", "vrad", "hrv", "vlsr"),
        (),
    ),
    "pmra": (("pos.pm;pos.eq.ra",), ("pmra", "pmracosd", "pmrastar", "propermotionra"), ()),
    "pmdec": (("pos.pm;pos.eq.dec",), ("pmdec", "pmde", "propermotiondec"), ()),
    "ref_epoch": (("meta.ref;time.epoch",), ("refepoch", "epoch"), ()),
}
SEXAGESIMAL_MRT = ("RAh", "RAm", "RAs", "DE-", "DEd", "DEm", "DEs")  # of the journals' machine-readable tables
MISSING = ("", "nan", "--", "null", "none")


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
        start = time.perf_counter()
        self.path = Path(path)
        table = _read(self.path)
        coordinates = self._coordinates(table)
        names = self._names(table, coordinates)
        columns = {"main_id": names, "ra": coordinates[:, 0], "dec": coordinates[:, 1]}
        columns["otype"] = _text(table, OTYPE)
        for name, wanted in NUMBERS.items():
            columns[name] = self._numbers(table, wanted, YSO_UNITS[name])
        self._ysos, self._repeated = without_repeated(tidy_ysos(pd.DataFrame(columns)))
        self._query = Query(
            service="file",
            text=str(self.path),
            utc=datetime.now(UTC).isoformat(timespec="seconds"),
            rows=len(table),
            seconds=round(time.perf_counter() - start, 3),
            notes=(*self._repeated, *describe_ysos(self._ysos)),
        )

    @property
    def queries(self) -> Sequence[Query]:
        """The reading of the file."""
        return (self._query,)

    def ysos(self) -> pd.DataFrame:
        """Return the objects, those without coordinates included and each of them once."""
        for note in self._repeated:
            log.warning("%s: %s", self.path, note)
        return self._ysos

    def find_object(self, name: str) -> pd.DataFrame:
        """Return the object of that name; raises `TargetError` if there is none."""
        return object_called(name, self._ysos, str(self.path))

    def _coordinates(self, table: Table) -> NDArray[np.float64]:
        """Return right ascension and declination, (n, 2), deg; NaN where there are none."""
        ra_deg, dec_deg = self._found_coordinates(table).T
        try:
            check_coordinates(ra_deg, dec_deg)
        except ValueError as error:
            self._fail(f"cannot be used: {error}")
        return np.column_stack([ra_deg % 360, dec_deg])

    def _found_coordinates(self, table: Table) -> NDArray[np.float64]:
        """Return the coordinates as they stand in the table, (n, 2), deg."""
        for name in table.colnames:
            if isinstance(table[name], SkyCoord):
                position = table[name].icrs
                return np.column_stack([position.ra.deg, position.dec.deg])
        if set(SEXAGESIMAL_MRT) <= set(table.colnames):
            return _from_parts(table)
        found = [_find(table, wanted) for wanted in (RA, DEC)]
        if None in found:
            lacking = " and ".join(
                word for word, name in zip(("right ascension", "declination"), found, strict=True) if name is None
            )
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
            return _filled(column) * self._factor(u.deg, column, is_ra=is_ra)
        # Sexagesimal text says itself what it is, and its unit may be none that astropy knows, as VizieR's "h:m:s".
        factor = self._factor(u.deg, column, is_ra=is_ra) if any(map(_is_number, _cells(column))) else 1.0
        degrees = []
        for row, cell in enumerate(_cells(column), start=1):
            try:
                degrees.append(_angle_deg(cell, is_ra, factor))
            except (ValueError, u.UnitsError) as error:
                self._fail(f"has in row {row} of column {column.name} {cell!r}, which is no angle ({error})")
        return np.array(degrees, dtype=np.float64)

    def _names(self, table: Table, coordinates: NDArray[np.float64]) -> list[str]:
        """Return the objects' names, made from the coordinates where there are none."""
        found = _text(table, NAME)
        made = [f"{ra:.5f} {dec:+.5f}" for ra, dec in coordinates]
        return [name or other for name, other in zip(found, made, strict=True)]

    def _numbers(self, table: Table, wanted: tuple[tuple[str, ...], ...], unit: u.UnitBase) -> NDArray[np.float64]:
        """Return a column of numbers in a unit, NaN where there are none."""
        name = _find(table, wanted)
        if name is None or table[name].dtype.kind not in "fiu":
            return np.full(len(table), np.nan)
        return _filled(table[name]) * self._factor(unit, table[name])

    def _factor(self, wanted: u.UnitBase, column: Column, *, is_ra: bool = False) -> float:
        try:
            return factor_to(wanted, column, is_ra=is_ra)
        except ValueError as error:
            self._fail(f"cannot be used: {error}")

    def _fail(self, what: str) -> NoReturn:
        raise TargetError(f"the table of targets {str(self.path)!r} {what}")


def _read(path: Path) -> Table:
    try:
        try:
            table = Table.read(path)
        except IORegistryError:  # the file's name does not tell its format
            table = Table.read(path, format="ascii")
    except FileNotFoundError:
        raise TargetError(f"there is no table of targets {str(path)!r}") from None
    # Every reader has its own kind of error; all of them mean that the file is not what its name says.
    except Exception as error:
        raise TargetError(f"{str(path)!r} is no table that astropy reads ({type(error).__name__}: {error})") from error
    if len(table) == 0:
        raise TargetError(f"the table of targets {str(path)!r} has no rows")
    return table


def _find(table: Table, wanted: tuple[tuple[str, ...], ...]) -> str | None:
    """Return the name of the column that is meant: by its principal UCD, by its name, or by a lesser UCD."""
    principal, names, lesser = wanted
    ucds = {_ucd(table, name): name for name in reversed(table.colnames)}
    plain = {_plain(name): name for name in reversed(table.colnames)}
    keys = [(ucds, principal), (plain, names), (ucds, lesser)]
    return next((known[key] for known, keys_ in keys for key in keys_ if key in known), None)


def _ucd(table: Table, name: str) -> str:
    """Return a column's UCD: VOTables have it with the column, FITS tables as TUCDn."""
    number = table.colnames.index(name) + 1
    ucd = getattr(table[name].info, "meta", None) or {}
    return str(ucd.get("ucd") or table.meta.get(f"TUCD{number}") or "").lower()


def _plain(name: str) -> str:
    """Return a name without what differs from catalogue to catalogue: ``_RA_ICRS``, ``RA (deg)`` and ``ra_deg``."""
    return "".join(character for character in name.lower() if character.isalnum())


def _text(table: Table, wanted: tuple[tuple[str, ...], ...]) -> list[str]:
    name = _find(table, wanted)
    return [""] * len(table) if name is None else list(_cells(table[name]))


def _cells(column: Column) -> Iterator[str]:
    """Yield the cells as text, empty where they are masked."""
    for cell in column:
        text = cell.decode() if isinstance(cell, bytes) else cell
        yield "" if text is np.ma.masked or text is None else str(text).strip()


def _filled(column: Any) -> NDArray[np.float64]:
    values = np.ma.asarray(getattr(column, "value", column), dtype=np.float64)
    return np.asarray(values.filled(np.nan))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.lower() not in MISSING


def _angle_deg(text: str, is_ra: bool, factor: float) -> float:
    """Read one angle: a number times the factor; sexagesimal right ascension in hours unless it says otherwise."""
    if text.lower() in MISSING:
        return np.nan
    if _is_number(text):
        return float(text) * factor
    return float(Angle(text, unit=u.hourangle if is_ra else u.deg).deg)


def _from_parts(table: Table) -> NDArray[np.float64]:
    """Put coordinates together from the columns of a machine-readable table."""
    hours, minutes, seconds, degrees, arcminutes, arcseconds = (
        _filled(table[name]) for name in SEXAGESIMAL_MRT if name != "DE-"
    )
    sign = np.array([-1.0 if cell == "-" else 1.0 for cell in _cells(table["DE-"])])
    ra_deg = 15 * (hours + minutes / 60 + seconds / 3600)
    return np.column_stack([ra_deg, sign * (degrees + arcminutes / 60 + arcseconds / 3600)])
