"""The results of a run: its tables and outcomes, read once, with the candidates and failures that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from feii_dask.errors import SettingsError
from feii_dask.ranking.candidates import failed_share, failures, rank
from feii_dask.store.run_store import RunStore, Tables

__all__ = ["SearchResult", "load_results", "open_run"]


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """What a search found; every table is a pandas DataFrame.

    Attributes
    ----------
    ysos, observations, matched : DataFrame
        The objects with coordinates, the archive's cubes, and the cubes with objects inside.
    outcomes : DataFrame
        One row for each matched cube and planned line.
    candidates : DataFrame
        The objects that show lines, best first; see `feii_dask.ranking.candidates.rank`.
    failures : DataFrame
        What was not scanned, and why.
    directory : Path or None
        The run directory; None after a dry run.
    """

    ysos: pd.DataFrame
    observations: pd.DataFrame
    matched: pd.DataFrame
    outcomes: pd.DataFrame
    candidates: pd.DataFrame
    failures: pd.DataFrame
    directory: Path | None

    @classmethod
    def from_outcomes(cls, tables: Tables, outcomes: pd.DataFrame, directory: Path | None) -> SearchResult:
        """Rank the candidates and list the failures.

        Parameters
        ----------
        tables : Tables
            The run's tables.
        outcomes : DataFrame
            As `RunStore.outcomes` returns them.
        directory : Path or None
            The run directory, if there is one.
        """
        return cls(
            **tables._asdict(),
            outcomes=outcomes,
            candidates=rank(outcomes, tables.matched, tables.ysos),
            failures=failures(outcomes, tables.matched),
            directory=directory,
        )

    @property
    def failed_share(self) -> float:
        """Share of the cubes that should have been scanned and were not."""
        return failed_share(self.outcomes)

    @property
    def run(self) -> RunStore:
        """The run directory, with the manifest and the cutouts.

        Raises
        ------
        SettingsError
            After a dry run, which has none.
        """
        if self.directory is None:
            raise SettingsError("a dry run keeps nothing: search without --dry-run")
        return RunStore(self.directory)


def load_results(run: RunStore) -> SearchResult:
    """Read a run directory, and rank what it holds.

    Raises
    ------
    StoreError
        If a table is missing or cannot be read.
    """
    return SearchResult.from_outcomes(run.read_tables(), run.outcomes(), run.directory)


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
    return load_results(RunStore.open(Path(directory)))
