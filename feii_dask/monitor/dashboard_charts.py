"""The charts of a search on Dask's dashboard, drawn by Bokeh from the newest snapshot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from bokeh.core.properties import without_property_validation
from bokeh.models import ColumnDataSource, FactorRange, HoverTool
from distributed import Scheduler
from distributed.dashboard.components import DashboardComponent
from distributed.dashboard.components.scheduler import WorkersMemory
from distributed.dashboard.utils import update

from feii_dask.monitor.dashboard_cpu import CpuChart
from feii_dask.monitor.dashboard_figure import BLUE, GREY, plain_figure, set_labels
from feii_dask.monitor.dashboard_image import LineImageChart
from feii_dask.monitor.dashboard_texts import DashboardTable, Headline
from feii_dask.monitor.rate import Rate
from feii_dask.monitor.snapshot import P_VALUES, ProgressSnapshot
from feii_dask.plain_text import plain_text

__all__ = ["SearchCharts"]

MOST_BARS = 14  # as many as can be read
NO_P_VALUES = "P-values\n(none so far)"  # of two lines: Bokeh makes no room for a title that grows


class Chart(Protocol):
    """A part of the page."""

    root: Any

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Draw a snapshot."""


class SearchCharts(DashboardComponent):
    """All charts of a search.

    Parameters
    ----------
    scheduler : Scheduler
        It knows the workers; the chart of their memory is Dask's own.
    newest : callable
        Returns the newest snapshot, or None before the first.
    """

    def __init__(self, scheduler: Scheduler, newest: Callable[[], ProgressSnapshot | None]) -> None:
        self._newest = newest
        self._shown: ProgressSnapshot | None = None
        self._cpu = CpuChart(scheduler)
        self._memory = WorkersMemory(scheduler, sizing_mode="stretch_both")
        memory = set_labels(self._memory.root, "memory", "Memory of each worker", "up to its limit", "worker")
        memory.xaxis.ticker.desired_num_ticks = 4  # or else those of a gigabyte overlap
        self._charts: list[Chart] = [
            Headline(),
            RateChart("cubes_per_s", "Cubes per second", "cubes/s"),
            RateChart("mb_per_s", "Megabytes per second", "MB/s"),
            DetectionsChart(),
            PValueChart(),
            LineImageChart(),
            DashboardTable("slowest", "Slowest cubes", ("cube", "s", "MB", "why")),
            DashboardTable("failures", "Failures by reason", ("what", "cubes", "the last one")),
        ]

    @property
    def roots(self) -> list[Any]:
        """What the page's template places, by name."""
        return [self._cpu.root, self._memory.root, *(chart.root for chart in self._charts)]

    @without_property_validation  # type: ignore[untyped-decorator]
    def update(self) -> None:
        """Draw what is new."""
        self._cpu.update()
        self._memory.update()
        snapshot = self._newest()
        if snapshot is not None and snapshot is not self._shown:
            self._shown = snapshot
            for chart in self._charts:
                chart.show(snapshot)


class RateChart:
    """A rate against time."""

    def __init__(self, field: str, title: str, unit: str) -> None:
        self._field = Rate._fields.index(field)
        self._source = ColumnDataSource({"x": [], "y": []})
        self.root = plain_figure(field, title, "minutes since the beginning", unit)
        self.root.x_range.start = self.root.y_range.start = 0
        self.root.line("x", "y", source=self._source, color=BLUE, line_width=2)
        self.root.scatter("x", "y", source=self._source, color=BLUE, size=4)

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Draw the whole curve."""
        history = snapshot.history
        update(self._source, {"x": [rate[0] / 60 for rate in history], "y": [rate[self._field] for rate in history]})


class DetectionsChart:
    """Cubes with a detection, line by line."""

    def __init__(self) -> None:
        self._source = ColumnDataSource({"line": [], "cubes": []})
        self._lines = FactorRange()
        self.root = plain_figure("detections", "Detections by line", "cubes", "line", y_range=self._lines)
        self.root.hbar(y="line", right="cubes", height=0.8, source=self._source, color=BLUE)
        self.root.x_range.start = 0
        self.root.ygrid.visible = False
        self.root.xaxis.ticker.min_interval = 1
        self.root.add_tools(HoverTool(tooltips="@line: @cubes cubes"))

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Draw a bar for each line with detections, the shortest wavelength on top."""
        detected = [(plain_text(line), cubes) for line, cubes in snapshot.detections if cubes]
        most_frequent = sorted(detected, key=lambda row: row[1], reverse=True)[:MOST_BARS]
        shown = [row for row in reversed(detected) if row in most_frequent]
        which = len(detected) if len(detected) == len(shown) else f"top {MOST_BARS}"
        self.root.title.text = f"Detections by line: {which} of {len(snapshot.detections)} lines"
        lines, cubes = [line for line, _ in shown], [cubes for _, cubes in shown]
        if self._lines.factors != lines:
            self._lines.factors = lines
        update(self._source, {"line": lines, "cubes": cubes})


class PValueChart:
    """Cumulative distribution of the p-values, and the uniform one that there would be without any line."""

    def __init__(self) -> None:
        self._source = ColumnDataSource({"p": [], "share": []})
        self.root = plain_figure(
            "p_values",
            NO_P_VALUES,
            "p-value",
            "share as small or smaller",
            x_axis_type="log",
            y_axis_type="log",
            x_range=(P_VALUES[0], 1.5),
            y_range=(P_VALUES[0], 1.5),
        )
        self.root.line(P_VALUES, P_VALUES, color=GREY, line_dash="dashed", line_width=2)
        self.root.scatter("p", "share", source=self._source, color=BLUE, size=5)

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Draw the share of p-values at or below each of `P_VALUES`."""
        number = snapshot.p_values[-1]
        if not number:
            return
        self.root.title.text = f"P-values of {number} lines\n(dashed: if there were none)"
        self.root.y_range.start = min(0.5 / number, 0.01)
        points = [(p, count / number) for p, count in zip(P_VALUES, snapshot.p_values, strict=True) if count]
        update(self._source, {"p": [p for p, _ in points], "share": [share for _, share in points]})
