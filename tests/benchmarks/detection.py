"""How well lines are detected: the notebook's detector, MUSELET's recipe and the matched filter on the same cubes.

``python -m tests.benchmarks detection [SECTION …] [--quick] [--cubes N] [--jobs N] [--out DIR]`` prints tables in
Markdown and writes them as CSV, and a figure. ``--real FILE`` measures a real cube instead, of which nothing is kept.

Ours is given exactly the planes that a search reads. S/N is the brightest voxel of what is injected, after telescope
and spectrograph, over the rms of the empty sky. *Found* is a detection within 40 km/s of the truth whose mask overlaps
the injected one; any other detection is a false alarm.

What the simulator cannot know, and these numbers therefore do not contain:

- No real JWST cube was at hand. The strengths of noise, ripples and fringes are those of real one-dimensional spectra;
  how noise is correlated between spaxels, how often cosmic-ray showers survive and what they look like, is assumed.
- A shower of two or three planes whose light fades at its edges as a line's does cannot be told from a line in one
  cube. Where there are such showers, p-values pooled over a run know it; those of a single cube hardly do.
- Jets are straight strips with one Gaussian velocity component; real ones have knots, bow shocks and two sides.
- There are no saturated cores, no light leaking through shutters, no persistence, and no lines but those injected.
- Lines within eight planes of an end of a band, or beside a gap, are not looked for: nothing supports their continuum.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one process per core is faster than one matrix on all cores

import argparse
import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from feii_dask.detectors.matched.matched_filter import MatchedFilter
from feii_dask.detectors.notebook import extension_vs_wavebin

from .detection_contenders import CONTENDERS, keep_only
from .detection_far_infrared import measure_far_infrared, measure_scene_lines, measure_scenes
from .detection_far_infrared_limits import measure_limits
from .detection_figure import draw
from .detection_injection import measure_injection, measure_special, measure_variation
from .detection_null import measure_calibration, measure_null, measure_real
from .detection_scenes import line_of, simulate
from .detection_survey import measure_survey
from .detection_tables import RESULTS, print_rows, rows_of_others, write_rows

__all__ = ["main"]

SEED = 20_000
# Section, how many cubes per cell (or surveys), and how many for a look.
SECTIONS: dict[str, tuple[Callable[[Executor, int, int], Iterator[dict[str, Any]]], int, int]] = {}


def measure_speed(pool: Executor, repeats: int, seed: int) -> Iterator[dict[str, Any]]:
    """Time one line, from planes in memory to the answer, beside the notebook's curve of the whole cube."""
    cube = simulate("ch1-short", whole=True, shape=(45, 45), roll_deg=0.0, seed=seed)
    line, detector = line_of("ch1-short"), MatchedFilter()
    works: dict[str, Callable[[], Any]] = {
        "notebook's extension_vs_wavebin, 1050 planes": lambda: extension_vs_wavebin(cube.sci),
        "matched filter": lambda: detector.measure(cube.sci, cube.wavelength_um, line),
    }
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            start = time.process_time()
            work()
            seconds[name].append(time.process_time() - start)
    first = float(np.median(next(iter(seconds.values()))))
    for name, values in seconds.items():
        median = float(np.median(values))
        yield {"work": name, "cpu_s": f"{median:.3f}", "ratio": f"{median / first:.3f}", "repeats": repeats}


SECTIONS |= {
    "null": (measure_null, 101, 2),
    "calibration": (measure_calibration, 60, 4),
    "injection": (measure_injection, 100, 4),
    "variation": (measure_variation, 30, 2),
    "special": (measure_special, 50, 3),
    "survey": (measure_survey, 10, 1),
    "far_infrared": (measure_far_infrared, 200, 4),
    "far_infrared_scenes": (measure_scenes, 600, 4),
    "far_infrared_lines": (measure_scene_lines, 100, 2),
    "far_infrared_limits": (measure_limits, 60, 2),
    "speed": (measure_speed, 9, 3),
}


def main(arguments: list[str]) -> None:
    """Measure, print, write and draw."""
    options = parse(arguments)
    if options.real:
        print_rows(measure_real(options.real, options.pixel_arcsec))
        return
    out = options.out or (None if options.quick else RESULTS)
    keep_only(options.contender)
    context = multiprocessing.get_context("spawn")
    pool_of = partial(ProcessPoolExecutor, mp_context=context, initializer=keep_only, initargs=(options.contender,))
    with pool_of(options.jobs) as pool:
        for name in options.sections or SECTIONS:
            measure, full, quick = SECTIONS[name]
            start = time.perf_counter()
            rows: list[dict[str, Any]] = []
            others = rows_of_others(out / f"detection_{name}.csv", options.contender) if out else []
            for row in measure(pool, options.cubes or (quick if options.quick else full), SEED):
                rows.append(row)
                if out:  # at once: what is interrupted keeps the cells that are done
                    write_rows(out / f"detection_{name}.csv", rows + others, SEED)
            print(f"\n{name}: {time.perf_counter() - start:.0f} s\n", flush=True)
            print_rows(rows)
    if out:
        draw(out)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks detection", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="a few cubes per cell; nothing is written without --out")
    parser.add_argument("--cubes", type=int, help="cubes per cell (surveys, in the section survey)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes; all cores by default")
    parser.add_argument("--out", type=Path, help=f"directory of CSV files and figure; {RESULTS} by default")
    parser.add_argument(
        "--contender", choices=list(CONTENDERS), help="measure this one only; rows of the others stay as they are"
    )
    parser.add_argument("--real", type=Path, metavar="FILE", help="a real cube, to be searched where it has no line")
    parser.add_argument("--pixel-arcsec", type=float, default=0.2, help="width of its spaxels")
    options = parser.parse_args(arguments)
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    return options
