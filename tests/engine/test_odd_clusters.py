"""Clusters that cannot do the work: one line with the remedy, and nothing of ours has run there before."""

from __future__ import annotations

import asyncio
import importlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dask
import pandas as pd
import pytest
from distributed import Client, LocalCluster

import feii_dask as fd
from feii_dask.config.plugins import files_of, source_digest
from feii_dask.engine.cluster import connect
from feii_dask.engine.code_upload import PACKAGE
from feii_dask.engine.dashboard_url import dashboard_link
from feii_dask.engine.gateway import open_gateway
from feii_dask.engine.preflight import check_workers, preflight
from feii_dask.errors import ClusterError, SettingsError
from tests.engine.test_preflight import SITECUSTOMIZE, by_subject, small_cluster

SENDERS = ("run", "run_on_scheduler", "register_plugin", "submit", "map", "scatter", "compute", "persist")


def as_another_python(get_versions: Any) -> Any:
    """Return what a scheduler of another Python answers."""

    def answer(self: Client, **options: Any) -> dict[str, Any]:
        versions = get_versions(self, **options)
        versions["scheduler"]["packages"]["python"] = "3.99.1.final.0"
        return versions

    return answer


def test_no_function_is_sent_before_the_pythons_are_compared(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    for name in SENDERS:
        monkeypatch.setattr(Client, name, lambda *_, name=name, **__: sent.append(name))
    monkeypatch.setattr(Client, "get_versions", as_another_python(Client.get_versions))
    with pytest.raises(ClusterError, match="python 3.99 on the scheduler, 3.* here -> install the same") as caught:
        preflight(client, "notebook")
    assert "\n" not in str(caught.value)
    cubes = pd.DataFrame({"s_ra": [1.0], "s_dec": [0.0], "s_region": ["CIRCLE 1 0 1"]})
    with pytest.raises(ClusterError, match="python 3.99"):
        fd.crossmatch(cubes, pd.DataFrame({"ra": [1.0], "dec": [0.0]}), client)
    assert sent == []


@contextmanager
def bare_worker(scheduler: str, directory: Path, *options: str) -> Iterator[None]:
    """Start a worker as job queues and MPI do, on a computer that lacks this package."""
    (directory / "elsewhere").mkdir()
    (directory / "elsewhere" / "sitecustomize.py").write_text(SITECUSTOMIZE)
    words = [sys.executable, "-m", "distributed.cli.dask_worker", scheduler, "--no-dashboard", "--nthreads", "1"]
    variables = {"PATH": "/usr/bin", "HOME": str(directory), "PYTHONPATH": str(directory / "elsewhere")}
    process = subprocess.Popen([*words, *options], env=variables | {"DASK_TEMPORARY_DIRECTORY": str(directory)})
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def places(client: Client) -> set[Path]:
    """Return where the workers have this package from; a function inside of one travels as code."""

    def place() -> str:
        return str(importlib.import_module("feii_dask").__file__)

    return set(map(Path, client.run(place).values()))


@pytest.mark.parametrize("nanny", ["--nanny", "--no-nanny"])
def test_code_reaches_workers_and_no_other_cluster_finds_the_copy(tmp_path: Path, nanny: str) -> None:
    with dask.config.set(temporary_directory=str(tmp_path)):  # one scratch space for all
        with small_cluster(n_workers=0) as client, bare_worker(client.scheduler.address, tmp_path, nanny):
            client.wait_for_workers(1, timeout=120)
            assert "sent to the cluster" in by_subject(preflight(client, "notebook"))["code"].found
            (worker,) = client.scheduler_info()["workers"].values()
            assert (worker["nanny"] is None) == (nanny == "--no-nanny")
            own = Path(worker["local_directory"]) / "feii_dask" / "__init__.py"
            assert places(client) == {own}
            if worker["nanny"]:
                client.restart()
            assert client.submit(fd.parse_region, "CIRCLE 10 20 1").result() == fd.parse_region("CIRCLE 10 20 1")
            assert len(list(tmp_path.rglob("feii_dask"))) == 1
            with small_cluster() as other:
                assert places(other) == {Path(fd.__file__)}
        assert list(tmp_path.rglob("feii_dask")) == []


def test_a_cluster_with_the_same_code_is_sent_none(client: Client) -> None:
    preflight(client, "notebook")
    assert "package-upload" not in client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.worker_plugins)


def test_all_that_the_package_holds_is_sent() -> None:
    files = {path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {path.name for path in files - set(files_of(PACKAGE))} == {"py.typed"}


def test_another_checkout_of_the_same_version_is_another(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "package").mkdir(parents=True)
        (tmp_path / name / "package" / "__init__.py").write_text("version = 1\n")
    one, two = (tmp_path / name / "package" for name in ("one", "two"))
    assert source_digest(one) == source_digest(two)
    (one / "__pycache__").mkdir()
    (one / "__pycache__" / "left.py").touch()
    assert source_digest(one) == source_digest(two)
    (two / "other.py").touch()
    assert source_digest(one) != source_digest(two)


def test_a_checkout_that_the_workers_have_imported_needs_a_restart(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("feii_dask.engine.preflight.upload_package", lambda *_: None)
    monkeypatch.setattr("feii_dask.engine.preflight.source_digest", lambda _: "another")
    with pytest.raises(ClusterError, match=r"another checkout of version .* -> .*restart scheduler and workers"):
        preflight(client, "notebook")


def test_addresses_of_no_use(monkeypatch: pytest.MonkeyPatch) -> None:
    for address, says in (("tls://127.0.0.1:9", "TLS needs certificates"), ("tcp://127.0.0.1:9", "begins with tls://")):
        monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__THERE__KIND", "address")
        monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__THERE__ADDRESS", address)
        monkeypatch.setattr("feii_dask.engine.cluster.ANSWER", "1s")
        settings = fd.load_settings(cluster="there")
        with pytest.raises(ClusterError, match=says) as caught, connect(settings):
            pass
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("auth", "says"),
    [
        ("no_such_package.Auth", "must be basic, kerberos, jupyterhub or an installed package.Class"),
        ("dask_gateway.auth.Misspelt", "must be basic, kerberos"),
        ("jupyterhub", "the token is missing"),
    ],
)
def test_authentication_that_is_not_there(auth: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN", raising=False)
    gateway = {"gateway.address": "http://127.0.0.1:9", "gateway.auth.type": auth}
    with dask.config.set(gateway), pytest.raises(SettingsError, match=says), open_gateway():
        pass


def test_clients_that_a_search_cannot_wait_for(cluster: LocalCluster) -> None:
    settings = fd.load_settings()
    closed = Client(cluster)
    closed.close()
    with pytest.raises(ClusterError, match="the client is closed"), connect(settings, closed):
        pass

    async def inside() -> None:
        async with Client(cluster.scheduler_address, asynchronous=True) as client:
            with pytest.raises(SettingsError, match="the client is asynchronous"), connect(settings, client):
                pass

    asyncio.run(inside())


def test_a_search_inside_of_a_task(client: Client) -> None:
    def task() -> str:
        try:
            with connect(fd.load_settings()):
                return ""
        except ClusterError as error:
            return str(error)

    assert "worker_client()" in client.submit(task, pure=False).result()


def test_no_limit_of_memory_is_called_so() -> None:
    with small_cluster(memory_limit=0) as client:
        assert check_workers(client).found == "1 with 1 threads and no limit of memory"


def test_a_name_under_the_gateways_own_section_is_refused() -> None:
    Path("named.yaml").write_text("gateway: {address: 'http://127.0.0.1:9', name: abc}\n")
    with pytest.raises(SettingsError, match=r"feii-dask: \{clusters: \{gateway: \{name: abc\}\}\}"):
        fd.load_settings("named.yaml")


def test_the_dashboard_of_an_ipv6_scheduler() -> None:
    scheduler = SimpleNamespace(address="tcp://[2001:db8::1]:8786")
    client: Any = SimpleNamespace(scheduler=scheduler, scheduler_info=lambda: {"services": {"dashboard": 8787}})
    assert dashboard_link(client) == "http://[2001:db8::1]:8787/status"
