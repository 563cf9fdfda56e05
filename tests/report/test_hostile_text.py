"""Tables, pages and regions with texts of strangers in them are read again as text, and not as anything else."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from astropy.table import Table
from bs4 import BeautifulSoup

from feii_dask.errors import StoreError
from feii_dask.model import MatchedCube, Outcome, Status
from feii_dask.report.table_files import write_ecsv
from tests.runs import make_outcome
from tests.store.foreign import LINES, call, make_foreign_run

HOSTILE = {
    "lines": "TMC 1\n# - {name: rank}\n#\n1 A evil",
    "terminal": "TMC 1\x1b]0;owned\x07\x1b[2J\x9b31m",
    "comment": "# not a comment",
    "bidi": "TMC \u202e1A\u2066\u2028next",
    "surrogate": "TMC \U0001f600 \x00 \x85",
    "quotes": '"TMC" \'1\' "" , ; \\',
    "blanks": "  TMC 1A \t ",
    "markup": "<script>alert(1)</script>{{ 7 * 7 }}",
    "long": "x" * 1_000_000,
    "nan": "nan",
}


def hostile_run(directory: Path, text: str) -> Path:
    """Return a run whose objects, identifiers and reasons are that text."""
    store = make_foreign_run(directory)
    tables = directory / "tables"
    ysos = pd.read_parquet(tables / "ysos.parquet")
    ysos.assign(main_id=text).to_parquet(tables / "ysos.parquet")
    matched = pd.read_parquet(tables / "matched.parquet")
    hostile = matched.head(2).assign(obs_id=[text, f"{text}!"], uri=text)
    pd.concat([matched, hostile], ignore_index=True).to_parquet(tables / "matched.parquet")
    with store.writer() as writer:
        writer.add(make_outcome(text, LINES, detected=LINES))
        writer.add(
            Outcome.without_scan(
                MatchedCube(obs_id=f"{text}!", uri=None), LINES, Status.UNREADABLE, f"{text}\nat the end"
            )
        )
    return directory


@pytest.mark.parametrize("kind", HOSTILE)
def test_whatever_was_written_can_be_read(kind: str, tmp_path: Path) -> None:
    run = hostile_run(tmp_path / "run", HOSTILE[kind])
    assert call("rank", str(run)).exit_code == 0
    candidates = Table.read(run / "candidates.ecsv", format="ascii.ecsv")
    failures = Table.read(run / "failures.ecsv", format="ascii.ecsv")
    assert len(candidates) == 3
    assert len(failures) == 1
    assert list(candidates["main_id"]) == list(pd.read_parquet(run / "candidates.parquet")["main_id"])
    assert [str(name) for name in Table.read(run / "candidates.vot")["main_id"]] == list(candidates["main_id"])
    texts = [*candidates["main_id"], *candidates["obs_ids"], *failures["reason"], *failures["obs_id"]]
    assert all(text.isprintable() for text in texts)
    assert max(map(len, texts)) <= 100_000
    assert max(len(name) for name in candidates["main_id"]) <= 301
    regions = (run / "footprints.reg").read_text()
    assert all(line.isprintable() and len(line) < 1000 for line in regions.splitlines())
    page = (run / "report.html").read_text()
    assert len(page) < 3_000_000
    assert not set(page) & {"\x1b", "\x07", "\x9b", "\u202e", "\u2066", "\u2028", "\x00"}
    assert {tag.string for tag in BeautifulSoup(page, "html.parser").find_all("script")}.isdisjoint({"alert(1)"})


def test_names_as_archives_have_them_are_not_changed(tmp_path: Path) -> None:
    name = "[BHS98] MHO 3 *, α'"
    run = hostile_run(tmp_path / "run", name)
    call("rank", str(run))
    assert set(Table.read(run / "candidates.ecsv")["main_id"]) == {name}


def test_a_table_that_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="read again"):
        write_ecsv(tmp_path / "t.ecsv", Table({"main_id": ["a", HOSTILE["lines"]], "rank": [1, 2]}))
    assert list(tmp_path.iterdir()) == []
