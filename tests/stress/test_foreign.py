"""The fuzzing of run directories and tables of strangers in small."""

from __future__ import annotations

from pathlib import Path

from tests.stress.foreign import fuzz_runs, fuzz_tables

WRONG = ("ESCAPED", "CODE RUN", "OUTSIDE TOUCHED", "UNREADABLE")


def test_run_directories(tmp_path: Path) -> None:
    count = fuzz_runs(8, 1, tmp_path)
    assert count["refused"] + count["taken"] == 24
    assert count["refused"] > 3
    assert {name: count[name] for name in WRONG if count[name]} == {}


def test_tables_of_archives(tmp_path: Path) -> None:
    count = fuzz_tables(3, 1, tmp_path)
    assert count["written and read"] == 3
    assert {name: count[name] for name in WRONG if count[name]} == {}
