"""A scheduler and workers in processes of their own, as on machines of a cluster."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distributed import Client

__all__ = ["processes"]


@contextmanager
def processes(
    directory: Path, *, workers: int, threads: int, memory: str = "2GB"
) -> Iterator[tuple[Client, dict[str, int]]]:
    """Start a scheduler and workers, and yield a client with the process id of each."""
    place = directory / "scheduler.json"
    common = ["--scheduler-file", str(place), "--host", "127.0.0.1"]
    python = [sys.executable, "-m"]
    scheduler = [
        *python,
        "distributed.cli.dask_scheduler",
        *common,
        "--port",
        "0",
        "--dashboard-address",
        "127.0.0.1:0",
    ]
    worker = [*python, "distributed.cli.dask_worker", *common, "--memory-limit", memory, "--nworkers", str(workers)]
    worker += ["--nthreads", str(threads), "--local-directory", str(directory)]
    # Without Dask's profiler, as the clusters that feii_dask starts: in its first hour it takes 11 kB for each cube.
    unprofiled = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])} | unprofiled
    started = [
        subprocess.Popen(words, env=environment, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for words in (scheduler, worker)
    ]
    try:
        deadline = time.monotonic() + 300
        while not place.is_file() and time.monotonic() < deadline:
            time.sleep(0.1)
        with Client(scheduler_file=str(place), timeout=300) as client:
            client.wait_for_workers(workers, timeout=300)
            pids = {"client": os.getpid(), "scheduler": started[0].pid}
            pids |= {f"worker {number}": pid for number, pid in enumerate(client.run(os.getpid).values())}
            yield client, pids
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(timeout=300)
