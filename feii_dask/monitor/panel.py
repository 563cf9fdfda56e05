"""How far a run is, as a panel that changes in place: on a terminal, or below a notebook's cell."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from math import isfinite
from time import monotonic
from typing import Any

from rich.columns import Columns
from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from feii_dask.monitor.statistics import P_VALUES, ProgressSnapshot

__all__ = ["NotebookDisplay", "TerminalDisplay", "draw"]

PERIOD_S = 0.5
BARS = " ▁▂▃▄▅▆▇█"
WIDTH = 30  # of a curve, characters
SHOWN = 3  # rows of a table, so that all fits on a small terminal
SMALL_P = 0.01


class TerminalDisplay:
    """The panel on a terminal; what is printed meanwhile goes above it."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False)
        self._last = float("-inf")
        self._live.start()

    def show(self, snapshot: ProgressSnapshot, workers: str) -> None:
        """Draw the panel, if it is time."""
        if monotonic() - self._last >= PERIOD_S:
            self._last = monotonic()
            self._live.update(draw(snapshot, workers), refresh=True)

    def close(self, snapshot: ProgressSnapshot, workers: str) -> None:
        """Draw it a last time, and leave it there."""
        self._live.update(draw(snapshot, workers), refresh=True)
        self._live.stop()


class NotebookDisplay:
    """The panel as HTML below the cell, where it stays when the notebook is saved or exported."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._last = float("-inf")

    def show(self, snapshot: ProgressSnapshot, workers: str) -> None:
        """Draw the panel, if it is time."""
        if monotonic() - self._last >= PERIOD_S:
            self._last = monotonic()
            self.close(snapshot, workers)

    def close(self, snapshot: ProgressSnapshot, workers: str) -> None:
        """Draw it."""
        from IPython import display  # noqa: PLC0415 - it is there, for this is a notebook

        if self._handle is None:
            self._handle = display.display(draw(snapshot, workers), display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(draw(snapshot, workers))


def draw(snapshot: ProgressSnapshot, workers: str = "") -> Panel:
    """Return a snapshot of a run as a panel.

    Parameters
    ----------
    snapshot : ProgressSnapshot
        The snapshot.
    workers : str
        What the workers do, in words.
    """
    cubes = curve(rate.cubes_per_s for rate in snapshot.history)
    megabytes = curve(rate.mb_per_s for rate in snapshot.history)
    detections = [Text(f"{line}: {number}") for line, number in snapshot.detections if number]
    rows: dict[str, str | Columns] = {
        "cubes": f"{snapshot.done} of {snapshot.total}, {snapshot.failed} failed, {snapshot.detected} with detections",
        "time": f"{clock(snapshot.elapsed_s)} so far, {clock(snapshot.left_s)} left",
        "cubes/s": f"{snapshot.rate.cubes_per_s:.1f} {cubes}",
        "MB/s": f"{snapshot.rate.mb_per_s:.1f} {megabytes}",
        "workers": workers,
        "detections": Columns(detections, padding=(0, 2)) if detections else "",
        "p-values": small_p_values(snapshot),
        "newest": f"{snapshot.line_image.line} in {snapshot.line_image.obs_id}" if snapshot.line_image else "",
        "slowest": "\n".join(f"{cube.seconds:.1f} s {cube.obs_id}: {cube.why}" for cube in snapshot.slowest[:SHOWN]),
        "failures": "\n".join(f"{what} {number}: {reason}" for what, number, reason in snapshot.failures[:SHOWN]),
    }
    grid = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        if value:
            grid.add_row(Text(name, "bold"), Text(value) if isinstance(value, str) else value)
    whole = Table.grid(expand=True)
    bar = ProgressBar(max(snapshot.total, 1), snapshot.done, complete_style="blue", finished_style="green")
    whole.add_row(bar)
    whole.add_row(grid)
    return Panel(whole, title="feii_dask", title_align="left")


def curve(values: Iterable[float]) -> str:
    """Draw numbers as bars, the largest of them full.

    Examples
    --------
    >>> curve([0, 1, 2])
    ' ▄█'
    """
    shown = list(values)[-WIDTH:]
    most = max(shown, default=0) or 1
    return "".join(BARS[round((len(BARS) - 1) * value / most)] for value in shown)


def clock(seconds: float) -> str:
    """Return a time as a clock shows it; a question mark where it is not known."""
    return str(timedelta(seconds=round(seconds))) if isfinite(seconds) else "?"


def small_p_values(snapshot: ProgressSnapshot) -> str:
    """Compare the number of small p-values with what there would be without any line."""
    number = snapshot.p_values[-1]
    small = next(count for p, count in zip(P_VALUES, snapshot.p_values, strict=True) if p >= SMALL_P * 0.999)
    return f"{small} of {number} at or below {SMALL_P}, {SMALL_P * number:.1f} without any line" if number else ""
