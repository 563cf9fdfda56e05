"""The end of a search, which can be done again without a cluster: rank what was stored, write tables and report."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from feii_dask.monitor.log import run_log
from feii_dask.ranking.candidates import describe_candidates
from feii_dask.ranking.results import load_results
from feii_dask.ranking.thresholds import Thresholds, keep_thresholds
from feii_dask.report.exports import write_exports
from feii_dask.report.page import write_report
from feii_dask.results.search_result import SearchResult
from feii_dask.store.manifest import include_kinds, included_kinds
from feii_dask.store.merged_run import merge_runs
from feii_dask.store.run_store import RunStore

__all__ = ["conclude", "merge"]

log = logging.getLogger(__name__)


def conclude(run: RunStore, include: tuple[str, ...], thresholds: Thresholds | None = None) -> SearchResult:
    """Rank what a run stored, write the tables and the report, and return it all.

    Without thresholds those of its last ranking stand.
    """
    include_kinds(run, include)
    if thresholds is not None:
        keep_thresholds(run, thresholds)
    ranked = load_results(run)
    write_exports(ranked)
    report = write_report(ranked)
    log.info("%s; report: %s", describe_candidates(ranked.candidates), report)
    return SearchResult(ranked)


def merge(directories: Sequence[Path], out: Path) -> SearchResult:
    """Merge runs of the same lines and detector into a new one, and rank it with what the first was ranked with."""
    with run_log(None):
        run = merge_runs(directories, out)
    with run_log(run.directory):
        return conclude(run, included_kinds(run))
