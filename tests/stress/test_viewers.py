"""The stress run of the viewers in small: the programs that are here open what a run leaves."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import feii_dask as fd
from tests.stress.viewers import in_specutils, make_small_run
from tests.stress.viewers_ds9 import ds9_rows
from tests.stress.viewers_tables import table_rows


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> fd.SearchResult:
    return make_small_run(tmp_path_factory.mktemp("viewers"))


@pytest.mark.filterwarnings("ignore")  # of the import of specutils' dependencies
def test_a_spectrum_is_one(opened: fd.SearchResult) -> None:
    rows = in_specutils(opened)
    assert [row["program"] for row in rows] == ["specutils"]
    assert rows[0]["opened"] is True
    assert str(rows[0]["what"]).endswith(" Jy")


@pytest.mark.skipif(not shutil.which("stilts"), reason="no stilts here: apt-get install stilts")
def test_stilts_finds_no_fault_in_the_tables(opened: fd.SearchResult) -> None:
    assert len(opened.limits)
    rows = table_rows(opened.run.directory)
    votables = [row for row in rows if str(row["file"]).endswith(".vot")]
    assert len(votables) == 8
    assert [row for row in votables if row["opened"] is not True] == []
    assert [row for row in rows if row["opened"] is False] == []


@pytest.mark.skipif(not shutil.which("ds9") or not shutil.which("xvfb-run"), reason="no ds9 here, or no xvfb-run")
def test_ds9_shows_cutouts_and_regions(opened: fd.SearchResult, tmp_path: Path) -> None:
    rows = ds9_rows(opened, tmp_path)
    assert {row["file"] for row in rows} == {"cutout", "regions of a candidate"}
    assert [row for row in rows if row["opened"] is not True] == []


def test_a_program_that_is_not_here_is_said_to_be_missing(
    opened: fd.SearchResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    rows = [*table_rows(opened.run.directory), *ds9_rows(opened, tmp_path)]
    assert {row["program"]: row["what"] for row in rows} == dict.fromkeys(("stilts", "ds9"), "not installed here")
