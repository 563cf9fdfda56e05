"""What Dask does that the engine leans on: a release that changes one of these fails here, by name."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from queue import SimpleQueue

import dask.config
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from distributed import Client, Future, KilledWorker

from tests.clusters import start_cluster

VALUE = np.arange(50_000.0)  # beyond the size at which Dask treats arguments in another way


@pytest.fixture
def frail() -> Iterator[Client]:
    """A cluster that may be harmed."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        start_cluster(workers=1, threads=1) as cluster,
        Client(cluster) as client,
    ):
        yield client


def finished(queue: SimpleQueue[Future], number: int) -> list[Future]:
    return [queue.get(timeout=300) for _ in range(number)]


def test_map_takes_several_lists_and_resolves_a_future_among_the_keywords(client: Client) -> None:
    shared = client.scatter(VALUE, broadcast=True, hash=False)

    def add(a: int, b: int, shared: np.ndarray) -> float:
        return float(a + b + shared[-1])

    assert client.gather(client.map(add, [1, 2], [10, 20], shared=shared, pure=False)) == [50_010.0, 50_021.0]


def test_impure_tasks_of_equal_arguments_are_tasks_of_their_own(client: Client) -> None:
    futures = client.map(int, ["1", "1"], pure=False)
    assert futures[0].key != futures[1].key


def test_a_done_callback_is_called_once_for_results_errors_and_cancellations(client: Client) -> None:
    queue: SimpleQueue[Future] = SimpleQueue()

    def divide(number: int) -> float:
        time.sleep(0.01)
        return 1 / number

    futures = client.map(divide, [0, 1], pure=False)
    futures.append(client.submit(time.sleep, 30, pure=False))
    for future in futures:
        future.add_done_callback(queue.put)
    assert {future.status for future in finished(queue, 2)} == {"error", "finished"}
    client.cancel([futures[2]], force=True)
    assert [future.status for future in finished(queue, 1)] == ["cancelled"]
    time.sleep(0.2)
    assert queue.empty()


def test_a_task_that_kills_its_worker_is_a_killed_worker(frail: Client) -> None:
    future = frail.submit(os._exit, 1, pure=False)
    assert isinstance(future.exception(timeout=300), KilledWorker)


def test_scattered_data_die_with_their_last_holder_and_their_futures_say_so(frail: Client) -> None:
    shared = frail.scatter(VALUE, broadcast=True, hash=False)
    assert shared.status == "finished"
    os.kill(next(iter(frail.run(os.getpid).values())), signal.SIGKILL)
    deadline = time.monotonic() + 300
    while shared.status in ("finished", "pending"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert shared.status in ("cancelled", "lost")


def test_the_memory_manager_drops_copies_unless_it_is_stopped(client: Client) -> None:
    def holders(future: Future) -> int:
        return len(client.who_has([future])[future.key])

    assert client.amm.running()
    dropped = client.scatter(VALUE, broadcast=True, hash=False)
    deadline = time.monotonic() + 300
    while holders(dropped) > 1:
        assert time.monotonic() < deadline, "if copies are kept now, Broadcast need not stop the memory manager"
        time.sleep(0.1)
    client.amm.stop()
    try:
        assert not client.amm.running()
        kept = client.scatter(VALUE + 1, broadcast=True, hash=False)
        time.sleep(3)
        assert holders(kept) == 2
    finally:
        client.amm.start()


def test_map_partitions_hands_the_value_of_a_future_to_the_function(client: Client) -> None:
    shared = client.scatter(VALUE, broadcast=True, hash=False)

    def length(rows: pd.DataFrame, values: np.ndarray, more: int) -> pd.DataFrame:
        return rows.assign(length=len(values) + more)

    meta = pd.DataFrame({"a": pd.Series([], dtype=int), "length": pd.Series([], dtype=int)})
    table = dd.from_pandas(pd.DataFrame({"a": range(6)}), npartitions=3).map_partitions(
        length, shared, more=1, meta=meta
    )
    assert list(client.compute(table, retries=2).result()["length"]) == [len(VALUE) + 1] * 6


def test_the_scheduler_tells_which_worker_holds_which_task(client: Client) -> None:
    futures = client.map(time.sleep, [2.0] * 8, pure=False)
    deadline = time.monotonic() + 300
    while not any((processing := client.processing()).values()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert set(processing) == set(client.nthreads())
    assert {key for keys in processing.values() for key in keys} <= {future.key for future in futures}
    client.cancel(futures, force=True)


def test_the_scheduler_describes_its_workers(client: Client) -> None:
    info = client.scheduler_info(n_workers=-1)
    assert isinstance(info["services"]["dashboard"], int)
    for worker in info["workers"].values():
        assert worker["nthreads"] == 2
        assert worker["memory_limit"] > 0
        assert worker["nanny"].startswith("tcp://")


def test_a_call_can_be_given_up(client: Client) -> None:
    future = client.submit(time.sleep, 30, pure=False)
    with pytest.raises(TimeoutError):
        client.sync(partial(client.gather, [future], asynchronous=True), callback_timeout=0.2)
    client.cancel([future], force=True)


def test_a_worker_can_be_restarted_by_its_address(frail: Client) -> None:
    pid = next(iter(frail.run(os.getpid).values()))
    os.kill(pid, signal.SIGSTOP)
    frail.restart_workers(list(frail.nthreads()), timeout=120, raise_for_error=False)
    frail.wait_for_workers(1, timeout=300)
    assert pid not in frail.run(os.getpid).values()


def test_encrypted_clusters_keep_to_the_loopback() -> None:
    with (
        start_cluster(workers=1, threads=1, security=True) as cluster,
        Client(cluster) as client,
    ):
        assert cluster.scheduler_address.startswith("tls://127.0.0.1:")
        assert all(address.startswith("tls://127.0.0.1:") for address in client.nthreads())
        server = next(iter(cluster.scheduler.http_server._sockets.values()))
        assert server.getsockname()[0] == "127.0.0.1"
