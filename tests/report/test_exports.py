"""What is exported comes back by the programs that read it, with units, descriptions and UCDs."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io.votable import parse, validate
from astropy.io.votable.ucd import check_ucd
from astropy.table import Table
from regions import CircleSkyRegion, PolygonSkyRegion, Regions

from feii_dask import __version__
from feii_dask.errors import StoreError
from feii_dask.model import Line, Outcome, Status
from feii_dask.ranking.results import RankedRun, load_results
from feii_dask.report.columns import CANDIDATES, DETECTIONS, FAILURES, LIMITS, SUMMARY
from feii_dask.report.exports import write_exports
from feii_dask.store.run_store import RunStore
from feii_dask.store.stored_columns import OUTCOMES, STORED_TABLES, Column

HARMFUL = "<b>{T\nTau} & \x07 “ # ; T"
ESCAPED = r"<b>{T\nTau} & \x07 “ # ; T"  # as any reader of tables takes it


@pytest.fixture
def result(store: RunStore, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]) -> RankedRun:
    """A run with matched cubes, candidates and failures."""
    tables = store.read_tables()
    tables.ysos.loc[1, "main_id"] = HARMFUL
    store.write_tables(**tables._asdict())
    with store.writer() as writer:
        writer.add(outcome_of("obs0", lines, detected=lines[:2]))
        writer.add(outcome_of("obs3", lines, detected=lines[2:]))
        writer.add(outcome_of("obs1", lines, detected=lines))
        writer.add(outcome_of("obs2", lines, status=Status.UNREADABLE))
        writer.add(outcome_of('odd; "id"\nof two lines', lines, status=Status.BAD_REGION))
    return load_results(store)


def test_every_column_is_described_and_its_ucd_exists(result: RankedRun) -> None:
    assert list(CANDIDATES) == list(result.candidates)
    assert list(FAILURES) == list(result.failures)
    assert list(DETECTIONS) == list(result.detections)
    assert list(LIMITS) == list(result.limits)
    assert list(SUMMARY) == list(result.summary)
    tables = (CANDIDATES, FAILURES, DETECTIONS, LIMITS, SUMMARY, OUTCOMES, *STORED_TABLES.values())
    for column in (column for table in tables for column in table.values()):
        u.Unit(column.unit)
        assert column.description
        assert not column.ucd or check_ucd(column.ucd, check_controlled_vocabulary=True), column.ucd


def test_ecsv_comes_back_with_units_and_descriptions(store: RunStore, result: RankedRun) -> None:
    candidates = result.candidates.replace({"main_id": {HARMFUL: ESCAPED}})
    write_exports(result)
    table = Table.read(store.directory / "candidates.ecsv")
    assert table.colnames == list(candidates)
    assert table["ra"].unit == u.deg
    assert table["separation_arcsec"].unit == u.arcsec
    assert table["velocity_kms"].unit == u.km / u.s
    assert all(table[name].description for name in table.colnames)
    assert table.meta == {"fingerprint": "f00d", "feii_dask": __version__}
    back = table.to_pandas().fillna({"grade": "", "shares_light_with": ""}).astype(candidates.dtypes)
    pd.testing.assert_frame_equal(back, candidates)
    pd.testing.assert_frame_equal(pd.read_parquet(store.directory / "candidates.parquet"), candidates)


def test_the_votable_is_valid_and_says_the_same(store: RunStore, result: RankedRun) -> None:
    candidates = result.candidates
    write_exports(result)
    path = store.directory / "candidates.vot"
    report = StringIO()
    assert validate(str(path), report), report.getvalue()
    table = parse(path, verify="exception").get_first_table()
    assert [field.name for field in table.fields] == list(candidates)
    assert {field.name: field.ucd or "" for field in table.fields} == {n: c.ucd for n, c in CANDIDATES.items()}
    assert [field.ref for field in table.fields if field.name in ("ra", "dec")] == ["icrs", "icrs"]
    back = table.to_table()
    assert back["ra"].unit == u.deg
    for name in candidates.select_dtypes("number"):
        np.testing.assert_array_equal(np.ma.filled(back[name].astype(float), np.nan), candidates[name].astype(float))
    assert ESCAPED in list(back["main_id"])


def test_votables_of_any_width_leave_the_memory_whole(tmp_path: Path) -> None:
    """Python checks its memory if asked to, and aborts."""
    script = f"""
from pathlib import Path
from astropy.table import Table
from feii_dask.report.table_files import write_votable
for width in range(100, 260, 7):
    write_votable(Path({str(tmp_path / "wide.vot")!r}), Table({{"name": ["x" * width], "snr": [1.5]}}))
"""
    environment = os.environ | {"PYTHONMALLOC": "debug"}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True)


def test_footprints_come_back_as_regions(store: RunStore, result: RankedRun) -> None:
    matched, candidates = result.matched, result.candidates
    matched.loc[0, "s_region"] = "CIRCLE ICRS 359.9 -30 0.5"
    matched.loc[1, "s_region"] = "POLYGON -0.5 10 0.5 10 0.5 11"
    matched.loc[2, "s_region"] = "nowhere"
    write_exports(result)
    shapes = Regions.read(store.directory / "footprints.reg", format="ds9")
    cubes, marks = shapes[: len(matched) - 1], shapes[len(matched) - 1 :]
    assert [cube.meta["text"] for cube in cubes] == [obs_id for obs_id in matched["obs_id"] if obs_id != "obs2"]
    assert isinstance(cubes[0], CircleSkyRegion)
    assert cubes[0].radius == 0.5 * u.deg
    assert isinstance(cubes[1], PolygonSkyRegion)
    np.testing.assert_allclose(cubes[1].vertices.ra.deg, [359.5, 0.5, 0.5])
    centres = SkyCoord([mark.center for mark in marks])
    assert (centres.separation(SkyCoord(candidates["ra"], candidates["dec"], unit="deg")) < 1 * u.mas).all()
    assert r"<b>T\nTau & \x07 “   T" in [mark.meta["text"] for mark in marks]


def test_failures_come_back(store: RunStore, result: RankedRun) -> None:
    write_exports(result)
    table = Table.read(store.directory / "failures.ecsv")
    assert all(table[name].description for name in table.colnames)
    back = table.filled("").to_pandas()
    escaped = result.failures.assign(obs_id=result.failures["obs_id"].str.replace("\n", r"\n"))
    assert back.to_dict("records") == escaped.to_dict("records")
    assert set(result.failures["obs_id"]) == {"obs2", 'odd; "id"\nof two lines'}


def test_nothing_found_gives_tables_without_rows(store: RunStore, result: RankedRun) -> None:
    write_exports(replace(result, candidates=result.candidates[:0], failures=result.failures[:0]))
    for name in ("candidates.ecsv", "failures.ecsv", "candidates.vot"):
        assert len(Table.read(store.directory / name)) == 0
    assert validate(str(store.directory / "candidates.vot"), StringIO())
    assert "<TABLEDATA>" in (store.directory / "candidates.vot").read_text(
        encoding="utf-8"
    )  # else TOPCAT sees no table
    kinds = {Table.read(store.directory / f"candidates.{ending}")["main_id"].dtype.kind for ending in ("ecsv", "vot")}
    assert kinds <= set("OU")
    assert pd.read_parquet(store.directory / "candidates.parquet").empty


def test_a_directory_that_is_gone(store: RunStore, result: RankedRun, tmp_path: Path) -> None:
    manifest = (store.directory / "run.json").read_bytes()
    store.directory.rename(tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        write_exports(result)
    assert (tmp_path / "elsewhere" / "run.json").read_bytes() == manifest


@pytest.mark.parametrize(("name", "columns"), [("detections", DETECTIONS), ("limits", LIMITS), ("summary", SUMMARY)])
def test_parquet_holds_its_columns_as_a_votable(
    store: RunStore, result: RankedRun, name: str, columns: dict[str, Column]
) -> None:
    write_exports(result)
    path = store.directory / f"{name}.parquet"
    kept = pq.read_metadata(path).metadata
    assert kept[b"IVOA.VOTable-Parquet.version"] == b"1.0"
    document = kept[b"IVOA.VOTable-Parquet.content"]
    assert b"<DATA" not in document
    fields = parse(BytesIO(document)).get_first_table().fields
    assert [field.name for field in fields] == pq.read_schema(path).names
    assert {field.name: field.ucd for field in fields} == {name: column.ucd or None for name, column in columns.items()}
    table = Table.read(path, format="parquet.votable")
    assert len(table) == len(getattr(result, name))
    assert {name: str(table[name].unit or "") for name in table.colnames} == {
        name: str(u.Unit(column.unit)) for name, column in columns.items()
    }


def test_tables_that_hold_the_rows_already_are_left_alone(store: RunStore, result: RankedRun) -> None:
    store.update_manifest(seals=write_exports(result))
    paths = [store.directory / f"detections.{ending}" for ending in ("ecsv", "vot", "parquet")]
    before = [path.stat().st_ino for path in paths]  # a file that is written anew is another one
    assert set(write_exports(result)) == set(store.manifest["seals"])
    assert [path.stat().st_ino for path in paths] == before
    changed = replace(result, outcomes=result.outcomes.query("obs_id != 'obs1'"))
    write_exports(changed)
    assert [path.stat().st_ino for path in paths] != before


@pytest.mark.parametrize("ending", ["ecsv", "vot", "parquet"])
def test_a_table_that_somebody_else_wrote_is_written_again(store: RunStore, result: RankedRun, ending: str) -> None:
    seals = write_exports(result)
    path = store.directory / f"detections.{ending}"
    good = path.read_bytes()
    path.write_bytes(b"<script>")
    own = {**seals, path.name: hashlib.sha256(b"<script>").hexdigest()}
    for manifest in ({"seals": seals}, {"seals": own}, {"seals": "no mapping"}):
        store.update_manifest(**manifest)
        write_exports(result)
        assert path.read_bytes() == good
        path.write_bytes(b"<script>")
