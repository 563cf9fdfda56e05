"""The search on a real dask-gateway: the same answers, and no cluster that nobody wants any more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import dask.config
import pandas as pd
import pytest
import yaml
from astropy.table import Table
from click.testing import CliRunner
from distributed import Client

import feii_dask as fd
from feii_dask.cli import main
from feii_dask.engine.gateway import signals_deferred
from feii_dask.engine.gateway_options import as_variables, options_for
from feii_dask.errors import ClusterError, SettingsError
from feii_dask.store.run_store import SCIENCE_COLUMNS, RunStore
from tests.gateway import GatewayServer

SEARCH = [sys.executable, "-m", "feii_dask", "search", "--cluster", "gateway", "--lines", "notebook", "--out", "run"]


@pytest.fixture
def settings(gateway_server: GatewayServer) -> Callable[..., fd.Settings]:
    """Write cluster.yaml for the gateway, and load it."""

    def load(**cluster: object) -> fd.Settings:
        return fd.load_settings(gateway_server.write_settings(Path("cluster.yaml"), **cluster))

    return load


def wait_until(condition: Callable[[], object], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def names_of_clusters() -> list[str]:
    lines = CliRunner().invoke(main, ["clusters", "list"]).stdout.splitlines()
    return [line.split()[0] for line in lines if "since" in line]


def assert_gone(server: GatewayServer) -> None:
    wait_until(lambda: not server.processes(), 30)
    assert names_of_clusters() == []


@pytest.fixture(scope="module")
def local(sky: Path, cluster: object, tmp_path_factory: pytest.TempPathFactory) -> fd.SearchResult:
    """The same search on a LocalCluster."""
    out = tmp_path_factory.mktemp("local") / "run"
    with Client(cluster) as client:
        return fd.search(fd.load_settings(archive=sky, out=out, lines=["notebook"]), client)


def assert_same(directory: Path, local: fd.SearchResult) -> None:
    """Hold a run against the one on a LocalCluster: every science column, and the candidates."""
    science = list(SCIENCE_COLUMNS)
    pd.testing.assert_frame_equal(RunStore.open(directory).outcomes()[science], local.outcomes[science])
    assert local.directory is not None
    ours, theirs = (Table.read(path / "candidates.ecsv").to_pandas() for path in (directory, local.directory))
    pd.testing.assert_frame_equal(ours, theirs)


@pytest.mark.parametrize("size", [{"workers": 2}, {"adapt": {"minimum": 0, "maximum": 2}}], ids=str)
def test_a_search_finds_what_it_finds_on_a_local_cluster(
    gateway_server: GatewayServer, sky: Path, local: fd.SearchResult, size: dict[str, object]
) -> None:
    gateway_server.write_settings(Path("cluster.yaml"), **size)
    done = subprocess.run([*SEARCH, "--archive", sky], capture_output=True, text=True, check=True)
    assert f"dashboard: {gateway_server.address}/clusters/" in done.stdout
    assert done.stderr == ""
    assert_same(Path("run"), local)
    assert_gone(gateway_server)


OWN_DETECTOR = """
from feii_dask.detectors.notebook import extension_vs_wavebin

def extent(data):
    return extension_vs_wavebin(data)
"""


def test_own_targets_and_an_own_detector_reach_the_workers(
    gateway_server: GatewayServer, sky: Path, local: fd.SearchResult
) -> None:
    gateway_server.write_settings(Path("cluster.yaml"), workers=2)
    Path("gateway_detector.py").write_text(OWN_DETECTOR)
    star = local.candidates["main_id"][0]
    row = local.ysos[local.ysos["main_id"] == star].iloc[0]
    Path("mine.csv").write_text(f"Name,RAJ2000,DEJ2000\n{star},{row['ra']},{row['dec']}\n")
    own = ["--targets", "mine.csv", "--detector", "gateway_detector:extent"]
    done = subprocess.run([*SEARCH, "--archive", sky, *own], capture_output=True, text=True, check=True)
    assert "gateway_detector:extent on the workers, sent from here" in done.stdout
    outcomes = RunStore.open(Path("run")).outcomes()
    scanned = outcomes.query("status == 'scanned'")
    assert scanned["detected"].any()
    assert (scanned["null_windows"] > 0).all()
    assert list(Table.read("run/candidates.ecsv")["main_id"]) == [star]
    assert_gone(gateway_server)


def test_two_workers_dasks_settings_and_the_dashboard_through_the_proxy(
    gateway_server: GatewayServer, settings: Callable[..., fd.Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "7")

    def allowed_failures() -> object:
        return dask.config.get("distributed.scheduler.allowed-failures")

    with fd.connect(settings(workers=2, options={"worker_cores": 1})) as client:
        client.wait_for_workers(2, timeout=300)
        assert list(client.nthreads().values()) == [1, 1]
        assert client.scheduler.address.startswith("gateway://")
        assert client.run_on_scheduler(allowed_failures) == 7
        assert list(client.run(allowed_failures).values()) == [7, 7]
        page = build_opener(ProxyHandler({})).open(client.dashboard_link, timeout=120)
        assert page.status == 200
        assert b"Dask Diagnostic UI" in page.read()
    assert_gone(gateway_server)


def test_the_cluster_is_gone_after_an_exception(
    gateway_server: GatewayServer, settings: Callable[..., fd.Settings]
) -> None:
    with pytest.raises(RuntimeError, match="mine"), fd.connect(settings(workers=1)) as client:
        client.wait_for_workers(1, timeout=300)
        raise RuntimeError("mine")
    assert_gone(gateway_server)


@pytest.mark.parametrize("moment", ["while it starts", "while it scans"])
def test_the_cluster_is_gone_after_ctrl_c(gateway_server: GatewayServer, sky: Path, moment: str) -> None:
    gateway_server.write_settings(Path("cluster.yaml"), workers=1, options={"worker_cores": 1})
    process = subprocess.Popen(
        [*SEARCH, "--archive", sky], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    if moment == "while it starts":
        wait_until(lambda: gateway_server.processes("scheduler"))
    else:
        wait_until(lambda: list(Path("run/outcomes").glob("*.parquet")))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "interrupted" in said
    assert "feii_dask/cli.py" not in said  # no traceback of ours; cancel() of distributed may lose a race and print
    assert_gone(gateway_server)


def test_the_cluster_is_gone_after_a_polite_kill(gateway_server: GatewayServer, sky: Path) -> None:
    gateway_server.write_settings(Path("cluster.yaml"), workers=1)
    process = subprocess.Popen(
        [*SEARCH, "--archive", sky], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    # The run's own log, because a worker of the test before may still go when this search has not begun.
    wait_until(lambda: Path("run/log.txt").exists() and gateway_server.processes("worker"))
    process.terminate()
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130, said
    assert_gone(gateway_server)


def test_a_cluster_that_was_started_stays_until_it_is_stopped(
    gateway_server: GatewayServer, settings: Callable[..., fd.Settings]
) -> None:
    settings(workers=1)
    started = CliRunner().invoke(main, ["clusters", "start"])
    assert started.exit_code == 0, started.output
    (name,) = names_of_clusters()
    assert name in started.stdout
    with fd.connect(settings(name=name)) as client:
        client.wait_for_workers(1, timeout=300)
    assert names_of_clusters() == [name]
    assert gateway_server.processes("worker")
    assert CliRunner().invoke(main, ["clusters", "stop", name]).exit_code == 0
    assert_gone(gateway_server)
    stopped = CliRunner().invoke(main, ["clusters", "stop", "nobody"])
    assert stopped.exit_code == 2
    assert "no cluster nobody" in stopped.stderr
    with pytest.raises(ClusterError, match=name), fd.connect(settings(name=name)):
        pass


def test_a_cluster_is_left_running_when_asked(gateway_server: GatewayServer) -> None:
    path = gateway_server.write_settings(Path("cluster.yaml"), workers=1)
    with fd.connect(fd.load_settings(path, detach=True)):
        pass
    (name,) = names_of_clusters()
    assert CliRunner().invoke(main, ["clusters", "stop", name]).exit_code == 0
    assert_gone(gateway_server)


@pytest.mark.parametrize(
    ("cluster", "message"),
    [
        ({"options": {"worker_coers": 2}}, "did you mean 'worker_cores'.*It offers environment, image, worker_cores"),
        ({"options": {"worker_cores": 99}}, "refuses the cluster's options.*99"),
        ({"options": {"worker_cores": "many"}}, "refuses the cluster's options.*many"),
    ],
)
def test_options_that_the_gateway_does_not_offer_are_named(
    settings: Callable[..., fd.Settings], cluster: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError, match=message), fd.connect(settings(**cluster)):
        pass
    assert names_of_clusters() == []


def test_variables_of_both_places_reach_the_cluster() -> None:
    chosen = fd.load_settings(write_cluster(options={"environment": {"A": "1", "B": "1"}}, environment={"B": "2"}))
    options = options_for(chosen.chosen_cluster, {}, {"environment"})
    assert options == {"environment": {"A": "1", "B": "2"}}


def write_cluster(**cluster: object) -> Path:
    path = Path("cluster.yaml")
    path.write_text(yaml.safe_dump({"feii-dask": {"cluster": "gateway", "clusters": {"gateway": cluster}}}))
    return path


def test_a_gateway_that_does_not_answer_or_has_no_address() -> None:
    Path("cluster.yaml").write_text("gateway: {address: 'http://127.0.0.1:1'}\nfeii-dask: {cluster: gateway}")
    result = CliRunner().invoke(main, ["clusters", "list"])
    assert result.exit_code == 3
    assert "http://127.0.0.1:1" in result.stderr
    Path("cluster.yaml").write_text("feii-dask: {cluster: gateway}")
    result = CliRunner().invoke(main, ["clusters", "list"])
    assert result.exit_code == 2
    assert "gateway: {address: https://…}" in result.stderr
    result = CliRunner().invoke(main, ["clusters", "--cluster", "local", "list"])
    assert result.exit_code == 2
    assert "of kind local, not gateway" in result.stderr


def test_settings_as_variables_are_read_back_by_dask() -> None:
    section = {"scheduler": {"allowed-failures": 5, "idle-timeout": "1h"}, "worker": {"preload": ["a", "b"]}}
    collected = dask.config.collect_env(as_variables(section, "DASK_DISTRIBUTED") | {"HOME": os.environ["HOME"]})
    assert collected == {
        "distributed": {
            "scheduler": {"allowed_failures": 5, "idle_timeout": "1h"},
            "worker": {"preload": ["a", "b"]},
        }
    }


def test_ctrl_c_waits_until_the_name_of_the_cluster_is_there() -> None:
    names: list[str] = []
    with pytest.raises(KeyboardInterrupt), signals_deferred():
        signal.raise_signal(signal.SIGINT)
        names.append("a cluster")
    assert names == ["a cluster"]
    with pytest.raises(KeyboardInterrupt):  # and is what it was afterwards
        signal.raise_signal(signal.SIGINT)


def test_the_third_ctrl_c_does_not_wait_for_a_gateway_that_hangs() -> None:
    sent: list[int] = []
    with pytest.raises(KeyboardInterrupt), signals_deferred():
        for number in range(4):
            sent.append(number)
            signal.raise_signal(signal.SIGINT)
    assert sent == [0, 1, 2]
