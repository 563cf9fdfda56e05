"""Cubes that no table describes: their headers do."""

from __future__ import annotations

from pathlib import Path

import pytest
from astropy.io import fits

from feii_dask.archives import open_archive
from feii_dask.archives.base import Archive
from feii_dask.missions import find_mission
from feii_dask.simulate.s3d import write_cube
from feii_dask.simulate.scene import make_cube

BANDS = {"ch1-short": "01290", "ch4-long": "1291", "g235h-f170lp": "01290"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.csv").write_text("ra,dec\n1,2\n")
    (tmp_path / "cubes").mkdir()
    for band, program in BANDS.items():
        cube = make_cube(band=band, shape=(9, 9))
        write_cube(tmp_path / "cubes" / f"{band}_s3d.fits", cube, program=program)
    return tmp_path


def bare(folder: Path, **selection: list[str]) -> Archive:
    return open_archive(folder / "cubes", find_mission("jwst"), targets=folder / "mine.csv", **selection)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"instrument": ["MIRI/IFU"]}, ["ch1-short", "ch4-long"]),
        ({"instrument": ["NIRSPEC*"]}, ["g235h-f170lp"]),
        ({"filters": ["CH1-SHORT", "G235H"]}, ["ch1-short", "g235h-f170lp"]),
        ({"proposal_id": ["1290"]}, ["ch1-short", "g235h-f170lp"]),
    ],
)
def test_bare_cubes_are_selected_in_the_words_of_mast(
    folder: Path, selection: dict[str, list[str]], expected: list[str]
) -> None:
    assert bare(folder, **selection).observations()["obs_id"].tolist() == expected


def test_a_cube_of_several_channels_is_in_each(folder: Path) -> None:
    write_cube(folder / "cubes" / "both_s3d.fits", make_cube(band="ch1-short", shape=(9, 9)))
    with fits.open(folder / "cubes" / "both_s3d.fits", mode="update") as hdus:
        hdus[0].header["CHANNEL"] = "12"
    for channel in ("CH1-SHORT", "CH2-SHORT"):
        assert "both" in bare(folder, filters=[channel]).observations()["obs_id"].tolist()


def test_a_selection_of_nothing_says_what_there_is(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert bare(folder, instrument=["MIRI"], proposal_id=["7"]).observations().empty
    assert "none of 3 cubes is selected: of instrument_name there are MIRI/IFU, NIRSPEC/IFU" in caplog.text
    assert "; of proposal_id there are 1290, 1291" in caplog.text
