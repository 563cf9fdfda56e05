"""Speed: how many outcomes a second two processes make ready and a third stores, whatever the scans take."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import pandas as pd

from feii_dask.cubes.lines import NOTEBOOK_LINES
from feii_dask.model import Context, MatchedCube, Outcome
from feii_dask.scan import scan_cube
from feii_dask.simulate import Jet, make_cube, write_cube
from feii_dask.store.cutout_files import with_files
from feii_dask.store.run_store import RunStore

from .speed_rows import Amount, Row
from .speed_world import Sizes

__all__ = ["measure_outcomes"]

LINE = next(line for line in NOTEBOOK_LINES if 5.3 < line.wavelength_um < 5.4)
PROCESSES, TOGETHER, EVERY = 2, 16, 3  # so many outcomes come at once, as from a task; every third with a detection


def measure_outcomes(sizes: Sizes) -> Iterator[Row]:
    """Make the files of cutouts, send all, and store it, as in a search; the scans are done before."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        for kind, jets in (("quiet", ()), ("jet", (Jet(line=LINE, snr=30.0),))):
            write_cube(directory / f"{kind}_s3d.fits", make_cube(shape=(45, 45), jets=jets, seed=2))
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(PROCESSES, mp_context=spawn) as workers:
            rate(workers, directory, 10 * TOGETHER)
            rates = Amount(tuple(rate(workers, directory, sizes.tasks // 2) for _ in range(sizes.repeats)))
    note = f"{PROCESSES} processes make files of cutouts (45 × 45 spaxels) and send them to one that stores; no scans"
    yield Row("outcomes stored, one in three with a detection", rates, unit="/s", least=500, note=note)


def rate(workers: ProcessPoolExecutor, directory: Path, count: int) -> float:
    """Store so many outcomes, and return how many there were a second."""
    nothing = pd.DataFrame({"obs_id": pd.Series([], dtype=str)})
    with TemporaryDirectory(dir=directory) as name:
        run = RunStore.create(Path(name) / "run", {"fingerprint": "outcomes"})
        run.write_tables(ysos=nothing, observations=nothing, matched=nothing)
        start = perf_counter()
        with run.writer() as writer:
            for some in workers.map(partial(make_ready, directory), range(0, count, TOGETHER)):
                for outcome in some:
                    writer.add(outcome)
        seconds = perf_counter() - start
        stored = run.outcomes()["obs_id"].nunique()
        assert stored == -(-count // TOGETHER) * TOGETHER
        assert sum(1 for _ in (run.directory / "cutouts").iterdir()) == -(-stored // EVERY)
    return stored / seconds


def make_ready(directory: Path, first: int) -> list[Outcome]:
    """Return some outcomes with the files of their cutouts, as a worker does."""
    numbers = range(first, first + TOGETHER)
    kinds = ["quiet" if number % EVERY else "jet" for number in numbers]
    scanned = [
        replace(scan(directory, kind), obs_id=f"cube-{number:06d}") for kind, number in zip(kinds, numbers, strict=True)
    ]
    return [with_files(outcome) for outcome in scanned]


@cache
def scan(directory: Path, kind: str) -> Outcome:
    """Scan a cube."""
    matched = MatchedCube(obs_id=kind, uri=str(directory / f"{kind}_s3d.fits"))
    return scan_cube(matched, Context(lines=(LINE,), detector="notebook"))
