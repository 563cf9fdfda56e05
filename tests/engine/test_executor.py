"""Every cube gets exactly one outcome, whatever happens to the workers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import dask.config
import pytest
from distributed import Client

from feii_dask.cubes.storage import ATTEMPTS
from feii_dask.engine.executor import run_scans
from feii_dask.engine.worker_task import first_alone, scan_on_worker
from feii_dask.engine.workers import scheduler_needed
from feii_dask.errors import ClusterError, OutageError
from feii_dask.model import Context, Line, MatchedCube, Outcome, Status
from feii_dask.scan import ScanTask
from tests.clusters import start_cluster
from tests.cubes.faulty import serving
from tests.engine.detectors import HOG, POISON, TAR
from tests.skies import write_uniform_cube

LINES = (Line("Fe II", 5.340169),)
FRESH_S = 15.0  # a restarted worker has imported what it needs (PRELOAD) before it is given scans
PRELOAD = ["feii_dask.engine.worker_task", "tests.engine.detectors"]


@pytest.fixture
def frail() -> Iterator[Client]:
    """A cluster that may be harmed, whose restarted workers have imported a scan before they are given one."""
    preload = [*dask.config.get("distributed.worker.preload"), *PRELOAD]
    with (
        dask.config.set({"distributed.worker.preload": preload}),
        start_cluster() as cluster,
        Client(cluster) as client,
    ):
        yield client


def make_tasks(directory: Path, values: list[float]) -> list[ScanTask]:
    return [
        ScanTask(
            MatchedCube(obs_id=f"cube-{number:03d}", uri=str(write_uniform_cube(directory / f"{number}.fits", value)))
        )
        for number, value in enumerate(values)
    ]


def statistics(outcomes: list[Outcome]) -> dict[str, float]:
    assert len({outcome.obs_id for outcome in outcomes}) == len(outcomes), "an outcome was doubled"
    return {outcome.obs_id: outcome.detections[0].statistic for outcome in outcomes}


def run(client: Client, tasks: list[ScanTask], detector: str, **options: float) -> list[Outcome]:
    context = Context(lines=LINES, detector=f"tests.engine.detectors:{detector}")
    return [outcome for batch in run_scans(client, tasks, context, **options) for outcome in batch]


def worker_pids(client: Client) -> list[int]:
    return list(client.run(os.getpid).values())


def test_every_cube_has_one_outcome_with_its_worker_and_cost(client: Client, tmp_path: Path) -> None:
    values = [float(number) for number in range(40)]
    outcomes = run(client, make_tasks(tmp_path, values), "Mean")
    assert statistics(outcomes) == {f"cube-{number:03d}": value for number, value in enumerate(values)}
    assert {outcome.worker for outcome in outcomes} <= set(client.scheduler_info(n_workers=-1)["workers"])
    assert all(outcome.bytes_read > 0 and outcome.seconds > 0 for outcome in outcomes)
    assert all(outcome.attempt == 1 for outcome in outcomes)


def test_the_first_scan_of_a_process_comes_through_before_others_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feii_dask.engine.worker_task.first_scan_done", threading.Event())
    monkeypatch.setattr("feii_dask.engine.worker_task.first_scan", threading.Lock())
    together, most, running = threading.Barrier(4, timeout=300), [], 0

    def scan(number: int) -> None:
        nonlocal running
        with first_alone():
            running += 1
            time.sleep(0.2)
            most.append(running)
            if len(most) > 1:
                together.wait()  # the others do run together
            running -= 1

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(scan, range(5)))
    assert most[0] == 1


def test_a_first_scan_that_takes_long_does_not_hold_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feii_dask.engine.worker_task.first_scan_done", threading.Event())
    monkeypatch.setattr("feii_dask.engine.worker_task.first_scan", threading.Lock())
    monkeypatch.setattr("feii_dask.engine.worker_task.FIRST_S", 0.1)
    others_done = threading.Event()

    def scan_others() -> None:
        for _ in range(2):
            with first_alone():
                pass
        others_done.set()

    with ThreadPoolExecutor(1) as pool, first_alone():
        pool.submit(scan_others)
        assert others_done.wait(60)


def test_the_attempt_is_handed_through(client: Client, tmp_path: Path) -> None:
    (task,) = make_tasks(tmp_path, [1.0])
    (outcome,) = run(client, [ScanTask(task.matched, attempt=3)], "Mean")
    assert outcome.attempt == 3


def test_nothing_to_do_is_done_at_once(client: Client) -> None:
    assert run(client, [], "Mean") == []


@pytest.mark.parametrize("victims", [1, 2], ids=["one of two workers", "all workers"])
def test_killed_workers_lose_no_outcome_and_double_none(frail: Client, tmp_path: Path, victims: int) -> None:
    values = [float(number) for number in range(30)]
    pids = worker_pids(frail)[:victims]
    context = Context(lines=LINES, detector="tests.engine.detectors:SlowMean")
    outcomes: list[Outcome] = []
    for batch in run_scans(frail, make_tasks(tmp_path, values), context):
        outcomes += batch
        if len(outcomes) >= 5:
            while pids:
                os.kill(pids.pop(), signal.SIGKILL)
    assert statistics(outcomes) == {f"cube-{number:03d}": value for number, value in enumerate(values)}


def test_workers_that_the_cluster_has_given_up_are_called_for_again(tmp_path: Path) -> None:
    """As Dask does with one that is not back after 15 s: until then it is a nanny's, and then it is nobody's."""
    values = [float(number) for number in range(20)]
    context = Context(lines=LINES, detector="tests.engine.detectors:SlowMean")
    outcomes: list[Outcome] = []
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1ms"}),
        start_cluster() as cluster,
        Client(cluster) as client,
    ):
        pids = worker_pids(client)
        for batch in run_scans(client, make_tasks(tmp_path, values), context):
            outcomes += batch
            while outcomes and pids:
                os.kill(pids.pop(), signal.SIGKILL)
    assert statistics(outcomes) == {f"cube-{number:03d}": value for number, value in enumerate(values)}


def test_a_cube_that_kills_its_worker_is_named_and_its_neighbours_are_not(frail: Client, tmp_path: Path) -> None:
    values = [POISON if number == 4 else float(number) for number in range(12)]
    outcomes = run(frail, make_tasks(tmp_path, values), "Mean")
    lost = [outcome for outcome in outcomes if outcome.status is Status.WORKER_LOST]
    assert [outcome.obs_id for outcome in lost] == ["cube-004"]
    assert "alone" in lost[0].reason
    assert lost[0].detections[0].line == LINES[0]
    scanned = [outcome for outcome in outcomes if outcome.status is Status.SCANNED]
    assert len(scanned) == 11


def test_a_cube_among_quick_ones_that_kills_its_worker_is_named_and_those_of_its_task_are_not(
    frail: Client, tmp_path: Path
) -> None:
    uri = str(write_uniform_cube(tmp_path / "poison.fits", POISON))
    tasks = [ScanTask(MatchedCube(obs_id=f"cube-{number:03d}", uri=None)) for number in range(1000)]
    tasks[700] = ScanTask(MatchedCube(obs_id="poison", uri=uri))
    outcomes = run(frail, tasks, "Mean")
    assert [outcome.obs_id for outcome in outcomes if outcome.status is Status.WORKER_LOST] == ["poison"]
    assert sorted(outcome.obs_id for outcome in outcomes) == sorted(task.matched.obs_id for task in tasks)


def test_a_task_ends_when_its_time_is_up_and_the_rest_of_it_is_scanned_later(client: Client, tmp_path: Path) -> None:
    (slow,) = make_tasks(tmp_path, [1.0])
    context = Context(lines=LINES, detector="tests.engine.detectors:SlowMean")
    outcomes = client.submit(scan_on_worker, [slow] * 5, context, limit_s=0.3, pure=False).result()
    assert 1 <= len(outcomes) < 5
    quick = [ScanTask(MatchedCube(obs_id=f"quick-{number:03d}", uri=None)) for number in range(300)]
    mixed = quick + [replace(slow, matched=replace(slow.matched, obs_id=f"slow-{number}")) for number in range(60)]
    found = run(client, mixed, "SlowMean")
    assert sorted(outcome.obs_id for outcome in found) == sorted(task.matched.obs_id for task in mixed)


def test_a_cube_that_needs_too_much_memory_is_named_and_its_neighbours_are_not(tmp_path: Path) -> None:
    values = [HOG if number == 4 else float(number) for number in range(12)]
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),  # each death takes seconds
        start_cluster(memory_limit="500MB") as cluster,
        Client(cluster) as client,
    ):
        outcomes = run(client, make_tasks(tmp_path, values), "Mean")
    failed = {outcome.obs_id: (outcome.status, outcome.reason) for outcome in outcomes if outcome.reason}
    assert failed.keys() == {"cube-004"}, failed
    assert failed["cube-004"][0] is Status.WORKER_LOST
    assert len(statistics(outcomes)) == 12


def test_a_cube_that_is_never_done_is_named_and_its_neighbours_are_not(frail: Client, tmp_path: Path) -> None:
    values = [TAR if number == 4 else float(number) for number in range(12)]
    outcomes = run(frail, make_tasks(tmp_path, values), "Mean", stall_after_s=FRESH_S)
    assert [(outcome.obs_id, outcome.status) for outcome in outcomes if outcome.status is not Status.SCANNED] == [
        ("cube-004", Status.TIMEOUT)
    ]
    (reason,) = (outcome.reason for outcome in outcomes if outcome.obs_id == "cube-004")
    patience = re.fullmatch(r"no answer within (\d+) s, alone too", reason)
    assert patience, reason
    assert int(patience[1]) >= FRESH_S  # longer where scans take longer
    assert len(statistics(outcomes)) == 12


def test_a_worker_that_stops_is_restarted_and_loses_no_outcome(
    frail: Client, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    values = [float(number) for number in range(40)]
    victim = worker_pids(frail)[0]
    context = Context(lines=LINES, detector="tests.engine.detectors:SlowMean")
    outcomes: list[Outcome] = []
    for batch in run_scans(frail, make_tasks(tmp_path, values), context, stall_after_s=FRESH_S):
        if not outcomes and batch:
            os.kill(victim, signal.SIGSTOP)
        outcomes += batch
    assert statistics(outcomes) == {f"cube-{number:03d}": value for number, value in enumerate(values)}
    assert "no word for too long from" in caplog.text
    assert victim not in worker_pids(frail)


def test_workers_that_wait_for_a_throttled_archive_are_left_to_wait(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("feii_dask.engine.executor.WATCH_S", 1.0)
    content = write_uniform_cube(tmp_path / "cube.fits", 1.0).read_bytes()
    before = worker_pids(client)
    with serving() as server:
        server.files = {f"/{number}.fits": content for number in range(12)}
        server.faults, server.retry_after = [503], "12"
        tasks = [ScanTask(MatchedCube(obs_id=path, uri=server.url + path)) for path in server.files]
        outcomes = run(client, tasks, "Mean", stall_after_s=8.0)
    assert {(outcome.status, outcome.attempt) for outcome in outcomes} == {(Status.SCANNED, 1)}
    assert len(outcomes) == 12
    assert worker_pids(client) == before


def test_a_run_in_which_everything_fails_for_one_reason_is_stopped(client: Client, tmp_path: Path) -> None:
    tasks = make_tasks(tmp_path, [float(number) for number in range(120)])
    context = Context(lines=LINES, detector="tests.engine.detectors:Broken")
    outcomes: list[Outcome] = []
    with pytest.raises(OutageError, match="50 cubes in a row.*detector_error.*no licence.*--retry-failed"):
        for batch in run_scans(client, tasks, context):
            outcomes += batch
    assert 50 <= len(statistics(outcomes)) < 120


def test_what_fails_for_a_reason_that_passes_is_scanned_again_at_the_end(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A storage that answers 503 to more attempts than a scan makes."""
    monkeypatch.setattr("feii_dask.engine.watchdog.PROBE_S", 0.5)
    with serving() as server:
        names = [f"/{number}.fits" for number in range(5)]
        server.files = {
            name: write_uniform_cube(tmp_path / name[1:], 1.0 + number).read_bytes()
            for number, name in enumerate(names)
        }
        server.faults = [503] * 5 * ATTEMPTS
        tasks = [ScanTask(MatchedCube(obs_id=name, uri=server.url + name), attempt=2) for name in names]
        outcomes = run(client, tasks, "Mean")
    assert statistics(outcomes) == {name: 1.0 + number for number, name in enumerate(names)}
    assert {outcome.attempt for outcome in outcomes} == {2}
    assert server.faults == []


def test_what_fails_again_while_others_are_read_is_reported(client: Client, tmp_path: Path) -> None:
    with serving() as server:
        server.faults, server.for_ever = [503], True
        bad = ScanTask(MatchedCube(obs_id="bad", uri=f"{server.url}/bad.fits"))
        slow = make_tasks(tmp_path, [1.0] * 150)  # the last of them are read when the bad one has failed
        outcomes = run(client, [bad, *slow], "SlowMean")
    assert [(outcome.obs_id, outcome.status) for outcome in outcomes if outcome.status is not Status.SCANNED] == [
        ("bad", Status.UNREADABLE)
    ]
    assert len(outcomes) == 151
    assert len(server.log) == 2 * ATTEMPTS


def test_restarted_workers_lose_no_outcome(frail: Client, tmp_path: Path) -> None:
    values = [float(number) for number in range(20)]
    context = Context(lines=LINES, detector="tests.engine.detectors:SlowMean")
    outcomes: list[Outcome] = []
    restarted = False
    for batch in run_scans(frail, make_tasks(tmp_path, values), context):
        outcomes += batch
        if outcomes and not restarted:
            frail.restart()
            restarted = True
    assert statistics(outcomes) == {f"cube-{number:03d}": value for number, value in enumerate(values)}


def test_a_lost_scheduler_is_said_and_not_waited_for(tmp_path: Path) -> None:
    cluster = start_cluster(workers=1, threads=1)
    with Client(cluster) as client:
        running = run_scans(
            client, make_tasks(tmp_path, [1.0] * 20), Context(lines=LINES, detector="tests.engine.detectors:SlowMean")
        )
        next(running)
        cluster.close()
        with pytest.raises(ClusterError, match="go on with --resume"):
            list(running)


def test_a_scheduler_that_dies_while_it_is_asked_is_said_too(tmp_path: Path) -> None:
    """It stops answering first, as one that runs out of memory does."""
    place = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--scheduler-file", str(place)]
    options = ["--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0"]
    scheduler = subprocess.Popen([*command, *options], stderr=subprocess.DEVNULL)
    try:
        with Client(scheduler_file=str(place), timeout=300) as client:
            os.kill(scheduler.pid, signal.SIGSTOP)
            threading.Timer(2, scheduler.kill).start()
            with pytest.raises(ClusterError, match="go on with --resume"), scheduler_needed():
                client.processing()
    finally:
        scheduler.kill()
        scheduler.wait()


def test_leaving_early_takes_the_scans_back(client: Client, tmp_path: Path) -> None:
    context = Context(lines=LINES, detector="tests.engine.detectors:SlowMean")
    (one,) = make_tasks(tmp_path, [1.0])
    many = [replace(one, matched=replace(one.matched, obs_id=f"cube-{number}")) for number in range(12_000)]
    running = run_scans(client, many, context)
    next(running)
    running.close()
    deadline = time.monotonic() + 300  # the scans would take twice as long
    while [key for keys in client.processing().values() for key in keys if "scan" in str(key)]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
