"""The plan of a run: what is scanned, what is settled without, and what was done before."""

from __future__ import annotations

import pandas as pd
import pytest

from feii_dask.config.loading import load_settings
from feii_dask.cubes.lines import NOTEBOOK_LINES
from feii_dask.model import Status
from feii_dask.planning import count_steps, plan_scans
from feii_dask.store.run_store import Tables

LINES = NOTEBOOK_LINES[3:4]  # at 5.340 µm
STORED = pd.DataFrame({"obs_id": pd.Series(dtype=str), "attempt": pd.Series(dtype=int)})


@pytest.fixture
def tables() -> Tables:
    """Two cubes to scan, one without the line, one without a copy, and an observation without a footprint."""
    matched = pd.DataFrame(
        {
            "obs_id": ["first", "second", "short", "nowhere"],
            "uri": ["s3://stpubdata/1.fits", "s3://stpubdata/2.fits", "s3://stpubdata/3.fits", None],
            "em_min_um": [4.9, 4.9, 1.0, 4.9],
            "em_max_um": [5.7, 5.7, 1.8, 5.7],
            "rv_kms": 0.0,
            "yso_index": [[0], [0, 1], [1], [1]],
            "yso_ra": [[69.9], [69.9, 70.0], [70.0], [70.0]],
            "yso_dec": [[25.7], [25.7, 25.8], [25.8], [25.8]],
        }
    )
    observations = matched[["obs_id", "uri", "em_min_um", "em_max_um"]].assign(region_error="")
    bad = observations.head(1).assign(obs_id="bad", region_error="it is empty")
    return Tables(pd.DataFrame(index=range(2)), pd.concat([observations, bad], ignore_index=True), matched)


def test_what_needs_no_scan_is_settled_with_its_reason(tables: Tables) -> None:
    to_scan, settled = plan_scans(tables, LINES, STORED, load_settings())
    assert [(task.matched.obs_id, task.attempt) for task in to_scan] == [("first", 1), ("second", 1)]
    assert to_scan[1].matched.ysos == ((0, 69.9, 25.7), (1, 70.0, 25.8))
    assert {outcome.obs_id: outcome.status for outcome in settled} == {
        "short": Status.NO_LINE_IN_BAND,
        "nowhere": Status.NO_CLOUD_COPY,
        "bad": Status.BAD_REGION,
    }
    assert settled[-1].reason == "it is empty"


def test_the_limit_counts_scans_only(tables: Tables) -> None:
    to_scan, settled = plan_scans(tables, LINES, STORED, load_settings(limit=1))
    assert (len(to_scan), len(settled)) == (1, 3)


def test_what_has_an_outcome_is_not_planned_again(tables: Tables) -> None:
    stored = pd.DataFrame({"obs_id": ["first", "bad"], "attempt": [1, 1]})
    to_scan, settled = plan_scans(tables, LINES, stored, load_settings())
    assert [task.matched.obs_id for task in to_scan] == ["second"]
    assert [outcome.obs_id for outcome in settled] == ["short", "nowhere"]


def test_the_first_steps_of_the_funnel(tables: Tables) -> None:
    counts = count_steps(3, tables, LINES)
    assert counts == {"ysos": 3, "with_coordinates": 2, "cubes": 5, "matched": 4, "to_scan": 2}
