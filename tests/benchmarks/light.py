"""Real light: whether the detector holds where spectra are full of lines, detectors have hits, and jets are bright.

``python -m tests.benchmarks light [SECTION …] [--quick] [--cubes N] [--jobs N] [--seed N] [--out DIR] [--real DIR]
[--against DIR]`` prints tables in Markdown and writes them as CSV, with the goal of each figure beside it.

The cubes are drizzled from simulated detector pixels (`feii_dask.simulate.drizzled`), in six scenes with all faults
unless a section says otherwise. The detector gets exactly the planes that a search reads. S/N is the brightest voxel of
what is injected, after telescope, spectrograph and drizzling, over the rms of the empty sky. *Found* is a line of any
kind within 40 km/s of the truth (of a jet with two lobes: or between them) that overlaps it; *extended* is what is
`detected`. Bounds are of a bootstrap over cubes, 95 %. Jets are 6 to 15 spaxels long, in any direction, and have any
velocity to ±250 km/s and widths of 50 to 200 km/s. Unlisted lines are anywhere but within 300 km/s of the jet, or of
its line at rest; in the section ``identification`` they are anywhere.

What these numbers do not contain: a real JWST cube (none was at hand), and what the simulator does not know. The
section ``real`` needs a folder with some of the ground-based cubes that `light_real_cubes` names; ``speed`` compares
with another checkout where one is given.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one process per core is faster than one matrix on all cores

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from .detection_tables import RESULTS, print_rows, write_rows
from .light_faint import measure_faint
from .light_figures import Row
from .light_identification import measure_identification
from .light_jets import measure_completeness, measure_shapes, measure_strengths
from .light_limits import measure_limits
from .light_null import measure_false_alarms, measure_former_scenes, measure_showers
from .light_points import measure_embedded, measure_points
from .light_real import measure_real_light
from .light_scenes import SEED, WINDOWS, Run
from .light_speed import measure_kernel
from .light_survey import measure_group, measure_surveys
from .light_unlisted import measure_unlisted

__all__ = ["SECTIONS", "main", "measure_section"]

QUICK_WINDOWS = 11
# Section, cubes in each cell, and cubes for a look.
SECTIONS: dict[str, tuple[Callable[[Run], Iterator[Row]], int, int]] = {
    "false_alarms": (measure_false_alarms, 102, 1),
    "showers": (measure_showers, 102, 2),
    "former_scenes": (measure_former_scenes, 102, 1),
    "completeness": (measure_completeness, 204, 2),
    "unlisted": (measure_unlisted, 204, 6),
    "faint": (measure_faint, 204, 6),
    "strengths": (measure_strengths, 204, 6),
    "shapes": (measure_shapes, 204, 6),
    "points": (measure_points, 600, 6),
    "embedded": (measure_embedded, 204, 6),
    "limits": (measure_limits, 102, 1),
    "identification": (measure_identification, 102, 2),
    "surveys": (measure_surveys, 200, 12),
    "group": (measure_group, 6, 2),
    "real": (measure_real_light, 20, 2),
    "speed": (measure_kernel, 5, 1),
}


def main(arguments: list[str]) -> None:
    """Measure, print and write."""
    options = parse(arguments)
    out = options.out or (None if options.quick else RESULTS)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, mp_context=context) as pool:
        for name in options.sections or SECTIONS:
            _, full, quick = SECTIONS[name]
            cubes = options.cubes or (quick if options.quick else full)
            windows = QUICK_WINDOWS if options.quick else WINDOWS
            measure_section(name, Run(pool, cubes, options.seed, windows, options.real, options.against), out)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"\nprocessor time of all: {used.ru_utime + used.ru_stime:.0f} s")


def measure_section(name: str, run: Run, out: Path | None = None) -> list[Row]:
    """Measure one section; what is interrupted keeps the rows that are done."""
    start, rows = time.perf_counter(), []
    for row in SECTIONS[name][0](run):
        rows.append(row)
        if out:
            write_rows(out / f"light_{name}.csv", rows, run.seed, "light")
    print(f"\n{name}: {time.perf_counter() - start:.0f} s\n", flush=True)
    if rows:
        print_rows(rows)
    return rows


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks light", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="few cubes; nothing is written without --out")
    parser.add_argument("--cubes", type=int, help="cubes per cell")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes; all cores by default")
    parser.add_argument("--seed", type=int, default=SEED, help=f"{SEED} for the tables; use others to develop")
    parser.add_argument("--out", type=Path, help=f"directory of CSV files; {RESULTS} by default")
    parser.add_argument("--real", type=Path, metavar="DIR", help="a folder of real cubes")
    parser.add_argument("--against", type=Path, metavar="DIR", help="a checkout whose speed is compared")
    options = parser.parse_args(arguments)
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    return options
