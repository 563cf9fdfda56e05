"""A worker that is closed ends by itself, and what it holds is left to the system."""

from __future__ import annotations

from pathlib import Path

import pytest

from feii_dask.config.loading import load_settings
from feii_dask.engine.cluster import connect

PATIENCE_S = 300.0  # only ends a hang


class Held:
    """An object in a cycle: nobody but the garbage collector finds it."""

    def __init__(self, collected: Path) -> None:
        self.collected = collected
        self.itself = self

    def __del__(self) -> None:
        self.collected.touch()


def hold(collected: Path) -> None:
    """Let a worker have garbage that is not collected yet."""
    import gc

    gc.disable()
    Held(collected)


def test_a_process_that_is_closed_ends_by_itself_and_collects_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__LOCAL__DASHBOARD", "127.0.0.1:0")
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__LOCAL__WORKERS", "1")
    with connect(load_settings()) as client:
        (nanny,) = client.cluster.workers.values()
        process = nanny.process.process
        client.run(hold, tmp_path / "collected")
        client.cluster.sync(nanny.close, timeout=PATIENCE_S)
    assert process.exitcode == 0  # and not killed
    assert not (tmp_path / "collected").exists()
