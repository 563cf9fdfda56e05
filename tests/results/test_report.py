import os
import re
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest

from feii_dask.errors import StoreError
from feii_dask.model import Line, Status
from feii_dask.results.candidates import failures, rank
from feii_dask.results.report import FAILURES_SHOWN, write_report
from feii_dask.results.store import RunStore

ATTACK = "<script>alert(1)</script>"


class Page(HTMLParser):
    """The tables, images, steps and text of a report."""

    def __init__(self, store):
        super().__init__()
        self.source = write_report(store).read_text("utf-8")
        self.tags, self.texts, self.images, self.steps = [], [], [], {}
        self.items: list[list[dict[str, str | None]]] = []
        self._cell: dict[str, str | None] | None = None
        self._step: str | None = None
        self._inside = False
        self.feed(self.source)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if tag == "img":
            self.images.append(attributes)
        if "item" in (attributes.get("class") or "").split():
            self.items.append([])
            self._inside = True
        if tag == "td" and self._inside:
            self._cell = {"sort": attributes.get("data-sort"), "text": ""}
            self.items[-1].append(self._cell)
        self._step = attributes.get("data-step", self._step)

    def handle_endtag(self, tag):
        if tag == "td":
            self._cell = None
        if tag == "table":
            self._inside = False
        if tag == "b":
            self._step = None

    def handle_data(self, data):
        self.texts.append(data)
        if self._cell is not None:
            self._cell["text"] += data.strip()
        if self._step and data.strip():
            self.steps.setdefault(self._step, int(re.sub(r"\D", "", data)))

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


@pytest.fixture
def finished(store, lines, outcome_of, ysos_of, targets_of):
    """A run with two candidates, failures, and an archive that means harm."""
    insiders = {"obs0": [0], "obs1": [1, 0], "obs2": [1], ATTACK: [1], "obs4": [2], "obs5": [2]}
    targets = targets_of(insiders)
    targets.loc[4, "uri"] = "s3://bucket/<b>cube</b>.fits"
    ysos = ysos_of(range(3))
    ysos.loc[1, "main_id"] = ATTACK
    store.write_tables(ysos=ysos, observations=targets[["obs_id"]], targets=targets)
    store.update_manifest(
        counts={"ysos": 71234, "with_coordinates": 70000, "cubes": 24512, "matched": 6, "to_scan": 5},
        queries=[{"archive": "SIMBAD", "query": "SELECT '<i>'", "rows": 3}, {"archive": "MAST", "rows": None}],
        versions={"dask": "2026.8.0"},
        lines=[],
    )
    with store.writer() as writer:
        writer.add(outcome_of("obs0", lines, detected=lines[:2], cutouts=True))
        writer.add(outcome_of("obs1", lines, detected=lines[1:3], cutouts=True))
        writer.add(outcome_of(ATTACK, lines, detected=lines[3:]))
        writer.add(outcome_of("obs4", lines, status=Status.UNREADABLE))
        writer.add(outcome_of("region", lines, status=Status.BAD_REGION))
    return store


def test_every_number_is_that_of_the_run(finished):
    page = Page(finished)
    tables, outcomes = finished.read_tables(), finished.outcomes()
    candidates = rank(outcomes, tables.targets, tables.ysos)
    assert len(candidates) == 2
    shown = pd.DataFrame(
        [[cell["sort"] or cell["text"] for cell in item[:8]] for item in page.items[: len(candidates)]],
        columns=["rank", "main_id", "n_lines", "n_cubes_detected", "statistic", "ra", "dec", "separation_arcsec"],
    )
    expected = candidates[list(shown)]
    pd.testing.assert_frame_equal(shown.astype(expected.dtypes), expected, check_exact=True)
    assert [item[3]["text"] for item in page.items[:2]] == ["2 of 2", "2 of 2"]
    failed = failures(outcomes, tables.targets)
    listed = [[cell["text"] for cell in item] for item in page.items[len(candidates) :]]
    assert listed == [
        [row["obs_id"], row["status"].replace("_", " "), row["reason"], row["uri"] or "–", str(row["attempt"])]
        for row in failed.to_dict("records")
    ]
    assert page.steps == {
        **finished.manifest["counts"],
        "scanned": 3,
        "with_detections": 3,
        "candidates": 2,
    }
    assert "2 candidates for extended line emission" in page.text
    assert "25.0 % of the cubes that should have been scanned failed" in page.text
    assert "2 of the matched cubes have no outcome yet" in page.text


def test_what_archives_write_is_text(finished):
    page = Page(finished)
    assert ATTACK not in page.source
    assert ATTACK in page.text
    assert "s3://bucket/<b>cube</b>.fits" in page.text
    assert "SELECT '<i>'" in page.text
    assert sum(tag == "script" for tag, _ in page.tags) == 1
    assert "<b>cube" not in page.source
    assert "<i>'" not in page.source


def test_the_page_needs_nothing_from_outside(finished):
    page = Page(finished)
    for tag, attributes in page.tags:
        for name in ("src", "href", "action", "data", "srcset", "poster"):
            assert attributes.get(name, "data:").startswith("data:"), tag
    assert not {tag for tag, _ in page.tags} & {"link", "iframe", "object", "base", "form"}
    assert "url(" not in page.source
    assert "@import" not in page.source
    policies = [attributes["content"] for tag, attributes in page.tags if "http-equiv" in attributes]
    assert policies[0].startswith("default-src 'none'")


def test_each_line_of_a_candidate_has_an_image_that_is_described(finished):
    page = Page(finished)
    described = [image["alt"] for image in page.images]
    assert described == [
        f"{ATTACK} in the line Fe II 5.340 µm, cube obs1",
        f"{ATTACK} in the line Fe II 17.936 µm, cube obs1",
        "YSO 0 in the line Fe II 1.644 µm, cube obs0",
        "YSO 0 in the line Fe II 5.340 µm, cube obs0",
        "YSO 0 in the line Fe II 17.936 µm, cube obs1",
    ]
    assert page.text.count("no image stored") == 1


def test_many_lines_are_not_cut_off_in_silence(finished, outcome_of):
    lines = [Line("Fe II", 5 + number / 10) for number in range(11)]
    with finished.writer() as writer:
        writer.add(outcome_of("obs2", lines, detected=lines, cutouts=True))
    page = Page(finished)
    assert "and 6 more in cutouts/" in page.text


def test_many_failures_are_not_cut_off_in_silence(finished, lines, outcome_of):
    with finished.writer() as writer:
        for number in range(FAILURES_SHOWN):
            writer.add(outcome_of(f"bad{number}", lines[:1], status=Status.BAD_REGION))
    page = Page(finished)
    assert len(page.items) == 2 + FAILURES_SHOWN
    assert "And 2 more, which failures.ecsv lists." in page.text


def test_a_run_that_found_nothing(store):
    page = Page(store)
    assert "No candidates for extended line emission" in page.text
    assert "In no object were 3 distinct lines detected." in page.text
    assert "Nothing was scanned." in page.text
    assert page.steps == {"scanned": 0, "with_detections": 0, "candidates": 0}


def test_one_candidate(store, lines, outcome_of):
    with store.writer() as writer:
        writer.add(outcome_of("obs0", lines, detected=lines))
    page = Page(store)
    assert "1 candidate for extended line emission" in page.text
    assert "Statistic" in page.text


def test_measures_that_a_detector_does_not_give_have_no_column(store, lines, outcome_of):
    with store.writer() as writer:
        writer.add(outcome_of("obs0", lines, detected=lines))
    assert "S/N" not in Page(store).text
    outcome = outcome_of("obs1", lines, detected=lines)
    measured = tuple(replace(detection, snr=12.345, p_value=2e-9) for detection in outcome.detections)
    with store.writer() as writer:
        writer.add(replace(outcome, detections=measured))
    page = Page(store)
    assert "S/N" in page.text
    assert [[cell["text"] for cell in item[5:7]] for item in page.items] == [["–", "–"], ["12.3", "2e−09"]]


def test_it_is_written_again_in_place(finished):
    first = write_report(finished)
    os.utime(first, (0, 0))
    assert write_report(RunStore.open(finished.directory)) == first == finished.directory / "report.html"
    assert first.stat().st_mtime > 0


def test_a_run_without_tables(tmp_path):
    store = RunStore.create(tmp_path, {"fingerprint": "f00d"})
    with pytest.raises(StoreError, match="cannot read the tables"):
        write_report(store)
