"""A run's results, from its directory alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import feii_dask as fd
from feii_dask.errors import SettingsError
from feii_dask.model import Line, Outcome, Status
from feii_dask.ranking.candidates import failures, rank
from feii_dask.ranking.results import load_results
from feii_dask.store.run_store import RunStore


@pytest.fixture
def scanned(store: RunStore, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]) -> RunStore:
    """A run with a candidate, a failure, and cubes that were not scanned yet."""
    with store.writer() as writer:
        writer.add(outcome_of("obs0", lines, detected=lines, cutouts=True))
        writer.add(outcome_of("obs1", lines, status=Status.TIMEOUT))
    return store


@pytest.mark.parametrize("kind", [str, Path])
def test_a_run_is_opened_with_all_that_it_holds(scanned: RunStore, kind: type) -> None:
    result = fd.open_run(kind(scanned.directory))
    tables, outcomes = scanned.read_tables(), scanned.outcomes()
    assert isinstance(result, fd.SearchResult)
    for name, expected in {
        **tables._asdict(),
        "outcomes": outcomes,
        "candidates": rank(outcomes, tables.matched, tables.ysos),
        "failures": failures(outcomes, tables.matched),
    }.items():
        pd.testing.assert_frame_equal(getattr(result, name), expected)
    assert len(result.candidates) == len(result.failures) == 1
    assert result.failed_share == 0.5
    assert result.directory == scanned.directory


def test_opening_a_run_writes_nothing(scanned: RunStore) -> None:
    before = {path: path.stat().st_mtime_ns for path in scanned.directory.rglob("*")}
    fd.open_run(scanned.directory)
    assert {path: path.stat().st_mtime_ns for path in scanned.directory.rglob("*")} == before


def test_the_results_lead_to_manifest_and_cutouts(scanned: RunStore, lines: tuple[Line, ...]) -> None:
    run = load_results(scanned).run
    assert run.manifest == scanned.manifest
    assert run.cutout("obs0", lines[1].name).line.wavelength_um == lines[1].wavelength_um


def test_a_dry_run_has_no_directory(scanned: RunStore) -> None:
    preview = fd.SearchResult.from_outcomes(scanned.read_tables(), scanned.outcomes(), directory=None)
    with pytest.raises(SettingsError, match="dry run"):
        _ = preview.run
