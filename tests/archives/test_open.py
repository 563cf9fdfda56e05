"""The way in: which archive is opened, and what that costs."""

import logging
import subprocess
import sys

from feii_dask.archives import Archive, open_archive
from feii_dask.config.missions import find_mission
from tests.replica import SIMBAD

from .sky import write_sky


def test_live_archive_with_its_selection(replica, tmp_path):
    archive: Archive = open_archive(
        "live", find_mission("jwst"), otype="TT*", instrument=["MIRI/IFU"], proposal_id=["1290"], cache_days=0
    )
    assert set(archive.ysos()["otype"]) == {"TT*"}
    assert set(archive.observations()["proposal_id"]) == {"1290"}
    assert len(archive.queries) == 2


def test_answers_go_to_the_cache_directory(replica, tmp_path):
    for directory in (None, tmp_path / "elsewhere"):
        open_archive("live", find_mission("jwst"), cache_directory=directory).find_object("TMC1A")
    assert len(list((tmp_path / "cache" / "feii_dask").glob("*.parquet"))) == 1
    assert len(list((tmp_path / "elsewhere").glob("*.parquet"))) == 1


def test_a_directory_without_objects_has_those_of_simbad(replica, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    sky = write_sky(tmp_path / "sky")
    (sky / "ysos.parquet").unlink()
    archive = open_archive(sky, find_mission("jwst"), otype="TT*")
    assert "holds no table of objects: SIMBAD is asked" in caplog.text
    assert set(archive.ysos()["otype"]) == {"TT*"}
    assert list(archive.find_object("TMC1A")["main_id"]) == ["NAME TMC1A"]
    archive.observations()
    assert [query.service for query in archive.queries] == ["SIMBAD", "SIMBAD", "folder"]


def test_own_targets_and_the_archives_cubes(replica, tmp_path):
    (tmp_path / "mine.csv").write_text("name,ra,dec\nMine,83.15,-5.25\n")
    archive = open_archive("live", find_mission("jwst"), targets=tmp_path / "mine.csv")
    assert list(archive.ysos()["main_id"]) == ["Mine"]
    assert len(archive.observations()) == 27
    assert [query.service for query in archive.queries] == ["file", "MAST"]
    assert not replica.requests(SIMBAD)


def test_folder_archive_imports_no_client(tmp_path):
    write_sky(tmp_path)
    code = (
        "import sys; from feii_dask.archives import open_archive; from feii_dask.config.missions import find_mission;"
        f"open_archive({str(tmp_path)!r}, find_mission('jwst')).ysos();"
        "print({'astroquery', 'pyvo', 'requests', 'dask', 'distributed'} & set(sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"
