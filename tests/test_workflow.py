"""The whole search on a simulated sky: every step, again after a crash, and with bad input."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from astropy.table import Table
from distributed import Client

import feii_dask as fd
from feii_dask.errors import ClusterError, FingerprintError, LineError, SettingsError, StoreError, TargetError
from feii_dask.store.run_store import SCIENCE_COLUMNS, RunStore
from tests.skies import truth_of


def run(sky: Path, client: Client, out: str = "run", **options: object) -> fd.SearchResult:
    return fd.search(fd.load_settings(archive=sky, out=out, lines=["notebook"], **options), client)


def science(outcomes: pd.DataFrame) -> pd.DataFrame:
    return outcomes[list(SCIENCE_COLUMNS)]


@pytest.fixture(scope="module")
def undisturbed(sky: Path, cluster: object, tmp_path_factory: pytest.TempPathFactory) -> fd.SearchResult:
    """One run that nothing happens to."""
    with Client(cluster) as client:
        return run(sky, client, out=str(tmp_path_factory.mktemp("undisturbed") / "run"))


def test_every_target_is_accounted_for_once(undisturbed: fd.SearchResult) -> None:
    outcomes = undisturbed.outcomes
    assert not outcomes.duplicated(["obs_id", "line"]).any()
    assert set(undisturbed.matched["obs_id"]) <= set(outcomes["obs_id"])
    assert (outcomes["line"] != "").all()


def test_each_planted_fault_has_the_status_that_the_truth_states(undisturbed: fd.SearchResult, sky: Path) -> None:
    truth = truth_of(sky)
    faults = truth[~truth["kind"].isin(["jet", "neighbour"])].set_index("obs_id")["status"]
    assert len(faults) >= 6
    failed = undisturbed.failures.set_index("obs_id")
    for obs_id, status in faults.items():
        if status == "no_line_in_band":
            rows = undisturbed.outcomes.query("obs_id == @obs_id")
            assert set(rows["status"]) == {status}
        else:
            assert failed.loc[obs_id, "status"] == status
            assert failed.loc[obs_id, "reason"]
    others = set(failed.index) - set(faults.index)
    assert not others


def test_scanned_jets_are_credited_to_their_star(undisturbed: fd.SearchResult, sky: Path) -> None:
    jets = truth_of(sky).query("kind == 'jet'")
    for main_id, rows in jets.groupby("main_id"):
        matched = undisturbed.matched[undisturbed.matched["obs_id"].isin(rows["obs_id"])]
        assert all(main_id in names for names in matched["yso_names"])
        assert (matched["rv_kms"] == matched["rv_kms"].iloc[0]).all()


def test_the_run_directory_holds_what_was_returned(undisturbed: fd.SearchResult) -> None:
    directory = undisturbed.directory
    assert directory is not None
    store = RunStore.open(directory)
    pd.testing.assert_frame_equal(store.outcomes(), undisturbed.outcomes)
    assert len(Table.read(directory / "candidates.ecsv")) == len(undisturbed.candidates)
    assert list(Table.read(directory / "failures.ecsv")["obs_id"]) == list(undisturbed.failures["obs_id"])
    manifest = store.manifest
    assert manifest["settings"]["otype"] == "Y*O.."
    assert [line["wavelength_um"] for line in manifest["lines"]] == [line.wavelength_um for line in fd.NOTEBOOK_LINES]
    assert {query["service"] for query in manifest["queries"]} == {"folder"}
    assert "astropy" in manifest["versions"]
    assert list(manifest["counts"]) == ["ysos", "with_coordinates", "cubes", "matched", "to_scan"]
    assert (directory / "report.html").stat().st_size > 1000
    assert "cubes to scan" in (directory / "log.txt").read_text()


def test_each_detection_has_its_cutout(undisturbed: fd.SearchResult) -> None:
    assert undisturbed.directory is not None
    detected = undisturbed.outcomes.query("detected")
    assert len(detected)
    store = RunStore.open(undisturbed.directory)
    for obs_id, line in zip(detected["obs_id"], detected["line"], strict=True):
        assert store.cutout(obs_id, line).line.name == line


def test_equal_runs_have_equal_science(undisturbed: fd.SearchResult, sky: Path, client: Client) -> None:
    again = run(sky, client)
    pd.testing.assert_frame_equal(science(again.outcomes), science(undisturbed.outcomes))
    pd.testing.assert_frame_equal(again.ranked.candidates, undisturbed.ranked.candidates)


def test_a_second_search_into_the_same_directory_scans_only_what_is_new(sky: Path, client: Client) -> None:
    first = run(sky, client, limit=3)
    second = run(sky, client)
    scanned = second.outcomes.set_index("obs_id")
    before = first.outcomes.set_index("obs_id")
    pd.testing.assert_frame_equal(scanned.loc[before.index.unique()], before)  # stored_at too: it was not done again
    assert len(scanned) > len(before)


def test_a_dry_run_of_what_is_there_scans_nothing(sky: Path, client: Client) -> None:
    first = run(sky, client, limit=3)
    before = {path: path.stat().st_mtime_ns for path in Path("run").rglob("*")}
    preview = fd.search(fd.load_settings(resume="run", dry_run=True), client)
    assert preview.directory is None
    pd.testing.assert_frame_equal(preview.outcomes, first.outcomes)
    assert {path: path.stat().st_mtime_ns for path in Path("run").rglob("*")} == before


def test_a_run_that_is_being_written_is_left_as_it_is(sky: Path, client: Client) -> None:
    first = run(sky, client, limit=3)
    assert first.directory is not None
    store = RunStore.open(first.directory)
    with store.writer():
        before = {path: path.read_bytes() for path in Path("run").glob("*.json")}
        before |= {path: path.read_bytes() for path in Path("run/tables").iterdir()}
        with pytest.raises(StoreError, match="another process is writing"):
            run(sky, client, limit=3)
        assert {path: path.read_bytes() for path in before} == before


# Stores each outcome by itself, and takes its time over it.
SLOW_SEARCH = """
import sys
import time
import feii_dask as fd
from feii_dask.store import outcome_writer
outcome_writer.MAX_ROWS, add = 1, outcome_writer.OutcomeWriter.add
def slowly(writer, outcome):
    time.sleep(0.3)
    add(writer, outcome)
outcome_writer.OutcomeWriter.add = slowly
if __name__ == "__main__":
    settings = fd.load_settings(archive=sys.argv[1], out=sys.argv[2], lines=["notebook"])
    fd.search(settings)
"""


def test_a_killed_run_goes_on_where_it_was(undisturbed: fd.SearchResult, sky: Path, client: Client) -> None:
    Path("slow.py").write_text(SLOW_SEARCH)
    process = subprocess.Popen(
        [sys.executable, "slow.py", str(sky), "run"],
        env=os.environ
        | {"DASK_FEII_DASK__CLUSTERS__LOCAL__WORKERS": "1", "DASK_FEII_DASK__CLUSTERS__LOCAL__THREADS": "1"},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 300
        while len(list(Path("run/outcomes").glob("*.parquet"))) < 2:
            assert process.poll() is None, "the search ended before it could be killed"
            assert time.monotonic() < deadline, "the search stored nothing"
            time.sleep(0.01)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    stored = RunStore.open(Path("run")).outcomes()
    assert 0 < stored["obs_id"].nunique() < undisturbed.outcomes["obs_id"].nunique()
    resumed = fd.search(fd.load_settings(resume="run"), client)
    pd.testing.assert_frame_equal(science(resumed.outcomes), science(undisturbed.outcomes))
    kept = resumed.outcomes[resumed.outcomes["obs_id"].isin(stored["obs_id"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, stored)


def test_a_finished_run_is_resumed_without_a_cluster(
    sky: Path, client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = run(sky, client)
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__GONE__KIND", "address")
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__GONE__ADDRESS", "tcp://127.0.0.1:1")
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTER", "gone")
    with caplog.at_level(logging.INFO):
        written = {path: path.stat().st_mtime_ns for path in Path("run").glob("*.*") if path.name != "log.txt"}
        again = fd.search(fd.load_settings(resume="run"))
    assert "0 cubes to scan" in caplog.text
    pd.testing.assert_frame_equal(again.outcomes, first.outcomes)
    assert {path: path.stat().st_mtime_ns for path in written} == written  # all of it was there already
    Path("run", "limits.vot").unlink()
    fd.search(fd.load_settings(resume="run"))
    assert Path("run", "limits.vot").is_file()
    with pytest.raises(ClusterError, match="no scheduler answers"):
        fd.search(fd.load_settings(resume="run", retry_failed=True))


def test_failed_cubes_are_tried_again_when_asked(sky: Path, client: Client) -> None:
    first = run(sky, client)
    again = fd.search(fd.load_settings(resume="run", retry_failed=True), client)
    attempts = again.outcomes.groupby("obs_id")["attempt"].max()
    failed = set(first.failures.query("counts_as_failed")["obs_id"])
    assert failed
    assert set(attempts[attempts == 2].index) == failed
    pd.testing.assert_frame_equal(science(again.outcomes), science(first.outcomes))


def test_a_dry_run_writes_nothing(sky: Path, client: Client, caplog: pytest.LogCaptureFixture) -> None:
    result = run(sky, client, dry_run=True)
    assert result.directory is None
    assert result.outcomes.empty
    assert len(result.matched)
    assert not Path("run").exists()
    assert "cubes would be scanned" in caplog.text


def test_one_object_by_its_name(sky: Path, client: Client) -> None:
    name = truth_of(sky).query("kind == 'jet'")["main_id"].iloc[0]
    result = run(sky, client, target=name.lower().replace(" ", ""))
    assert list(result.ysos["main_id"]) == [name]
    assert len(result.matched)
    assert all(names == [name] for names in map(list, result.matched["yso_names"]))


def test_the_funnel_is_told(sky: Path, client: Client, caplog: pytest.LogCaptureFixture) -> None:
    run(sky, client, limit=1)
    for step in (
        "young stellar objects",
        "with coordinates",
        "jwst cubes",
        "hold young stellar objects",
        "cubes to scan",
    ):
        assert step in caplog.text


def test_a_restriction_that_nothing_meets_says_what_there_is_before_anything_starts(sky: Path) -> None:
    """Without a client a search would start a cluster, in a process that would not let it."""
    with pytest.raises(SettingsError, match=r"no cube has the proposal ID 12; there are \d+ \(\d+\)"):
        fd.search(fd.load_settings(archive=sky, out="deep/run", proposal_id=["12"], cluster="local"))
    assert not Path("deep/run").exists()
    Path("there").mkdir()
    with pytest.raises(SettingsError):
        fd.search(fd.load_settings(archive=sky, out="there", instrument=["MIRI"]))
    assert list(Path("there").iterdir()) == []


def test_a_dry_run_needs_no_cluster(sky: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = fd.load_settings(archive=sky, lines=["notebook"], dry_run=True, out="dry")
    monkeypatch.setattr("distributed.LocalCluster.__init__", None)  # none can be started
    assert len(fd.search(settings).matched)
    assert not Path("dry").exists()


def test_an_empty_match_is_an_answer(sky: Path, client: Client, caplog: pytest.LogCaptureFixture) -> None:
    Path("far.csv").write_text("name,ra,dec\nfar,1,-80\n")
    result = run(sky, client, targets="far.csv")
    assert result.matched.empty
    assert len(result.candidates) == 0
    assert result.failed_share == 0
    assert "no cube" in caplog.text


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"target": "Vega"}, TargetError, "Vega"),
        ({"lines": ["H2 28.219", "kryptonite"]}, LineError, "kryptonite"),
        ({"detector": "nobody"}, fd.FeiiDaskError, "no detector is called 'nobody'"),
        ({"archive": "nowhere"}, SettingsError, "nowhere"),
    ],
)
def test_what_does_not_exist_is_named(
    sky: Path, client: Client, options: dict[str, object], error: type[Exception], message: str
) -> None:
    settings = fd.load_settings(**{"archive": sky, "out": "run", "lines": ["notebook"]} | options)
    with pytest.raises(error, match=message):
        fd.search(settings, client)


def test_lines_that_the_mission_cannot_see_are_refused(sky: Path, client: Client) -> None:
    Path("far.csv").write_text("species,wavelength_um\nC II,157.741\n")
    with pytest.raises(LineError, match="no jwst cube can hold C II 157.741 µm: they cover 0.6 to 28.9 µm"):
        fd.search(fd.load_settings(archive=sky, out="run", lines=["far.csv"]), client)
    assert not Path("run").exists()


def test_a_directory_with_another_run_is_refused_and_kept(sky: Path, client: Client) -> None:
    first = run(sky, client, limit=2)
    with pytest.raises(FingerprintError, match="other settings"):
        fd.search(fd.load_settings(archive=sky, out="run", lines=["feii"]), client)
    with pytest.raises(FingerprintError, match="leave the option out"):
        fd.search(fd.load_settings(resume="run", otype="TT*"), client)
    with pytest.raises(FingerprintError, match="leave --lines out"):
        fd.search(fd.load_settings(resume="run", lines=["h2"]), client)
    pd.testing.assert_frame_equal(RunStore.open(Path("run")).outcomes(), first.outcomes)


def test_what_is_no_run_is_not_gone_on_with(client: Client) -> None:
    with pytest.raises(SettingsError, match="holds no run"):
        fd.search(fd.load_settings(resume="nowhere"), client)
    Path("odd").mkdir()
    Path("odd/run.json").write_text("{}")
    with pytest.raises(SettingsError, match="run.json"):
        fd.search(fd.load_settings(resume="odd"), client)
    Path("odd/run.json").write_text("no json")
    with pytest.raises(StoreError, match="run.json"):
        fd.search(fd.load_settings(resume="odd"), client)


def test_storage_options_are_not_written_down(sky: Path, client: Client) -> None:
    run(sky, client, limit=1, storage_options={"auto_mkdir": False, "secret": "hush-hush"})
    for path in Path("run").rglob("*"):
        if path.is_file():
            assert b"hush-hush" not in path.read_bytes()
    json.loads(Path("run/run.json").read_text())


def test_logging_of_others_is_left_alone(sky: Path, client: Client) -> None:
    logger = logging.getLogger("feii_dask")
    before = list(logger.handlers), logger.level
    run(sky, client, limit=1)
    assert (list(logger.handlers), logger.level) == before
