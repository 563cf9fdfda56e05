"""What it takes to be a candidate, or one of grade A; a run keeps what it was ranked with last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from feii_dask.errors import SettingsError
from feii_dask.ranking.grading import SURE_Q
from feii_dask.store.run_store import RunStore

__all__ = ["DEFAULT_THRESHOLDS", "MIN_LINES", "Thresholds", "keep_thresholds", "kept_thresholds"]

MIN_LINES = 3  # distinct lines that make a candidate where there are no grades: the notebook's rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What it takes to be a candidate.

    Parameters
    ----------
    grade_a_q : float
        Largest q-value of grade A, between 0 and 1.
    min_lines : int or None
        Distinct lines of a candidate. With None one line is enough where there are grades, and it takes `MIN_LINES`
        where there are none.

    Raises
    ------
    SettingsError
        If they are no such numbers.

    Examples
    --------
    >>> Thresholds().lines_without_grade, Thresholds(min_lines=2).lines_without_grade
    (3, 2)
    """

    grade_a_q: float = SURE_Q
    min_lines: int | None = None

    def __post_init__(self) -> None:
        q, lines = self.grade_a_q, self.min_lines
        if isinstance(q, bool) or not isinstance(q, (int, float)) or not 0 < q < 1:
            raise SettingsError(f"grade-a-q is {q!r}; it takes a number between 0 and 1")
        if lines is not None and (type(lines) is not int or lines < 1):
            raise SettingsError(f"min-lines is {lines!r}; it takes a whole number, 1 or more")

    @property
    def lines_with_grade(self) -> int:
        """Lines of a candidate with a grade."""
        return self.min_lines or 1

    @property
    def lines_without_grade(self) -> int:
        """Lines of a candidate without one."""
        return self.min_lines or MIN_LINES


DEFAULT_THRESHOLDS = Thresholds()


def kept_thresholds(manifest: Mapping[str, Any]) -> Thresholds:
    """Return what a run was ranked with last.

    Raises
    ------
    SettingsError
        If ``run.json`` holds something else.
    """
    kept = manifest.get("thresholds", {})
    try:
        return Thresholds(**kept)
    except TypeError:
        raise SettingsError(f"run.json has the thresholds {kept!r:.60}; rank the run again") from None


def keep_thresholds(run: RunStore, thresholds: Thresholds) -> None:
    """Store what a run is ranked with, for whoever opens it next."""
    if thresholds != kept_thresholds(run.manifest):
        run.update_manifest(thresholds=asdict(thresholds))
