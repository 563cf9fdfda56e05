"""Columns of a table of young stellar objects: coordinates checked, repeated rows left out, objects found by name."""

from __future__ import annotations

from difflib import get_close_matches

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from feii_dask.archives.tidying import tidy
from feii_dask.errors import TargetError
from feii_dask.sky.sphere import chord, unit_vectors

__all__ = ["check_coordinates", "describe_ysos", "find_by_name", "tidy_ysos", "without_repeated"]

YSO_TEXT = ("main_id", "otype")
YSO_NUMBERS = ("ra", "dec", "rvz_radvel", "pmra", "pmdec", "ref_epoch")
NEAR_ARCSEC = 1.0  # two entries this close are most likely one object


def tidy_ysos(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns `YSO_TEXT` and `YSO_NUMBERS` of a table of objects; only names and coordinates must be there.

    Raises
    ------
    ValueError
        If there are no names or no coordinates, or if they cannot be read, or are impossible.
    """
    missing = [name for name in ("main_id", "ra", "dec") if name not in table]
    if missing:
        raise ValueError(f"a table of objects needs main_id, ra and dec (deg); this one lacks {', '.join(missing)}")
    columns = table.reindex(columns=[*YSO_TEXT, *YSO_NUMBERS])
    ysos = tidy(columns, text=YSO_TEXT, numbers=YSO_NUMBERS)
    check_coordinates(ysos["ra"].to_numpy(), ysos["dec"].to_numpy())
    return ysos


def check_coordinates(ra_deg: NDArray[np.float64], dec_deg: NDArray[np.float64]) -> None:
    """Refuse coordinates that are not on the sky; NaN stands for unknown ones and is allowed.

    Raises
    ------
    ValueError
        If there is one; the message has the number of its row, from 1, and its value.
    """
    wrong = np.flatnonzero((np.abs(ra_deg) > 360) | (np.abs(dec_deg) > 90))
    if wrong.size:
        row = wrong[0]
        raise ValueError(
            f"row {row + 1} has the impossible coordinates {ra_deg[row]:g}, {dec_deg[row]:g} deg: correct them, or "
            f"leave them empty where they are unknown"
        )


def without_repeated(ysos: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Leave out objects of the same name at the same coordinates but for the first, and say how many they were.

    Each would be a candidate of its own, and count anew among the q-values.

    Examples
    --------
    >>> table, notes = without_repeated(pd.DataFrame({"main_id": ["a", "b", "a"], "ra": 1.0, "dec": 2.0}))
    >>> list(table["main_id"]), notes
    (['a', 'b'], ('1 repeated rows left out',))
    """
    repeated = ysos.duplicated(["main_id", "ra", "dec"]) & ysos[["ra", "dec"]].notna().all(axis=1)
    if not repeated.any():
        return ysos, ()
    return ysos[~repeated].reset_index(drop=True), (f"{repeated.sum()} repeated rows left out",)


def find_by_name(name: str, ysos: pd.DataFrame, catalogue: str) -> pd.DataFrame:
    """Return the one row of that name, whatever its capitals and spaces.

    Parameters
    ----------
    name : str
        The object's name.
    ysos : DataFrame
        As `tidy_ysos` returns it.
    catalogue : str
        What the errors call the table.

    Raises
    ------
    TargetError
        If there is none, or it has no coordinates; the message names the nearest.
    """
    keys = ysos["main_id"].map(name_key)
    found = ysos[keys == name_key(name)].head(1)
    if found.empty:
        near = get_close_matches(name_key(name), list(keys), n=1)
        hint = f"did you mean {ysos['main_id'][keys == near[0]].iloc[0]!r}?" if near else "see its table of objects"
        raise TargetError(f"{catalogue} has no object called {name!r}; {hint}")
    if found[["ra", "dec"]].isna().to_numpy().any():
        raise TargetError(f"{catalogue} has no coordinates of {name!r}; add them to its table of objects")
    return found.reset_index(drop=True)


def name_key(name: str) -> str:
    """Return a name in small letters, without its spaces."""
    return "".join(name.split()).lower()


def describe_ysos(ysos: pd.DataFrame) -> tuple[str, ...]:
    """Say how many objects lack coordinates, and how many have another object within an arcsecond.

    Examples
    --------
    >>> describe_ysos(pd.DataFrame({"ra": [83.0, 83.0001, float("nan")], "dec": [-5.0, -5.0, -5.0]}))
    ('1 without coordinates', '2 within 1 arcsec of another')
    """
    coordinates = ysos[["ra", "dec"]].dropna().to_numpy(dtype=np.float64)
    notes = []
    if len(coordinates) < len(ysos):
        notes.append(f"{len(ysos) - len(coordinates)} without coordinates")
    if len(coordinates) > 1:
        directions = unit_vectors(*coordinates.T)
        limit = float(chord(np.radians(NEAR_ARCSEC / 3600)))
        second_nearest, _ = cKDTree(directions).query(directions, k=[2], distance_upper_bound=limit)
        near = int(np.isfinite(second_nearest).sum())
        if near:
            notes.append(f"{near} within {NEAR_ARCSEC:g} arcsec of another")
    return tuple(notes)
