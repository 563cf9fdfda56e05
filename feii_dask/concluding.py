"""The end of a search, which can be done again without a cluster: rank what was stored, write tables and report."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from feii_dask._version import __version__
from feii_dask.monitor.log import run_log
from feii_dask.ranking.candidates import describe_candidates
from feii_dask.ranking.results import load_results
from feii_dask.ranking.thresholds import Thresholds, keep_thresholds
from feii_dask.report.exports import exported_paths, write_exports
from feii_dask.report.page import report_path, write_report
from feii_dask.results.search_result import SearchResult
from feii_dask.store.manifest import include_kinds, included_kinds
from feii_dask.store.merged_run import merge_runs
from feii_dask.store.run_store import RunStore

__all__ = ["conclude", "merge"]

log = logging.getLogger(__name__)


def conclude(
    run: RunStore,
    include: tuple[str, ...],
    thresholds: Thresholds | None = None,
    outcomes: pd.DataFrame | None = None,
) -> SearchResult:
    """Rank what a run stored, write the tables and the report, and return it all.

    Without thresholds those of its last ranking stand, and nothing is written where all of it is there already.
    Outcomes that were read already are not read again.
    """
    is_there = thresholds is None and is_concluded(run, include)
    include_kinds(run, include)
    if thresholds is not None:
        keep_thresholds(run, thresholds)
    ranked = load_results(run, outcomes)
    if not is_there:
        seals = write_exports(ranked)
        write_report(ranked)
        run.update_manifest(ranked=ranking_of(run), seals=seals)
    log.info("%s; report: %s", describe_candidates(ranked.candidates), report_path(run.directory))
    return SearchResult(ranked)


def is_concluded(run: RunStore, include: tuple[str, ...]) -> bool:
    """Whether the tables and the report of a run hold all that it stored, by this version of the program."""
    files = (*exported_paths(run.directory), report_path(run.directory))
    is_ranked = include == included_kinds(run) and run.manifest.get("ranked") == ranking_of(run)
    return is_ranked and all(path.is_file() for path in files)


def ranking_of(run: RunStore) -> dict[str, str | int]:
    """Return what tells one ranking of a run from the next: parts of its outcomes are added, and never change."""
    return {"feii_dask": __version__, "parts": run.n_parts}


def merge(directories: Sequence[Path], out: Path) -> SearchResult:
    """Merge runs of the same lines and detector into a new one, and rank it with what the first was ranked with."""
    with run_log(None):
        run = merge_runs(directories, out)
    with run_log(run.directory):
        return conclude(run, included_kinds(run))
