"""What is scattered once stays on the workers, and comes back when it is lost."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import CancelledError

import numpy as np
import pytest
from distributed import Client, KilledWorker, LocalCluster, Worker

from feii_dask.engine.broadcast import Broadcast
from feii_dask.engine.workers import statuses_of_workers
from feii_dask.errors import ClusterError

VALUE = np.arange(100_000.0)
TOTAL = float(VALUE.sum())


def total(value: np.ndarray, _number: int) -> float:
    return float(value.sum())


def holders(client: Client, broadcast: Broadcast) -> int:
    return len(client.who_has([broadcast.future])[broadcast.future.key])


def test_every_worker_keeps_its_copy_while_the_memory_manager_would_drop_it(client: Client) -> None:
    with Broadcast(client, VALUE) as broadcast:
        assert holders(client, broadcast) == 2
        time.sleep(3)  # the manager runs every 2 s
        assert holders(client, broadcast) == 2
    assert client.amm.running()


def test_a_worker_that_dies_while_its_copy_is_made_is_not_waited_for(
    frail: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scheduler would wait for ever: it counts a worker that it has chosen among those that have to have a copy."""
    monkeypatch.setattr("feii_dask.engine.broadcast.SCATTER_S", 3.0)
    pids, scheduler = frail.run(os.getpid), frail.cluster.scheduler
    update_data = scheduler.update_data

    def strike(*, who_has: dict[str, list[str]], **rest: object) -> object:
        scheduler.update_data = update_data
        answer = update_data(who_has=who_has, **rest)
        (holder,) = next(iter(who_has.values()))
        os.kill(next(pid for worker, pid in pids.items() if worker != holder), signal.SIGKILL)
        return answer

    monkeypatch.setattr(scheduler, "update_data", strike)
    with Broadcast(frail, VALUE) as broadcast:
        assert frail.submit(total, broadcast.future, 0).result(timeout=300) == TOTAL


def test_it_is_scattered_once(client: Client) -> None:
    with Broadcast(client, VALUE) as broadcast:
        assert broadcast.future is broadcast.future


@pytest.mark.parametrize("victims", [1, 2], ids=["one holder", "all holders"])
def test_it_survives_the_death_of(frail: Client, victims: int) -> None:
    with Broadcast(frail, VALUE) as broadcast:
        assert frail.submit(total, broadcast.future, 0).result() == TOTAL
        for pid in list(frail.run(os.getpid).values())[:victims]:
            os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            try:
                assert frail.submit(total, broadcast.future, 1, pure=False).result() == TOTAL
            except (CancelledError, KilledWorker, OSError):  # not noticed yet, or it hit this very task
                time.sleep(0.2)
            else:
                return
        pytest.fail("the value did not come back")


def test_it_survives_a_moment_in_which_all_workers_are_paused(frail: Client) -> None:
    """As they are when memory is short; the scheduler scatters to them, and then finds none to copy to."""

    def pause(dask_worker: Worker) -> None:
        dask_worker.memory_manager.memory_pause_fraction = 0.001
        dask_worker.loop.call_later(3, resume, dask_worker)

    def resume(dask_worker: Worker) -> None:
        dask_worker.memory_manager.memory_pause_fraction = 0.8

    frail.run(pause)
    deadline = time.monotonic() + 60
    while set(statuses_of_workers(frail).values()) != {"paused"}:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with Broadcast(frail, VALUE) as broadcast:
        assert frail.submit(total, broadcast.future, 0).result(timeout=300) == TOTAL


def test_workers_that_stay_paused_are_restarted(frail: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feii_dask.engine.workers.PAUSED_S", 1.0)

    def pause(dask_worker: Worker) -> None:
        dask_worker.memory_manager.memory_pause_fraction = 0.001

    frail.run(pause)
    with Broadcast(frail, VALUE) as broadcast:
        deadline = time.monotonic() + 60
        while "running" in statuses_of_workers(frail).values():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert frail.submit(total, broadcast.future, 0).result(timeout=300) == TOTAL


def test_a_late_worker_gets_it(frail: Client) -> None:
    with Broadcast(frail, VALUE) as broadcast:
        _ = broadcast.future
        frail.cluster.scale(3)
        frail.wait_for_workers(3, timeout=300)
        totals = [
            frail.submit(total, broadcast.future, number, workers=[worker], pure=False)
            for number, worker in enumerate(frail.scheduler_info(n_workers=-1)["workers"])
        ]
        assert frail.gather(totals) == [TOTAL] * 3


def test_a_cluster_without_workers_says_so() -> None:
    with (
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster) as client,
        Broadcast(client, VALUE, patience_s=1.0) as broadcast,
        pytest.raises(ClusterError, match="are there workers"),
    ):
        _ = broadcast.future


def test_it_calls_for_a_worker_where_the_cluster_is_adaptive() -> None:
    with (
        LocalCluster(n_workers=0, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster) as client,
        Broadcast(client, VALUE) as broadcast,
    ):
        cluster.adapt(minimum=0, maximum=1)
        assert client.submit(total, broadcast.future, 0).result() == TOTAL
