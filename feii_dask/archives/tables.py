"""The shape of the tables: which columns there are, and text and numbers told apart."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from feii_dask.errors import SettingsError, TargetError

__all__ = [
    "OBSERVATION_NUMBERS",
    "OBSERVATION_TEXT",
    "Selection",
    "check_coordinates",
    "describe_ysos",
    "object_called",
    "tidy",
    "tidy_ysos",
    "without_moving",
    "without_repeated",
]

log = logging.getLogger(__name__)

OBSERVATION_TEXT = (
    "obs_id",
    "obsid",
    "obs_collection",
    "instrument_name",
    "filters",
    "target_name",
    "proposal_id",
    "proposal_pi",
    "obs_title",
    "s_region",
    "dataURL",
    "dataRights",
    "mtFlag",
)
OBSERVATION_NUMBERS = ("s_ra", "s_dec", "em_min", "em_max", "t_min", "t_exptime", "t_obs_release", "calib_level")
YSO_TEXT = ("main_id", "otype")
YSO_NUMBERS = ("ra", "dec", "rvz_radvel", "pmra", "pmdec", "ref_epoch")
NOTHING = ("", "nan", "none", "null", "--", "n/a")
MOST_VALUES = 20  # that are named where none of them was asked for
NEAR_ARCSEC = 1.0  # two entries this close are most likely one object


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which observations are asked for; an empty tuple asks for all.

    Each value is compared as MAST does: ``*`` or ``%`` stands for anything, and one element of a list such as
    ``F170LP;G235H`` is enough.

    Raises
    ------
    SettingsError
        If a column has more than one value with a wildcard: astroquery would ignore all but the first.
    """

    instrument_name: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    proposal_id: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for column, values in self.criteria().items():
            wild = [value for value in values if "*" in value or "%" in value]
            if len(wild) > 1:
                raise SettingsError(
                    f"{column} takes one value with a wildcard, not {' and '.join(wild)}; "
                    f"search once for each, or write the values out"
                )

    def criteria(self) -> dict[str, list[str]]:
        """Return the columns that are restricted, with their values."""
        columns = {
            "instrument_name": self.instrument_name,
            "filters": self.filters,
            "proposal_id": self.proposal_id,
        }
        return {column: list(values) for column, values in columns.items() if values}

    def of(self, observations: pd.DataFrame) -> pd.DataFrame:
        """Return the rows that were asked for.

        Raises
        ------
        SettingsError
            If the table lacks a column that is asked about.
        """
        kept = np.ones(len(observations), dtype=bool)
        for column, values in self.criteria().items():
            if column not in observations:
                raise SettingsError(f"the observation table has no column {column}, so it cannot be searched by it")
            patterns = [_pattern(value) for value in values]
            kept &= np.fromiter((_matches(cell, patterns) for cell in observations[column]), bool, len(observations))
        if len(observations) and not kept.any():
            there_are = "; ".join(_values(observations[column]) for column in self.criteria())
            log.warning("none of %d cubes is selected: %s", len(observations), there_are)
        return observations[kept].reset_index(drop=True)


def _values(column: pd.Series) -> str:
    """Say which values a column has, the frequent ones first."""
    values = [value or "(none)" for value in column.value_counts().index]
    return f"of {column.name} there are {', '.join(values[:MOST_VALUES])}{', …' if len(values) > MOST_VALUES else ''}"


def _pattern(value: str) -> str:
    """Turn a value with MAST's wildcards into one for `fnmatch`, in which brackets and ``?`` would mean something."""
    literal = value.lower().replace("[", "[[]").replace("?", "[?]")
    return literal.replace("%", "*")


def _matches(cell: str, patterns: Sequence[str]) -> bool:
    elements = {cell.lower(), *(element.strip() for element in cell.lower().split(";"))}
    return any(fnmatchcase(element, pattern) for element in elements for pattern in patterns)


def tidy(table: pd.DataFrame, *, text: Iterable[str] = (), numbers: Iterable[str] = ()) -> pd.DataFrame:
    """Return a copy in which text is `str` and numbers are float64, whatever stood for a missing value.

    Parameters
    ----------
    table : DataFrame
        As an archive or a file gives it.
    text, numbers : iterable of str
        Names of columns; those that the table lacks are passed over.

    Raises
    ------
    ValueError
        If a number cannot be read as one.
    """
    tidied = table.reset_index(drop=True)
    for name in tidied.columns.intersection(list(text)):
        column = tidied[name]
        tidied[name] = column.astype(object).where(column.notna(), "").astype(str)
    for name in tidied.columns.intersection(list(numbers)):
        tidied[name] = _as_numbers(tidied[name])
    return tidied


def _as_numbers(column: pd.Series) -> pd.Series:
    if not pd.api.types.is_numeric_dtype(column):
        column = column.astype(object).where(column.notna(), "")
        column = column.mask(column.astype(str).str.strip().str.lower().isin(NOTHING), None)
    try:
        return pd.to_numeric(column).astype("float64")
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {column.name} should hold numbers: {error}") from error


def without_moving(observations: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Leave out observations of moving targets, which no young star is, and say how many they were.

    Examples
    --------
    >>> table, notes = without_moving(pd.DataFrame({"obs_id": ["a", "b"], "mtFlag": ["True", "False"]}))
    >>> list(table["obs_id"]), notes
    (['b'], ('1 of moving targets left out',))
    """
    if "mtFlag" not in observations:
        return observations, ()
    moving = observations["mtFlag"].str.lower().isin(["true", "1", "t"])
    if not moving.any():
        return observations, ()
    return observations[~moving].reset_index(drop=True), (f"{moving.sum()} of moving targets left out",)


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
    """Refuse places that are not on the sky; NaN is no place, and no mistake.

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
    """Leave out objects of the same name at the same place but for the first, and say how many they were.

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


def object_called(name: str, ysos: pd.DataFrame, whose: str) -> pd.DataFrame:
    """Return the one row of that name, whatever its capitals and spaces.

    Raises
    ------
    TargetError
        If there is none, or it has no coordinates; the message names the nearest.
    """
    keys = ysos["main_id"].map(_key)
    found = ysos[keys == _key(name)].head(1)
    if found.empty:
        near = get_close_matches(_key(name), list(keys), n=1)
        hint = f"did you mean {ysos['main_id'][keys == near[0]].iloc[0]!r}?" if near else "see its table of objects"
        raise TargetError(f"{whose} has no object called {name!r}; {hint}")
    if found[["ra", "dec"]].isna().to_numpy().any():
        raise TargetError(f"{whose} has no coordinates of {name!r}; add them to its table of objects")
    return found.reset_index(drop=True)


def _key(name: str) -> str:
    return "".join(name.split()).lower()


def describe_ysos(ysos: pd.DataFrame) -> tuple[str, ...]:
    """Say how many objects lack coordinates, and how many have another within an arcsecond.

    Examples
    --------
    >>> describe_ysos(pd.DataFrame({"ra": [83.0, 83.0001, float("nan")], "dec": [-5.0, -5.0, -5.0]}))
    ('1 without coordinates', '2 within 1 arcsec of another')
    """
    placed = ysos[["ra", "dec"]].dropna().to_numpy(dtype=np.float64)
    notes = []
    if len(placed) < len(ysos):
        notes.append(f"{len(ysos) - len(placed)} without coordinates")
    if len(placed) > 1:
        ra, dec = np.radians(placed.T)
        directions = np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
        chord = 2 * np.sin(np.radians(NEAR_ARCSEC / 3600) / 2)
        second_nearest, _ = cKDTree(directions).query(directions, k=[2], distance_upper_bound=chord)
        near = int(np.isfinite(second_nearest).sum())
        if near:
            notes.append(f"{near} within {NEAR_ARCSEC:g} arcsec of another")
    return tuple(notes)
