"""Memory and pace: a hundred thousand trivial outcomes, and one cube that is nearly as large as a worker.

Client, scheduler and workers are processes of their own, so that each can be measured.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from astropy.io import fits

from feii_dask.engine.executor import run_scans
from feii_dask.model import Context, Line, MatchedCube, Outcome
from feii_dask.scan import ScanTask
from feii_dask.simulate import Jet, make_cube, write_cube
from feii_dask.store.run_store import RunStore
from tests.benchmarks.speed_store import ObjectStore
from tests.runs import statuses_of
from tests.stress.processes import processes
from tests.stress.record import print_table, write_results

__all__ = ["main", "measure_crowd", "measure_large_cube", "measure_scans", "measure_trivial_outcomes"]

LINES = (Line("Fe II", 5.340169),)
OUTCOMES = 100_000
SCANS = 50_000
CROWD = 80
CROWDS = (("600MB", "matched", 0), ("1GB", "matched", 4), ("1GB", "notebook", 4))
FIRST = 1_000
MOST_GROWTH_MB = {"trivial": 200, "scans": 100}
MB = 10**6
LARGE = (1000, 320, 320)  # 410 MB of float32


def resident_mb(pids: dict[str, int]) -> dict[str, float]:
    """Return what each process holds in memory, MB."""
    return {name: psutil.Process(pid).memory_info().rss / MB for name, pid in pids.items()}


def measure_trivial_outcomes(directory: Path, number: int, first: int) -> list[dict[str, object]]:
    """Send many observations without a cube through the cluster into a store, and watch the processes grow."""
    tasks = (ScanTask(MatchedCube(obs_id=f"cube-{index:06d}", uri=None)) for index in range(number))
    return watch_growth(directory, tasks, Context(lines=LINES), number, first)


def measure_scans(directory: Path, number: int, first: int) -> list[dict[str, object]]:
    """Scan a few small cubes of an object store many times, with the notebook's detector; one in three has a jet."""
    (directory / "cubes").mkdir()
    for name, jets in (("a", ()), ("b", ()), ("c", (Jet(line=LINES[0], snr=30.0),))):
        write_cube(
            directory / "cubes" / f"{name}_s3d.fits", make_cube(shape=(21, 21), jets=jets, showers=0, spikes=0, seed=2)
        )
    tasks = (
        ScanTask(MatchedCube(obs_id=f"cube-{index:06d}", uri=f"s3://bucket/{'abc'[index % 3]}_s3d.fits"))
        for index in range(number)
    )
    with ObjectStore(directory / "cubes") as store, store.found():
        return watch_growth(directory, tasks, Context(lines=LINES, detector="notebook"), number, first)


def watch_growth(
    directory: Path, tasks: Iterable[ScanTask], context: Context, number: int, first: int
) -> list[dict[str, object]]:
    """Send scans through the cluster into a store, and return what each process held early and at its peak."""
    nothing = pd.DataFrame({"obs_id": pd.Series([], dtype=str)})
    run = RunStore.create(directory / "run", {"fingerprint": "memory"})
    run.write_tables(ysos=nothing, observations=nothing, matched=nothing)
    done, early, peak = 0, {}, {}
    with processes(directory, workers=2, threads=4) as (client, pids), run.writer() as writer:
        start, next_look = time.monotonic(), first
        for outcomes in run_scans(client, tasks, context):
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


def write_large_cube(directory: Path) -> Path:
    """Write a cube of 410 MB, if it is not there."""
    path = directory / "large_s3d.fits"
    if not path.exists():
        header = fits.Header({"CTYPE3": "WAVE", "CUNIT3": "um", "CRVAL3": 4.9, "CDELT3": 0.0008, "CRPIX3": 1.0})
        sci = fits.ImageHDU(np.random.default_rng(1).normal(1, 0.1, LARGE).astype(np.float32), header, name="SCI")
        fits.HDUList([fits.PrimaryHDU(), sci]).writeto(path)
    return path


def measure_large_cube(directory: Path, detector: str) -> Outcome:
    """Scan a cube of 410 MB on a worker that has 1 GB."""
    with processes(directory, workers=1, threads=1, memory="1GB") as (client, _):
        task = ScanTask(MatchedCube(obs_id="large", uri=str(write_large_cube(directory))))
        (outcome,) = (o for batch in run_scans(client, [task], Context(lines=LINES, detector=detector)) for o in batch)
    return outcome


def measure_crowd(directory: Path, memory: str, detector: str, large: int) -> dict[str, object]:
    """Scan cubes of 30 MB, and some of 410 MB among them, on two workers that have little memory for eight threads.

    What comes is compared with scans that are alone on such a worker: elsewhere, linear algebra in several threads may
    change the last digits.
    """
    cube = directory / "usual_s3d.fits"
    if not cube.exists():
        write_cube(cube, make_cube(shape=(45, 45), jets=(Jet(line=LINES[0], snr=30.0),), seed=1))
    usual = [MatchedCube(obs_id=f"usual-{index:03d}", uri=str(cube)) for index in range(CROWD)]
    others = [MatchedCube(obs_id=f"large-{index}", uri=str(write_large_cube(directory))) for index in range(large)]
    matched = sorted([*usual, *others], key=lambda one: one.obs_id[::-1])
    context, place = Context(lines=LINES, detector=detector), directory / "alone"
    place.mkdir(exist_ok=True)
    alone = [ScanTask(MatchedCube(obs_id=uri, uri=uri)) for uri in sorted({str(one.uri) for one in matched})]
    with processes(place, workers=1, threads=1, memory=memory) as (client, _):
        expected = {one.obs_id: one for some in run_scans(client, alone, context) for one in some}
    start = time.monotonic()
    with processes(directory, workers=2, threads=8, memory=memory) as (client, _):
        outcomes = [one for some in run_scans(client, map(ScanTask, matched), context) for one in some]
    uris = {one.obs_id: one.uri for one in matched}
    return {
        "memory": memory,
        "threads": 8,
        "detector": detector,
        "cubes of 30 MB": len(usual),
        "cubes of 410 MB": large,
        "refused for their size": sum("of memory to search" in one.reason for one in outcomes),
        "lost": len(set(uris) - {one.obs_id for one in outcomes}),
        "doubled": len(outcomes) - len({one.obs_id for one in outcomes}),
        "different": sum(numbers(one) != numbers(expected[str(uris[one.obs_id])]) for one in outcomes),
        "seconds": round(time.monotonic() - start, 1),
    }


def numbers(outcome: Outcome) -> list[str]:
    """Return what a scan measured, as text: a number that is missing is no other than itself."""
    return [repr((one.line.name, one.status, one.detected, one.statistic, one.p_value)) for one in outcome.detections]


def main(words: list[str]) -> None:
    """Measure what is named (trivial, scans, large, crowd), or all but scans; fail if anything grows or is lost."""
    chosen = words or ["trivial", "large", "crowd"]
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for what, measure, number in (("trivial", measure_trivial_outcomes, OUTCOMES), ("scans", measure_scans, SCANS)):
            if what in chosen:
                rows = measure(directory, number, FIRST)
                print_table(rows)
                print(write_results("memory" if what == "trivial" else "memory_scans", rows, seed=0))
                failures += [f"{row['process']} grew" for row in rows if row["growth MB"] > MOST_GROWTH_MB[what]]
        for detector in ("notebook", "tests.engine.detectors:WholeMean") if "large" in chosen else ():
            outcome = measure_large_cube(directory, detector)
            print(f"410 MB cube on 1 GB, {detector}: {outcome.status} in {outcome.seconds:.0f} s {outcome.reason}")
        if "crowd" in chosen:
            rows = [measure_crowd(directory, *crowd) for crowd in CROWDS]
            print_table(rows)
            print(write_results("memory_crowd", rows, seed=1))
            failures += ["outcomes differ" for row in rows if row["lost"] or row["doubled"] or row["different"]]
    if failures:
        sys.exit("; ".join(failures))
