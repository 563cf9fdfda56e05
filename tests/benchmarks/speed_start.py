"""Speed: what comes before and between the scans."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from distributed import Client, as_completed

from feii_dask.cubes.lines import NOTEBOOK_LINES
from feii_dask.engine.executor import run_scans
from feii_dask.model import Context, MatchedCube
from feii_dask.scan import ScanTask

from .speed_cubes import two_workers
from .speed_rows import Amount, Row, timed
from .speed_world import Sizes

__all__ = ["measure_start", "measure_tasks", "run_ours"]


def measure_start(sizes: Sizes) -> Iterator[Row]:
    """Time the import, and the command's help."""
    command = str(Path(sys.executable).with_name("feii-dask"))
    for work, arguments, most in (
        ("import feii_dask", [sys.executable, "-c", "import feii_dask"], 0.5),
        ("feii-dask --help", [command, "--help"], 0.7),
    ):

        def run(arguments: list[str] = arguments) -> None:
            subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)

        run()
        yield Row(work, timed(run, 2 * sizes.repeats + 1)[1], most=most)


def measure_tasks(sizes: Sizes) -> Iterator[Row]:
    """Compare scans that have nothing to do with bare tasks that have nothing to do, in turn."""
    context = Context(lines=NOTEBOOK_LINES)
    matched = [MatchedCube(obs_id=f"obs-{n}", uri=None, em_min_um=4.9, em_max_um=5.74) for n in range(sizes.tasks)]
    with two_workers() as client:
        run_ours(client, matched[:100], context)
        pairs = [
            (timed(lambda: run_bare(client, matched))[1], timed(lambda: run_ours(client, matched, context))[1])
            for _ in range(sizes.repeats)
        ]
    bare, ours = (Amount(tuple(pair[which].median for pair in pairs)) for which in (0, 1))
    note = "beside bare client.map and as_completed of the same number of trivial tasks"
    yield Row(f"{sizes.tasks} trivial scans", ours, bare, least_ratio=2, note=note)


def run_bare(client: Client, matched: list[MatchedCube]) -> None:
    """Run trivial tasks as one would without us."""
    count = sum(1 for _ in as_completed(client.map(name_of, matched, pure=False), with_results=True))
    assert count == len(matched)


def name_of(matched: MatchedCube) -> str:
    """Return something."""
    return matched.obs_id


def run_ours(client: Client, matched: list[MatchedCube], context: Context) -> None:
    """Run scans that end at once: there is no copy of the cube."""
    assert sum(map(len, run_scans(client, map(ScanTask, matched), context))) == len(matched)
