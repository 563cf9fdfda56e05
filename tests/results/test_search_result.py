"""A run in the hand: tables with units, a text of a few lines, and the figure of a candidate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from math import nan
from pathlib import Path

import pandas as pd
import pytest
from astropy import units as u
from astropy.table import QTable
from matplotlib.figure import Figure

import feii_dask as fd
from feii_dask.errors import SettingsError, StoreError, TargetError
from feii_dask.model import Detection, Kind, Line, Outcome, UnidentifiedLine
from feii_dask.report.exports import write_exports
from feii_dask.results.detection_table import FoundLine
from feii_dask.store.run_store import RunStore

MET = UnidentifiedLine(wavelength_um=5.3, kind=Kind.COMPACT, statistic=9.0)


def measured(outcome: Outcome, kind: Kind = Kind.EXTENDED) -> Outcome:
    """The same outcome with numbers, its lines of one kind."""

    def numbers(number: int, detection: Detection) -> Detection:
        found = detection.detected
        return replace(
            detection,
            detected=found and kind is Kind.EXTENDED,
            kind=kind if found else Kind.NONE,
            p_value=1e-6 if found else 0.5,
            velocity_kms=-40.0 + number,
            velocity_error_kms=4.0,
            flux=2e-18,
            flux_error=1e-19,
            on_data=(0, 1, 2),
            flux_sigma_beam=(1e-20, 2e-20, nan),
            flux_sigma_jet=(2e-20, 4e-20, nan),
            unidentified=(UnidentifiedLine(wavelength_um=5.3, kind=Kind.COMPACT, statistic=9.0),)
            if number == 0
            else (),
        )

    return replace(outcome, detections=tuple(numbers(n, d) for n, d in enumerate(outcome.detections)))


@pytest.fixture
def run(store: RunStore, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]) -> RunStore:
    """Two objects with extended lines, one of them in two cubes, and one with a compact line."""
    with store.writer() as writer:
        writer.add(measured(outcome_of("obs0", lines, detected=lines[:2], cutouts=True)))
        writer.add(measured(outcome_of("obs3", lines, detected=lines[:1], cutouts=True), Kind.COMPACT))
        writer.add(measured(outcome_of("obs1", lines, detected=lines[2:], cutouts=True)))
        writer.add(measured(outcome_of("obs2", lines, detected=lines[:1], cutouts=True), Kind.COMPACT))
    return store


def test_detections_are_of_any_kind_with_units(run: RunStore) -> None:
    table = fd.open_run(run.directory).detections
    kinds = {(row["main_id"], row["obs_id"], row["line"], row["kind"]) for row in table}
    assert ("YSO 0", "obs0", "Fe II 1.644", "extended") in kinds
    assert ("YSO 0", "obs3", "Fe II 1.644", "compact") in kinds
    assert ("YSO 2", "obs2", "Fe II 1.644", "compact") in kinds
    assert {row[:2] for row in kinds if row[2:] == ("unidentified", "compact")} == {
        ("YSO 0", "obs0"),
        ("YSO 0", "obs3"),
        ("YSO 1", "obs1"),
        ("YSO 2", "obs2"),
    }
    assert len(kinds) == len(table) == 10
    for name, unit in {"flux": u.W / u.m**2, "velocity_kms": u.km / u.s, "observed_um": u.um, "ra": u.deg}.items():
        assert table[name].unit == unit
    first = table[table["line"] == "Fe II 1.644"][0]
    assert first["observed_um"].to_value("um") == pytest.approx(1.644002 * (1 - 40 / 299792.458))
    assert all(table[name].info.description for name in table.colnames)


def test_only_lines_with_extent_make_candidates(run: RunStore) -> None:
    candidates = fd.open_run(run.directory).candidates
    assert list(candidates["main_id"]) == ["YSO 1", "YSO 0"]
    assert candidates["ra"].unit == u.deg
    assert candidates.to_pandas()["n_lines"].tolist() == [2, 2]


@pytest.mark.parametrize("name", ["candidates", "detections", "limits", "summary"])
@pytest.mark.parametrize("suffix", ["ecsv", "vot", "parquet"])
def test_files_and_python_say_the_same(run: RunStore, name: str, suffix: str) -> None:
    result = fd.open_run(run.directory)
    write_exports(result.ranked)
    stored, held = QTable.read(run.directory / f"{name}.{suffix}"), getattr(result, name)
    assert stored.colnames == held.colnames
    assert len(stored) == len(held) > 0
    for column in held.colnames:
        assert stored[column].unit == held[column].unit, column
        assert " ".join(stored[column].info.description.split()) == held[column].info.description
    for column in held.to_pandas().select_dtypes("float"):
        pd.testing.assert_series_equal(stored.to_pandas()[column], held.to_pandas()[column])


@pytest.mark.parametrize("name", ["ysos", "observations", "matched"])
def test_stored_tables_have_units(run: RunStore, name: str) -> None:
    table = QTable.read(run.directory / "tables" / f"{name}.parquet")
    if name == "ysos":
        assert table["ra"].unit == u.deg
    if name == "matched":
        assert table["s_dec"].unit == u.deg


def test_outcomes_have_units(run: RunStore) -> None:
    part = next((run.directory / "outcomes").glob("*.parquet"))
    table = QTable.read(part)
    assert table["flux"].unit == u.W / u.m**2
    assert table["wavelength_um"].unit == u.um


@pytest.mark.parametrize("named", ["YSO 1", 1, "row"])
def test_the_figure_of_a_candidate(run: RunStore, named: str | int) -> None:
    result = fd.open_run(run.directory)
    figure = result.plot(result.candidates[0] if named == "row" else named)
    assert isinstance(figure, Figure)
    assert "YSO 1" in figure.get_suptitle()
    figure.savefig(BytesIO())


@pytest.mark.parametrize("named", ["YSO 9", 7])
def test_no_figure_of_what_is_no_candidate(run: RunStore, named: str | int) -> None:
    with pytest.raises(TargetError, match="no candidate"):
        fd.open_run(run.directory).plot(named)


def test_a_detection_leads_to_its_cutout(run: RunStore) -> None:
    table = fd.open_run(run.directory).detections
    row = table[table["kind"] == "extended"][0]
    assert isinstance(row, FoundLine)
    assert row.path.is_file()
    assert row.cutout.line.name == row["line"]
    assert row["line"] in row.plot().get_suptitle()
    with pytest.raises(StoreError, match="nobody asked"):
        table[table["line"] == "unidentified"][0].plot()


def test_the_text_of_a_result(run: RunStore) -> None:
    tables = run.read_tables()
    tables.ysos.loc[1, "main_id"] = "<b>evil\x1b[2J"
    run.write_tables(**tables._asdict())
    result = fd.open_run(run.directory)
    text, page = repr(result), result._repr_html_()
    assert len(text.splitlines()) <= 9
    assert "2 candidates" in text
    assert "YSO 0: Fe II 1.644; Fe II 5.340 (extended)" in text
    assert "\x1b" not in text + page
    assert "<b>evil" not in page
    assert "&lt;b&gt;evil" in page


def test_in_a_notebook_the_report_is_a_link(run: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = fd.open_run(run.directory)
    assert "<a" not in result._repr_html_()  # there is no report yet
    (run.directory / "report.html").write_text("")
    monkeypatch.chdir(run.directory.parent)
    assert f'<a href="{run.directory.name}/report.html" target="_blank">' in result._repr_html_()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")  # Jupyter serves what is below the notebook
    assert "<a" not in result._repr_html_()


def test_an_unfinished_run_opens(store: RunStore) -> None:
    result = fd.open_run(store.directory)
    assert len(result.detections) == len(result.candidates) == 0
    assert result.detections["flux"].unit == u.W / u.m**2
    assert "0 candidates" in repr(result)


def test_what_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in ("nowhere", "file", "."):
        with pytest.raises(SettingsError, match="holds no run"):
            fd.open_run(tmp_path / place)


def test_a_torn_part_costs_its_own_cubes(run: RunStore, caplog: pytest.LogCaptureFixture) -> None:
    (part,) = (run.directory / "outcomes").glob("*.parquet")
    part.write_bytes(part.read_bytes()[:-99])
    assert len(fd.open_run(run.directory).outcomes) == 0
    assert "is damaged" in caplog.text
