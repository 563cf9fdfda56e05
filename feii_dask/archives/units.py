"""Conversion of the units that a user's table declares into those that a search expects."""

from __future__ import annotations

from typing import Any

from astropy import units as u

__all__ = ["YSO_UNITS", "factor_to"]

YSO_UNITS = {
    "ra": u.deg,
    "dec": u.deg,
    "rvz_radvel": u.km / u.s,
    "pmra": u.mas / u.yr,
    "pmdec": u.mas / u.yr,
    "ref_epoch": u.yr,
}
WORKING_UNITS = {
    "angle": "deg, rad, arcsec, and hourangle or h for right ascension",
    "speed": "km/s, m/s",
    "angular speed": "mas/yr, arcsec/yr",
    "time": "yr",
    "length": "um, nm, Angstrom, m",
}


def factor_to(wanted: u.UnitBase, column: Any, *, is_ra: bool = False) -> float:
    """Return the factor that converts a column into a unit; without a unit of its own it has that one.

    Parameters
    ----------
    wanted : Unit
        Of an angle, a speed, an angular speed, a time or a length.
    column : Column
        Of an astropy table.
    is_ra : bool
        Whether they are right ascensions, whose hours are angles.

    Raises
    ------
    ValueError
        If its unit is unknown, or of another kind; the message names column and unit, and the units that work.
    """
    unit = column.unit or wanted
    try:
        return float((u.hourangle if is_ra and unit == u.hour else unit).to(wanted))
    except (ValueError, TypeError) as error:
        working = next(words for kind, words in WORKING_UNITS.items() if wanted.physical_type == kind)
        raise ValueError(
            f"column {column.info.name} is in {str(unit)!r}, which is no unit for it; those that work are {working}"
        ) from error
