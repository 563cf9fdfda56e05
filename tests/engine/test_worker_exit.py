"""A worker that is closed ends by itself, and what it holds is left to the system."""

from __future__ import annotations

import atexit
import os
import time
from multiprocessing.popen_spawn_posix import Popen
from multiprocessing.process import BaseProcess
from pathlib import Path

import dask.config
import pytest
from distributed import KilledWorker
from distributed.nanny import WorkerProcess

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


@pytest.fixture
def local_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__LOCAL__DASHBOARD", "127.0.0.1:0")
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__LOCAL__WORKERS", "1")


def test_a_process_that_is_closed_ends_by_itself_and_collects_nothing(tmp_path: Path, local_cluster: None) -> None:
    with connect(load_settings()) as client:
        (nanny,) = client.cluster.workers.values()
        process = nanny.process.process
        client.run(hold, tmp_path / "collected")
        client.cluster.sync(nanny.close, timeout=PATIENCE_S)
    assert process.exitcode == 0  # and not killed
    assert not (tmp_path / "collected").exists()


def linger(seconds: float) -> None:
    """Let a worker's process end as late as one that waits for its turn."""
    atexit.register(time.sleep, seconds)


def test_a_process_that_ends_late_is_not_killed(local_cluster: None, caplog: pytest.LogCaptureFixture) -> None:
    with connect(load_settings()) as client:
        processes = [nanny.process.process for nanny in client.cluster.workers.values()]
        client.run(linger, 4.5)
    assert [process.exitcode for process in processes] == [0]
    assert "still alive" not in caplog.text


def test_a_scan_that_nobody_wants_any_more_is_not_waited_for(local_cluster: None) -> None:
    with connect(load_settings()) as client:
        processes = [nanny.process.process for nanny in client.cluster.workers.values()]
        running = client.submit(time.sleep, 3600)
        while not any(client.processing().values()):
            time.sleep(0.05)
        running.release()
    assert [process.exitcode for process in processes] == [0]


def test_a_worker_that_starts_again_when_the_cluster_closes_is_closed(
    local_cluster: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one before died as soon as it had come, and Dask reads that it had come while the next starts."""

    def launch_late(self: Popen, process: BaseProcess) -> None:
        time.sleep(0.6)
        launch(self, process)

    launch = Popen._launch
    with dask.config.set({"distributed.scheduler.allowed-failures": 1}), connect(load_settings()) as client:
        monkeypatch.setattr(Popen, "_launch", launch_late)
        monkeypatch.setattr(WorkerProcess, "_init_msg_interval", 0.3)
        assert isinstance(client.submit(os._exit, 1, pure=False).exception(timeout=PATIENCE_S), KilledWorker)
        time.sleep(0.35)
