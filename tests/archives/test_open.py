"""Which catalogue and which archive of cubes are opened, and what that imports."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from feii_dask.archives import ArchiveQuery, Selection, open_catalogue, open_cube_archive
from feii_dask.config.loading import load_settings
from feii_dask.config.missions import find_mission
from feii_dask.workflow import archive_query
from tests.replica import SIMBAD, Replica

from .sky import write_sky

JWST = find_mission("jwst")


def test_live_archives_with_a_selection(replica: Replica) -> None:
    selection = Selection(instrument_name=("MIRI/IFU",), proposal_id=("1290",))
    query = ArchiveQuery(mission=JWST, otype="TT*", selection=selection, cache_days=0)
    catalogue, archive = open_catalogue(query), open_cube_archive(query)
    assert set(catalogue.ysos()["otype"]) == {"TT*"}
    assert set(archive.observations()["proposal_id"]) == {"1290"}
    assert [record.service for record in (*catalogue.queries, *archive.queries)] == ["SIMBAD", "MAST"]


def test_tables_go_to_the_cache_directory(replica: Replica, tmp_path: Path) -> None:
    for directory in (None, tmp_path / "elsewhere"):
        open_catalogue(ArchiveQuery(mission=JWST, cache_directory=directory)).find_object("TMC1A")
    assert len(list((tmp_path / "cache" / "feii_dask").glob("*.parquet"))) == 1
    assert len(list((tmp_path / "elsewhere").glob("*.parquet"))) == 1


def test_a_folder_without_objects_has_those_of_simbad(
    replica: Replica, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sky = write_sky(tmp_path / "sky")
    (sky / "ysos.parquet").unlink()
    query = ArchiveQuery(mission=JWST, archive=sky, otype="TT*")
    catalogue, archive = open_catalogue(query), open_cube_archive(query)
    assert "holds no table of objects: SIMBAD is asked" in caplog.text
    assert set(catalogue.ysos()["otype"]) == {"TT*"}
    assert list(catalogue.find_object("TMC1A")["main_id"]) == ["NAME TMC1A"]
    archive.observations()
    assert [record.service for record in catalogue.queries] == ["SIMBAD", "SIMBAD"]
    assert [record.service for record in archive.queries] == ["folder"]


def test_own_targets_and_the_archives_cubes(replica: Replica, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("name,ra,dec\nMine,83.15,-5.25\n")
    query = ArchiveQuery(mission=JWST, targets=tmp_path / "mine.csv")
    catalogue, archive = open_catalogue(query), open_cube_archive(query)
    assert list(catalogue.ysos()["main_id"]) == ["Mine"]
    assert len(archive.observations()) == 27
    assert [record.service for record in (*catalogue.queries, *archive.queries)] == ["file", "MAST"]
    assert not replica.requests(SIMBAD)


def test_a_folder_imports_no_client(tmp_path: Path) -> None:
    write_sky(tmp_path)
    code = (
        "import sys; from feii_dask.archives import ArchiveQuery, open_catalogue, open_cube_archive;"
        "from feii_dask.config.missions import find_mission;"
        f"query = ArchiveQuery(mission=find_mission('jwst'), archive={str(tmp_path)!r});"
        "open_catalogue(query).ysos(); open_cube_archive(query).observations();"
        "print({'astroquery', 'pyvo', 'requests', 'dask', 'distributed'} & set(sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"


def test_every_setting_of_the_archives_is_in_the_query() -> None:
    options = {"target": ("TMC1A",), "otype": "TT*", "fallback": "https", "max_rows": 9, "cache_days": 2.0}
    selection = {"filters": ("CH1*",), "proposal_id": ("1290",)}
    settings = load_settings(mission="jwst", archive="live", instrument=["MIRI/IFU"], **options, **selection)
    expected = Selection(instrument_name=("MIRI/IFU",), **selection)
    assert archive_query(settings) == ArchiveQuery(mission=JWST, selection=expected, **options)
    assert archive_query(load_settings(targets="mine.csv")).targets == load_settings(targets="mine.csv").targets
