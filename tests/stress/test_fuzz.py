"""The fuzzing in small."""

from __future__ import annotations

from pathlib import Path

from tests.stress.fuzz import fuzz_cubes, fuzz_regions, fuzz_settings


def test_regions() -> None:
    count = fuzz_regions(500, seed=1)
    assert count["valid, equal to the judge"] == 200
    assert count["refused"] > 100


def test_cubes(tmp_path: Path) -> None:
    count = fuzz_cubes(60, 1, tmp_path)
    assert count["refused"] + count["taken"] == count["scans"] == 60
    assert count["refused"] > 5


def test_settings(tmp_path: Path) -> None:
    count = fuzz_settings(60, 1, tmp_path)
    assert sum(count.values()) == 60
    assert count["refused"] > 10
