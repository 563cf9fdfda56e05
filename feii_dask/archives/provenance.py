"""Provenance of an archive's tables: who was asked, what, when, and what came back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["QueryRecord", "QueryTimer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRecord:
    """The provenance of one table.

    Attributes
    ----------
    service : str
        Who was asked.
    text : str
        The query, as the service understands it.
    utc : str
        When the service was asked, ISO 8601.
    rows : int
        Rows of the table that it returned.
    seconds : float
        How long that took.
    from_cache : bool
        Whether the table was cached by an earlier run; `utc` and `seconds` are of that time.
    notes : tuple of str
        What a reader of the table should know: which rows were left out, which are repeated.
    """

    service: str
    text: str
    utc: str
    rows: int
    seconds: float
    from_cache: bool = False
    notes: tuple[str, ...] = ()


class QueryTimer:
    """The time at which a query began; makes its record once the table is there."""

    def __init__(self) -> None:
        self._utc, self._start = datetime.now(UTC), time.perf_counter()

    def record(self, service: str, text: str, rows: int, notes: tuple[str, ...] = ()) -> QueryRecord:
        """Return the record of a query that ends now."""
        return QueryRecord(
            service=service,
            text=text,
            utc=self._utc.isoformat(timespec="seconds"),
            rows=rows,
            seconds=round(time.perf_counter() - self._start, 3),
            notes=notes,
        )
