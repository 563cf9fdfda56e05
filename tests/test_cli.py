"""The command: its verbs, its exit codes, and one clear line for what is wrong."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from distributed import LocalCluster

import feii_dask
from feii_dask.cli import main
from feii_dask.model import Status
from feii_dask.simulate import make_cube, write_cube
from feii_dask.store.run_store import RunStore
from tests.clusters import lead_commands_to
from tests.runs import statuses_of
from tests.skies import truth_of

SMALL = {"DASK_FEII_DASK__CLUSTERS__LOCAL__WORKERS": "1", "DASK_FEII_DASK__CLUSTERS__LOCAL__DASHBOARD": "127.0.0.1:0"}
COMMAND = [sys.executable, "-m", "feii_dask"]
PATIENCE_S = 300.0  # only ends a hang


@pytest.fixture(autouse=True)
def small_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SMALL.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def shared_cluster(cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command use the cluster that other tests use too, in place of one of its own."""
    lead_commands_to(cluster, monkeypatch)


def call(*words: str) -> Result:
    return CliRunner().invoke(main, words, catch_exceptions=False)


def complaint(result: Result) -> str:
    """Return the one line that says what was wrong."""
    lines = [line for line in result.stderr.splitlines() if line.startswith("feii-dask: ")]
    assert len(lines) == 1, result.stderr
    return lines[0]


@pytest.mark.parametrize("verb", ["rank", "report"])
@pytest.mark.parametrize("directory", ["nowhere", "."])
def test_what_is_no_run_is_said_and_left_alone(verb: str, directory: str) -> None:
    result = call(verb, directory)
    assert result.exit_code == 2
    assert "holds no run" in complaint(result)
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("verb", ["rank", "report"])
def test_a_tilde_is_the_home_of_the_reader(verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert f"{tmp_path}/nowhere holds no run" in complaint(call(verb, "~/nowhere"))


def test_search_prints_the_funnel_and_writes_the_run(sky: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "search", "--archive", sky, "--out", "run", "--lines", "notebook"],
        capture_output=True,
        text=True,
        check=True,
    )
    for step in (
        "24 young stellar objects",
        "jwst cubes",
        "cubes hold young stellar objects",
        "cubes to scan",
        "candidates",
    ):
        assert step in done.stdout
    assert "http://127.0.0.1:" in done.stdout
    assert statuses_of(RunStore.open(Path("run")))
    assert done.stderr == ""


@pytest.mark.usefixtures("shared_cluster")
def test_verbs_on_a_finished_run(sky: Path) -> None:
    assert call("search", "--archive", str(sky), "--out", "run", "--lines", "notebook").exit_code == 0
    report, candidates = Path("run/report.html"), Path("run/candidates.ecsv")
    before = candidates.read_text()
    report.unlink()
    candidates.unlink()
    assert call("rank", "run").exit_code == 0
    assert candidates.read_text() == before
    report.unlink()
    result = call("report", "run")
    assert result.exit_code == 0
    assert Path(result.stdout.strip()).samefile(report)


@pytest.mark.usefixtures("shared_cluster")
def test_an_empty_match_is_done(sky: Path) -> None:
    Path("far.csv").write_text("name,ra,dec\nfar,1,-80\n")
    result = call("search", "--archive", str(sky), "--out", "run", "--targets", "far.csv")
    assert result.exit_code == 0
    assert RunStore.open(Path("run")).read_tables().matched.empty


def test_a_restriction_that_no_cube_meets_is_2(sky: Path) -> None:
    result = call("search", "--archive", str(sky), "--out", "none", "--proposal-id", "00001")
    assert result.exit_code == 2
    assert "no cube has the proposal ID 00001; there are 99" in complaint(result)
    assert not Path("none").exists()


@pytest.mark.usefixtures("shared_cluster")
def test_more_failures_than_allowed(sky: Path) -> None:
    Path("cluster.yaml").write_text("feii-dask: {allowed-failures: 0.01}")
    result = call("search", "--archive", str(sky), "--out", "run", "--lines", "notebook")
    assert result.exit_code == 1
    statuses = list(statuses_of(RunStore.open(Path("run"))).values())
    failed = sum(status.failed for status in statuses)
    assert Status.NO_DATA in statuses
    expected = (
        f"{failed} of the {failed + statuses.count(Status.SCANNED)} cubes with data and a line in their band failed"
    )
    assert f"{expected}, more than the 1% allowed; run/failures.ecsv says why" in complaint(result)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--target", "Vega"], "Vega"),
        (["--lines", "kryptonite"], "kryptonite"),
        (["--mission", "jwts"], "did you mean 'jwst'"),
        (["--detector", "no.such:Thing"], "no.such:Thing"),
        (["--cluster", "moon"], "moon"),
        (["--config", "absent.yaml"], "absent.yaml"),
        (["--resume", "absent"], "absent"),
        (["--retry-failed"], "--resume DIR"),
        (["--limit", "0"], "limit takes a whole number"),
    ],
)
def test_bad_usage_is_2_and_one_line(sky: Path, words: list[str], said: str) -> None:
    archive = (
        [] if "--resume" in words else ["--archive", str(sky), "--out", "run"] if "--retry-failed" not in words else []
    )
    result = call("search", *archive, *words)
    assert result.exit_code == 2
    assert said in complaint(result)


def test_a_nonsense_key_is_2_and_names_the_nearest() -> None:
    Path("cluster.yaml").write_text("feii-dask: {detecter: notebook}")
    result = call("config")
    assert result.exit_code == 2
    assert "did you mean 'detector'?" in complaint(result)


@pytest.mark.usefixtures("shared_cluster")
def test_another_run_in_the_directory_is_2(sky: Path) -> None:
    assert call("search", "--archive", str(sky), "--out", "run", "--limit", "1", "--lines", "notebook").exit_code == 0
    result = call("search", "--archive", str(sky), "--out", "run", "--lines", "h2")
    assert result.exit_code == 2
    assert "other settings" in complaint(result)


def test_a_cluster_that_is_not_there_is_3(sky: Path) -> None:
    Path("cluster.yaml").write_text("feii-dask: {clusters: {lab: {kind: address, address: 'none://127.0.0.1:1'}}}")
    result = call("search", "--archive", str(sky), "--out", "run", "--cluster", "lab")
    assert result.exit_code == 3
    assert "none://127.0.0.1:1" in complaint(result)


def limit_file_size() -> None:
    """Let no file grow to nine FITS blocks, as a full disk would: tables and outcomes are smaller, cutouts are not."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (9 * 2880 - 1, 9 * 2880 - 1))


def test_a_full_disk_is_4_and_what_was_stored_stays(sky: Path, request: pytest.FixtureRequest) -> None:
    words = ["search", "--archive", str(sky), "--out", "run", "--lines", "notebook"]
    done = subprocess.run(
        [*COMMAND, *words],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit_file_size,
    )
    assert done.returncode == 4
    assert [line for line in done.stderr.splitlines() if line.startswith("feii-dask: ")]
    assert "Traceback" not in done.stderr
    stored = set(statuses_of(RunStore.open(Path("run"))))
    assert stored
    request.getfixturevalue("shared_cluster")
    assert call("search", "--resume", "run").exit_code == 0
    assert stored <= set(statuses_of(RunStore.open(Path("run"))))


def test_an_interrupted_run_is_130_and_can_be_gone_on_with(sky: Path, request: pytest.FixtureRequest) -> None:
    words = ["search", "--archive", str(sky), "--out", "run", "--lines", "notebook"]
    threads = {"DASK_FEII_DASK__CLUSTERS__LOCAL__THREADS": "1"}
    process = subprocess.Popen(
        [*COMMAND, *words],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env=os.environ | threads,
        start_new_session=True,  # a terminal's Ctrl-C reaches the workers too
    )
    deadline = time.monotonic() + PATIENCE_S
    while not list(Path("run/outcomes").glob("*.parquet")):
        assert process.poll() is None, "the search ended before it could be interrupted"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):
        os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
        time.sleep(0.3)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert said.strip().splitlines()[-1].endswith("go on with --resume run")
    assert "Traceback" not in said
    with pytest.raises(ProcessLookupError):  # nothing of it runs any more
        while time.monotonic() < deadline:
            os.killpg(process.pid, 0)
            time.sleep(0.1)
    request.getfixturevalue("shared_cluster")
    assert call("search", "--resume", "run").exit_code == 0


HANGING = """
import time
said = "begun"
while True:
    try:
        print(said, flush=True)
        time.sleep(600)
    except KeyboardInterrupt:
        said = "closing"
"""


def test_a_closing_that_hangs_is_given_up_after_a_second_ctrl_c() -> None:
    """The user's detector takes the place of a cluster that does not close."""
    Path("hanging.py").write_text(HANGING)
    code = "import sys; from feii_dask import cli, interruption; interruption.CLOSING_S = 0.5; cli.main(sys.argv[1:])"
    words = [sys.executable, "-c", code, "scan", "absent.fits", "--detector", "hanging:extent"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "closing\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE_S) == 130
        assert "closing what was started" in process.stderr.read()


CLEANING_UP = """
import time

class Held:
    def __del__(self):
        print("cleaning up", flush=True)
        time.sleep(600)

def extent(data):
    Held()
    while True:
        time.sleep(0.1)
"""


def test_an_interruption_while_python_cleans_up_is_not_lost() -> None:
    """Python cannot raise it there."""
    Path("held.py").write_text(CLEANING_UP)
    write_cube(Path("cube_s3d.fits"), make_cube(shape=(5, 5), planes_um=(5.3, 5.38)))
    words = [*COMMAND, "scan", "cube_s3d.fits", "--detector", "held:extent", "--lines", "Fe II 5.340"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "cleaning up\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENCE_S) == 130
        assert process.stderr.read() == "feii-dask: interrupted\n"


def test_the_handlers_of_a_process_that_goes_on_stay_what_they_were() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    call("config")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_debug_shows_where_an_error_came_from() -> None:
    assert "Traceback" in call("--debug", "report", "absent").stderr
    assert "Traceback" not in call("report", "absent").stderr


def test_one_cube_without_an_archive(sky: Path) -> None:
    jet = truth_of(sky).query("kind == 'jet' and line == 'Fe II 25.988'").sort_values("snr").iloc[-1]
    cube = sky / "cubes" / f"{jet['obs_id']}_s3d.fits"
    result = call("scan", str(cube), "--lines", "notebook", "--plot")
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["Fe", "II", "24.519"] in [row[:3] for row in rows]
    figure = Path(result.stdout.splitlines()[-1].removeprefix("figure: "))
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_a_cube_without_the_lines_says_so() -> None:
    write_cube(Path("short_s3d.fits"), make_cube(shape=(5, 5), planes_um=(5.2, 5.25)))
    result = call("scan", "short_s3d.fits", "--lines", "Fe II 5.340")
    assert result.exit_code == 0
    assert "outside the cube" in result.stdout


def test_a_cube_that_cannot_be_scanned_is_an_error() -> None:
    result = call("scan", "absent_s3d.fits")
    assert result.exit_code == 2
    assert "absent_s3d.fits" in complaint(result)


def test_config_prints_values_and_sources() -> None:
    Path("cluster.yaml").write_text("feii-dask: {limit: 5}")
    lines = call("config").stdout.splitlines()
    assert any(line.split() == ["limit", "5", "cluster.yaml"] for line in lines)


def test_simulate_does_not_write_over_anything() -> None:
    Path("full").mkdir()
    Path("full/mine.txt").write_text("mine")
    result = call("simulate", "full")
    assert result.exit_code == 2
    assert "not empty" in complaint(result)


def test_a_seed_below_zero_is_bad_usage() -> None:
    result = call("simulate", "new", "--seed", "-1")
    assert result.exit_code == 2
    assert "-1 is not in the range x>=0" in result.stderr
    assert not Path("new").exists()


def test_version_and_help() -> None:
    assert feii_dask.__version__ in call("--version").stdout
    for verb in ("search", "demo", "scan", "rank", "report", "config", "simulate"):
        assert verb in call("--help").stdout
        assert call(verb, "--help").exit_code == 0
