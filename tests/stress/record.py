"""Results on paper: a table that is printed, and a CSV file that says how it came about."""

from __future__ import annotations

import csv
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import dask
from distributed.system import MEMORY_LIMIT

__all__ = ["print_table", "write_results"]

RESULTS = Path(__file__).parent / "results"


def write_results(name: str, rows: list[dict[str, object]], *, seed: int) -> Path:
    """Write a stress run's rows, with the command, the date, the machine and the seed above them."""
    path = RESULTS / f"{name}.csv"
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(f"# command: python -m tests.stress {name.replace('_', ' ')}\n")
        file.write(f"# date: {datetime.now(UTC):%Y-%m-%d}\n")
        file.write(f"# machine: {os.cpu_count()} cores, {MEMORY_LIMIT / 1e9:.0f} GB, {platform.system()}, ")
        file.write(f"Python {platform.python_version()}, dask {dask.__version__}\n# seed: {seed}\n")
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def print_table(rows: list[dict[str, object]]) -> None:
    """Print rows as a table that can stand in the README."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    for line in lines:
        print("| " + " | ".join(line) + " |", flush=True)
