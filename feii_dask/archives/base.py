"""What an archive is, and what is remembered of each question put to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

__all__ = ["Archive", "Query"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The provenance of a table.

    Attributes
    ----------
    service : str
        Who was asked.
    text : str
        The question, as the service understands it.
    utc : str
        When the service was asked, ISO 8601.
    rows : int
        Rows of the answer.
    seconds : float
        How long the answer took.
    from_cache : bool
        Whether the answer was at hand from an earlier run; `utc` and `seconds` are of that time.
    notes : tuple of str
        What a reader of the table should know: what was left out, what is there twice.
    """

    service: str
    text: str
    utc: str
    rows: int
    seconds: float
    from_cache: bool = False
    notes: tuple[str, ...] = ()


class Archive(Protocol):
    """Knows the objects, the cubes, and where the cubes are.

    In all tables text is `str` with ``""`` where the archive has nothing, and numbers are float64 with NaN.
    The order of the rows is the same each time.
    """

    @property
    def queries(self) -> Sequence[Query]:
        """What was asked so far."""
        ...

    def ysos(self) -> pd.DataFrame:
        """Return the young stellar objects, those without coordinates included.

        Returns
        -------
        DataFrame
            ``main_id``, ``otype``, ``ra`` and ``dec`` (deg, ICRS), ``rvz_radvel`` (km/s), ``pmra`` and ``pmdec``
            (mas/yr, the first times the cosine of the declination), ``ref_epoch`` (Julian year of the coordinates).
        """
        ...

    def find_object(self, name: str) -> pd.DataFrame:
        """Return one object by its name, with the columns of `ysos`.

        Raises
        ------
        TargetError
            If nobody knows it.
        """
        ...

    def observations(self) -> pd.DataFrame:
        """Return all cube observations that were selected, under the archive's own column names and units."""
        ...

    def products(self, observations: pd.DataFrame) -> pd.DataFrame:
        """Return the observations of a single target, one row for each cube that the archive recommends."""
        ...

    def locate(self, observations: pd.DataFrame) -> list[str | None]:
        """Return where the cube of each observation is, in their order; None where there is no copy."""
        ...
