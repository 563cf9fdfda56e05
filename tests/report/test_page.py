"""The report shows the numbers of its run, all of them, and needs nothing from outside."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from math import nan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup, Tag

from feii_dask.cubes.lines import NOTEBOOK_LINES
from feii_dask.errors import StoreError
from feii_dask.model import Cutout, Kind, Line, Lobe, Outcome, Status, UnidentifiedLine
from feii_dask.ranking.results import load_results
from feii_dask.report.entries import FULL_ENTRIES
from feii_dask.report.page import FAILURES_SHOWN, write_report
from feii_dask.results.search_result import open_run
from feii_dask.store.cutout_files import cutout_path
from feii_dask.store.manifest import include_kinds
from feii_dask.store.run_store import RunStore

ATTACK = "<script>alert(1)</script>"


def page_of(store: RunStore) -> BeautifulSoup:
    return BeautifulSoup(write_report(load_results(store)).read_text("utf-8"), "html.parser")


def text_of(element: Tag) -> str:
    return " ".join(element.get_text(" ", strip=True).split())


def numbers_of(element: Tag) -> dict[str, str]:
    """What is in an element, by the name of the column: numbers exactly, everything else as it is shown."""
    marked = element.select("[data-column]")
    return {
        cell["data-column"]: (cell.find("data") or cell).get("value") or cell.get_text(strip=True) for cell in marked
    }


def rows_of(page: BeautifulSoup, table: str) -> list[dict[str, str]]:
    return [numbers_of(item) for item in page.select(f"#{table} .item")]


@pytest.fixture
def finished(
    store: RunStore,
    lines: tuple[Line, ...],
    outcome_of: Callable[..., Outcome],
    ysos_of: Callable[..., pd.DataFrame],
    matched_of: Callable[..., pd.DataFrame],
) -> RunStore:
    """A run with two candidates, failures, and an archive that means harm."""
    insiders = {"obs0": [0], "obs1": [1, 0], "obs2": [1], ATTACK: [1], "obs4": [2], "obs5": [2]}
    matched = matched_of(insiders)
    matched.loc[4, "uri"] = "s3://bucket/<b>cube</b>.fits"
    ysos = ysos_of(range(3))
    ysos.loc[1, "main_id"] = ATTACK
    store.write_tables(ysos=ysos, observations=matched[["obs_id"]], matched=matched)
    store.update_manifest(
        counts={"ysos": 71234, "with_coordinates": 70000, "cubes": 24512, "matched": 6, "to_scan": 5},
        queries=[{"archive": "SIMBAD", "query": "SELECT '<i>'", "rows": 3}, {"archive": "MAST", "rows": None}],
        versions={"dask": "2026.8.0"},
        lines=[],
    )
    with store.writer() as writer:
        writer.add(outcome_of("obs0", lines, detected=lines[:3], cutouts=True))
        writer.add(outcome_of("obs1", lines, detected=lines[1:3], cutouts=True))
        writer.add(outcome_of(ATTACK, lines, detected=lines[3:]))
        writer.add(outcome_of("obs4", lines, status=Status.UNREADABLE))
        writer.add(outcome_of("region", lines, status=Status.BAD_REGION))
    return store


def test_every_number_of_a_candidate_is_that_of_the_run(finished: RunStore) -> None:
    page, candidates = page_of(finished), load_results(finished).candidates
    shown = pd.DataFrame([numbers_of(item.tr) for item in page.select("#candidate-table .item")])
    names = ["rank", "main_id", "n_lines", "n_cubes_detected", "statistic", "ra", "dec", "separation_arcsec"]
    assert list(shown) == names
    pd.testing.assert_frame_equal(
        shown.astype(candidates[names].dtypes), candidates[names], check_exact=True, check_index_type=False
    )
    cubes = [text_of(cell) for cell in page.select('[data-column="n_cubes_detected"]')]
    assert cubes == [f"{row.n_cubes_detected} of {row.n_cubes}" for row in candidates.itertuples()]


def test_every_number_of_a_line_is_that_of_its_outcome(
    finished: RunStore, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]
) -> None:
    outcome = outcome_of("obs5", lines, detected=lines[:3], cutouts=True)
    measured = tuple(
        replace(d, velocity_kms=-103.25, velocity_error_kms=4.5, flux=1.25e-19, snr=nan, area_px=17)
        for d in outcome.detections
    )
    with finished.writer() as writer:
        writer.add(replace(outcome, detections=measured))
    outcomes = finished.outcomes().set_index(["obs_id", "line"])
    panels = page_of(finished).select(".panel")
    assert len(panels) == 3 + 2 + 3
    assert all("remarks edge, broad" in text_of(panel) for panel in panels)
    for panel in panels:
        row = outcomes.loc[(panel["data-obs"], panel["data-line"])]
        shown = {name: float(value) for name, value in numbers_of(panel).items()}
        assert shown == {name: row[name] for name in shown}
        assert shown.keys() >= (
            {"velocity_kms", "velocity_error_kms", "flux"} if panel["data-obs"] == "obs5" else {"area_px"}
        )
        assert "snr" not in shown


def test_what_is_known_of_a_line_stands_beside_it(
    finished: RunStore, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]
) -> None:
    outcome = outcome_of("obs5", lines, detected=lines[:3], cutouts=True)
    lobes = tuple(Lobe(velocity_kms=v, velocity_error_kms=3.0, flux=1e-19, flux_error=1e-20) for v in (-120.0, 90.0))
    met = tuple(
        UnidentifiedLine(wavelength_um=um, kind=kind, statistic=statistic)
        for um, kind, statistic in ((5.2312, Kind.EXTENDED, 9.5), (5.4, Kind.COMPACT, -7.0))
    )
    judged = [replace(d, kind=Kind.EXTENDED, p_identification=0.02, unidentified=met) for d in outcome.detections]
    judged[0] = replace(judged[0], lobes=lobes, flags=("fills_field",))
    with finished.writer() as writer:
        writer.add(replace(outcome, detections=tuple(judged)))
    page = page_of(finished)
    panels = [text_of(panel) for panel in page.select('.panel[data-obs="obs5"]')]
    assert len(panels) == 3
    assert all(" µm, extended in obs5" in panel and "p of another line 0.02" in panel for panel in panels)
    assert "lobes −120 ± 3, 90 ± 3 km/s remarks fills field" in panels[0]
    assert "lobes" not in panels[1]
    captions = [text_of(caption) for caption in page.select("#yso-2 figcaption")[:3]]
    assert captions == [f"{line.name}, extended" for line in lines[:3]]
    assert rows_of(page, "unidentified-table") == [
        {"obs_id": "obs5", "wavelength_um": "5.2312", "kind": "extended", "statistic": "9.5"},
        {"obs_id": "obs5", "wavelength_um": "5.4", "kind": "compact", "statistic": "-7.0"},
    ]


def test_objects_that_share_light_are_named(finished: RunStore) -> None:
    page, candidates = page_of(finished), load_results(finished).candidates.set_index("yso_index")
    assert candidates["shares_light_with"].to_dict() == {0: "", 1: "YSO 0"}
    assert "also be that of YSO 0, in the same footprint" in text_of(page.select_one("#yso-1"))
    assert "also be that of" not in text_of(page.select_one("#yso-0"))
    assert "nobody asked for" not in text_of(page)  # no detector met such a line


def test_included_kinds_make_candidates_with_images(
    finished: RunStore, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]
) -> None:
    outcome = outcome_of("obs5", lines, detected=lines[:3], cutouts=True)
    compact = tuple(replace(d, detected=False, kind=Kind.COMPACT) for d in outcome.detections[:3])
    with finished.writer() as writer:
        writer.add(replace(outcome, detections=compact))
    assert not page_of(finished).select("#yso-2")
    include_kinds(finished, ("compact",))
    page = page_of(finished)
    assert len(page.select("#yso-2 .panel")) == 3
    assert "Objects inside the footprints of cubes with extended or compact lines" in text_of(page)
    assert page.select_one('[data-step="with_detections"]').b.text == "4"


def test_the_failures_and_the_funnel_are_those_of_the_run(finished: RunStore) -> None:
    page = page_of(finished)
    failed = load_results(finished).failures
    assert rows_of(page, "failure-table") == [
        {
            "obs_id": row["obs_id"],
            "status": row["status"].replace("_", " "),
            "reason": row["reason"],
            "uri": row["uri"] or "–",
            "attempt": str(row["attempt"]),
        }
        for row in failed.to_dict("records")
    ]
    steps = {item["data-step"]: int("".join(filter(str.isdigit, item.b.text))) for item in page.select("[data-step]")}
    assert steps == {**finished.manifest["counts"], "scanned": 3, "with_detections": 3, "candidates": 2}
    text = text_of(page)
    assert "2 candidates for extended line emission" in text
    assert "25.0 % of the cubes that should have been scanned failed" in text
    assert "2 of the matched cubes have no outcome yet" in text


def test_what_archives_write_is_text(finished: RunStore) -> None:
    source = write_report(load_results(finished)).read_text("utf-8")
    page = BeautifulSoup(source, "html.parser")
    assert ATTACK not in source
    assert "<b>cube" not in source
    assert "<i>'" not in source
    assert page.select_one('[data-column="main_id"]').text == ATTACK
    assert "s3://bucket/<b>cube</b>.fits" in text_of(page)
    assert "SELECT '<i>'" in text_of(page)
    assert len(page.find_all("script")) == 1


def test_the_page_needs_nothing_from_outside(finished: RunStore) -> None:
    page = page_of(finished)
    for element in page.find_all(True):
        for name in ("src", "href", "action", "data", "srcset", "poster"):
            if element.name != "a":
                assert element.get(name, "data:").startswith(("data:", "#")), element.name
    assert not page.find_all(["link", "iframe", "object", "base", "form"])
    assert "url(" not in page.style.string
    assert "@import" not in page.style.string
    assert page.select_one("[http-equiv]")["content"].startswith("default-src 'none'")


def test_links_are_followed_only_when_clicked_and_tell_nobody_where_from(finished: RunStore) -> None:
    links = page_of(finished).find_all("a")
    for link in links:
        address = link["href"]
        if address.startswith("https://"):
            assert {"noreferrer", "noopener"} <= set(link["rel"])
        else:
            assert address.startswith(("#", "cutouts/", "regions/"))
            assert ".." not in address
    assert {link.text for link in links} >= {"SIMBAD", "Aladin Lite", "ESASky", "MAST", "region file"}


def test_the_page_explains_itself(finished: RunStore) -> None:
    page = page_of(finished)
    meaning = text_of(page.select_one("section[aria-labelledby='meaning']"))
    for words in ("grade A", "q ≤ 0.01", "the instrument's is in it", "inside of the detector's mask", "SPECSYS"):
        assert words in meaning
    rows = page.select("#summary-table .item")
    summary = load_results(finished).summary
    assert len(rows) == len(summary)
    shown = {row.select_one('[data-column="main_id"]').text: row for row in rows}
    for known in summary.to_dict("records"):
        assert shown[known["main_id"]].select_one('[data-column="reason"]').text == known["reason"]
    assert not page.select(".banner")


def test_a_simulated_sky_is_said_to_be_one(finished: RunStore) -> None:
    tables = finished.read_tables()
    simulated = "jw99000-" + tables.matched["obs_id"]
    finished.write_tables(**tables._replace(matched=tables.matched.assign(obs_id=simulated))._asdict())
    assert "simulated" in page_of(finished).select_one(".banner").text


def test_every_image_and_drawing_says_what_it_shows(finished: RunStore) -> None:
    page = page_of(finished)
    assert all(image["alt"] for image in page.find_all("img"))
    assert all(drawing.get("aria-label") or drawing.get("aria-hidden") for drawing in page.find_all("svg"))
    first = page.select_one(".item")
    assert [image["alt"] for image in first.select(".thumbnail img")] == [
        f"{ATTACK} in the line Fe II 5.340 µm, cube obs1",
        f"{ATTACK} in the line Fe II 17.936 µm, cube obs1",
    ]
    assert text_of(first).count("no image stored") == 1
    titles = [text_of(caption) for caption in first.select_one(".panel").select(".map-panel figcaption")]
    assert titles == ["10 planes before", "the line, plane 550", "10 planes after", "line flux"]


def test_tables_can_be_used_by_keyboard_and_screen_reader(finished: RunStore) -> None:
    page = page_of(finished)
    for table in page.select("table.sortable"):
        assert all(header["scope"] == "col" and header.button for header in table.thead.find_all("th"))
        box = page.select_one(f'input[aria-controls="{table["id"]}"]')
        assert page.select_one(f'label[for="{box["id"]}"]')
        assert page.select_one(f'output[id="{box["id"]}-count"]')["aria-live"] == "polite"


def test_the_sky_maps_lead_to_every_candidate(finished: RunStore) -> None:
    page = page_of(finished)
    items = [item["id"] for item in page.select("#candidate-table .item")]
    for sky in page.select(".sky"):
        assert [link["href"][1:] for link in sky.find_all("a")] == items
    finding_chart = page.select_one(".finding-chart")
    assert [path.title.text for path in finding_chart.select(".footprint")] == ["obs1", ATTACK]


def test_many_lines_are_not_cut_off_in_silence(finished: RunStore, outcome_of: Callable[..., Outcome]) -> None:
    lines = [Line("Fe II", 5 + number / 10) for number in range(11)]
    with finished.writer() as writer:
        writer.add(outcome_of("obs2", lines, detected=lines, cutouts=True))
    assert "and 6 more in cutouts/" in text_of(page_of(finished))


def test_many_failures_are_not_cut_off_in_silence(
    finished: RunStore, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]
) -> None:
    with finished.writer() as writer:
        for number in range(FAILURES_SHOWN):
            writer.add(outcome_of(f"bad{number}", lines[:1], status=Status.BAD_REGION))
    page = page_of(finished)
    assert len(rows_of(page, "failure-table")) == FAILURES_SHOWN
    assert "And 2 more, which failures.ecsv lists." in text_of(page)


def test_five_hundred_candidates_fit_into_thirty_megabytes(
    store: RunStore,
    lines: tuple[Line, ...],
    outcome_of: Callable[..., Outcome],
    matched_of: Callable[..., pd.DataFrame],
    ysos_of: Callable[..., pd.DataFrame],
    cutout_of: Callable[..., Cutout],
) -> None:
    """Every spaxel is noise, which compresses worst, and of the notebook's seven lines four stand for all."""
    number, rng = 500, np.random.default_rng(1)
    matched = matched_of({f"obs{index}": [index] for index in range(number)})
    store.write_tables(ysos=ysos_of(range(number)), observations=matched[["obs_id"]], matched=matched)
    noise = rng.normal(size=(4, 48, 48)).astype(np.float32)
    maps = dict(zip(("line_map", "before_map", "after_map", "moment_map"), noise, strict=True))
    curves = dict.fromkeys(("spectrum", "statistic"), rng.normal(size=481))
    around = np.linspace(0.97, 1.03, 481)
    cutouts = tuple(
        replace(cutout_of(line), wavelength_um=line.wavelength_um * around, **maps, **curves) for line in lines
    )
    with store.writer() as writer:
        writer.add(replace(outcome_of("obs0", lines, detected=lines), cutouts=cutouts))
        for index in range(1, number):
            writer.add(outcome_of(f"obs{index}", lines, detected=lines))
    places = store.directory / "cutouts"
    for index in range(1, number):
        for line in lines:
            shutil.copy(cutout_path(places, "obs0", line.name), cutout_path(places, f"obs{index}", line.name))
    path = write_report(load_results(store))
    assert path.stat().st_size * len(NOTEBOOK_LINES) / len(lines) < 30e6
    text = path.read_text("utf-8")
    assert text.count('<tbody class="item"') == number
    assert text.count("<details>") == FULL_ENTRIES
    assert text.count('<section class="panel"') == FULL_ENTRIES * len(lines)
    assert text.count('<figure class="thumbnail"') == number * len(lines)


def test_a_run_that_found_nothing(store: RunStore) -> None:
    page = page_of(store)
    assert "No candidates for extended line emission" in text_of(page)
    assert "In no object were 3 distinct lines detected." in text_of(page)
    assert "Nothing was scanned." in text_of(page)
    assert [item["data-step"] for item in page.select("[data-step]")] == ["scanned", "with_detections", "candidates"]


def test_one_candidate(store: RunStore, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]) -> None:
    with store.writer() as writer:
        writer.add(outcome_of("obs0", lines, detected=lines))
    text = text_of(page_of(store))
    assert "1 candidate for extended line emission" in text
    assert "Statistic" in text


def test_measures_that_a_detector_does_not_give_have_no_column(
    store: RunStore, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]
) -> None:
    with store.writer() as writer:
        writer.add(outcome_of("obs0", lines, detected=lines))
    assert "snr" not in rows_of(page_of(store), "candidate-table")[0]
    outcome = outcome_of("obs1", lines, detected=lines)
    with store.writer() as writer:
        writer.add(replace(outcome, detections=tuple(replace(d, snr=12.345) for d in outcome.detections)))
    cells = page_of(store).select('#candidate-table [data-column="snr"]')
    assert sorted(text_of(cell) for cell in cells) == ["12.3", "–"]


def test_grades_come_first_where_there_are_any(
    store: RunStore, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]
) -> None:
    outcome = outcome_of("obs1", lines, detected=lines)
    measured = tuple(replace(d, p_value=1e-6, velocity_kms=12.5, null_windows=90_000) for d in outcome.detections)
    with store.writer() as writer:
        writer.add(replace(outcome, detections=measured))
    (row,) = rows_of(page_of(store), "candidate-table")
    expected = load_results(store).candidates.iloc[0]
    assert list(row)[:3] == ["rank", "grade", "main_id"]
    assert row["grade"] == expected["grade"] == "A"
    for name in ("q_value", "joint_score", "lines_agreeing", "velocity_kms"):
        assert float(row[name]) == expected[name]


def test_it_is_written_again_in_place(finished: RunStore) -> None:
    first = write_report(load_results(finished))
    os.utime(first, (0, 0))
    assert write_report(open_run(finished.directory).ranked) == first == finished.directory / "report.html"
    assert first.stat().st_mtime > 0


def test_a_run_without_tables(tmp_path: Path) -> None:
    RunStore.create(tmp_path, {"fingerprint": "f00d"})
    with pytest.raises(StoreError, match="cannot read the tables"):
        open_run(tmp_path)
