"""The progress panel: redrawn in place on a terminal, or below a notebook's cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

from rich.columns import Columns
from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.style import Style
from rich.table import Table
from rich.text import Text

from feii_dask.monitor.snapshot import P_VALUES, ProgressSnapshot, format_duration
from feii_dask.plain_text import plain_text

__all__ = ["NotebookPanel", "TerminalPanel", "draw_panel", "make_panel"]

PERIOD_S = 0.5
BLOCKS = " ▁▂▃▄▅▆▇█"
SPARKLINE_WIDTH = 30  # characters
NOTEBOOK_WIDTH = 90  # characters, which a cell has on a screen of 1000 pixels
OF_ADDRESSES = ":/?#[]@!$&()*+,;=%"  # RFC 3986; no quotation marks, which would end a link's address
SHOWN_ROWS, SHOWN_LINES = 3, 11  # of a table, and with detections, so that all fits on a terminal of 24 lines
SMALL_P = 0.01
LONGEST = 300  # characters of a row


def make_panel(
    describe_workers: Callable[[], str], tell_address: Callable[[], str]
) -> TerminalPanel | NotebookPanel | None:
    """Return the panel that the console can show; None where it shows lines of text only."""
    console = Console()
    if console.is_jupyter:
        return NotebookPanel(describe_workers, tell_address)
    if console.is_interactive and not console.options.ascii_only:
        return TerminalPanel(console, describe_workers)
    return None


class TerminalPanel:
    """The panel on a terminal; what is printed meanwhile goes above it.

    Parameters
    ----------
    console : rich.console.Console
        The terminal.
    describe_workers : callable
        Returns what the workers do, in words.
    """

    name = "panel"
    period_s = PERIOD_S

    def __init__(self, console: Console, describe_workers: Callable[[], str]) -> None:
        self._live = Live(console=console, auto_refresh=False)
        self._describe_workers = describe_workers

    def on_start(self, snapshot: ProgressSnapshot) -> None:
        """Draw the panel below what is printed so far."""
        self._live.start()
        self.on_progress(snapshot)

    def on_progress(self, snapshot: ProgressSnapshot) -> None:
        """Draw the panel again; a terminal on which that fails is given back."""
        try:
            self._live.update(draw_panel(snapshot, self._describe_workers()), refresh=True)
        except Exception:
            self._live.stop()
            raise

    def on_end(self, snapshot: ProgressSnapshot) -> None:
        """Draw the panel a last time, and leave it there."""
        self.on_progress(snapshot)
        self._live.stop()


class NotebookPanel:
    """The panel as HTML below the cell, where it stays when the notebook is saved or exported.

    Parameters
    ----------
    describe_workers : callable
        Returns what the workers do, in words.
    tell_address : callable
        Returns where the page on the dashboard is: behind JupyterHub that is a path, which printed is no link.
    """

    name = "panel"
    period_s = PERIOD_S

    def __init__(self, describe_workers: Callable[[], str], tell_address: Callable[[], str]) -> None:
        self._describe_workers = describe_workers
        self._tell_address = tell_address
        self._handle: Any = None

    def draw(self, snapshot: ProgressSnapshot) -> Panel:
        """Return the panel as wide as a cell, with a link to the page."""
        panel = draw_panel(snapshot, self._describe_workers(), self._tell_address())
        panel.width = NOTEBOOK_WIDTH
        return panel

    def on_start(self, snapshot: ProgressSnapshot) -> None:
        """Draw the panel."""
        from IPython import display  # noqa: PLC0415 - it is there, for this is a notebook

        self._handle = display.display(self.draw(snapshot), display_id=True)  # type: ignore[no-untyped-call]

    def on_progress(self, snapshot: ProgressSnapshot) -> None:
        """Draw it again."""
        self._handle.update(self.draw(snapshot))

    def on_end(self, snapshot: ProgressSnapshot) -> None:
        """Draw it a last time."""
        self.on_progress(snapshot)


def draw_panel(snapshot: ProgressSnapshot, workers: str = "", page: str = "") -> Panel:
    """Return a snapshot of a run as a panel.

    Parameters
    ----------
    snapshot : ProgressSnapshot
        The snapshot.
    workers : str
        What the workers do, in words.
    page : str
        Address of the page on the dashboard, for a link.
    """
    grid = Table.grid(padding=(0, 2))
    for name, value in panel_rows(snapshot, workers).items():
        if value:
            shown = Text(value, no_wrap=True, overflow="ellipsis") if isinstance(value, str) else value
            grid.add_row(Text(name, "bold"), shown)
    if page:
        grid.add_row(Text("dashboard", "bold"), Text(plain_text(page), Style(link=quote(page, safe=OF_ADDRESSES))))
    content = Table.grid(expand=True)
    content.add_row(ProgressBar(max(snapshot.total, 1), snapshot.done, complete_style="blue", finished_style="green"))
    content.add_row(grid)
    return Panel(content, title="feii_dask", title_align="left")


def panel_rows(snapshot: ProgressSnapshot, workers: str) -> dict[str, str | Columns]:
    """Return the rows of the panel by name, empty where there is nothing to show."""
    cubes = sparkline(rate.cubes_per_s for rate in snapshot.history)
    megabytes = sparkline(rate.mb_per_s for rate in snapshot.history)
    found = sorted(((line, number) for line, number in snapshot.detections if number), key=lambda pair: -pair[1])
    detections = [Text(plain_text(f"{line}: {number}")) for line, number in found[:SHOWN_LINES]]
    if len(found) > SHOWN_LINES:
        detections.append(Text(f"and {len(found) - SHOWN_LINES} lines more"))
    newest = snapshot.line_image
    slowest, failures = snapshot.slowest[:SHOWN_ROWS], snapshot.failures[:SHOWN_ROWS]
    return {
        "cubes": f"{snapshot.done} of {snapshot.total}, {snapshot.failed} failed, {snapshot.detected} with detections",
        "time": f"{format_duration(snapshot.elapsed_s)} so far, {format_duration(snapshot.left_s)} left",
        "cubes/s": f"{snapshot.rate.cubes_per_s:.1f} {cubes}",
        "MB/s": f"{snapshot.rate.mb_per_s:.1f} {megabytes}",
        "workers": workers,
        "detections": Columns(detections, padding=(0, 2)) if detections else "",
        "p-values": small_p_values(snapshot),
        "newest": shown_lines(f"{newest.line} in {newest.obs_id}") if newest else "",
        "slowest": shown_lines(*(f"{cube.seconds:.1f} s {cube.obs_id}: {cube.why}" for cube in slowest)),
        "failures": shown_lines(*(f"{status} {cubes}: {reason}" for status, cubes, reason in failures)),
    }


def shown_lines(*lines: str) -> str:
    """Return lines that hold archives' names and messages, of which a terminal obeys nothing."""
    return "\n".join(plain_text(line, LONGEST) for line in lines)


def sparkline(values: Iterable[float]) -> str:
    """Draw numbers as bars of text, the largest of them full.

    Examples
    --------
    >>> sparkline([0, 1, 2])
    ' ▄█'
    """
    shown = list(values)[-SPARKLINE_WIDTH:]
    largest = max(shown, default=0) or 1
    return "".join(BLOCKS[round((len(BLOCKS) - 1) * value / largest)] for value in shown)


def small_p_values(snapshot: ProgressSnapshot) -> str:
    """Compare the number of small p-values with what there would be without any line."""
    number = snapshot.p_values[-1]
    small = next(count for p, count in zip(P_VALUES, snapshot.p_values, strict=True) if p >= SMALL_P * 0.999)
    if not number:
        return ""
    return f"{small} of {number} ≤ {SMALL_P}; {SMALL_P * number:.1f} expected if there were no lines"
