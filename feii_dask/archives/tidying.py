"""Columns of text and of numbers, rid of the many forms of a missing value."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

__all__ = ["tidy"]

MISSING_NUMBERS = ("", "nan", "none", "null", "--", "n/a")


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

    Examples
    --------
    >>> tidy(pd.DataFrame({"filters": ["G235H", None], "s_ra": ["83.1", "--"]}), text=["filters"], numbers=["s_ra"])
      filters  s_ra
    0   G235H  83.1
    1           NaN
    """
    tidied = table.reset_index(drop=True)
    for name in tidied.columns.intersection(list(text)):
        column = tidied[name]
        tidied[name] = column.astype(object).where(column.notna(), "").astype(str)
    for name in tidied.columns.intersection(list(numbers)):
        tidied[name] = as_numbers(tidied[name])
    return tidied


def as_numbers(column: pd.Series) -> pd.Series:
    """Return a column as float64, NaN where a number is missing."""
    if not pd.api.types.is_numeric_dtype(column):
        column = column.astype(object).where(column.notna(), "")
        column = column.mask(column.astype(str).str.strip().str.lower().isin(MISSING_NUMBERS), None)
    try:
        return pd.to_numeric(column).astype("float64")
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {column.name} should hold numbers: {error}") from error
