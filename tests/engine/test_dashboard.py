"""The page of a search on Dask's dashboard: served, kept up to date, and never a reason for a run to end."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest
from bokeh.client import pull_session
from distributed import Client, LocalCluster, Scheduler

from feii_dask.engine.dashboard import PageFeed
from feii_dask.monitor.dashboard_plugin import HANDLER, DashboardPage
from feii_dask.monitor.progress import Progress
from feii_dask.monitor.snapshot import ProgressSnapshot
from feii_dask.monitor.statistics import ProgressStatistics
from tests.monitor.clock import FakeClock
from tests.outcomes import make_outcomes

SCHEDULER = "import sys; {}; from distributed.cli.dask_scheduler import main; main()"


def snapshot_of(number: int, total: int = 100) -> ProgressSnapshot:
    statistics = ProgressStatistics(total)
    statistics.add(make_outcomes(number))
    return statistics.snapshot()


def show(client: Client, snapshot: ProgressSnapshot) -> PageFeed:
    """Show a snapshot on a cluster's page, and wait until it has arrived."""
    feed = PageFeed(client)
    feed.on_start(snapshot)
    feed.on_end(snapshot)
    return feed


def address(client: Client, page: str) -> str:
    return client.dashboard_link.removesuffix("status") + page


def fetch(url: str) -> str:
    return build_opener(ProxyHandler({})).open(url, timeout=120).read().decode()


def seen(client: Client) -> dict[str, str]:
    """Open the page as a browser would, and return its texts by name."""
    with pull_session(url=address(client, "jets")) as session:
        return {root.name: root.text for root in session.document.roots if hasattr(root, "text")}


def test_the_page_is_in_the_menu_and_among_jupyterlabs_panes(client: Client) -> None:
    for _ in range(2):  # of the second search on the same cluster
        show(client, snapshot_of(10))
    menu = fetch(address(client, "status"))
    assert menu.count('href="jets"') == 1
    assert menu.count('href="individual-jets"') == 1
    plots = json.loads(fetch(address(client, "individual-plots.json")))
    assert plots["Individual Jets"] == "/individual-jets"
    assert plots["Individual Task Stream"] == "/individual-task-stream"
    assert ".navbar { display: none; }" in fetch(address(client, "individual-jets"))
    assert ".navbar { display: none; }" not in fetch(address(client, "jets"))


def test_it_shows_what_was_sent_last(client: Client) -> None:
    feed = PageFeed(client)
    feed.on_start(snapshot_of(0))
    for number in (10, 60):
        snapshot = snapshot_of(number)
        feed.on_end(snapshot)
        texts = seen(client)
        assert f'<dd class="done">{number}</dd>' in texts["headline"]
        assert f'<dd class="failed">{snapshot.failed}</dd>' in texts["headline"]
        assert snapshot.slowest[0].obs_id in texts["slowest"]
        assert all(failure.reason in texts["failures"] for failure in snapshot.failures)
    assert feed.load is not None
    assert feed.load.workers == 2
    assert feed.load.memory > 10**7
    assert feed.describe_workers() == str(feed.load)


def test_of_two_searches_the_later_one_is_shown(client: Client) -> None:
    earlier, later = snapshot_of(10), snapshot_of(20)
    for snapshot in (later, earlier):
        show(client, snapshot)
    assert '<dd class="done">20</dd>' in seen(client)["headline"]


def test_names_and_reasons_are_text(client: Client) -> None:
    snapshot = snapshot_of(30)
    evil = snapshot.slowest[0]._replace(obs_id="<script>alert(1)</script>")
    show(client, replace(snapshot, slowest=(evil,)))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in seen(client)["slowest"]


@contextmanager
def scheduler(tmp_path: Path, before: str, *arguments: str) -> Iterator[Client]:
    """Start a scheduler in which something is different."""
    place = tmp_path / "scheduler.json"
    command = [sys.executable, "-c", SCHEDULER.format(before), "--host", "127.0.0.1", "--port", "0"]
    common = ["--scheduler-file", str(place), "--dashboard-address", "127.0.0.1:0"]
    process = subprocess.Popen([*command, *common, *arguments], stderr=subprocess.DEVNULL, cwd=tmp_path)
    try:
        with Client(scheduler_file=str(place), timeout="300s") as client:
            yield client
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize(
    ("before", "arguments", "reason"),
    [
        ("sys.modules['feii_dask'] = None", [], "feii_dask"),
        ("sys.modules['bokeh'] = None", [], "bokeh"),
        ("pass", ["--no-dashboard"], "has no dashboard"),
    ],
    ids=["without this package", "without bokeh", "without a dashboard"],
)
def test_a_scheduler_that_cannot_show_it(
    tmp_path: Path, before: str, arguments: list[str], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with scheduler(tmp_path, before, *arguments) as client:
        feed = PageFeed(client)
        with Progress(3, [feed]) as progress:
            progress.update(make_outcomes(3))
    (warning,) = (record.getMessage() for record in caplog.records if record.name.startswith("feii_dask"))
    assert warning.startswith("no page 'jets' on the dashboard: ")
    assert reason in warning
    assert feed.describe_workers() == ""


def forget(dask_scheduler: Scheduler) -> None:
    del dask_scheduler.handlers[HANDLER]


def break_plugin(dask_scheduler: Scheduler) -> None:
    plugin = dask_scheduler.plugins[DashboardPage.name]
    del plugin._scheduler


@pytest.mark.parametrize("harm", [forget, break_plugin])
def test_a_page_that_fails_later(harm: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "feii_dask")
    with (
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster) as client,
    ):
        clock = FakeClock()
        with Progress(3, [PageFeed(client)], clock) as progress:
            client.run_on_scheduler(harm)
            for outcome in make_outcomes(3):
                clock.seconds += PageFeed.period_s
                progress.update([outcome])
    assert [record.getMessage()[:7] for record in caplog.records if record.name.startswith("feii_dask")] == ["no page"]


def test_a_scheduler_that_is_gone() -> None:
    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster:
        client = Client(cluster)
        feed = PageFeed(client)
        feed.on_start(snapshot_of(1))
        client.close()
    feed.on_progress(snapshot_of(2))
    feed.on_end(snapshot_of(3))
