"""Memory and pace: a hundred thousand trivial outcomes, and one cube that is nearly as large as a worker.

Client, scheduler and workers are processes of their own, so that each can be measured.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from astropy.io import fits

from feii_dask.engine.executor import run_scans
from feii_dask.model import Context, Line, MatchedCube, Outcome
from feii_dask.scan import ScanTask
from feii_dask.store.run_store import RunStore
from tests.runs import statuses_of
from tests.stress.processes import processes
from tests.stress.record import print_table, write_results

__all__ = ["main", "measure_large_cube", "measure_trivial_outcomes"]

LINES = (Line("Fe II", 5.340169),)
OUTCOMES = 100_000
FIRST = 1_000
MB = 10**6
LARGE = (1000, 320, 320)  # 410 MB of float32


def resident_mb(pids: dict[str, int]) -> dict[str, float]:
    """Return what each process holds in memory, MB."""
    return {name: psutil.Process(pid).memory_info().rss / MB for name, pid in pids.items()}


def measure_trivial_outcomes(directory: Path, number: int, first: int) -> list[dict[str, object]]:
    """Send many observations without a cube through the cluster into a store, and watch the processes grow."""
    tasks = (ScanTask(MatchedCube(obs_id=f"cube-{index:06d}", uri=None)) for index in range(number))
    nothing = pd.DataFrame({"obs_id": pd.Series([], dtype=str)})
    run = RunStore.create(directory / "run", {"fingerprint": "memory"})
    run.write_tables(ysos=nothing, observations=nothing, matched=nothing)
    done, early, peak = 0, {}, {}
    with processes(directory, workers=2, threads=4) as (client, pids), run.writer() as writer:
        start, next_look = time.monotonic(), first
        for outcomes in run_scans(client, tasks, Context(lines=LINES)):
            for outcome in outcomes:
                writer.add(outcome)
            done += len(outcomes)
            if done >= next_look:
                now = resident_mb(pids)
                early = early or now
                peak = {name: max(now[name], peak.get(name, 0.0)) for name in now}
                next_look = done + first
        seconds = time.monotonic() - start
    assert len(statuses_of(run)) == number
    return [
        {
            "process": name,
            "outcomes": number,
            f"MB at {first}": round(early[name], 1),
            "peak MB": round(peak[name], 1),
            "growth MB": round(peak[name] - early[name], 1),
            "outcomes per second": round(number / seconds, 1),
        }
        for name in early
    ]


def measure_large_cube(directory: Path, detector: str) -> Outcome:
    """Scan a cube of 410 MB on a worker that has 1 GB."""
    path = directory / "large_s3d.fits"
    if not path.exists():
        header = fits.Header({"CTYPE3": "WAVE", "CUNIT3": "um", "CRVAL3": 4.9, "CDELT3": 0.0008, "CRPIX3": 1.0})
        sci = fits.ImageHDU(np.random.default_rng(1).normal(1, 0.1, LARGE).astype(np.float32), header, name="SCI")
        fits.HDUList([fits.PrimaryHDU(), sci]).writeto(path)
    with processes(directory, workers=1, threads=1, memory="1GB") as (client, _):
        task = ScanTask(MatchedCube(obs_id="large", uri=str(path)))
        (outcome,) = (o for batch in run_scans(client, [task], Context(lines=LINES, detector=detector)) for o in batch)
    return outcome


def main(_words: list[str]) -> None:
    """Measure, print, write, and fail if client or scheduler grow too much."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        rows = measure_trivial_outcomes(directory, OUTCOMES, FIRST)
        print_table(rows)
        print(write_results("memory", rows, seed=0))
        for detector in ("notebook", "tests.engine.detectors:WholeMean"):
            start = time.monotonic()
            outcome = measure_large_cube(directory, detector)
            seconds = time.monotonic() - start
            print(f"410 MB cube on 1 GB, {detector}: {outcome.status} in {seconds:.0f} s {outcome.reason}")
    if any(row["process"] in {"client", "scheduler"} and row["growth MB"] > 200 for row in rows):
        sys.exit("client or scheduler grew by more than 200 MB")
