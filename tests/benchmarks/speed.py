"""How fast the notebook's way is, and how fast ours, in one run on the same simulated archive.

``python -m tests.benchmarks speed [--quick] [--out FILE] [SECTION …]`` prints a table in Markdown and writes it as
CSV. Each section runs in a process of its own. ``--quick`` measures smaller sizes, for a look.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .speed_archives import measure_places, measure_search, measure_table
from .speed_client import measure_client
from .speed_cubes import measure_bytes, measure_rendering, measure_scan, measure_shapes
from .speed_finished import measure_finished
from .speed_outcomes import measure_outcomes
from .speed_rows import Row, in_new_process, to_markdown, write_csv
from .speed_security import measure_security
from .speed_sky import measure_crossmatch, measure_million
from .speed_start import measure_start, measure_tasks
from .speed_world import FULL, QUICK, Sizes

__all__ = ["main"]

RESULTS = Path(__file__).parent / "results" / "speed.csv"
SECTIONS: dict[str, Callable[[Sizes], Iterator[Row]]] = {
    "rendering": measure_rendering,
    "crossmatch": measure_crossmatch,
    "million": measure_million,
    "bytes": measure_bytes,
    "places": measure_places,
    "scan": measure_scan,
    "search": measure_search,
    "tasks": measure_tasks,
    "client": measure_client,
    "outcomes": measure_outcomes,
    "table": measure_table,
    "finished": measure_finished,
    "start": measure_start,
    "shapes": measure_shapes,
    "security": measure_security,
}


def main(arguments: list[str]) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks speed", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="smaller sizes, each measured once")
    parser.add_argument("--out", type=Path, help=f"CSV file; {RESULTS.name} beside this file by default if not --quick")
    options = parser.parse_args(arguments)
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    os.environ["OMP_NUM_THREADS"] = "1"  # as Dask has it in its workers, for both ways
    out = options.out or (None if options.quick or options.sections else RESULTS)
    rows: list[Row] = []
    begun = time.perf_counter()
    for name in options.sections or SECTIONS:
        start = time.perf_counter()
        rows += in_new_process(measure, name, QUICK if options.quick else FULL)
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
        if out:
            write_csv(out, rows, time.perf_counter() - begun)  # what is measured is not lost if a later section fails
    print(to_markdown(rows))


def measure(name: str, sizes: Sizes) -> list[Row]:
    """Measure one section."""
    return list(SECTIONS[name](sizes))
