"""The fuzzing of run directories and tables of strangers in small."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.stress.foreign import fuzz_runs, fuzz_tables, is_readable

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


@pytest.mark.parametrize("letter", ["\x1b", "\x07", "\x08", "\x7f", "\x85", "\x9b", "\u061c", "\u2067", "\u202d"])
def test_what_a_terminal_obeys_is_not_readable(letter: str, tmp_path: Path) -> None:
    for name in ("report.html", "footprints.reg", "log.txt", "a.parquet"):
        path = tmp_path / name
        if path.suffix == ".parquet":
            pd.DataFrame({"main_id": [letter]}).to_parquet(path)
        else:
            path.write_text(f"a{letter}b\n")
        assert not is_readable(path)
