"""Speed: what comes before and between the scans."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from distributed import Client, as_completed

from feii_dask.cubes.lines import NOTEBOOK_LINES
from feii_dask.engine.campaign import Job, campaign
from feii_dask.model import Context, Target

from .speed_cubes import two_workers
from .speed_rows import Amount, Row, timed
from .speed_world import Sizes

__all__ = ["measure_start", "measure_tasks"]


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
    targets = [Target(obs_id=f"obs-{n}", uri=None, em_min_um=4.9, em_max_um=5.74) for n in range(sizes.tasks)]
    with two_workers() as client:
        run_scans(client, targets[:100], context)
        pairs = [
            (timed(lambda: run_bare(client, targets))[1], timed(lambda: run_scans(client, targets, context))[1])
            for _ in range(sizes.repeats)
        ]
    bare, ours = (Amount(tuple(pair[which].median for pair in pairs)) for which in (0, 1))
    note = "beside bare client.map and as_completed of the same number of trivial tasks"
    yield Row(f"{sizes.tasks} trivial scans", ours, bare, least_ratio=1 / 1.3, note=note)


def run_bare(client: Client, targets: list[Target]) -> None:
    """Run trivial tasks as one would without us."""
    count = sum(1 for _ in as_completed(client.map(name_of, targets, pure=False), with_results=True))
    assert count == len(targets)


def name_of(target: Target) -> str:
    """Return something."""
    return target.obs_id


def run_scans(client: Client, targets: list[Target], context: Context) -> None:
    """Run scans that end at once: there is no copy of the cube."""
    assert sum(map(len, campaign(client, map(Job, targets), context))) == len(targets)
