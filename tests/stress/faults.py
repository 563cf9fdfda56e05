"""The fault matrix: every fault that has a name, in the middle of a run, on a LocalCluster, by address, on a gateway.

Each run has to end by itself; where it could not go on, it is resumed. In the end its science columns are compared,
row for row, with those of a run that nothing happened to. No row may be lost, none doubled.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pandas as pd

import feii_dask as fd
from feii_dask.errors import FeiiDaskError
from feii_dask.model import Status
from feii_dask.store.run_store import RunStore
from tests.gateway.server import ROOT
from tests.replica import BUCKET
from tests.runs import statuses_of
from tests.stress.record import print_table, write_results
from tests.stress.strikes import (
    Scene,
    fill_disk,
    kill_for_long,
    kill_scheduler,
    lose_names,
    retire_a_worker,
    spoil,
    stop_scheduler,
    storm,
    trickle,
)
from tests.stress.world import DETECTOR, LINE, World, difference

__all__ = ["FAULTS", "Fault", "main", "play"]

SEED = 4
CUBES = 200
STALL_S = 30.0  # a worker takes some ten seconds to start where others use the machine as well


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong.

    Attributes
    ----------
    name : str
        What the table calls it.
    strike : callable
        Does it, given the scene.
    clusters : tuple of str
        Where it applies.
    of_one_cube : bool
        Whether the last cube is not to be expected.
    """

    name: str
    strike: Callable[[Scene], object]
    clusters: tuple[str, ...] = ("local", "gateway")
    of_one_cube: bool = False


FAULTS = (
    Fault("worker killed", lambda scene: scene.kill_workers(1)),
    Fault("all workers killed", lambda scene: scene.kill_workers(2)),
    Fault("worker killed, back after 20 s", lambda scene: kill_for_long(scene, 1), ("local",)),
    Fault("all workers killed, back after 20 s", lambda scene: kill_for_long(scene, 2), ("local",)),
    Fault("nannies restart the workers", lambda scene: scene.client.restart_workers(list(scene.client.nthreads()))),
    Fault("worker retired (scale-down)", retire_a_worker),
    Fault("worker stalled", lambda scene: scene.kill_workers(1, signal.SIGSTOP)),
    Fault("all workers stalled", lambda scene: scene.kill_workers(2, signal.SIGSTOP)),
    Fault("worker out of memory on one cube", lambda scene: spoil(scene, "hog"), of_one_cube=True),
    Fault("scheduler killed", kill_scheduler),
    Fault("scheduler stopped for 30 s", lambda scene: stop_scheduler(scene, 30), ("address", "gateway")),
    Fault("gateway killed", lambda scene: scene.world.gateway.kill(), ("gateway",)),
    Fault("client killed", lambda scene: None),
    Fault("Ctrl-C", lambda scene: None),
    Fault("S3 throttled (503 storm)", lambda scene: storm(scene, "status", status=503)),
    Fault(
        "S3 throttled for 20 s (503 with Retry-After)",
        lambda scene: storm(scene, "status", 20, status=503, retry_after="20"),
    ),
    Fault(
        "S3 throttled for 2 min (503 with Retry-After)",
        lambda scene: storm(scene, "status", 120, status=503, retry_after="120"),
        ("wide", "address"),
    ),
    Fault("S3 refuses connections for 30 s", lambda scene: storm(scene, "refuse", 30)),
    Fault("S3 refuses connections for 2 min", lambda scene: storm(scene, "refuse", 120), ("wide", "address")),
    Fault("no name is resolved for 30 s", lambda scene: lose_names(scene, 30), ("local", "address")),
    Fault("S3 connections reset", lambda scene: storm(scene, "reset")),
    Fault("S3 closes in the middle of answers", lambda scene: storm(scene, "cut")),
    Fault("S3 falls silent in the middle of answers", lambda scene: storm(scene, "hang")),
    Fault("S3 sends 1 kB/s for 30 s", lambda scene: trickle(scene, 1000, 30), ("local", "address")),
    Fault("S3 sends whole files for parts", lambda scene: storm(scene, "whole", 30), ("local", "address")),
    Fault("S3 sends ranges a block further on", lambda scene: storm(scene, "shifted", 10), ("local", "address")),
    Fault("all files replaced", lambda scene: scene.world.replica.inject("replaced", BUCKET), ("local", "address")),
    Fault(
        "object missing",
        lambda scene: scene.world.replica.inject("status", BUCKET, scene.victim, status=404),
        of_one_cube=True,
    ),
    Fault(
        "object forbidden",
        lambda scene: scene.world.replica.inject("status", BUCKET, scene.victim, status=403),
        of_one_cube=True,
    ),
    Fault("file truncated", lambda scene: spoil(scene, "truncated"), of_one_cube=True),
    Fault("header corrupted", lambda scene: spoil(scene, "corrupted"), of_one_cube=True),
    Fault("disk full on the store", fill_disk),
)
PLAIN = str.maketrans({" ": "-", "/": "-", "(": "", ")": ""})
FROM_OUTSIDE = {"client killed": signal.SIGKILL, "Ctrl-C": signal.SIGINT}
SEARCH = """
import signal, sys
import feii_dask as fd
from feii_dask.cli import main
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts without
    main(sys.argv[1:])
"""


class Saboteur(Thread):
    """Does something in the middle of a run: when a third of its cubes are stored.

    Attributes
    ----------
    struck_at : int
        How many were stored then; 0 if the run ended before.
    """

    def __init__(self, run: Path, cubes: int, strike: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self.run_directory, self.cubes, self.strike = run, cubes, strike
        self.struck_at = 0
        self.start()

    def run(self) -> None:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            stored = len(statuses_of(RunStore(self.run_directory)))
            if stored >= self.cubes:
                return
            if stored >= self.cubes / 3:
                self.strike()
                self.struck_at = stored
                return
            time.sleep(0.05)


def disturb(fault: Fault, world: World, kind: str, out: str) -> tuple[str, int]:
    """Run a search, let the fault happen in its middle, and say how the run ended, and when the fault happened."""
    if fault.name in FROM_OUTSIDE:
        return disturb_from_outside(FROM_OUTSIDE[fault.name], world, kind, out)
    ended = "finished"
    with world.client(kind) as client:
        scene = Scene(world, client, kind)
        saboteur = Saboteur(world.directory / out, len(world.cubes), lambda: fault.strike(scene))
        try:
            fd.search(world.settings(kind, out, stall_after_s=STALL_S), client)
        except FeiiDaskError as error:
            ended = type(error).__name__
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.getrlimit(resource.RLIMIT_FSIZE)[1],) * 2)
            saboteur.join(timeout=300)
    return ended, saboteur.struck_at


def disturb_from_outside(number: signal.Signals, world: World, kind: str, out: str) -> tuple[str, int]:
    """Do the same to a process that is none of ours, cluster included."""
    script = world.directory / "search.py"
    script.write_text(SEARCH)
    world.settings(kind, out)
    words = ["--config", world.directory / f"{kind}.yaml", "--cluster", kind, "--out", world.directory / out]
    sizes = {"WORKERS": "2", "THREADS": "2", "DASHBOARD": "127.0.0.1:0"}
    environment = {f"DASK_FEII_DASK__CLUSTERS__LOCAL__{name}": value for name, value in sizes.items()}
    process = subprocess.Popen(
        [sys.executable, script, "search", *words, "--lines", LINE, "--detector", DETECTOR],
        env=os.environ | environment | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    saboteur = Saboteur(world.directory / out, len(world.cubes), lambda: process.send_signal(number))
    code = process.wait(timeout=300)
    saboteur.join(timeout=300)
    for pid in world.gateway.processes():  # a killed client cannot stop its cluster: the gateway's time limit would
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}", saboteur.struck_at


def play(fault: Fault, world: World, kind: str, reference: pd.DataFrame) -> dict[str, object]:
    """Let one fault happen, resume if need be, and compare."""
    out = f"{fault.name}-{kind}".translate(PLAIN)
    before = world.cube_path(world.cubes[-1]).read_bytes()
    start = time.monotonic()
    ended, struck_at = disturb(fault, world, kind, out)
    assert struck_at, f"{fault.name} did not happen: the run was over before"
    if world.gateway.process.poll() is not None:
        world.gateway.reap()
        world.start_gateway()
    if ended != "finished":
        with world.client(kind) as client:
            fd.search(world.settings(kind, out), client)
    seconds = time.monotonic() - start
    world.replica.reset()
    world.slow_start.unlink(missing_ok=True)
    world.cube_path(world.cubes[-1]).write_bytes(before)
    but = {world.cubes[-1]} if fault.of_one_cube else set()
    status = statuses_of(RunStore(world.directory / out))[world.cubes[-1]]
    assert (status is not Status.SCANNED) == fault.of_one_cube, f"{fault.name} left the last cube {status}"
    row: dict[str, object] = {"fault": fault.name, "cluster": kind, "cubes": len(world.cubes)}
    row |= {"struck_at": struck_at, "ended": ended, "resumed": "no" if ended == "finished" else "yes"}
    return row | difference(world.directory / out, reference, but) | {"seconds": round(seconds, 1)}


def undisturbed(world: World) -> pd.DataFrame:
    """Return the outcomes of a run that nothing happens to."""
    with world.client("local") as client:
        return fd.search(world.settings("local", "undisturbed"), client).outcomes


def main(words: list[str]) -> None:
    """Play all faults, or those whose names contain the words."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    rows = []
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory,
        World.create(Path(directory), CUBES, SEED) as world,
    ):
        reference = undisturbed(world)
        chosen = [fault for fault in FAULTS if not words or any(word in fault.name for word in words)]
        for fault in chosen:
            for kind in fault.clusters:
                rows.append(play(fault, world, kind, reference))
                print(rows[-1], flush=True)
    print_table(rows)
    if not words:
        print(write_results("faults", rows, seed=SEED))
    if any(row["lost"] or row["doubled"] or row["different"] for row in rows):
        sys.exit("a run differs from the undisturbed one")
