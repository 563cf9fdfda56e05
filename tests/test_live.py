"""The search through the archives' own protocols: unmodified astroquery and s3fs, a proxy, and what goes wrong there.

The replica answers in the place of SIMBAD, MAST, IRSA and the bucket; nothing of the program knows about it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from astropy.table import Table
from click.testing import CliRunner, Result
from distributed import Client, LocalCluster

import feii_dask as fd
from feii_dask.cli import main
from feii_dask.errors import ArchiveError, TruncatedError
from feii_dask.store.run_store import SCIENCE_COLUMNS, RunStore
from tests.clusters import lead_commands_to, start_cluster
from tests.gateway import GatewayServer
from tests.replica.client import Replica
from tests.replica.fixtures import lead_to
from tests.skies import name_tmc1a, truth_of

MAST, SIMBAD, IRSA, BUCKET = (
    "mast.stsci.edu",
    "simbad.cds.unistra.fr",
    "irsa.ipac.caltech.edu",
    "stpubdata.s3.amazonaws.com",
)
OPTIONS = ("--lines", "notebook", "--out", "run")
MEASURED = [
    "line",
    "status",
    "detected",
    "statistic",
    "plane",
    "velocity_kms",
    "area_px",
    "peak_ra_deg",
    "peak_dec_deg",
]


@pytest.fixture(scope="module")
def archive(sky: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated sky, in which the first star with a jet is called TMC1A and all are young stellar objects."""
    return name_tmc1a(sky, tmp_path_factory.mktemp("archive") / "sky")


@pytest.fixture(scope="module")
def module_replica(archive: Path, start_replica: Callable[..., Replica]) -> Replica:
    return start_replica(archive)


@pytest.fixture(scope="module")
def workers(module_replica: Replica) -> Iterator[LocalCluster]:
    """Two worker processes that inherit the way to the replica."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in module_replica.environment().items():
            patch.setenv(name, value)
        cluster = start_cluster()
    with cluster:
        yield cluster


@pytest.fixture
def replica(module_replica: Replica, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Replica:
    """The replica without faults, and this process led to it."""
    module_replica.reset()
    lead_to(module_replica, monkeypatch, tmp_path)
    return module_replica


@pytest.fixture
def client(workers: LocalCluster) -> Iterator[Client]:
    with Client(workers) as client:
        yield client


@pytest.fixture
def search(replica: Replica, client: Client) -> Callable[..., fd.SearchResult]:
    def run(**options: object) -> fd.SearchResult:
        return fd.search(fd.load_settings(**{"out": "run", "lines": ["notebook"]} | options), client)

    return run


def scanned_key(result: fd.SearchResult) -> tuple[str, str]:
    """Return a scanned cube's obs_id and the name of its object in the bucket."""
    scanned = result.outcomes.query("status == 'scanned' and obs_id.str.contains('ch4-long')")["obs_id"].iloc[0]
    return scanned, f"{scanned}_s3d.fits"


def status_of(result: fd.SearchResult, obs_id: str) -> set[str]:
    return set(result.outcomes.query("obs_id == @obs_id")["status"])


@pytest.fixture
def call(workers: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command in this process, on the workers that are there."""
    lead_commands_to(workers, monkeypatch)
    return lambda *words: CliRunner().invoke(main, ["search", *OPTIONS, *words], catch_exceptions=False)


def command(*words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "DASK_FEII_DASK__CLUSTERS__LOCAL__WORKERS": "2",
        "DASK_FEII_DASK__CLUSTERS__LOCAL__DASHBOARD": "127.0.0.1:0",
    }
    words = (sys.executable, "-m", "feii_dask", "search", *OPTIONS, *words)
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def test_the_command_searches_everything(replica: Replica, archive: Path, client: Client) -> None:
    done = command()
    assert done.returncode == 0, done.stderr
    store = RunStore.open(Path("run"))
    from_folder = fd.search(fd.load_settings(archive=archive, out="folder", lines=["notebook"]), client)
    measured = store.outcomes().set_index("obs_id")[MEASURED]
    expected = from_folder.outcomes.set_index("obs_id")[MEASURED]
    # A cube that is missing in the bucket has no cloud copy; in a directory it is a file that cannot be read.
    missing = truth_of(archive).query("kind == 'missing'")["obs_id"].iloc[0]
    assert set(measured.loc[[missing], "status"]) == {"no_cloud_copy"}
    pd.testing.assert_frame_equal(measured.drop(index=missing), expected.drop(index=missing))
    assert {query["service"] for query in store.manifest["queries"]} == {"SIMBAD", "MAST"}
    assert not replica.requests(BUCKET) or {request.method for request in replica.requests(BUCKET)} == {"GET"}
    assert all(request.agent.startswith("feii_dask/") for request in replica.requests(MAST))


@pytest.mark.parametrize("size", [{"workers": 2}, {"adapt": {"minimum": 1, "maximum": 2}}], ids=str)
def test_the_command_searches_everything_on_a_gateway(
    replica: Replica, search: Callable[..., fd.SearchResult], gateway_server: GatewayServer, size: dict[str, object]
) -> None:
    options = {"worker_cores": 1, "environment": replica.environment()}
    gateway_server.write_settings(Path("cluster.yaml"), **size, options=options)
    done = command("--cluster", "gateway")
    assert done.returncode == 0, done.stderr
    here, there = search(out="here"), RunStore.open(Path("run"))
    science = list(SCIENCE_COLUMNS)
    pd.testing.assert_frame_equal(there.outcomes()[science], here.outcomes[science])
    assert here.directory is not None
    ours, theirs = (Table.read(path / "candidates.ecsv").to_pandas() for path in (Path("run"), here.directory))
    assert len(ours)
    pd.testing.assert_frame_equal(ours, theirs)


def test_the_command_searches_one_object(replica: Replica, call: Callable[..., Result]) -> None:
    done = call("--target", "TMC1A")
    assert done.exit_code == 0, done.stderr
    store = RunStore.open(Path("run"))
    tables = store.read_tables()
    assert list(tables.ysos["main_id"]) == ["TMC1A"]
    assert len(tables.matched) >= 2
    assert any(request.status == 200 for request in replica.requests(MAST, "Mast.Caom.Products"))
    assert "TMC1A" in Path("run/candidates.ecsv").read_text()


def test_an_unknown_object_is_2(replica: Replica, call: Callable[..., Result]) -> None:
    done = call("--target", "No Such Star")
    assert done.exit_code == 2
    assert "No Such Star" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_archives_that_are_slow_or_stumble_are_waited_for(
    replica: Replica, search: Callable[..., fd.SearchResult]
) -> None:
    replica.inject("executing", MAST, "Mast.Caom.Filtered", times=3)
    replica.inject("status", MAST, "/invoke", times=2, status=500)
    replica.inject("status", SIMBAD, "sync", times=2, status=503)
    assert len(search().matched)


def test_a_page_that_is_missing_is_an_error_and_not_a_short_table(
    archive: Path,
    start_replica: Callable[..., Replica],
    call: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    paged = start_replica(archive, page_rows=5)
    lead_to(paged, monkeypatch, tmp_path)
    paged.inject("incomplete", MAST, "page 2")
    done = call()
    assert done.exit_code == 3
    assert "page 2" in done.stderr
    assert not Path("run/tables/matched.parquet").exists()


def test_a_truncated_catalogue_is_an_error_that_says_how_to_raise_it(search: Callable[..., fd.SearchResult]) -> None:
    with pytest.raises(TruncatedError, match="max-rows"):
        search(max_rows=5)


def test_a_storm_of_the_bucket_is_absorbed(replica: Replica, search: Callable[..., fd.SearchResult]) -> None:
    calm = search()
    obs_id, key = scanned_key(calm)
    replica.inject("status", BUCKET, key, times=4, status=503)
    stormy = search(out="stormy")
    pd.testing.assert_frame_equal(stormy.outcomes[["obs_id", *MEASURED]], calm.outcomes[["obs_id", *MEASURED]])
    assert [request.status for request in replica.requests(BUCKET, key)].count(503) == 4
    assert status_of(stormy, obs_id) == {"scanned"}


def test_what_the_bucket_lacks_or_refuses_is_an_outcome(
    replica: Replica, search: Callable[..., fd.SearchResult]
) -> None:
    obs_ids = sorted(search(out="calm").outcomes.query("status == 'scanned'")["obs_id"].unique())[:2]
    for obs_id, status in zip(obs_ids, (404, 403), strict=True):
        replica.inject("status", BUCKET, f"{obs_id}_s3d.fits", status=status)
    result = search()
    assert status_of(result, obs_ids[0]) == {"no_cloud_copy"}
    assert status_of(result, obs_ids[1]) == {"unreadable"}
    assert "access denied" in result.failures.set_index("obs_id").loc[obs_ids[1], "reason"]


def test_a_connection_that_stalls_is_given_up_and_tried_again(
    replica: Replica, search: Callable[..., fd.SearchResult]
) -> None:
    obs_id, key = scanned_key(search(out="calm"))
    replica.inject("stall", BUCKET, key, times=1)
    assert status_of(search(), obs_id) == {"scanned"}


def test_irsa_down_concerns_sofia_only(replica: Replica, search: Callable[..., fd.SearchResult]) -> None:
    replica.inject("refuse", IRSA)
    assert len(search(limit=1).matched)
    Path("far.csv").write_text("species,wavelength_um\nC II,157.741\n")
    with pytest.raises(ArchiveError, match="IRSA"):
        search(mission="sofia", lines=["far.csv"], out="sofia")


def test_a_second_search_asks_the_archives_nothing(replica: Replica, search: Callable[..., fd.SearchResult]) -> None:
    search(out="first")
    asked = len(replica.requests(MAST)) + len(replica.requests(SIMBAD))
    second = search(out="second")
    assert len(replica.requests(MAST)) + len(replica.requests(SIMBAD)) == asked
    queries = RunStore.open(Path("second")).manifest["queries"]
    assert all(query["from_cache"] for query in queries)
    assert len(second.matched)
