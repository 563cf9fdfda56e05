"""The page of a search on Dask's dashboard: served, fed, and never a reason for a run to end."""

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

from feii_dask.engine.dashboard import Page
from feii_dask.monitor.dashboard_plugin import HANDLER, DashboardPage
from feii_dask.monitor.statistics import ProgressSnapshot, ProgressStatistics
from tests.outcomes import make_outcomes

SCHEDULER = "import sys; {}; from distributed.cli.dask_scheduler import main; main()"


def figures_of(number: int, total: int = 100) -> ProgressSnapshot:
    tally = ProgressStatistics(total)
    tally.add(make_outcomes(number))
    return tally.snapshot()


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
        Page(client).close(figures_of(10))
    menu = fetch(address(client, "status"))
    assert menu.count('href="jets"') == 1
    assert menu.count('href="individual-jets"') == 1
    plots = json.loads(fetch(address(client, "individual-plots.json")))
    assert plots["Individual Jets"] == "/individual-jets"
    assert plots["Individual Task Stream"] == "/individual-task-stream"
    assert ".navbar { display: none; }" in fetch(address(client, "individual-jets"))
    assert ".navbar { display: none; }" not in fetch(address(client, "jets"))


def test_it_shows_what_was_sent_last(client: Client) -> None:
    page = Page(client)
    for number in (10, 60):
        snapshot = figures_of(number)
        page.close(snapshot)
        texts = seen(client)
        assert f'<dd class="done">{number}</dd>' in texts["headline"]
        assert f'<dd class="failed">{snapshot.failed}</dd>' in texts["headline"]
        assert snapshot.slowest[0].obs_id in texts["slowest"]
        assert all(failure.reason in texts["failures"] for failure in snapshot.failures)
    assert page.workers is not None
    assert page.workers.number == 2
    assert page.workers.memory > 10**7


def test_of_two_searches_the_later_one_is_shown(client: Client) -> None:
    earlier, later = figures_of(10), figures_of(20)
    for snapshot in (later, earlier):
        Page(client).close(snapshot)
    assert '<dd class="done">20</dd>' in seen(client)["headline"]


def test_names_and_reasons_are_text(client: Client) -> None:
    snapshot = figures_of(30)
    evil = snapshot.slowest[0]._replace(obs_id="<script>alert(1)</script>")
    Page(client).close(replace(snapshot, slowest=(evil,)))
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
        page = Page(client)
        for number in (1, 2):
            page.show(figures_of(number))
        page.close(figures_of(3))
    warnings = [record.getMessage() for record in caplog.records if record.name == "feii_dask.engine.dashboard"]
    assert len(warnings) == 1
    assert reason in warnings[0]
    assert page.workers is None


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
        page = Page(client)
        page.close(figures_of(1))
        client.run_on_scheduler(harm)
        for number in (2, 3):
            page.close(figures_of(number))
    assert [record.getMessage()[:7] for record in caplog.records if record.name.startswith("feii_dask")] == ["no page"]


def test_a_scheduler_that_is_gone() -> None:
    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster:
        client = Client(cluster)
        page = Page(client)
        page.show(figures_of(1))
        client.close()
    page.show(figures_of(2))
    page.close(figures_of(3))
