"""The fault matrix in small: a few of its faults, on fewer cubes."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest

from tests.stress.faults import FAULTS, play, undisturbed
from tests.stress.world import World

SMALL = [
    ("all workers killed", "local"),
    ("S3 throttled (503 storm)", "local"),
    ("S3 closes in the middle of answers", "local"),
    ("object missing", "gateway"),
    ("scheduler killed", "gateway"),
]
CUBES = 100


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World.create(tmp_path_factory.mktemp("world"), CUBES, seed=4) as world:
        yield world


@pytest.fixture(scope="module")
def reference(world: World) -> pd.DataFrame:
    return undisturbed(world)


@pytest.fixture(autouse=True)
def led(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lead each test to the world, after the suite's own fixture has cleared the way to any."""
    for name, value in world.environment().items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(("name", "kind"), SMALL, ids=[" on ".join(pair) for pair in SMALL])
def test_nothing_is_lost_or_doubled(world: World, reference: pd.DataFrame, name: str, kind: str) -> None:
    fault = next(fault for fault in FAULTS if fault.name == name)
    row = play(fault, world, kind, reference)
    assert (row["lost"], row["doubled"], row["different"]) == (0, 0, 0)
    assert 0 < row["struck_at"] < CUBES
