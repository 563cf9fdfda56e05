"""The kills of writers in small."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stress.kills import kill_writers


def test_killed_writers_lose_and_double_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    row = kill_writers(3, 1, tmp_path)
    assert row["kills"] == 3
    assert [row[name] for name in ("lost", "doubled", "cutouts lost", "leftovers")] == [0, 0, 0, 0]
