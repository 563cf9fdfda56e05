"""How long a report of 500 candidates takes a browser to open from disk, to sort and to filter."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser

from feii_dask.report.page import write_report
from tests.browser import Tab, chromium
from tests.browser.runs import make_run
from tests.stress.record import print_table, write_results

__all__ = ["main", "measure"]

CANDIDATES = 500
ROUNDS = 5
MOST_S = 1.0
# Until the browser has drawn: the second frame begins when the first one is on the screen.
DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


class Stopwatch:
    """Times what happens in a tab, by the clock and by the CPU time of the thread that draws it."""

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._session = tab.page.context.new_cdp_session(tab.page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def _cpu(self) -> float:
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return next(float(metric["value"]) for metric in metrics if metric["name"] == "ThreadTime")

    def time(self, action: Callable[[], object]) -> tuple[float, float]:
        """Return how long an action takes until it can be seen, s, and its CPU time, s."""
        start, before = time.perf_counter(), self._cpu()
        action()
        self._tab.page.evaluate(DRAWN)
        return time.perf_counter() - start, self._cpu() - before


def look(browser: Browser, report: Path) -> dict[str, tuple[float, float]]:
    """Open a report, sort it by a text and by a number, filter it, and return the times."""
    tab = Tab(browser)
    watch = Stopwatch(tab)
    headers = tab.page.locator("#candidate-table thead button")
    times = {
        "open": watch.time(lambda: tab.page.goto(report.as_uri())),
        "sort by name": watch.time(lambda: headers.filter(has_text="Object").dispatch_event("click")),
        "sort by lines": watch.time(lambda: headers.filter(has_text="Lines").dispatch_event("click")),
        "filter": watch.time(lambda: tab.page.locator("#candidate-table-filter").fill("jw00042")),
    }
    tab.page.close()
    return times


def measure(directory: Path, candidates: int, rounds: int) -> list[dict[str, object]]:
    """Write a report and look at it a few times."""
    report = write_report(make_run(directory / "run", candidates))
    megabytes = report.stat().st_size / 1e6
    with chromium() as browser:
        looks = [look(browser, report) for _ in range(rounds)]
    return [
        {
            "what": what,
            "candidates": candidates,
            "MB": round(megabytes, 1),
            "median s": round(statistics.median(times[what][0] for times in looks), 3),
            "worst s": round(max(times[what][0] for times in looks), 3),
            "median CPU s": round(statistics.median(times[what][1] for times in looks), 3),
            "load of the machine": round(os.getloadavg()[0], 1),
        }
        for what in looks[0]
    ]


def main(_words: list[str]) -> None:
    """Measure, print, write, and fail if anything takes longer than a second."""
    with tempfile.TemporaryDirectory() as name:
        rows = measure(Path(name), CANDIDATES, ROUNDS)
    print_table(rows)
    print(write_results("report", rows, seed=0))
    if any(float(str(row["median s"])) > MOST_S for row in rows):
        sys.exit(f"the report takes longer than {MOST_S} s")
