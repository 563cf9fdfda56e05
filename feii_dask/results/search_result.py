"""What a search found, as its user holds it: tables with units, and figures."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pandas as pd
from astropy.table import QTable, Row

from feii_dask.errors import TargetError
from feii_dask.plain_text import plain_text
from feii_dask.ranking.candidates import describe_candidates, funnel, including
from feii_dask.ranking.results import RankedRun, load_results
from feii_dask.report.columns import CANDIDATES, DETECTIONS, LIMITS, SUMMARY
from feii_dask.report.table_files import described_table
from feii_dask.results.detection_table import DetectionTable, FoundLine
from feii_dask.store.run_store import RunStore
from feii_dask.store.stored_columns import Column

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SearchResult", "open_run"]

BEST_SHOWN = 5  # candidates in the text of a result


@dataclass(frozen=True, eq=False, repr=False)
class SearchResult:
    """What a search found.

    The tables that answer it are astropy's, with units and descriptions; ``.to_pandas()`` makes data frames of them.
    Those that lead there are pandas'.

    Parameters
    ----------
    ranked : RankedRun
        The run.

    Attributes
    ----------
    ysos, observations, matched : DataFrame
        The objects with coordinates, the archive's cubes, and the cubes with objects inside.
    outcomes : DataFrame
        One row for each matched cube and planned line.
    unidentified : DataFrame
        Lines that were met where none was expected; see `feii_dask.ranking.unidentified.unidentified_lines`.
    failures : DataFrame
        What was not scanned, and why.
    directory : Path or None
        The run directory; None after a dry run.
    include : tuple of str
        Kinds of lines that made candidates, beside extended ones.
    failed_share : float
        Share of the cubes that should have been scanned and were not.
    run : RunStore
        The run directory, with the manifest and the cutouts; a dry run has none, which is a `SettingsError`.
    """

    ranked: RankedRun

    ysos = property(attrgetter("ranked.ysos"))
    observations = property(attrgetter("ranked.observations"))
    matched = property(attrgetter("ranked.matched"))
    outcomes = property(attrgetter("ranked.outcomes"))
    unidentified = property(attrgetter("ranked.unidentified"))
    failures = property(attrgetter("ranked.failures"))
    directory = property(attrgetter("ranked.directory"))
    include = property(attrgetter("ranked.include"))
    failed_share = property(attrgetter("ranked.failed_share"))
    run = property(attrgetter("ranked.run"))

    @cached_property
    def candidates(self) -> QTable:
        """The objects that show lines, best first; see `feii_dask.ranking.candidates.rank`."""
        return with_units(self.ranked.candidates, CANDIDATES)

    @cached_property
    def detections(self) -> DetectionTable:
        """The lines that were found, of any extent, one row for each object, cube and line.

        A row, a `FoundLine`, has ``plot()``, ``spectrum`` and ``cube``.
        """
        table = DetectionTable(with_units(self.ranked.detections, DETECTIONS))
        table.directory = str(self.directory or "")
        return table

    @cached_property
    def limits(self) -> QTable:
        """How bright the lines that were not found may be; see `feii_dask.ranking.flux_limits.flux_limits`."""
        return with_units(self.ranked.limits, LIMITS)

    @cached_property
    def summary(self) -> QTable:
        """One row for each object that was asked for: what was found, the best limit, or why nothing is known."""
        return with_units(self.ranked.summary, SUMMARY)

    def plot(self, candidate: str | int | Row | Mapping[str, Any]) -> Figure:
        """Draw the best line of a candidate.

        Parameters
        ----------
        candidate : str, int or row
            Its name, its rank, or its row of `candidates`.

        Raises
        ------
        TargetError
            If no line was found for it.
        """
        return self.best_detection(candidate).plot()

    def best_detection(self, candidate: str | int | Row | Mapping[str, Any]) -> FoundLine:
        """Return the most significant line of a candidate that makes it one; parameters as of `plot`."""
        yso = self._yso_index(candidate)
        rows = self.ranked.detections
        rows = rows[(rows["yso_index"] == yso) & (rows["cutout"] != "")]
        if rows.empty:
            raise TargetError(f"no line was found for {candidate!r}: see its row of summary")
        order = rows.assign(counts=rows["kind"].isin(["extended", "unjudged", *self.include]))
        best: FoundLine = self.detections[int(order.sort_values(["counts", "statistic"]).index[-1])]
        return best

    def _yso_index(self, candidate: str | int | Row | Mapping[str, Any]) -> int:
        """Return the label of an object that is named in one of several ways."""
        if isinstance(candidate, (Row, Mapping)):
            return int(candidate["yso_index"])
        column, table = ("main_id", self.ysos) if isinstance(candidate, str) else ("rank", self.ranked.candidates)
        found = table[table[column] == candidate]
        if found.empty:
            raise TargetError(f"there is no candidate {candidate!r}; result.candidates lists their ranks and names")
        return int(found.index[0] if column == "main_id" else found["yso_index"].iloc[0])

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        """Return what a result comes to in a few lines."""
        manifest = self.run.manifest if self.directory else {}
        counts = funnel(manifest.get("counts", {}), including(self.outcomes, self.include), self.ranked.candidates)
        steps = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
        best = self.ranked.candidates.head(BEST_SHOWN)
        left_out = len(self.ranked.candidates) - len(best)
        return [
            plain_text(f"<SearchResult of {self.directory or 'a dry run'}>"),
            steps,
            describe_candidates(self.ranked.candidates),
            *(candidate_line(row) for row in best.to_dict("records")),
            *([f"  and {left_out} more"] if left_out else []),
        ]

    def _repr_html_(self) -> str:
        """Return the same for a notebook."""
        title, steps, count, *best = self._lines()
        items = "".join(f"<li>{escape(line.strip())}</li>" for line in best)
        text = f"<b>{escape(title.strip('<>'))}</b><br>{escape(steps)}<br>{escape(count)}<ul>{items}</ul>"
        return text + self._report_link()

    def _report_link(self) -> str:
        """Return a link to the report where Jupyter can follow it: below the notebook, whose directory this is."""
        report = Path(self.directory or "").resolve() / "report.html"
        if self.directory is None or not report.is_file() or not report.is_relative_to(Path.cwd()):
            return ""
        address = quote(report.relative_to(Path.cwd()).as_posix())
        return f'<a href="{address}" target="_blank">report</a>'


def with_units(frame: pd.DataFrame, columns: Mapping[str, Column]) -> QTable:
    """Return a data frame as a table of quantities; numbers that are missing are NaN."""
    table = described_table(frame, columns, {})
    for column in table.itercols():
        if column.dtype.kind == "f" and hasattr(column, "filled"):
            table.replace_column(column.name, column.filled(np.nan))
    return QTable(table)


def open_run(directory: str | Path) -> SearchResult:
    """Open a run, finished or not, without a cluster.

    Parameters
    ----------
    directory : str or Path
        What a search wrote.

    Returns
    -------
    SearchResult
        As `feii_dask.search` returns it; nothing is written.

    Raises
    ------
    SettingsError
        If the directory holds no run, or one that another version of the program wrote.
    StoreError
        If a table is missing or cannot be read.
    """
    return SearchResult(load_results(RunStore.open(Path(directory))))


def candidate_line(row: dict[Hashable, Any]) -> str:
    """Return what a candidate comes to in a line; a kind that all its lines have is said once."""
    kinds = dict.fromkeys(row["kinds"].split("; "))
    kind = row["kinds"] if len(kinds) > 1 else "".join(kinds)
    return plain_text(f"  {row['rank']} {row['grade'] or '-'} {row['main_id']}: {row['lines']} ({kind})")
