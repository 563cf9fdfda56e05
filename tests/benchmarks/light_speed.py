"""Processor time of the detector, compared with that of another checkout on the same cubes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from .light_figures import Goal, Row, median_row, plain_row
from .light_scenes import SIX, Run, one_sided, rng_of, sky_of

__all__ = ["measure_kernel", "save_cube", "times"]

SECTION = 13
KERNEL = Path(__file__).with_name("light_kernel.py")
ROUNDS = 5  # in which the two checkouts take turns
HERE = Path(__file__).resolve().parents[2]


def measure_kernel(run: Run) -> Iterator[Row]:
    """Time the search of one line, from planes in memory to the answer, in every scene."""
    with TemporaryDirectory() as scratch:
        files = [save_cube(Path(scratch), scene, run.seed, number) for number, scene in enumerate(SIX)]
        checkouts = {"here": HERE} | ({"there": run.against} if run.against else {})
        rounds = min(ROUNDS, run.cubes)
        seconds: dict[str, list[list[float]]] = {name: [] for name in checkouts}
        for _ in range(rounds):
            for name, checkout in checkouts.items():
                seconds[name].append(times(checkout, files))
    least = {name: np.min(rounds, axis=0) for name, rounds in seconds.items()}
    for number, scene in enumerate(SIX):
        yield plain_row("processor time of one line, s", scene, least["here"][number])
        if "there" in least:
            yield plain_row("the same, the other checkout, s", scene, least["there"][number])
    if "there" in least:
        ratios = least["here"] / least["there"]
        yield median_row("ratio of processor times", "six scenes", ratios, Goal(most=1.5))


def save_cube(folder: Path, scene: str, seed: int, number: int) -> Path:
    """Write the planes of one cube to a file that any checkout reads."""
    rng = rng_of(seed, SECTION, number)
    sky = sky_of(scene, rng)
    cube = sky.cube(one_sided(sky, rng, 10.0))
    path = folder / f"{number}.npz"
    np.savez(
        path,
        sci=cube.sci,
        wavelength_um=cube.wavelength_um,
        pixel_arcsec=cube.pixel_arcsec,
        line_um=sky.line.wavelength_um,
    )
    return path


def times(checkout: Path, files: list[Path]) -> list[float]:
    """Return the processor time of one line of each cube, with the code of a checkout."""
    environment = os.environ | {"PYTHONPATH": str(checkout), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-P", str(KERNEL), str(checkout), *map(str, files)]
    done = subprocess.run(command, env=environment, cwd=checkout, capture_output=True, text=True, check=True)
    return [float(value) for value in json.loads(done.stdout)]
