"""A ranked run: its tables and outcomes, read once, with the candidates, lines and failures that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from feii_dask.errors import SettingsError
from feii_dask.ranking.candidates import failed_share, failures, including, rank
from feii_dask.ranking.flux_limits import flux_limits
from feii_dask.ranking.found_lines import found_lines
from feii_dask.ranking.object_summary import summarize_objects
from feii_dask.ranking.thresholds import DEFAULT_THRESHOLDS, Thresholds, kept_thresholds
from feii_dask.ranking.unidentified import unidentified_lines
from feii_dask.store.manifest import included_kinds
from feii_dask.store.run_store import RunStore, Tables

__all__ = ["RankedRun", "load_results"]


@dataclass(frozen=True, kw_only=True)
class RankedRun:
    """What a run holds and what follows from it; every table is a pandas DataFrame.

    Attributes
    ----------
    ysos, observations, matched : DataFrame
        The objects with coordinates, the archive's cubes, and the cubes with objects inside.
    outcomes : DataFrame
        One row for each matched cube and planned line.
    unidentified : DataFrame
        Lines that were met where none was expected; see `feii_dask.ranking.unidentified.unidentified_lines`.
    candidates : DataFrame
        The objects that show lines, best first; see `feii_dask.ranking.candidates.rank`.
    failures : DataFrame
        What was not scanned, and why.
    directory : Path or None
        The run directory; None after a dry run.
    include : tuple of str
        Kinds of lines that made candidates, beside extended ones.
    velocity_source : str
        Where the objects' own velocities are from.
    not_searched : tuple of mapping
        ``main_id`` and ``reason`` of objects that could not be searched for.
    thresholds : Thresholds
        What it took to be a candidate.
    """

    ysos: pd.DataFrame
    observations: pd.DataFrame
    matched: pd.DataFrame
    outcomes: pd.DataFrame
    unidentified: pd.DataFrame
    candidates: pd.DataFrame
    failures: pd.DataFrame
    directory: Path | None
    include: tuple[str, ...] = ()
    velocity_source: str = ""
    not_searched: tuple[Mapping[str, str], ...] = ()
    thresholds: Thresholds = DEFAULT_THRESHOLDS

    @classmethod
    def from_outcomes(
        cls,
        tables: Tables,
        outcomes: pd.DataFrame,
        directory: Path | None,
        include: tuple[str, ...] = (),
        thresholds: Thresholds = DEFAULT_THRESHOLDS,
        **known: Any,
    ) -> RankedRun:
        """Rank the candidates and list the failures.

        Parameters
        ----------
        tables : Tables
            The run's tables.
        outcomes : DataFrame
            As `RunStore.outcomes` returns them.
        directory : Path or None
            The run directory, if there is one.
        include : tuple of str
            Kinds of lines that make candidates, beside extended ones: ``compact``, ``undecided``.
        thresholds : Thresholds
            What it takes to be a candidate.
        **known
            `velocity_source` and `not_searched`.
        """
        return cls(
            **tables._asdict(),
            outcomes=outcomes,
            unidentified=unidentified_lines(outcomes),
            candidates=rank(including(outcomes, include), tables.matched, tables.ysos, thresholds),
            failures=failures(outcomes, tables.matched),
            directory=directory,
            include=include,
            thresholds=thresholds,
            **known,
        )

    @property
    def counted(self) -> pd.DataFrame:
        """The outcomes with lines that make candidates: extended ones, and what was included."""
        return including(self.outcomes, self.include).query("detected")

    @cached_property
    def detections(self) -> pd.DataFrame:
        """The lines that were found, of any extent; see `feii_dask.ranking.found_lines.found_lines`."""
        return found_lines(
            self.outcomes,
            self.matched,
            self.ysos,
            self.candidates,
            self.unidentified,
            self.include,
            self.velocity_source,
        )

    @cached_property
    def limits(self) -> pd.DataFrame:
        """How bright what was not found may be; see `feii_dask.ranking.flux_limits.flux_limits`."""
        return flux_limits(self.outcomes, self.ysos)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Each object that was asked for; see `feii_dask.ranking.object_summary.summarize_objects`."""
        return summarize_objects(
            self.outcomes, self.matched, self.ysos, self.detections, self.limits, self.not_searched
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


def load_results(run: RunStore, outcomes: pd.DataFrame | None = None) -> RankedRun:
    """Read a run directory, and rank what it holds, with the kinds of lines that its last ranking included.

    Parameters
    ----------
    run : RunStore
        The run.
    outcomes : DataFrame, optional
        Its outcomes, where they were read already.

    Raises
    ------
    SettingsError
        If ``run.json`` names kinds that do not exist.
    StoreError
        If a table is missing or cannot be read.
    """
    manifest = run.manifest
    return RankedRun.from_outcomes(
        run.read_tables(),
        run.outcomes() if outcomes is None else outcomes,
        run.directory,
        included_kinds(run),
        kept_thresholds(manifest),
        velocity_source=catalogue_name(manifest.get("settings", {})),
        not_searched=tuple(manifest.get("not_searched", ())),
    )


def catalogue_name(settings: Mapping[str, Any]) -> str:
    """Return what objects and their velocities come from."""
    if targets := settings.get("targets"):
        return Path(str(targets)).name
    if "archive" not in settings:  # of runs of several, which were merged
        return "the runs' tables of objects"
    return "SIMBAD" if settings["archive"] == "live" else "the archive's table of objects"
