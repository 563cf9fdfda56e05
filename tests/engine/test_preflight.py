"""What a cluster cannot do is said before the first cube, with a remedy."""

from __future__ import annotations

import importlib
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dask
import pytest
from distributed import Client, LocalCluster

import feii_dask as fd
from feii_dask.engine.dashboard import Page
from feii_dask.engine.dashboard_url import dashboard_link
from feii_dask.engine.preflight import Check, Verdict, check_memory, preflight
from feii_dask.errors import ClusterError
from feii_dask.monitor.statistics import ProgressStatistics
from tests.gateway import GatewayServer

# Run by every Python that finds it on its path: hides this package, and claims another version of a package.
SITECUSTOMIZE = """
import importlib.metadata, sys
from pathlib import Path
sys.path[:] = [path for path in sys.path if not (Path(path) / "feii_dask").is_dir()]
version = importlib.metadata.version
importlib.metadata.version = lambda name: "0.1" if name == "astropy" else version(name)
"""


@contextmanager
def small_cluster(**options: object) -> Iterator[Client]:
    with (
        LocalCluster(
            **{"n_workers": 1, "threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
            | options
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def elsewhere(tmp_path: Path) -> str:
    """A directory that, on PYTHONPATH, makes Python forget this package."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
    return str(folder)


def by_subject(checks: list[Check]) -> dict[str, Check]:
    return {check.subject: check for check in checks}


def test_a_good_cluster_is_a_table_without_remedies(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    checks = preflight(client, "notebook")
    assert {check.verdict for check in checks} == {Verdict.GOOD}
    for subject in ("workers", "code", "detector", "a task", "versions", "dashboard"):
        assert subject in caplog.text
    assert "2 with 4 threads" in caplog.text
    assert "->" not in caplog.text


def what_it_returns(module: str) -> object:
    return importlib.import_module(module).extent([0])


def test_a_users_module_is_sent_and_sent_again_when_it_changes(client: Client) -> None:
    for value in (1.0, 2.5):
        Path("sent_file.py").write_text(f"def extent(data):\n    return [{value}] * len(data)\n")
        assert "sent from here" in by_subject(preflight(client, "sent_file:extent"))["detector"].found
        assert "sent from here" not in by_subject(preflight(client, "sent_file:extent"))["detector"].found
        assert set(map(tuple, client.run(what_it_returns, "sent_file").values())) == {(value,)}


def write_bytecode() -> None:
    sys.dont_write_bytecode = False


def test_a_changed_module_of_the_same_length_is_not_taken_from_the_cache() -> None:
    with small_cluster() as client:
        client.run(write_bytecode)
        for value in (1.0, 2.0, 3.0):  # in the same second, mostly
            Path("sent_often.py").write_text(f"def extent(data):\n    return [{value}] * len(data)\n")
            preflight(client, "sent_often:extent")
            assert list(client.run(what_it_returns, "sent_often").values()) == [[value]]


def test_a_users_package_is_sent_whole(client: Client) -> None:
    Path("sent_package").mkdir()
    Path("sent_package/__init__.py").touch()
    Path("sent_package/detect.py").write_text(
        "from sent_package.factor import factor\n\ndef extent(data):\n    return [factor] * len(data)\n"
    )
    for value in (1.0, 22.5):  # in a module that the detector's own imports
        Path("sent_package/factor.py").write_text(f"factor = {value}")
        assert "sent from here" in by_subject(preflight(client, "sent_package.detect:extent"))["detector"].found
        assert set(map(tuple, client.run(what_it_returns, "sent_package.detect").values())) == {(value,)}


def test_workers_that_come_later_have_it_too() -> None:
    Path("sent_early.py").write_text("def extent(data):\n    return [3.0] * len(data)\n")
    with small_cluster() as client:
        preflight(client, "sent_early:extent")
        client.cluster.scale(2)
        client.wait_for_workers(2, timeout=300)
        assert list(client.run(what_it_returns, "sent_early").values()) == [[3.0], [3.0]]


def test_resources_that_nobody_offers(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feii_dask.engine.preflight.PROBE_S", 1.0)
    with (
        dask.annotate(resources={"GPU": 1}),
        pytest.raises(ClusterError, match=r"no worker offers the resources.*GPU.*start workers"),
    ):
        preflight(client, "notebook")


def test_other_versions_on_the_workers(elsewhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", elsewhere)
    with small_cluster() as client:
        checks = by_subject(preflight(client, "notebook"))
    assert checks["versions"].verdict is Verdict.WARNING
    assert "astropy 0.1 on the workers" in checks["versions"].found
    assert "same versions" in checks["versions"].remedy


def test_code_reaches_a_gateways_scheduler_and_workers(
    gateway_server: GatewayServer, elsewhere: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = gateway_server.write_settings(Path("cluster.yaml"), workers=1, environment={"PYTHONPATH": elsewhere})
    with fd.connect(fd.load_settings(path)) as client:
        checks = by_subject(preflight(client, "notebook"))
        assert "feii_dask is missing on scheduler and workers" in caplog.text
        assert checks["code"].verdict is Verdict.GOOD
        assert checks["dashboard"] == Check("dashboard", Verdict.GOOD, client.dashboard_link)
        assert client.submit(fd.parse_region, "CIRCLE 10 20 1").result() == fd.parse_region("CIRCLE 10 20 1")
        page = Page(client)  # which the scheduler can show now
        page.close(ProgressStatistics(1).snapshot())
        assert page.workers is not None
        assert page.workers.number == 1


def test_memory_against_the_largest_scan(client: Client) -> None:
    assert check_memory(client, 10**6).verdict is Verdict.GOOD
    check = check_memory(client, 10**12)
    assert check.verdict is Verdict.WARNING
    assert "2 workers have" in check.found
    assert "fewer threads" in check.remedy


def test_workers_without_a_memory_limit() -> None:
    with small_cluster(memory_limit=0) as client:
        assert check_memory(client, 10**12).verdict is Verdict.GOOD


def test_the_link_that_fornax_configures_is_respected(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    template = "/jupyter/user/{JUPYTERHUB_USER}/proxy/{port}/status"
    port = (
        client.cluster.scheduler.http_server.port
        if client.cluster
        else client.scheduler_info()["services"]["dashboard"]
    )
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/jupyter/user/ada/")
    assert dashboard_link(client) == f"/jupyter/user/ada/proxy/{port}/status"
    with dask.config.set({"distributed.dashboard.link": template}):
        monkeypatch.setenv("JUPYTERHUB_USER", "ada")
        assert dashboard_link(client) == f"/jupyter/user/ada/proxy/{port}/status"
        assert by_subject(preflight(client, "notebook"))["dashboard"].verdict is Verdict.GOOD
        monkeypatch.delenv("JUPYTERHUB_USER")
        assert dashboard_link(client) == f"http://127.0.0.1:{port}/status"


def test_python_is_compared_too(client: Client) -> None:
    version = ".".join(map(str, sys.version_info[:2]))
    assert f"Python {version}" in json.dumps([check.found for check in preflight(client, "notebook")])
