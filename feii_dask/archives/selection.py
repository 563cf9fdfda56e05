"""Selection of observations by instrument, filter and programme, compared as MAST compares them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd

from feii_dask.errors import SettingsError

__all__ = ["Selection"]

log = logging.getLogger(__name__)

MOST_VALUES = 20  # listed in the log where no observation is selected


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
            patterns = [fnmatch_pattern(value) for value in values]
            kept &= np.fromiter((matches(cell, patterns) for cell in observations[column]), bool, len(observations))
        if len(observations) and not kept.any():
            there_are = "; ".join(list_values(observations[column]) for column in self.criteria())
            log.warning("none of %d cubes is selected: %s", len(observations), there_are)
        return observations[kept].reset_index(drop=True)


def fnmatch_pattern(value: str) -> str:
    """Turn a value with MAST's wildcards into a pattern of `fnmatch`, to which brackets and ``?`` are wildcards too."""
    literal = value.lower().replace("[", "[[]").replace("?", "[?]")
    return literal.replace("%", "*")


def matches(cell: str, patterns: Sequence[str]) -> bool:
    """Whether a cell, or an element of its list, matches one of the patterns."""
    elements = {cell.lower(), *(element.strip() for element in cell.lower().split(";"))}
    return any(fnmatchcase(element, pattern) for element in elements for pattern in patterns)


def list_values(column: pd.Series) -> str:
    """Say which values a column has, the frequent ones first."""
    values = [value or "(none)" for value in column.value_counts().index]
    return f"of {column.name} there are {', '.join(values[:MOST_VALUES])}{', …' if len(values) > MOST_VALUES else ''}"
