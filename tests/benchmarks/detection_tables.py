"""Counting, and putting the counts on paper."""

from __future__ import annotations

import csv
import os
import platform
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from math import sqrt
from pathlib import Path
from typing import Any

__all__ = ["RESULTS", "print_rows", "rows_of_others", "share", "wilson", "write_rows"]

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("numpy", "scipy", "photutils")
INTERVALS = {"detection": "Wilson, 95 %", "light": "bootstrap over cubes, 95 %"}


def wilson(count: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927).

    Examples
    --------
    >>> [round(bound, 4) for bound in wilson(10, 1000)]
    [0.0054, 0.0183]
    """
    p, weight = count / trials, z**2 / trials
    middle = (p + weight / 2) / (1 + weight)
    half = z * sqrt(p * (1 - p) / trials + weight / (4 * trials)) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)


def share(count: int, trials: int) -> dict[str, Any]:
    """Return a share and its interval as cells of a row."""
    low, high = wilson(count, trials) if trials else (0.0, 1.0)
    ratio = f"{count / trials:.4g}" if trials else ""
    return {"count": count, "trials": trials, "share": ratio, "low": f"{low:.4f}", "high": f"{high:.4f}"}


def write_rows(path: Path, rows: list[dict[str, Any]], seed: int, benchmark: str = "detection") -> None:
    """Write rows below comments that say how, when and on what they came about."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        file.writelines(f"# {name}: {value}\n" for name, value in circumstances(seed, benchmark).items())
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def rows_of_others(path: Path, contender: str | None) -> list[dict[str, Any]]:
    """Return the rows of a file that belong to other contenders than the one that is measured anew, if one is."""
    if contender is None or not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return [row for row in rows if row.get("contender", row.get("choice", contender)).split(",")[0] != contender]


def circumstances(seed: int, benchmark: str) -> dict[str, str]:
    """Return the command, the date, the machine, the versions and the seed."""
    return {
        "command": " ".join([f"python -m tests.benchmarks {benchmark}", *map(without_folder, sys.argv[2:])]),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "seed": str(seed),
        "intervals": INTERVALS[benchmark],
    }


def without_folder(word: str) -> str:
    """Return a word of a command line, or DIR for a folder of this machine."""
    return "DIR" if Path(word).is_absolute() else word


def print_rows(rows: Iterable[dict[str, Any]]) -> None:
    """Print rows as a Markdown table."""
    rows = list(rows)
    for cells in (list(rows[0]), ["---"] * len(rows[0]), *(row.values() for row in rows)):
        print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)
