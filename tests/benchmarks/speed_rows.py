"""Times, the rows that they make, and the tables that the rows make."""

from __future__ import annotations

import csv
import multiprocessing
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, TypeVar

__all__ = ["Amount", "Row", "in_new_process", "peak_megabytes", "timed", "to_markdown", "write_csv"]

T = TypeVar("T")
PACKAGES = ("numpy", "scipy", "astropy", "astroquery", "pandas", "dask", "distributed", "s3fs", "shapely", "mocpy")
COLUMNS = ("work", "notebook's way", "ours", "unit", "ratio", "goal", "met", "how")


@dataclass(frozen=True)
class Amount:
    """Measurements of one thing, each to be multiplied by `scale` where only a part of it was done."""

    values: tuple[float, ...]
    scale: float = 1.0

    @classmethod
    def of(cls, *values: float) -> Amount:
        """Return what was measured, or counted."""
        return cls(tuple(map(float, values)))

    def __mul__(self, factor: float) -> Amount:
        return Amount(self.values, self.scale * factor)

    def __add__(self, other: Amount) -> Amount:
        return Amount.of(self.median + other.median)

    @property
    def median(self) -> float:
        """The median."""
        return self.scale * statistics.median(self.values)

    def __str__(self) -> str:
        low, high = self.scale * min(self.values), self.scale * max(self.values)
        return f"{self.median:.3g}" if low == high else f"{self.median:.3g} ({low:.3g}–{high:.3g})"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes
    ----------
    work : str
        What was done.
    ours : Amount
        What it took this program.
    notebook : Amount or None
        What it took the notebook's way, or another that `note` names.
    unit : str
        Of both.
    least_ratio, most, least, within : float, float, float, (float, float)
        The goal: of the ratio of the two, or of ours.
    note : str
        Sizes, and what was measured in part.
    """

    work: str
    ours: Amount
    notebook: Amount | None = None
    unit: str = "s"
    least_ratio: float | None = None
    most: float | None = None
    least: float | None = None
    within: tuple[float, float] | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times less ours is."""
        return self.notebook.median / self.ours.median if self.notebook else None

    @property
    def goal(self) -> str:
        """The goal in words."""
        if self.least_ratio is not None:
            return f"≥ {self.least_ratio:.3g} ×"
        if self.most is not None:
            return f"≤ {self.most:g} {self.unit}"
        if self.least is not None:
            return f"≥ {self.least:g} {self.unit}"
        return f"{self.within[0]:g}–{self.within[1]:g} {self.unit}" if self.within else ""

    @property
    def met(self) -> str:
        """Whether it is met."""
        if self.least_ratio is not None and self.ratio is not None:
            return "yes" if self.ratio >= self.least_ratio else "no"
        if self.most is not None:
            return "yes" if self.ours.median <= self.most else "no"
        if self.least is not None:
            return "yes" if self.ours.median >= self.least else "no"
        if self.within:
            return "yes" if self.within[0] <= self.ours.median <= self.within[1] else "no"
        return ""

    def cells(self) -> tuple[str, ...]:
        """Return the row as text, in the order of the table's columns."""
        ratio = "" if self.ratio is None else f"{self.ratio:.3g}"
        return self.work, str(self.notebook or ""), str(self.ours), self.unit, ratio, self.goal, self.met, self.note


def timed(function: Callable[[], T], times: int = 1) -> tuple[T, Amount, Amount]:
    """Call a function a few times; return its last answer, the wall times, and this process's CPU times, s."""
    walls, cpus = [], []
    for _ in range(times):
        wall, cpu = perf_counter(), process_time()
        answer = function()
        walls.append(perf_counter() - wall)
        cpus.append(process_time() - cpu)
    return answer, Amount(tuple(walls)), Amount(tuple(cpus))


def in_new_process(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function in a process that has done nothing else."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def peak_megabytes() -> float:
    """Return the most memory that this process ever had resident, MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def to_markdown(rows: Iterable[Row]) -> str:
    """Return the table for the README."""
    lines = (COLUMNS, ["---"] * len(COLUMNS), *(row.cells() for row in rows))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def write_csv(path: Path, rows: Iterable[Row], seconds: float) -> None:
    """Write the rows, below comments that say how, when, on what and in how many seconds they were measured."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        file.writelines(f"# {name}: {value}\n" for name, value in circumstances(seconds).items())
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *(row.cells() for row in rows)])


def circumstances(seconds: float) -> dict[str, str]:
    """Return the command, the date, how long it took, the machine and the versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return {
        "command": " ".join(["python -m tests.benchmarks speed", *sys.argv[2:]]),
        "date": datetime.now(UTC).date().isoformat(),
        "duration": f"{seconds / 60:.0f} minutes",
        "machine": f"{os.cpu_count()} cores, {memory:.0f} GB; load at the end {os.getloadavg()[0]:.1f}",
        "versions": ", ".join(
            [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in PACKAGES)]
        ),
    }
