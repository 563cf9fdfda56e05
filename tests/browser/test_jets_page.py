"""The dashboard's page while a search runs, on a LocalCluster and through a dask-gateway."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

import feii_dask as fd
from feii_dask.model import Status
from tests.browser import Tab
from tests.browser.detectors import GATE
from tests.gateway import GatewayServer

PATIENCE_S = 300  # only ends a hang
ROOT = Path(__file__).resolve().parents[2]
CHARTS = (
    "Cubes per second",
    "Megabytes per second",
    "CPU of each worker",
    "Memory of each worker",
    "Detections by line",
)


def local_settings(_server: GatewayServer, gate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GATE, str(gate))
    cluster = {"kind": "local", "workers": 2, "threads": 1, "dashboard": "127.0.0.1:0"}
    Path("cluster.yaml").write_text(yaml.safe_dump({"feii-dask": {"clusters": {"local": cluster}}}))


def gateway_settings(server: GatewayServer, gate: Path, _monkeypatch: pytest.MonkeyPatch) -> None:
    server.write_settings(Path("cluster.yaml"), workers=2, environment={"PYTHONPATH": str(ROOT), GATE: str(gate)})


@pytest.mark.parametrize("write", [local_settings, gateway_settings], ids=["LocalCluster", "dask-gateway"])
def test_the_counters_move_and_end_right(
    write: Callable[..., None], gateway_server: GatewayServer, sky: Path, tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Path("gate").resolve()
    write(gateway_server, gate, monkeypatch)
    settings = fd.load_settings(
        archive=sky, out="run", lines=["notebook"], detector="tests.browser.detectors:GatedFilter"
    )
    with ThreadPoolExecutor(1) as thread, fd.connect(settings) as client:
        client.wait_for_workers(2, timeout=PATIENCE_S)
        search = thread.submit(fd.search, settings, client)
        open_page(tab, client.dashboard_link.removesuffix("status") + "jets")
        before = tab.number("done")
        assert tab.number("to-go") > 0
        gate.touch()
        result = search.result(timeout=PATIENCE_S)
        tab.page.locator("dd.to-go", has_text=re.compile("^0$")).wait_for()
        ends_right(tab, result)
        assert tab.number("done") > before
        assert set(CHARTS) <= set(titles(tab))
        assert tab.errors == []


def open_page(tab: Tab, address: str) -> None:
    """Open the page as soon as the search has got to its scan."""
    deadline = time.monotonic() + PATIENCE_S
    while not tab.page.request.get(address).ok:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    tab.page.goto(address)
    tab.page.locator("dd.done").wait_for()


def titles(tab: Tab) -> list[str]:
    """Return the titles of the charts, as the page's own model has them."""
    script = "() => Bokeh.documents[0].roots().map(root => root.title?.text.text ?? root.title?.text ?? '')"
    return [title.partition(":")[0] for title in tab.page.evaluate(script)]


def ends_right(tab: Tab, result: fd.SearchResult) -> None:
    """Compare the page with the outcomes that were stored."""
    scans = result.outcomes[result.outcomes["worker"] != ""]  # the others were settled before the scan
    by_cube = scans.groupby("obs_id")
    failed = by_cube["status"].agg(lambda lines: any(Status(status).failed for status in lines))
    assert tab.number("done") == len(failed)
    assert tab.number("failed") == failed.sum() > 0
    assert tab.number("with-detections") == by_cube["detected"].any().sum() > 0
    found = Counter(scans.loc[scans["detected"], "line"])
    bars = tab.page.evaluate("() => Bokeh.documents[0].get_model_by_name('detections').renderers[0].data_source.data")
    assert dict(zip(bars["line"], bars["cubes"], strict=True)) == found
