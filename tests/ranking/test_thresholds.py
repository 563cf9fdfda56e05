"""A run is ranked with thresholds of one's own, and keeps them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import CliRunner

import feii_dask as fd
from feii_dask.cli import main
from feii_dask.errors import SettingsError
from feii_dask.model import Line, Outcome
from feii_dask.ranking.thresholds import Thresholds
from feii_dask.store.run_store import RunStore


def test_fewer_lines_make_a_candidate_if_asked_for(
    store: RunStore, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]
) -> None:
    with store.writer() as writer:
        writer.add(outcome_of("obs0", lines, detected=lines[:3]))
        writer.add(outcome_of("obs1", lines, detected=lines[:2]))
        writer.add(outcome_of("obs2", lines, detected=lines[:1]))
    for words, counted in ([], 1), (["--min-lines", "2"], 2), (["--min-lines", "1"], 3), (["--min-lines", "4"], 0):
        assert CliRunner().invoke(main, ["rank", str(store.directory), *words]).exit_code == 0
        assert len(fd.open_run(store.directory).candidates) == counted


@pytest.mark.parametrize("words", [["--min-lines", "0"], ["--grade-a-q", "2"], ["--grade-a-q", "nan"]])
def test_thresholds_that_are_none_are_bad_usage(store: RunStore, words: list[str]) -> None:
    done = CliRunner().invoke(main, ["rank", str(store.directory), *words])
    assert done.exit_code == 2
    assert "takes a" in done.output
    assert "thresholds" not in store.manifest


@pytest.mark.parametrize("kept", [{"grade_a_q": "small"}, {"more": 1}, {"min_lines": 1.5}])
def test_a_run_with_other_thresholds_is_refused(store: RunStore, kept: dict[str, object]) -> None:
    store.update_manifest(thresholds=kept)
    with pytest.raises(SettingsError):
        fd.open_run(store.directory)


def test_grade_a_takes_the_q_that_is_asked_for() -> None:
    assert Thresholds().grade_a_q == 0.01
    assert Thresholds(grade_a_q=0.2, min_lines=2).lines_with_grade == 2
