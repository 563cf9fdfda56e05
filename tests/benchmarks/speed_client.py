"""Speed: what a cube and a detection cost the client, of which there is one for all workers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from distributed import Client

from feii_dask.cubes.lines import NOTEBOOK_LINES
from feii_dask.engine.executor import run_scans
from feii_dask.model import Context, MatchedCube
from feii_dask.scan import ScanTask
from feii_dask.simulate import Jet, make_cube, write_cube
from feii_dask.store.run_store import RunStore
from tests.stress.processes import processes

from .speed_rows import Amount, Row
from .speed_store import ObjectStore
from .speed_world import Sizes

__all__ = ["measure_client"]

LINE = next(line for line in NOTEBOOK_LINES if 5.3 < line.wavelength_um < 5.4)
NOTE = "scheduler and workers are processes of their own; the notebook's detector, one line, outcomes stored"


def measure_client(sizes: Sizes) -> Iterator[Row]:
    """Scan small cubes with and without a jet, and take the CPU time of this process."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "cubes").mkdir()
        for kind, jets in (("quiet", ()), ("jet", (Jet(line=LINE, snr=30.0),))):
            cube = make_cube(shape=(21, 21), jets=jets, showers=0, spikes=0, seed=2)
            write_cube(directory / "cubes" / f"{kind}_s3d.fits", cube)
        cubes = sizes.tasks // 10
        with (
            ObjectStore(directory / "cubes") as store,
            store.found(),
            processes(directory, workers=2, threads=2) as (client, _),
        ):
            cost_ms(client, directory, 100, 100)
            quiet, both = (
                Amount(tuple(cost_ms(client, directory, cubes, found) for _ in range(sizes.repeats)))
                for found in (0, cubes)
            )
            mixed = Amount(tuple(cost_ms(client, directory, cubes, 5 * cubes // 12) for _ in range(sizes.repeats)))
    each = Amount((both.median - quiet.median,))
    yield Row("client's CPU for a cube", quiet, unit="ms", note=NOTE)
    yield Row("client's CPU for a detection", each, unit="ms", most=1.0, note="a cube with one, less a cube without")
    yield Row("client's CPU for a cube, 5 in 12 with a detection", mixed, unit="ms", most=1.5, note=NOTE)


def cost_ms(client: Client, directory: Path, cubes: int, found: int) -> float:
    """Scan some cubes, the first of which have a jet, and return this process's CPU time for each, ms."""
    run = RunStore.create(directory / f"run-{time.monotonic_ns()}", {"fingerprint": "client"})
    nothing = pd.DataFrame({"obs_id": pd.Series([], dtype=str)})
    run.write_tables(ysos=nothing, observations=nothing, matched=nothing)
    uris = [f"s3://bucket/{'jet' if number < found else 'quiet'}_s3d.fits" for number in range(cubes)]
    tasks = [ScanTask(MatchedCube(obs_id=f"cube-{number:06d}", uri=uri)) for number, uri in enumerate(uris)]
    context = Context(lines=(LINE,), detector="notebook")
    start = time.process_time()
    with run.writer() as writer:
        for outcomes in run_scans(client, tasks, context):
            for outcome in outcomes:
                writer.add(outcome)
    seconds = time.process_time() - start
    assert sum(1 for _ in (run.directory / "cutouts").iterdir()) == found
    return 1000 * seconds / cubes
