"""Coordinates of objects at the epoch of an observation, from their proper motions."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

__all__ = ["julian_year", "moved_to"]

CATALOGUE_YEAR = 2000.0  # of coordinates that state no epoch; SIMBAD's are of J2000
MAS_PER_DEG = 3.6e6


def julian_year(mjd: ArrayLike) -> NDArray[np.float64]:
    """Return modified Julian dates as Julian years.

    Examples
    --------
    >>> float(julian_year(51544.5)), float(julian_year(60676.0).round(2))
    (2000.0, 2025.0)
    """
    return np.asarray(2000.0 + (np.asarray(mjd, dtype=np.float64) - 51544.5) / 365.25)


def moved_to(ysos: pd.DataFrame, year: float) -> pd.DataFrame:
    """Return objects with the coordinates that they have in some year; NaN leaves them where they are.

    Motion is uniform in right ascension and declination, which over decades and away from the poles is good to far less
    than a spaxel.

    Parameters
    ----------
    ysos : DataFrame
        With ``ra`` and ``dec`` (deg), and perhaps ``pmra`` (times the cosine of the declination) and ``pmdec``
        (mas/yr), and ``ref_epoch``, the Julian year of the coordinates, 2000 by default.
    year : float
        Julian year.

    Examples
    --------
    >>> ysos = pd.DataFrame({"ra": [165.46], "dec": [-34.7], "pmra": [-68.4], "pmdec": [-13.9], "ref_epoch": [2000.0]})
    >>> there = moved_to(ysos, 2025.0)
    >>> [round(float((there[name] - ysos[name]).iloc[0] * 3600), 2) for name in ("ra", "dec")]  # TW Hya, arcsec
    [-2.08, -0.35]
    """
    if np.isnan(year):
        return ysos
    columns = ysos.reindex(columns=["pmra", "pmdec", "ref_epoch"]).astype(np.float64)
    span = year - columns["ref_epoch"].fillna(CATALOGUE_YEAR)
    east, north = (columns[name].fillna(0.0) * span / MAS_PER_DEG for name in ("pmra", "pmdec"))
    return ysos.assign(ra=(ysos["ra"] + east / np.cos(np.radians(ysos["dec"]))) % 360, dec=ysos["dec"] + north)
