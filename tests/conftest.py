"""What every test has: a directory of its own, and no configuration of the person who runs it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import dask.config
import pytest
from distributed import Client, LocalCluster
from hypothesis import settings

from tests.clusters import start_cluster
from tests.gateway import GatewayServer
from tests.guide import finished_run
from tests.replica.fixtures import start_replica
from tests.runs import cutout_of, full_disk, lines, matched_of, outcome_of, store, ysos_of
from tests.skies import make_sky

__all__ = [
    "cutout_of",
    "finished_run",
    "full_disk",
    "lines",
    "matched_of",
    "outcome_of",
    "start_replica",
    "store",
    "ysos_of",
]

settings.load_profile("ci")  # equal examples in each run, and no check on the time that they take


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in an empty directory, without settings, caches or proxies from outside.

    Coverage is measured in this process and in the shared workers. Processes that a test starts would write theirs
    into its directory, where nobody reads it, and take half as long again.
    """
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(("AWS_", "COVERAGE_", "DASK_", "FSSPEC_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(dask.config, "paths", [])


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Let the tests' programs be interrupted even where the suite is a shell's background job, which ignores SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def one_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the key of the person who signs runs out of the home of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session", autouse=True)
def list_of_fonts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let matplotlib list the fonts once, and not in the directory of each test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLCONFIGDIR", str(tmp_path_factory.mktemp("matplotlib")))
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_workers() -> Iterator[None]:
    """Let all workers that tests start end without a last collection of garbage: see `feii_dask.engine.worker_exit`."""
    with dask.config.set({"distributed.worker.preload": [str(Path(__file__).with_name("worker_exit.py"))]}):
        yield


@pytest.fixture(scope="session")
def cluster() -> Iterator[LocalCluster]:
    """Two worker processes, shared by the tests that do not harm them.

    Their directory is not that of a test, which does not last, and it is where their coverage is looked for.
    """
    with chdir(Path(__file__).parents[1]):
        cluster = start_cluster()
    with cluster:
        yield cluster


@pytest.fixture
def client(cluster: LocalCluster) -> Iterator[Client]:
    """A client of the shared cluster."""
    with Client(cluster) as client:
        yield client


@pytest.fixture
def frail() -> Iterator[Client]:
    """A client of a cluster that may be harmed: two worker processes for one test alone."""
    with start_cluster() as cluster, Client(cluster) as client:
        yield client


@pytest.fixture(scope="session")
def gateway_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayServer]:
    """A gateway; each test closes the clusters that it starts."""
    with GatewayServer(tmp_path_factory.mktemp("gateway")) as server:
        yield server


@pytest.fixture(scope="session")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated sky; tests must not change it."""
    return make_sky(tmp_path_factory.mktemp("sky"))
