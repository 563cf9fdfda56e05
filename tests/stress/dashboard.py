"""What the dashboard's page costs the scheduler, at 200 outcomes a second.

The outcomes are counted, and the snapshots sent, as a search does it; no task runs meanwhile, so that all the scheduler
does beside its heartbeats is the page. Its CPU time is compared with that of an idle scheduler, in turn. A page that
somebody looks at costs something as well; beside it stands Dask's own status page, looked at in the same way.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from distributed import Client
from playwright.sync_api import Browser

from feii_dask.engine.dashboard import PageFeed
from feii_dask.monitor.progress import Progress
from tests.browser import Tab, chromium
from tests.outcomes import make_outcomes
from tests.stress.memory import processes
from tests.stress.record import print_table, write_results

__all__ = ["main", "measure"]

OUTCOMES_PER_S = 200
TURNS_PER_S = 10
SECONDS = 20.0
ROUNDS = 3
SETTLE_S = 20.0  # Bokeh forgets a page that was closed after 15 s
MOST_PERCENT = 2.0
WATCHED = {"nobody looks": "", "one looks at it": "jets", "one looks at Dask's status page": "status"}


@contextmanager
def open_tab(browser: Browser, client: Client, page: str, settle_s: float) -> Iterator[None]:
    """Look at a page of the dashboard, if it has a name; wait for its beginning and its end to be over."""
    if not page:
        yield
        return
    tab = Tab(browser)
    tab.page.goto(client.dashboard_link.removesuffix("status") + page)
    time.sleep(settle_s)
    yield
    tab.page.close()
    time.sleep(settle_s)


def share(pid: int, seconds: float, turn: Iterator[None]) -> float:
    """Return the CPU time of a process in per cent of the time, while something takes its turns."""
    process = psutil.Process(pid)
    start, before = time.monotonic(), sum(process.cpu_times()[:2])
    while (elapsed := time.monotonic() - start) < seconds:
        next(turn)
        time.sleep(max(0.0, (int(elapsed * TURNS_PER_S) + 1) / TURNS_PER_S - elapsed))
    return 100 * (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - start)


def send(client: Client) -> Iterator[None]:
    """Count outcomes and send what they add up to, turn by turn."""
    outcomes = list(make_outcomes(OUTCOMES_PER_S))
    batch, turn = OUTCOMES_PER_S // TURNS_PER_S, 0
    with Progress(10**6, [PageFeed(client)]) as progress:
        while True:
            start = batch * (turn % TURNS_PER_S)
            progress.update(outcomes[start : start + batch])
            turn += 1
            yield


def nothing() -> Iterator[None]:
    """Do nothing, turn by turn."""
    while True:
        yield


def measure(directory: Path, seconds: float, rounds: int, settle_s: float) -> list[dict[str, object]]:
    """Measure each way of looking, with outcomes and without."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in WATCHED}
    with processes(directory, workers=2, threads=1) as (client, pids), chromium() as browser:
        sending = send(client)
        next(sending)
        for _ in range(rounds):
            for name, page in WATCHED.items():
                idle = share(pids["scheduler"], seconds, nothing())
                with open_tab(browser, client, page, settle_s):
                    busy = share(pids["scheduler"], seconds, sending)
                found[name].append((idle, busy))
    return [
        {
            "page": name,
            "outcomes per second": OUTCOMES_PER_S,
            "% CPU idle": round(statistics.median(idle for idle, _ in pairs), 2),
            "% CPU": round(statistics.median(busy for _, busy in pairs), 2),
            "% CPU more (median)": round(statistics.median(busy - idle for idle, busy in pairs), 2),
            "% CPU more (range)": " to ".join(
                f"{edge(busy - idle for idle, busy in pairs):.2f}" for edge in (min, max)
            ),
        }
        for name, pairs in found.items()
    ]


def main(_words: list[str]) -> None:
    """Measure, print, write, and fail if the snapshots cost the scheduler too much."""
    with tempfile.TemporaryDirectory() as name:
        rows = measure(Path(name), SECONDS, ROUNDS, SETTLE_S)
    print_table(rows)
    print(write_results("dashboard", rows, seed=1))
    if float(str(rows[0]["% CPU more (median)"])) > MOST_PERCENT:
        sys.exit(f"the page costs the scheduler more than {MOST_PERCENT} % of its time")
