"""The plan of a run: which matched cubes are still to scan, and the outcomes of those that need no scan."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TypeAlias

import pandas as pd

from feii_dask.config.settings import Settings
from feii_dask.matching import as_matched_cube
from feii_dask.model import Line, MatchedCube, Outcome, ScanTask, Status, skip_reason
from feii_dask.ranking.candidates import failures
from feii_dask.store.run_store import Tables

__all__ = ["count_steps", "plan_scans"]

SkipReason: TypeAlias = tuple[Status, str]


def plan_scans(
    tables: Tables, lines: tuple[Line, ...], stored: pd.DataFrame, settings: Settings
) -> tuple[list[ScanTask], list[Outcome]]:
    """Return the cubes still to scan, and the outcomes of those that need no scan.

    Parameters
    ----------
    tables : Tables
        The run's tables.
    lines : tuple of Line
        The lines to look for.
    stored : DataFrame
        The outcomes that the run has already.
    settings : Settings
        Its `retry_failed` and `limit` are applied.

    Returns
    -------
    to_scan : list of ScanTask
        Each cube with the number of this attempt.
    settled : list of Outcome
        Of cubes that cannot be scanned, and of footprints that cannot be parsed.
    """
    attempts = stored.groupby("obs_id")["attempt"].max()
    done = set(attempts.index)
    if settings.retry_failed:
        done -= set(failures(stored, tables.matched).query("counts_as_failed")["obs_id"])
    to_scan: list[ScanTask] = []
    settled: list[Outcome] = []
    for matched, reason in chain(with_skip_reasons(tables, lines), with_bad_regions(tables)):
        if matched.obs_id in done:
            continue
        done.add(matched.obs_id)
        if reason is None:
            to_scan.append(ScanTask(matched, int(attempts.get(matched.obs_id, 0)) + 1))
        else:
            settled.append(Outcome.without_scan(matched, lines, *reason))
    return to_scan[: settings.limit], settled


def count_steps(objects: int, tables: Tables, lines: tuple[Line, ...]) -> dict[str, int]:
    """Count the first steps of the funnel, ``objects`` being all that the archive returned."""
    return {
        "ysos": objects,
        "with_coordinates": len(tables.ysos),
        "cubes": len(tables.observations),
        "matched": len(tables.matched),
        "to_scan": sum(reason is None for _, reason in with_skip_reasons(tables, lines)),
    }


def with_skip_reasons(tables: Tables, lines: tuple[Line, ...]) -> Iterator[tuple[MatchedCube, SkipReason | None]]:
    """Yield the matched cubes, each with the reason not to scan it, or None."""
    for row in tables.matched.to_dict("records"):
        matched = as_matched_cube(row)
        yield matched, skip_reason(matched, lines)


def with_bad_regions(tables: Tables) -> Iterator[tuple[MatchedCube, SkipReason]]:
    """Yield the observations whose footprint cannot be parsed, so that their targets are unknown."""
    for row in tables.observations.query("region_error != ''").to_dict("records"):
        yield as_matched_cube(row), (Status.BAD_REGION, row["region_error"])
