"""A directory as an archive: what it holds is found, and nothing outside of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table
from astropy.units import Unit

from feii_dask.archives import ArchiveQuery, Catalogue, CubeArchive, Selection, open_catalogue, open_cube_archive
from feii_dask.config.missions import find_mission
from feii_dask.errors import SettingsError, TargetError
from tests.replica.votable import write_table

from .sky import observations, write_cube, write_sky

JWST = find_mission("jwst")


def catalogue_of(sky: Path | str) -> Catalogue:
    return open_catalogue(ArchiveQuery(mission=JWST, archive=sky))


def cubes_of(sky: Path | str, **selection: tuple[str, ...]) -> CubeArchive:
    return open_cube_archive(ArchiveQuery(mission=JWST, archive=sky, selection=Selection(**selection)))


@pytest.fixture
def sky(tmp_path: Path) -> Path:
    return write_sky(tmp_path / "sky")


def write(directory: Path, name: str, suffix: str) -> None:
    """Rewrite a table in another format."""
    table = pd.read_parquet(directory / f"{name}.parquet")
    (directory / f"{name}.parquet").unlink()
    path = directory / f"{name}{suffix}"
    if suffix == ".csv":
        table.to_csv(path, index=False)
        return
    table = Table.from_pandas(table)
    if suffix in (".vot", ".xml"):
        write_table(table, path)
    else:
        table.write(path)


@pytest.mark.parametrize("suffix", [".parquet", ".ecsv", ".csv", ".vot", ".xml", ".fits"])
def test_same_tables_in_every_format(sky: Path, suffix: str) -> None:
    tables = catalogue_of(sky).ysos(), cubes_of(sky).observations()
    if suffix != ".parquet":
        write(sky, "ysos", suffix)
        write(sky, "observations", suffix)
    catalogue = catalogue_of(str(sky))
    pd.testing.assert_frame_equal(catalogue.ysos(), tables[0])
    common = ["obs_id", "obsid", "dataURL", "s_region", "filters", "proposal_id", "s_ra", "em_min"]
    pd.testing.assert_frame_equal(cubes_of(str(sky)).observations()[common], tables[1][common])
    assert catalogue.queries[0].notes == ("2 without coordinates", "2 within 1 arcsec of another")


def test_cubes_are_found_by_name_wherever_they_are(sky: Path) -> None:
    archive = cubes_of(sky)
    table = archive.observations()
    found = archive.locate(table)
    paths = [Path(place) for place in found if place]
    assert sum(path.is_file() for path in paths) >= 6
    assert all(path.is_relative_to(sky) for path in paths)
    names = [uri.rpartition("/")[2] or None for uri in table["dataURL"]]
    assert [None if place is None else Path(place).name for place in found] == names
    assert archive.products(table) is table


def test_missing_cube_is_where_it_should_be(sky: Path) -> None:
    archive = cubes_of(sky)
    rows = pd.DataFrame({"dataURL": ["mast:JWST/product/absent_s3d.fits", "cubes/absent_s3d.fits"]})
    assert archive.locate(rows) == [str(sky / "absent_s3d.fits"), str(sky / "cubes" / "absent_s3d.fits")]
    assert archive.queries[-1].notes == ()


def test_nothing_leads_outside(sky: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.fits"
    secret.write_bytes(b"SIMPLE")
    (sky / "link.fits").symlink_to(secret)
    (sky / "outside").symlink_to(tmp_path)
    ways = [
        "../secret.fits",
        "cubes/../../secret.fits",
        str(secret),
        f"file://{secret}/..",
        "link.fits",
        "mast:JWST/product/link.fits",
        "outside/secret.fits",
        "mast:..",
        "mast:",
        ".",
    ]
    archive = cubes_of(sky)
    assert archive.locate(pd.DataFrame({"dataURL": ways})) == [None] * len(ways)
    assert archive.queries[-1].notes == ("10 lead out of the directory and were refused: ../secret.fits",)
    by_name = archive.locate(pd.DataFrame({"dataURL": [f"file://{secret}", "https://host/secret.fits"]}))
    assert by_name == [str(sky / "secret.fits")] * 2


def test_link_within_the_directory_is_followed(sky: Path) -> None:
    target = next((sky / "cubes").iterdir())
    (sky / "alias.fits").symlink_to(target)
    assert cubes_of(sky).locate(pd.DataFrame({"dataURL": ["alias.fits"]})) == [str(sky / "alias.fits")]


def test_a_colon_in_a_name_makes_no_address_of_a_file(sky: Path, tmp_path: Path) -> None:
    names = ["2024-01-01T12:30:00.fits", "00.fits", "cubes/T12:00.fits"]
    for name in names:
        write_cube(sky / name)
    write_cube(tmp_path / "12:30.fits")
    (sky / "outside").symlink_to(tmp_path)
    outside = ["outside/12:30.fits", "../12:30.fits", str(tmp_path / "12:30.fits")]
    rows = pd.DataFrame({"dataURL": [*names, "T12:00.fits", "mast:JWST/00.fits", *outside]})
    found = [str(sky / name) for name in (*names, "cubes/T12:00.fits", "00.fits")]
    assert cubes_of(sky).locate(rows) == found + [None] * 3


def test_path_beats_name(sky: Path) -> None:
    (sky / "second").mkdir()
    name = next((sky / "cubes").iterdir()).name
    (sky / "second" / name).write_bytes(b"SIMPLE")
    places = cubes_of(sky).locate(pd.DataFrame({"dataURL": [f"second/{name}", name, f"mast:x/{name}"]}))
    assert places == [str(sky / "second" / name), str(sky / "cubes" / name), str(sky / "cubes" / name)]


@pytest.mark.parametrize("name", ["TMC1A", "name tmc1a", "Barnard's object"])
def test_object_by_name(sky: Path, name: str) -> None:
    ysos = pd.read_parquet(sky / "ysos.parquet").replace({"main_id": {"NAME TMC1A": "TMC1A"}})
    pd.concat([ysos, ysos.head(1).assign(main_id="NAME TMC1A")]).to_parquet(sky / "ysos.parquet")
    ysos.replace({"main_id": {"NAME Barnard's Object": "Barnard's Object"}}).to_parquet(sky / "ysos.parquet")
    if name == "name tmc1a":
        with pytest.raises(TargetError, match="did you mean 'TMC1A'"):
            catalogue_of(sky).find_object(name)
        return
    found = catalogue_of(sky).find_object(name)
    assert len(found) == 1
    assert np.isfinite(found[["ra", "dec"]].to_numpy()).all()


@pytest.mark.parametrize(
    ("name", "words"),
    [("V* DG Taw", "did you mean 'V. DG Tau'"), ("xyz", "table of objects"), ("2mass NOWHERE", "no coord")],
)
def test_unknown_object(sky: Path, name: str, words: str) -> None:
    with pytest.raises(TargetError, match=words):
        catalogue_of(sky).find_object(name)


def test_selection(sky: Path) -> None:
    archive = cubes_of(sky, instrument_name=("NIRSPEC/IFU",), filters=("g235h",), proposal_id=("1290",))
    table = archive.observations()
    assert set(table["instrument_name"]) == {"NIRSPEC/IFU"}
    assert set(table["proposal_id"]) == {"1290"}
    assert table.index.tolist() == list(range(len(table)))
    assert f"{31 - len(table)} not selected" in archive.queries[0].notes


def test_table_without_a_band(sky: Path) -> None:
    observations().drop(columns=["em_min", "em_max"]).to_parquet(sky / "observations.parquet")
    table = cubes_of(sky).observations()
    assert table[["em_min", "em_max"]].isna().to_numpy().all()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda sky: (sky / "observations.parquet").unlink(),
            "neither a table 'observations' nor a jwst cube.* files are no cubes",
        ),
        (lambda sky: (sky / "observations.parquet").write_bytes(b"PAR1"), "cannot be read as a table"),
        (
            lambda sky: observations().drop(columns=["s_region", "dataURL"]).to_parquet(sky / "observations.parquet"),
            "lacks s_region, dataURL; a jwst search needs them",
        ),
        (
            lambda sky: observations().assign(s_ra="here").to_parquet(sky / "observations.parquet"),
            "column s_ra should hold numbers",
        ),
    ],
)
def test_unusable_table(sky: Path, spoil: Callable[[Path], object], words: str) -> None:
    spoil(sky)
    with pytest.raises(SettingsError, match=words):
        cubes_of(sky).observations()


def test_unusable_objects(sky: Path) -> None:
    pd.DataFrame({"name": ["a"]}).to_parquet(sky / "ysos.parquet")
    with pytest.raises(SettingsError, match="needs main_id, ra and dec"):
        catalogue_of(sky).ysos()


@pytest.mark.parametrize(("suffix", "hours"), [(".ecsv", "hourangle"), (".vot", "h"), (".fits", "h")])
def test_units_that_the_tables_declare(sky: Path, suffix: str, hours: str) -> None:
    tables = catalogue_of(sky).ysos(), cubes_of(sky).observations()
    for name, units in {
        "ysos": {"ra": (hours, 1 / 15), "dec": ("rad", np.pi / 180), "rvz_radvel": ("m / s", 1e3)},
        "observations": {"s_ra": ("deg", 1), "em_min": ("m", 1e-9), "em_max": ("um", 1e-3)},
    }.items():
        table = Table.from_pandas(pd.read_parquet(sky / f"{name}.parquet").astype(dict.fromkeys(units, float)))
        (sky / f"{name}.parquet").unlink()
        for column, (unit, factor) in units.items():
            table[column] = table[column] * factor
            table[column].unit = unit
        if suffix == ".vot":
            write_table(table, sky / f"{name}.vot")
        else:
            table.write(sky / f"{name}{suffix}")
    pd.testing.assert_frame_equal(catalogue_of(sky).ysos(), tables[0])
    columns = ["s_ra", "em_min", "em_max"]
    pd.testing.assert_frame_equal(cubes_of(sky).observations()[columns], tables[1][columns])


@pytest.mark.parametrize(
    ("name", "column", "unit"),
    [("ysos", "ra", "degrees"), ("ysos", "rvz_radvel", "kms"), ("observations", "em_min", "Hz")],
)
def test_a_unit_that_cannot_be_converted(sky: Path, name: str, column: str, unit: str) -> None:
    table = Table.from_pandas(pd.read_parquet(sky / f"{name}.parquet"))
    (sky / f"{name}.parquet").unlink()
    table[column].unit = Unit(unit, parse_strict="silent")
    table.write(sky / f"{name}.ecsv")
    with pytest.raises(SettingsError, match=rf"{name}.ecsv: column {column} is in '{unit}'.*those that work are"):
        (catalogue_of(sky).ysos if name == "ysos" else cubes_of(sky).observations)()


@pytest.mark.parametrize(("column", "value"), [("dec", 95.0), ("ra", np.inf), ("ra", -9999.0)])
def test_impossible_coordinates_are_refused_when_they_are_read(sky: Path, column: str, value: float) -> None:
    ysos = pd.read_parquet(sky / "ysos.parquet")
    ysos.loc[2, column] = value
    ysos.to_parquet(sky / "ysos.parquet")
    with pytest.raises(SettingsError, match=rf"ysos.parquet: row 3 has the impossible coordinates.*{value:g}"):
        catalogue_of(sky).ysos()


def test_repeated_objects_are_left_out(sky: Path, caplog: pytest.LogCaptureFixture) -> None:
    ysos = pd.read_parquet(sky / "ysos.parquet")
    pd.concat([ysos, ysos]).to_parquet(sky / "ysos.parquet")
    archive = catalogue_of(sky)
    placed = archive.ysos().dropna(subset=["ra"])
    assert len(placed) == ysos["ra"].notna().sum()
    assert "ysos.parquet: 7 repeated rows left out" in caplog.text
    assert archive.queries[0].notes[0] == "7 repeated rows left out"


@pytest.mark.parametrize("place", ["nowhere", "sky/ysos.parquet"])
def test_no_directory(sky: Path, tmp_path: Path, place: str) -> None:
    with pytest.raises(SettingsError, match="is no directory, and not 'live' either"):
        cubes_of(tmp_path / place)
    with pytest.raises(SettingsError, match="is no directory, and not 'live' either"):
        catalogue_of(tmp_path / place)
