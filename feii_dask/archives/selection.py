"""Selection of observations by instrument, filter and programme, compared as MAST compares them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from feii_dask.errors import SettingsError

__all__ = ["Selection"]

MOST_VALUES = 20  # listed where no observation is selected
NAMES = {"instrument_name": "instrument", "filters": "filter", "proposal_id": "proposal ID"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which observations are asked for; an empty tuple asks for all.

    Each value is compared as MAST does: ``*`` or ``%`` stands for anything, and one element of a list such as
    ``F170LP;G235H`` is enough.

    Raises
    ------
    SettingsError
        If a column has more than one value with a wildcard: astroquery would ignore all but the first.

    Examples
    --------
    >>> cubes = pd.DataFrame({"instrument_name": ["MIRI/IFU", "MIRI/IFU", "NIRSPEC/IFU"]})
    >>> Selection(instrument_name=("MIRI",)).require_any(cubes)
    Traceback (most recent call last):
        ...
    feii_dask.errors.SettingsError: no cube has the instrument MIRI; there are MIRI/IFU (2), NIRSPEC/IFU (1)
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
            kept &= meets(observations, column, values)
        return observations[kept].reset_index(drop=True)

    def require_any(self, observations: pd.DataFrame) -> None:
        """Refuse a selection that no row of a table meets.

        Raises
        ------
        SettingsError
            With the first restriction that leaves none of the rows that met those before it, and what these have.
        """
        left, met = observations, ""
        for column, values in self.criteria().items():
            asked = f"the {NAMES[column]} {' or '.join(values)}"
            kept = left[meets(left, column, values)]
            if len(left) and kept.empty:
                raise SettingsError(f"no cube has {met}{asked}; there are {list_values(left[column])}")
            left, met = kept, f"{met}{asked} and "


def meets(observations: pd.DataFrame, column: str, values: Sequence[str]) -> NDArray[np.bool_]:
    """Tell the rows whose cell in a column has one of the values."""
    if column not in observations:
        raise SettingsError(f"the observation table has no column {column}, so it cannot be searched by it")
    patterns = [fnmatch_pattern(value) for value in values]
    return np.fromiter((matches(cell, patterns) for cell in observations[column]), bool, len(observations))


def fnmatch_pattern(value: str) -> str:
    """Turn a value with MAST's wildcards into a pattern of `fnmatch`, to which brackets and ``?`` are wildcards too."""
    literal = value.lower().replace("[", "[[]").replace("?", "[?]")
    return literal.replace("%", "*")


def matches(cell: str, patterns: Sequence[str]) -> bool:
    """Whether a cell, or an element of its list, matches one of the patterns."""
    elements = {cell.lower(), *(element.strip() for element in cell.lower().split(";"))}
    return any(fnmatchcase(element, pattern) for element in elements for pattern in patterns)


def list_values(column: pd.Series) -> str:
    """Say which values a column has, the frequent ones first, and in how many rows each."""
    counts = [f"{value or '(none)'} ({count})" for value, count in column.value_counts().items()]
    return ", ".join(counts[:MOST_VALUES]) + (", …" if len(counts) > MOST_VALUES else "")
