"""What users bring along: their own objects, their own cubes, their own detector."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table
from distributed import Client

import feii_dask as fd
from feii_dask.archives import ArchiveQuery, open_cube_archive
from feii_dask.config.missions import find_mission
from feii_dask.errors import ClusterError, DetectorError, SettingsError, TargetError
from feii_dask.store.run_store import SCIENCE_COLUMNS
from tests.skies import truth_of

DETECTOR = """
from feii_dask.detectors.notebook import extension_vs_wavebin
from feii_dask.model import Detection

def extent(data):
    return extension_vs_wavebin(data)

def broken(data):
    raise RuntimeError(f"no licence for {len(data)} planes")

def short(data):
    return [1.0]

class Brightest:
    def plane_range(self, wavelength_um, line, rv_kms=0.0):
        plane = int(abs(wavelength_um - line.wavelength_um).argmin())
        return max(0, plane - 2), plane + 3

    def detect(self, window):
        return Detection(line=window.line, detected=True, statistic=float(window.planes.max()), p_value=0.001)

class OfBefore:
    def plane_range(self, wavelength_um, line, rv_kms=0.0):
        return 0, 1

    def measure(self, sci, wavelength_um, line, err=None, rv_kms=0.0, pixel_arcsec=0.13):
        return Detection(line=line)

nothing = 3
"""


def search(sky: Path, client: Client, **options: object) -> fd.SearchResult:
    return fd.search(fd.load_settings(**{"archive": sky, "out": "run", "lines": ["notebook"]} | options), client)


def write_detector(name: str) -> str:
    """Write the detectors into a module of the working directory; each test has one of its own."""
    Path(f"{name}.py").write_text(DETECTOR)
    return name


@pytest.fixture
def stars(sky: Path) -> Table:
    """Two of the stars that have jets, as a catalogue might list them."""
    names = list(dict.fromkeys(truth_of(sky).query("kind == 'jet'")["main_id"]))[:2]
    ysos = Table.read(sky / "ysos.ecsv")
    ysos = ysos[[name in names for name in ysos["main_id"]]]
    ysos.rename_columns(["main_id", "ra", "dec"], ["Name", "_RAJ2000", "_DEJ2000"])
    return ysos


def test_own_targets_and_own_detector_together(sky: Path, stars: Table, client: Client) -> None:
    stars.write("mine.csv")
    result = search(sky, client, targets="mine.csv", detector=f"{write_detector('together')}:extent")
    assert set(result.ysos["main_id"]) == set(stars["Name"])
    assert len(result.matched)
    scanned = result.outcomes.query("status == 'scanned'")
    assert (scanned["null_windows"] > 20).all()
    assert scanned["p_value"].between(0, 1).all()
    assert scanned["detected"].any()
    assert (scanned["p_value"] < 0.02).sum() <= scanned["detected"].sum()
    assert set(result.candidates["main_id"]) <= set(stars["Name"])
    assert result.ranked.candidates["q_value"].notna().all()


def test_one_of_the_own_targets_by_its_name(sky: Path, stars: Table, client: Client) -> None:
    stars.write("mine.csv")
    name = stars["Name"][1]
    result = search(sky, client, targets="mine.csv", target=name.lower(), dry_run=True)
    assert list(result.ysos["main_id"]) == [name]
    with pytest.raises(TargetError, match="mine.csv has no object called 'Vega'"):
        search(sky, client, targets="mine.csv", target="Vega", dry_run=True)


def test_a_run_with_own_targets_goes_on_without_the_file(sky: Path, stars: Table, client: Client) -> None:
    stars.write("mine.csv")
    search(sky, client, targets="mine.csv", limit=1)
    Path("mine.csv").unlink()
    resumed = fd.search(fd.load_settings(resume="run"), client)
    assert set(resumed.ysos["main_id"]) == set(stars["Name"])
    assert resumed.outcomes["obs_id"].nunique() > 1


def test_an_own_class(sky: Path, client: Client) -> None:
    result = search(sky, client, limit=2, detector=f"{write_detector('own_class')}:Brightest")
    scanned = result.outcomes.query("status == 'scanned'")
    assert scanned["detected"].all()
    assert (scanned["p_value"] == 0.001).all()


def test_a_detector_that_was_edited_is_used_as_it_is_now(sky: Path, client: Client) -> None:
    name = write_detector("edited")
    search(sky, client, limit=1, detector=f"{name}:Brightest", out="first")
    Path(f"{name}.py").write_text(DETECTOR.replace("p_value=0.001", "p_value=0.5"))
    again = search(sky, client, limit=1, detector=f"{name}:Brightest", out="second")
    assert set(again.outcomes.query("status == 'scanned'")["p_value"]) == {0.5}


@pytest.mark.parametrize(
    ("attribute", "reason"), [("broken", "RuntimeError: no licence for"), ("short", "must return one number for each")]
)
def test_an_error_in_a_detector_is_an_outcome(sky: Path, client: Client, attribute: str, reason: str) -> None:
    result = search(sky, client, limit=2, detector=f"{write_detector(f'error_{attribute}')}:{attribute}")
    failed = result.outcomes[result.outcomes["status"] == "detector_error"]
    assert len(failed)
    assert failed["reason"].str.contains(reason).all()
    assert (failed["reason"].str.count("\n") < 10).all()
    assert "error_" in failed["reason"].iloc[0] or attribute == "short"  # the line of the user's file


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty", "", "cannot be imported here: module 'empty' has no attribute 'extent'"),
        ("no_python", "def extent(data:\n", "cannot be imported here: SyntaxError"),
        ("no_detector", "extent = 3", "is not a detector"),
    ],
)
def test_a_detector_that_is_none_is_refused_before_anything_else(
    sky: Path, client: Client, name: str, content: str, message: str
) -> None:
    Path(f"{name}.py").write_text(content)
    with pytest.raises(DetectorError, match=message):
        search(sky, client, detector=f"{name}:extent")
    assert not Path("run").exists()


def test_a_class_for_the_contract_of_before_is_refused_with_what_it_needs(sky: Path, client: Client) -> None:
    name = write_detector("of_before")
    with pytest.raises(DetectorError, match=r"def detect\(self, window\)"):
        search(sky, client, detector=f"{name}:OfBefore")
    assert not Path("run").exists()


def test_a_detector_that_the_workers_cannot_import(
    sky: Path, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "only_here.py").write_text("factor = 2")
    monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))
    Path("needs_more.py").write_text("from only_here import factor\n\ndef extent(data):\n    return [1]\n")
    with pytest.raises(ClusterError, match=r"detector: on the workers.*only_here.*must be installed there"):
        search(sky, client, detector="needs_more:extent")


def test_a_table_without_coordinates_is_refused_before_anything_else(sky: Path, client: Client) -> None:
    Path("bad.csv").write_text("name,glon,glat\nA,1,2\n")
    with pytest.raises(TargetError, match=r"right ascension and declination.*it has name, glon, glat"):
        search(sky, client, targets="bad.csv")
    with pytest.raises(TargetError, match="there is no table of targets"):
        search(sky, client, targets="absent.csv")
    assert not Path("run").exists()


@pytest.fixture
def folder(sky: Path, tmp_path: Path) -> Path:
    """The cubes of the sky in a directory without a table, in two folders."""
    shutil.copytree(sky / "cubes", tmp_path / "folder" / "cubes")
    (tmp_path / "folder" / "more").mkdir()
    moved = next(path for path in sorted((tmp_path / "folder" / "cubes").iterdir()) if "ch4-long" in path.name)
    moved.rename(tmp_path / "folder" / "more" / moved.name)
    return tmp_path / "folder"


def test_a_folder_without_a_table_gives_what_it_gives_with_one(sky: Path, folder: Path, client: Client) -> None:
    shutil.copy(sky / "ysos.ecsv", folder / "ysos.ecsv")
    found, expected = search(folder, client), search(sky, client, out="with_table")
    common = expected.outcomes[expected.outcomes["obs_id"].isin(found.outcomes["obs_id"])]
    common = common[common["status"].isin(["scanned", "no_data"])]
    assert common["obs_id"].nunique() >= 8
    columns = [name for name in SCIENCE_COLUMNS if name != "reason"]
    measured = found.outcomes.merge(common[["obs_id", "line"]])
    pd.testing.assert_frame_equal(measured[columns], common[columns].reset_index(drop=True))
    pooled = ["p_identification"]  # over all cubes of a run, of which the table has one more
    pd.testing.assert_frame_equal(
        found.ranked.candidates.drop(columns=pooled), expected.ranked.candidates.drop(columns=pooled)
    )


def test_cubes_without_a_table_and_own_targets(folder: Path, stars: Table, client: Client) -> None:
    stars.write("mine.ecsv")
    result = search(folder, client, targets="mine.ecsv")
    assert set(stars["Name"]) == {name for names in result.matched["yso_names"] for name in names}


def test_footprint_and_band_from_the_header(folder: Path) -> None:
    path = next(folder.rglob("*ch4-long*"))
    stated = observed(folder, path)
    with fits.open(path, mode="update") as hdus:
        del hdus["SCI"].header["S_REGION"]
    made = observed(folder, path)
    here, there = (fd.parse_region(row["s_region"]).cap for row in (stated, made))
    assert abs(here.radius_deg - there.radius_deg) * 3600 < 0.01
    assert abs(here.dec_deg - there.dec_deg) * 3600 < 0.01
    assert stated["em_min"] == made["em_min"] == pytest.approx(24_400, abs=10)
    assert stated["instrument_name"] == "MIRI/IFU"


def observed(folder: Path, path: Path) -> pd.Series:
    table = open_cube_archive(ArchiveQuery(mission=find_mission("jwst"), archive=folder)).observations()
    (row,) = (row for _, row in table.iterrows() if row["obs_id"] == path.name.removesuffix("_s3d.fits"))
    return row


def write_targets(folder: Path) -> Path:
    path = folder / "mine.csv"
    path.write_text("ra,dec\n1,2\n")
    return path


def test_files_of_one_name_and_links_that_lead_outside(folder: Path, tmp_path: Path) -> None:
    path = next(folder.rglob("*ch4-long*"))
    (folder / "again").mkdir()
    shutil.copy(path, folder / "again" / path.name)
    (folder / "out.fits").symlink_to(shutil.copy(path, tmp_path / "secret_s3d.fits"))
    (folder / "no_cube.fits").write_bytes(b"SIMPLE")
    archive = open_cube_archive(ArchiveQuery(mission=find_mission("jwst"), archive=folder))
    table = archive.observations()
    assert table["obs_id"].is_unique
    assert not table["obs_id"].str.contains("secret|out").any()
    assert all(Path(place).is_file() for place in archive.locate(table))
    assert any("no cubes" in note for query in archive.queries for note in query.notes)


def test_an_empty_directory_is_no_archive(tmp_path: Path, client: Client) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingsError, match="neither a table 'observations' nor a jwst cube"):
        search(tmp_path / "empty", client, targets=write_targets(tmp_path))
