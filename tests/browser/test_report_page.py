"""The report, opened from disk as a co-author does."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser

from feii_dask.report.page import write_report
from tests.browser import Tab
from tests.browser.runs import ATTACK, make_run

CANDIDATES = 12


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """A report, and the candidates that it shows."""
    result = make_run(tmp_path_factory.mktemp("report") / "run", CANDIDATES)
    return write_report(result), result.candidates


@pytest.fixture
def opened(tab: Tab, written: tuple[Path, pd.DataFrame]) -> Tab:
    tab.page.goto(written[0].as_uri())
    return tab


@pytest.fixture
def candidates(written: tuple[Path, pd.DataFrame]) -> pd.DataFrame:
    return written[1]


@pytest.fixture(autouse=True)
def nothing_untoward(opened: Tab) -> object:
    """Nothing is fetched and nothing complains, whatever one does."""
    yield
    assert opened.errors == []
    assert {address.partition(":")[0] for address in opened.requests} <= {"file", "data"}


def column(tab: Tab, name: str) -> list[str]:
    """Return what a column of the candidates shows, from top to bottom."""
    script = "(table, name) => [...table.querySelectorAll('.item:not([hidden])')]"
    script += ".map(item => item.rows[0].querySelector(`[data-column=${name}]`))"
    script += ".map(cell => cell.querySelector('data')?.value ?? cell.textContent.trim())"
    return tab.page.locator("#candidate-table").evaluate(script, name)


def header(tab: Tab, label: str) -> object:
    return tab.page.locator("#candidate-table thead").get_by_role("button", name=re.compile(f"^{label}"))


@pytest.mark.parametrize(
    ("label", "name", "kind"),
    [("Lines", "n_lines", int), ("Object", "main_id", str), ("Rank", "rank", int)],
)
def test_it_sorts_both_ways(opened: Tab, candidates: pd.DataFrame, label: str, name: str, kind: type) -> None:
    assert [int(rank) for rank in column(opened, "rank")] == candidates["rank"].tolist()
    header(opened, label).click()
    upwards = [kind(value) for value in column(opened, name)]
    header(opened, label).press("Enter")
    downwards = [kind(value) for value in column(opened, name)]
    assert sorted(upwards) == sorted(candidates[name])
    if kind is int:
        assert upwards == sorted(upwards)
        assert downwards == sorted(upwards, reverse=True)
    else:
        assert downwards == upwards[::-1] != upwards
    assert header(opened, label).locator("xpath=..").get_attribute("aria-sort") == "descending"


def test_it_filters_by_name_and_cube(opened: Tab, candidates: pd.DataFrame) -> None:
    field = opened.page.locator("#candidate-table-filter")
    for words, expected in {
        "ALERT(1)": candidates[candidates["main_id"] == ATTACK],
        candidates["obs_ids"][3]: candidates.iloc[[3]],
        "no such thing": candidates.iloc[:0],
        "": candidates,
    }.items():
        field.fill(words)
        assert column(opened, "main_id") == expected["main_id"].tolist()
        shown = opened.page.locator("#candidate-table-filter-count").inner_text()
        assert shown == f"{len(expected)} of {CANDIDATES} shown"


def test_a_candidate_opens_and_has_its_images(opened: Tab, candidates: pd.DataFrame) -> None:
    item = opened.page.locator(f"#yso-{candidates['yso_index'][1]}")
    figures = item.locator("details")
    assert figures.locator(".panels").count() == 0
    item.locator("summary").click()
    figures.locator(".panels").wait_for()
    assert figures.locator("section.panel").count() == candidates["n_lines"][1]
    pictures = figures.locator("img").all()
    assert len(pictures) >= 2 * candidates["n_lines"][1]
    for picture in pictures:
        picture.scroll_into_view_if_needed()
        picture.evaluate("image => image.decode()")
        assert picture.evaluate("image => image.naturalWidth") > 0
        assert picture.get_attribute("alt")


def test_without_scripts_the_figures_are_there(browser: Browser, written: tuple[Path, pd.DataFrame]) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(written[0].as_uri())
    page.locator(".item details summary").first.click()
    page.locator(".item .panels figure img").first.wait_for()
    page.close()


def test_the_sky_map_leads_to_a_candidate(opened: Tab, candidates: pd.DataFrame) -> None:
    key = candidates["yso_index"].iloc[-1]
    opened.page.locator(f"a[href='#yso-{key}']").first.dispatch_event("click")
    opened.page.locator(f"#yso-{key} .panels").wait_for()


def test_a_name_that_is_a_script_is_text(opened: Tab) -> None:
    assert ATTACK in column(opened, "main_id")
    for table in ("#candidate-table", "#summary-table"):
        assert opened.page.locator(f"{table} td.name", has_text=ATTACK).is_visible()
    assert opened.page.evaluate("() => document.scripts.length") == 1


def test_it_is_dark_where_one_wants_it(opened: Tab) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        opened.page.emulate_media(color_scheme=scheme)
        grounds.append(opened.page.evaluate("() => getComputedStyle(document.body).backgroundColor"))
    assert grounds[0] != grounds[1]


def test_on_a_phone_rank_and_name_stay_in_view(opened: Tab) -> None:
    opened.page.set_viewport_size({"width": 390, "height": 800})
    opened.page.evaluate("() => { document.querySelector('#candidate-table').parentElement.scrollLeft = 250 }")
    for column_name in ("rank", "main_id"):
        box = opened.page.locator(f"#candidate-table tr.above > td[data-column='{column_name}']").first.bounding_box()
        assert box is not None
        assert 0 <= box["x"] < 120


def test_on_a_phone_nothing_is_illegible(opened: Tab) -> None:
    opened.page.set_viewport_size({"width": 390, "height": 800})
    opened.page.locator(".item details summary").first.click()
    opened.page.locator(".item .panels .plot").first.wait_for()
    script = "() => [...document.querySelectorAll('.sky text, .plot g text')]"
    heights = opened.page.evaluate(f"{script}.map(text => text.getBoundingClientRect().height)")
    assert len(heights) > 10
    assert min(heights) > 9
    assert opened.page.evaluate("() => document.documentElement.scrollWidth") == 390


def test_on_paper_nothing_is_cut_and_nothing_waits_for_a_click(opened: Tab) -> None:
    opened.page.locator(".item details summary").first.click()
    opened.page.locator(".item .panels .plot").first.wait_for()
    opened.page.emulate_media(media="print")
    opened.page.set_viewport_size({"width": 688, "height": 1000})  # A4 without its margins
    assert opened.page.evaluate("() => document.documentElement.scrollWidth") <= 688
    controls = opened.page.locator("input, output, .skip, summary")
    assert controls.count()
    assert not any(control.is_visible() for control in controls.all())
    displays = opened.page.evaluate(
        "() => [...document.querySelectorAll('th button')].map(button => getComputedStyle(button).display)"
    )
    assert set(displays) == {"contents"}  # else Chromium does not repeat the headings on each sheet
