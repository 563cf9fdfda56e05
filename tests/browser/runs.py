"""Finished runs with any number of candidates, for tests of their reports."""

from __future__ import annotations

from pathlib import Path

from feii_dask.model import Status
from feii_dask.ranking.results import RankedRun, load_results
from feii_dask.store.run_store import RunStore
from tests.runs import LINES, make_matched, make_outcome, make_ysos

__all__ = ["ATTACK", "make_run"]

ATTACK = "<script>alert(1)</script>"


def make_run(directory: Path, candidates: int) -> RankedRun:
    """Write a run with one cube for each candidate, of three lines or four, and a few failures.

    Parameters
    ----------
    directory : Path
        Where it goes.
    candidates : int
        Their number; the name of the first is an attack on the reader of a report.

    Returns
    -------
    RankedRun
        The run's.
    """
    obs_ids = [f"jw{number:05}-o001_t001_miri_ch1-short" for number in range(candidates)]
    matched = make_matched({obs_id: [number] for number, obs_id in enumerate(obs_ids)})
    matched["separation_arcsec"] = [[(7 * number % candidates) / 10] for number in range(candidates)]
    ysos = make_ysos(range(candidates))
    ysos.loc[0, "main_id"] = ATTACK
    store = RunStore.create(directory, {"fingerprint": "f00d", "settings": {"mission": "jwst"}, "counts": {}})
    store.write_tables(ysos=ysos, observations=matched[["obs_id"]], matched=matched)
    with store.writer() as writer:
        for number, obs_id in enumerate(obs_ids):
            writer.add(make_outcome(obs_id, LINES, detected=LINES[: 3 + number % 2], cutouts=True))
        for number in range(3):
            writer.add(make_outcome(f"failed-{number}", LINES, status=Status.UNREADABLE))
    return load_results(store)
