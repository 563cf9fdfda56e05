"""The dashboard's page with names, lines, units and reasons of strangers who mean harm: it shows them as text."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from distributed import Client

from feii_dask.engine.dashboard import PageFeed
from feii_dask.model import Line, Outcome, Status
from feii_dask.monitor.statistics import ProgressStatistics
from tests.browser import Tab
from tests.clusters import start_cluster
from tests.outcomes import make_outcomes

SCRIPT = "window.pwned = 1"
HOSTILE = (
    f"<script>{SCRIPT}</script><img src=x onerror='{SCRIPT}'></td></table><h1>mine</h1>"
    "\x1b]0;mine\x07\x9b\u202e\u2066\u2028{{ 7 * 7 }} "
    f"$$\\href{{javascript:{SCRIPT}}}{{here}}$$ \\[x^2\\] @line{{safe}}"
)
UNIT = re.sub("[^ -~]", "", HOSTILE)  # a FITS header holds nothing else
SHOWN = "\\x1b]0;mine\\x07\\x9b\\u202e\\u2066\\u2028{{ 7 * 7 }} $$\\href{javascript:"
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
# Of everything below a node, whatever shadow it is in.
ALL = """() => {
  const found = [];
  const look = node => {
    found.push(node);
    for (const child of node.children) look(child);
    if (node.shadowRoot) for (const child of node.shadowRoot.children) look(child);
  };
  look(document.body);
  return found.map(node => [node.tagName.toLowerCase(), node.getAttribute("href") ?? "", node.outerHTML]);
}"""
TEXTS = """() => Bokeh.documents[0].roots().flatMap(root => {
  const of = text => typeof text === "string" ? text : typeof text?.text === "string" ? text.text : "";
  return [of(root.title), ...[...root.below ?? [], ...root.left ?? []].map(axis => of(axis.axis_label)),
          ...(root.right ?? []).map(bar => of(bar.title)), ...(root.y_range?.factors ?? [])];
})"""


def hostile_outcomes() -> list[Outcome]:
    """Return outcomes in which every text is hostile."""
    line = Line(HOSTILE, 5.34, HOSTILE)
    outcomes = []
    for number, outcome in enumerate(make_outcomes(40)):
        detections = tuple(replace(one, line=line, detected=True, p_value=0.01) for one in outcome.detections[:1])
        cutouts = tuple(replace(one, line=line, header={"BUNIT": UNIT}) for one in outcome.cutouts[:1])
        name = f"{number} {HOSTILE}"
        outcomes.append(replace(outcome, obs_id=name, detections=detections, cutouts=cutouts, worker=HOSTILE))
        outcomes.append(Outcome(obs_id=name, status=Status.UNREADABLE, reason=f"no {HOSTILE}", seconds=9.0))
    return outcomes


def test_what_strangers_wrote_is_text_on_the_page(tab: Tab, tmp_path: Path) -> None:
    statistics = ProgressStatistics(100)
    statistics.add(hostile_outcomes())
    with start_cluster() as cluster, Client(cluster) as client:
        feed = PageFeed(client)
        feed.on_start(statistics.snapshot())
        feed.on_end(statistics.snapshot())
        tab.page.goto(client.dashboard_link.removesuffix("status") + "jets")
        tab.page.locator("dd.done").wait_for()
        tab.page.locator("td", has_text="no <script>").first.wait_for()
        elements = tab.page.evaluate(ALL)
        texts = tab.page.evaluate(TEXTS)
        rows = tab.page.locator("td.long").all_inner_texts()
        tab.page.screenshot(path=tmp_path / "page.png")
        title = tab.page.title()
        pwned = tab.page.evaluate("() => window.pwned ?? null")
    assert pwned is None
    assert tab.errors == []
    assert title == "Dask: Jets"
    assert not any(name == "script" and SCRIPT in content for name, _, content in elements)
    assert not any(name == "h1" or "onerror" in content for name, _, content in elements if name in {"img", "h1"})
    assert not any(SCRIPT in href for _, href, _ in elements)
    assert not any(name.startswith("mjx") for name, _, _ in elements)
    shown = [text for text in (*rows, *texts) if "<script>" in text]
    assert len(shown) > 8
    assert sum(SHOWN in text for text in shown) > 8
    assert [text for text in (*rows, *texts) if OBEYED.search(text)] == []
