"""The numbers of a run are the same wherever one reads them: in the report, in each file of a table, in Python."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from click.testing import CliRunner

import feii_dask as fd
from feii_dask.cli import main

Numbers = dict[tuple[str, ...], dict[str, float]]
FORMATS = ("ecsv", "vot", "parquet")
KEYS = {"candidates": ("yso_index",), "detections": ("obs_id", "line"), "summary": ("main_id",)}
# The parts of the page that show a row of each table, and where they name it.
PARTS = {
    "candidates": (r'<tbody class="item" id="yso-(\d+)".*?<div class="images">',),
    "detections": (r'<section class="panel" data-obs="([^"]*)" data-line="([^"]*)">.*?</dl>',),
    "summary": (r'<tr class="item"><td class="name" data-column="main_id">([^<]*)</td>.*?</tr>',),
}
CELLS = (r'data-column="(\w+)"><data value="([^"]*)"', r'<data data-column="(\w+)" value="([^"]*)"')


@pytest.fixture(scope="module")
def run(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of its own, with its report."""
    directory = shutil.copytree(finished_run, tmp_path_factory.mktemp("equal") / "run")
    done = CliRunner().invoke(main, ["rank", str(directory)])
    assert done.exit_code == 0, done.output
    return directory


def in_report(run: Path, name: str) -> Numbers:
    """Return the numbers that the page shows of a table, by row and column."""
    page = (run / "report.html").read_text(encoding="utf-8")
    found: Numbers = {}
    for part in re.finditer(*PARTS[name], page, re.DOTALL):
        key = tuple(unescape(word) for word in part.groups())
        found[key] = {column: float(value) for cell in CELLS for column, value in re.findall(cell, part.group())}
    return found


def rows_of(table: Table, name: str) -> Iterator[tuple[tuple[str, ...], Mapping[str, object]]]:
    for row in table.to_pandas().to_dict("records"):
        yield tuple(str(row[key]) for key in KEYS[name]), row


@pytest.mark.parametrize("name", list(KEYS))
def test_report_tables_and_python_have_the_same_numbers(run: Path, name: str) -> None:
    shown = in_report(run, name)
    tables = [getattr(fd.open_run(run), name), *(Table.read(run / f"{name}.{ending}") for ending in FORMATS)]
    assert len(shown) >= 2
    assert sum(map(len, shown.values())) >= 4 * len(shown)
    for table in tables:
        rows = dict(rows_of(table, name))
        assert set(shown) <= set(rows)
        for key, numbers in shown.items():
            there = {column: value for column, value in numbers.items() if column in rows[key]}
            assert len(there) >= 4
            np.testing.assert_array_equal(
                list(there.values()), np.array([rows[key][column] for column in there], dtype=np.float64)
            )


@pytest.mark.parametrize("name", [*KEYS, "limits"])
@pytest.mark.parametrize("ending", FORMATS)
def test_every_cell_of_a_file_is_that_of_python(run: Path, name: str, ending: str) -> None:
    known, read = getattr(fd.open_run(run), name), Table.read(run / f"{name}.{ending}")
    assert read.colnames == known.colnames
    assert [read[column].unit for column in read.colnames] == [known[column].unit for column in known.colnames]
    for column in known.colnames:
        one, other = np.ma.asarray(read[column].value), np.ma.asarray(known[column].value)
        if other.dtype.kind in "iufb":  # what is missing is masked in some formats, and not a number in others
            there, here = (np.ma.filled(each.astype(np.float64), np.nan) for each in (one, other))
            np.testing.assert_array_equal(there, here)
        else:
            assert texts(one) == texts(other)


def texts(column: np.ma.MaskedArray) -> list[str]:
    return ["" if cell is None else str(cell) for cell in column.tolist()]
