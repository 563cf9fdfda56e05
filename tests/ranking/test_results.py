"""A run's results, from its directory alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from astropy.table import Table
from click.testing import CliRunner

import feii_dask as fd
from feii_dask.cli import main
from feii_dask.errors import SettingsError
from feii_dask.model import Kind, Line, Outcome, Status
from feii_dask.ranking.candidates import failures, rank
from feii_dask.ranking.results import RankedRun, load_results
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
        "failures": failures(outcomes, tables.matched),
    }.items():
        pd.testing.assert_frame_equal(getattr(result, name), expected)
    pd.testing.assert_frame_equal(result.ranked.candidates, rank(outcomes, tables.matched, tables.ysos))
    assert len(result.candidates) == len(result.failures) == 1
    assert result.failed_share == 0.5
    assert result.directory == scanned.directory


def compact(outcome: Outcome) -> Outcome:
    """The same outcome, its lines compact."""
    detections = tuple(replace(d, detected=False, kind=Kind.COMPACT) for d in outcome.detections)
    return replace(outcome, detections=detections)


def test_a_run_remembers_which_kinds_make_candidates(
    store: RunStore, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]
) -> None:
    with store.writer() as writer:
        writer.add(outcome_of("obs0", lines, detected=lines[:3]))
        writer.add(compact(outcome_of("obs1", lines, detected=lines)))
    directory = str(store.directory)
    for words, counted in ([], 1), (["--include", "undecided"], 1), (["--include", "compact"], 2), ([], 1):
        assert CliRunner().invoke(main, ["rank", directory, *words]).exit_code == 0
        opened = fd.open_run(directory)
        assert len(opened.candidates) == counted
        assert opened.include == tuple(words[1:])
        assert set(opened.ranked.counted["obs_id"]) == {"obs0", "obs1"} if counted == 2 else {"obs0"}
        assert opened.outcomes["detected"].sum() == 3  # what was stored is as it was
        assert len(Table.read(store.directory / "candidates.ecsv")) == counted


def test_a_run_that_includes_nonsense_is_refused(store: RunStore) -> None:
    store.update_manifest(settings={"include": ["everything"]})
    with pytest.raises(SettingsError, match=r"includes \['everything'\]; it may be compact or undecided"):
        fd.open_run(store.directory)


def test_opening_a_run_writes_nothing(scanned: RunStore) -> None:
    before = {path: path.stat().st_mtime_ns for path in scanned.directory.rglob("*")}
    fd.open_run(scanned.directory)
    assert {path: path.stat().st_mtime_ns for path in scanned.directory.rglob("*")} == before


def test_the_results_lead_to_manifest_and_cutouts(scanned: RunStore, lines: tuple[Line, ...]) -> None:
    run = load_results(scanned).run
    assert run.manifest == scanned.manifest
    assert run.cutout("obs0", lines[1].name).line.wavelength_um == lines[1].wavelength_um


def test_a_dry_run_has_no_directory(scanned: RunStore) -> None:
    preview = RankedRun.from_outcomes(scanned.read_tables(), scanned.outcomes(), directory=None)
    with pytest.raises(SettingsError, match="dry run"):
        _ = preview.run
