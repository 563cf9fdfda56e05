"""A cluster that is started here is closed; one that was there is not."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dask.config
import pytest
from dask.utils import parse_timedelta
from distributed import Client, LocalCluster, Worker

from feii_dask.config.loading import load_settings
from feii_dask.engine.cluster import connect, dask_sections, memory_per_worker
from feii_dask.engine.workers import PATIENCE_S
from feii_dask.errors import ClusterError


@pytest.fixture(autouse=True)
def any_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default port may be taken; tornado leaves the socket open that it could not bind."""
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__LOCAL__DASHBOARD", "127.0.0.1:0")


def test_a_local_cluster_has_the_shape_asked_for_and_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__LOCAL__WORKERS", "2")
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__LOCAL__THREADS", "3")
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__LOCAL__MEMORY", "1GB")
    with connect(load_settings()) as client:
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        assert [worker["nthreads"] for worker in workers] == [3, 3]
        assert {worker["memory_limit"] for worker in workers} == {10**9}
        assert all(worker["host"] == "127.0.0.1" for worker in workers)
        assert client.dashboard_link.startswith("http://127.0.0.1:")
        cluster = client.cluster
    assert client.status == "closed"
    assert cluster.status.name == "closed"


def test_a_local_cluster_is_closed_after_an_exception() -> None:
    with pytest.raises(RuntimeError, match="mine"), connect(load_settings()) as client:
        raise RuntimeError("mine")
    assert client.status == "closed"


# tornado leaves the socket open that could not be bound; it is collected here, so that no other test is blamed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_second_cluster_takes_another_dashboard_port(cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    port = cluster.scheduler.http_server.port
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__LOCAL__DASHBOARD", f"127.0.0.1:{port}")
    with connect(load_settings()) as client:
        assert not client.dashboard_link.startswith(f"http://127.0.0.1:{port}/")
    gc.collect()


def test_a_client_that_is_given_stays_open(client: Client) -> None:
    with connect(load_settings(), client) as connected:
        assert connected is client
    assert client.status == "running"


def test_a_scheduler_that_runs_is_reached_by_its_address_and_left_alone(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__LAB__KIND", "address")
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__LAB__ADDRESS", cluster.scheduler_address)
    with connect(load_settings(cluster="lab")) as client:
        assert client.submit(sum, [1, 2]).result() == 3
    assert cluster.status.name == "running"


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__LAB__KIND", "address")
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__LAB__ADDRESS", "nonsense://127.0.0.1:1")
    with pytest.raises(ClusterError, match="nonsense:"), connect(load_settings(cluster="lab")):
        pass


# Dask's cluster complains of itself when it is collected half made; see above.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("{comm: {timeouts: {connect: soon}}}", "Invalid time unit: soon"),
        ("{comm: 5}", "did not start .* 'int' object"),
    ],
)
def test_settings_of_dask_that_are_none_are_said_in_one_error(section: str, message: str) -> None:
    Path("cluster.yaml").write_text(f"distributed: {section}")
    with pytest.raises(ClusterError, match=message), connect(load_settings()):
        pass
    gc.collect()


def test_a_script_without_a_guard_is_told_so() -> None:
    Path("script.py").write_text(
        "from feii_dask.engine.cluster import connect\n"
        "from feii_dask.config.loading import load_settings\n"
        "with connect(load_settings()):\n"
        "    print('connected')\n"
    )
    done = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "ClusterError: a worker process ran the script that starts it: put the search under  if" in done.stderr
    assert len(done.stderr.splitlines()) < 100


def test_dask_settings_hold_while_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "11")
    before = dask.config.get("distributed.scheduler.allowed-failures")
    with connect(load_settings()):
        assert dask.config.get("distributed.scheduler.allowed-failures") == 11
    assert dask.config.get("distributed.scheduler.allowed-failures") == before


@pytest.mark.parametrize(("section", "kept"), [("{}", False), ("{worker: {profile: {enabled: true}}}", True)])
def test_workers_keep_no_profiles_unless_asked_to(section: str, kept: bool) -> None:
    """They would keep one for each second of an hour."""

    def profiles(dask_worker: Worker) -> int:
        return len(dask_worker.profile_history)

    Path("cluster.yaml").write_text(
        f"{{distributed: {section}, feii-dask: {{clusters: {{local: {{workers: 1, dashboard: '127.0.0.1:0'}}}}}}}}"
    )
    with connect(load_settings()) as client:
        client.submit(time.sleep, 2.5).result(timeout=300)
        (found,) = client.run(profiles).values()
        assert (found > 0) is kept


@pytest.mark.parametrize(("asked", "expected"), [("15s", PATIENCE_S), ("2h", 7200.0)])
def test_a_worker_that_restarts_is_waited_for_as_long_as_any(client: Client, asked: str, expected: float) -> None:
    key = "distributed.deploy.lost-worker-timeout"
    with dask.config.set({key: asked}):
        with connect(load_settings(), client):
            assert parse_timedelta(dask.config.get(key)) == expected
        assert dask.config.get(key) == asked


def test_the_configuration_may_change_in_another_thread_meanwhile() -> None:
    """As it does where a client closes: its sections go."""
    Path("cluster.yaml").write_text("distributed: {scheduler: {allowed-failures: 11}}")
    settings = load_settings()
    done = threading.Event()

    def change() -> None:
        while not done.is_set():
            with dask.config.set(another="client"):
                pass

    with ThreadPoolExecutor(1) as thread:
        changing = thread.submit(change)
        try:
            for _ in range(3000):
                section = dask_sections(settings)["distributed"]
        finally:
            done.set()
        changing.result()
    assert section["scheduler"]["allowed-failures"] == 11
    assert section["comm"] == dask.config.get("distributed.comm")


def test_workers_leave_room_for_the_others() -> None:
    assert 4 * memory_per_worker(4) < 2 * memory_per_worker(2) + 4
    assert memory_per_worker(10_000) >= 5 * 10**8


def test_a_local_cluster_follows_the_work_when_asked_and_may_be_encrypted() -> None:
    Path("cluster.yaml").write_text(
        "feii-dask: {clusters: {local: {adapt: {minimum: 0, maximum: 1}, security: true, dashboard: '127.0.0.1:0'}}}"
    )
    with connect(load_settings()) as client:
        assert len(client.nthreads()) <= 1
        assert client.submit(sum, [1, 2]).result(timeout=300) == 3
        assert client.scheduler.address.startswith("tls://127.0.0.1:")
        assert client.dashboard_link.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(("keys", "protocol"), [("", "tls"), (", security: false", "tcp")])
def test_a_local_cluster_is_encrypted_unless_it_is_told_otherwise(keys: str, protocol: str) -> None:
    Path("cluster.yaml").write_text(
        f"feii-dask: {{clusters: {{local: {{workers: 1, dashboard: '127.0.0.1:0'{keys}}}}}}}"
    )
    with connect(load_settings()) as client:
        assert client.scheduler.address.startswith(f"{protocol}://127.0.0.1:")
        assert client.submit(sum, [1, 2]).result(timeout=300) == 3
        if protocol == "tls":  # which another user's client has no certificates for
            with pytest.raises((OSError, TypeError)), Client(client.scheduler.address, timeout=5):
                pass
