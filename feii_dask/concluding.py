"""The end of a search, which can be done again without a cluster: rank what was stored, write tables and report."""

from __future__ import annotations

import logging

from feii_dask.ranking.candidates import describe_candidates
from feii_dask.ranking.results import SearchResult, load_results
from feii_dask.report.exports import write_exports
from feii_dask.report.page import write_report
from feii_dask.store.manifest import include_kinds
from feii_dask.store.run_store import RunStore

__all__ = ["conclude"]

log = logging.getLogger(__name__)


def conclude(run: RunStore, include: tuple[str, ...]) -> SearchResult:
    """Rank what a run stored, write the tables and the report, and return it all."""
    include_kinds(run, include)
    result = load_results(run)
    write_exports(result)
    report = write_report(result)
    log.info("%s; report: %s", describe_candidates(result.candidates), report)
    return result
