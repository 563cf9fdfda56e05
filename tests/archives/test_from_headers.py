"""Cubes that no table describes: their headers do."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from astropy.io import fits

from feii_dask.archives import ArchiveQuery, CubeArchive, Selection, open_cube_archive
from feii_dask.archives.from_headers import describe_cubes
from feii_dask.config.missions import find_mission
from feii_dask.cubes.lines import FE_II_LINES
from feii_dask.errors import SettingsError
from feii_dask.model import Context, MatchedCube, Status
from feii_dask.scan import scan_cube
from feii_dask.simulate.s3d import write_cube
from feii_dask.simulate.scene import make_cube

BANDS = {"ch1-short": "01290", "ch4-long": "1291", "g235h-f170lp": "01290"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cubes").mkdir()
    for band, program in BANDS.items():
        cube = make_cube(band=band, shape=(9, 9))
        write_cube(tmp_path / "cubes" / f"{band}_s3d.fits", cube, program=program)
    return tmp_path


def cubes_of(directory: Path, **selection: tuple[str, ...]) -> CubeArchive:
    return open_cube_archive(
        ArchiveQuery(mission=find_mission("jwst"), archive=directory, selection=Selection(**selection))
    )


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"instrument_name": ("MIRI/IFU",)}, ["ch1-short", "ch4-long"]),
        ({"instrument_name": ("NIRSPEC*",)}, ["g235h-f170lp"]),
        ({"filters": ("CH1-SHORT", "G235H")}, ["ch1-short", "g235h-f170lp"]),
        ({"proposal_id": ("1290",)}, ["ch1-short", "g235h-f170lp"]),
    ],
)
def test_cubes_without_a_table_are_selected_by_the_keywords_of_mast(
    folder: Path, selection: dict[str, tuple[str, ...]], expected: list[str]
) -> None:
    assert cubes_of(folder / "cubes", **selection).observations()["obs_id"].tolist() == expected


def test_a_cube_of_several_channels_is_in_each(folder: Path) -> None:
    write_cube(folder / "cubes" / "both_s3d.fits", make_cube(band="ch1-short", shape=(9, 9)))
    with fits.open(folder / "cubes" / "both_s3d.fits", mode="update") as hdus:
        hdus[0].header["CHANNEL"] = "12"
    for channel in ("CH1-SHORT", "CH2-SHORT"):
        assert "both" in cubes_of(folder / "cubes", filters=(channel,)).observations()["obs_id"].tolist()


def test_a_selection_of_nothing_says_what_there_is(folder: Path) -> None:
    cubes = cubes_of(folder / "cubes").observations()
    assert cubes_of(folder / "cubes", instrument_name=("MIRI",)).observations().empty
    with pytest.raises(SettingsError, match=r"the instrument MIRI; there are MIRI/IFU \(2\), NIRSPEC/IFU \(1\)$"):
        Selection(instrument_name=("MIRI",), proposal_id=("7",)).require_any(cubes)
    with pytest.raises(SettingsError, match=r"MIRI/IFU and the proposal ID 7 or 8; there are 1290 \(1\), 1291 \(1\)$"):
        Selection(instrument_name=("MIRI/IFU",), proposal_id=("7", "8")).require_any(cubes)
    Selection(instrument_name=("NIRSPEC*",), proposal_id=("1290",)).require_any(cubes)


def test_every_ending_of_fits_files(folder: Path) -> None:
    first, second, third = sorted((folder / "cubes").iterdir())
    first.rename(first.with_suffix(".FITS"))
    second.rename(second.with_suffix(".fit"))
    shutil.copy(third, third.with_suffix(".Fit"))
    archive = cubes_of(folder / "cubes")
    table = archive.observations()
    assert len(table) == 4
    assert {"ch1-short", "ch4-long"} <= set(table["obs_id"])
    assert table["obs_id"].is_unique
    assert sorted(str(place) for place in archive.locate(table)) == sorted(map(str, (folder / "cubes").iterdir()))


def test_links_that_lead_out_are_counted(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "linked").mkdir()
    for cube in sorted((folder / "cubes").iterdir()):
        (folder / "linked" / cube.name).symlink_to(cube)
    (folder / "linked" / "more").symlink_to(folder / "cubes")
    archive = cubes_of(folder / "linked")
    with pytest.raises(SettingsError, match="nor a jwst cube.*4 links that lead out of the directory are left out"):
        archive.observations()
    shutil.copy(folder / "cubes" / "ch1-short_s3d.fits", folder / "linked" / "own_s3d.fits")
    (folder / "linked" / "alias").symlink_to(folder / "linked")
    assert archive.observations()["obs_id"].tolist() == ["own"]
    assert "4 links that lead out of the directory are left out" in caplog.text
    assert "4 links that lead out" in archive.queries[-1].notes[0]


def test_cubes_in_another_extension(folder: Path) -> None:
    paths = sorted((folder / "cubes").iterdir())
    for path in paths:
        with fits.open(path, mode="update") as hdus:
            hdus["SCI"].name = "FLUX"
    mission = find_mission("jwst")
    table, notes = describe_cubes(folder, paths, mission)
    assert table.empty
    assert notes[0].startswith("3 files are no cubes")
    table, notes = describe_cubes(folder, paths, replace(mission, extension="FLUX"))
    assert (len(table), notes) == (3, ())


def test_a_pipe_or_a_device_in_a_folder_is_not_opened(folder: Path) -> None:
    cubes = folder / "cubes"
    os.mkfifo(cubes / "pipe_s3d.fits")
    (cubes / "zero_s3d.fits").symlink_to("/dev/zero")
    (cubes / "loop_s3d.fits").symlink_to(cubes / "loop_s3d.fits")
    archive = cubes_of(cubes)
    table = archive.observations()
    assert sorted(table["obs_id"]) == sorted(BANDS)
    place = archive.locate(table.head(1).assign(dataURL="pipe_s3d.fits"))[0]
    outcome = scan_cube(MatchedCube(obs_id="pipe", uri=place), Context(lines=FE_II_LINES))
    assert (outcome.status, outcome.reason) == (Status.UNREADABLE, f"{place} is no regular file")
