"""A user's own table: whatever its format and however its columns are called, the same objects come out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable, Table

from feii_dask.archives.target_list import TargetList
from feii_dask.errors import TargetError
from tests.replica.votable import write_table

RA_DEG, DEC_DEG = np.array([69.89663, 353.5, 0.25]), np.array([25.69558, -0.5125, -67.0])
NAMES = ["TMC1A", "EC 53", "V1"]


def tables() -> dict[str, Table]:
    """The same three objects as different people write them."""
    sky = SkyCoord(RA_DEG, DEC_DEG, unit="deg")
    plain = {
        "ra": ("main_id", "ra", "dec"),
        "vizier": ("Name", "_RAJ2000", "_DEJ2000"),
        "gaia": ("DESIGNATION", "RA_ICRS", "DE_ICRS"),
        "underscores": ("source_name", "ra_deg", "dec_deg"),
        "words": ("Object", "Right Ascension", "Declination"),
    }
    made = {key: Table([NAMES, RA_DEG, DEC_DEG], names=names) for key, names in plain.items()}
    made["radian"] = QTable({"id": NAMES, "ra": np.radians(RA_DEG) * u.rad, "dec": np.radians(DEC_DEG) * u.rad})
    made["hours"] = QTable({"id": NAMES, "RA": RA_DEG / 15 * u.hourangle, "DEC": DEC_DEG * u.deg})
    made["negative"] = Table([NAMES, RA_DEG - 360, DEC_DEG], names=("name", "ra", "dec"))
    made["skycoord"] = QTable({"name": NAMES, "position": sky})
    made["galactic skycoord"] = QTable({"name": NAMES, "position": sky.galactic})
    for key, separator in (("colons", ":"), ("spaces", " "), ("letters", "fromunit")):
        angles = (
            sky.ra.to_string(u.hourangle, sep=separator, precision=6),
            sky.dec.to_string(sep=separator, precision=5),
        )
        made[key] = Table([NAMES, *angles], names=("name", "RAJ2000", "DEJ2000"))
    return made


def read(table: Table, path: Path) -> TargetList:
    table.write(path)
    return TargetList(path)


@pytest.mark.parametrize("key", tables())
def test_the_same_objects_however_they_are_written(key: str, tmp_path: Path) -> None:
    ysos = read(tables()[key], tmp_path / "mine.ecsv").ysos()
    assert list(ysos["main_id"]) == NAMES
    np.testing.assert_allclose(ysos["ra"], RA_DEG, atol=1e-6)
    np.testing.assert_allclose(ysos["dec"], DEC_DEG, atol=1e-6)
    assert ysos["rvz_radvel"].isna().all()


@pytest.mark.parametrize("suffix", ["ecsv", "csv", "fits", "vot", "txt", "dat"])
def test_any_format_that_astropy_reads(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"mine.{suffix}"
    formats = {"txt": "ascii.commented_header", "dat": "ascii.basic"}
    if suffix == "vot":
        write_table(tables()["vizier"], path)
    else:
        tables()["vizier"].write(path, format=formats.get(suffix))
    ysos = TargetList(path).ysos()
    assert list(ysos["main_id"]) == NAMES
    np.testing.assert_allclose(ysos["ra"], RA_DEG, atol=1e-6)


@pytest.mark.parametrize("suffix", ["vot", "ecsv", "fits"])
def test_ucds_beat_names(suffix: str, tmp_path: Path) -> None:
    table = Table(
        {"ra": RA_DEG + 1, "dec": DEC_DEG + 1, "alpha": RA_DEG, "delta": DEC_DEG, "what": NAMES, "v": [1.0, 2.0, 3.0]}
    )
    ucds = {"alpha": "pos.eq.ra;meta.main", "delta": "pos.eq.dec;meta.main", "what": "meta.id;meta.main"}
    ucds |= {"ra": "pos.eq.ra", "dec": "pos.eq.dec", "v": "spect.dopplerVeloc"}
    for number, name in enumerate(table.colnames, start=1):
        table[name].meta["ucd"] = ucds[name]
        if suffix == "fits":
            table.meta[f"TUCD{number}"] = ucds[name]
    if suffix == "vot":
        write_table(table, tmp_path / "mine.vot")
    else:
        table.write(tmp_path / f"mine.{suffix}")
    ysos = TargetList(tmp_path / f"mine.{suffix}").ysos()
    np.testing.assert_allclose(ysos["ra"], RA_DEG)
    assert list(ysos["main_id"]) == NAMES
    assert list(ysos["rvz_radvel"]) == [1.0, 2.0, 3.0]


def test_a_machine_readable_table_of_the_journals(tmp_path: Path) -> None:
    rows = {"RAh": [4, 23], "RAm": [39, 34], "RAs": [35.2, 0.0], "DE-": ["+", "-"], "DEd": [25, 0]}
    table = Table(rows | {"DEm": [41, 30], "DEs": [44.1, 45.0]})
    ysos = read(table, tmp_path / "mine.ecsv").ysos()
    np.testing.assert_allclose(ysos["ra"], [69.8966667, 353.5])
    np.testing.assert_allclose(ysos["dec"], [25.6955833, -0.5125])
    assert ysos["main_id"].is_unique


def test_proper_motions_and_their_epoch(tmp_path: Path) -> None:
    table = QTable({"ra": RA_DEG * u.deg, "dec": DEC_DEG * u.deg, "pmRA": [0.01, 0, -1] * u.arcsec / u.yr})
    table["pmDE"], table["ref_epoch"] = [1.0, 2.0, 3.0], [2016.0] * 3
    ysos = read(table, tmp_path / "gaia.ecsv").ysos()
    assert ysos["pmra"].tolist() == pytest.approx([10.0, 0.0, -1000.0])
    assert ysos["pmdec"].tolist() == [1.0, 2.0, 3.0]
    assert ysos["ref_epoch"].tolist() == [2016.0] * 3


def test_velocities_types_and_missing_values(tmp_path: Path) -> None:
    table = QTable(
        {
            "name": ["a", "b", "c"],
            "ra": MaskedColumn(RA_DEG, mask=[False, True, False]),
            "dec": MaskedColumn(DEC_DEG, mask=[False, True, False]),
            "otype": ["Y*O", "TT*", "Y*O"],
            "rv": np.array([6400.0, np.nan, -1000.0]) * u.m / u.s,
        }
    )
    archive = read(table, tmp_path / "mine.ecsv")
    ysos = archive.ysos()
    assert ysos["ra"].isna().tolist() == [False, True, False]
    np.testing.assert_allclose(ysos["rvz_radvel"], [6.4, np.nan, -1.0])
    assert list(ysos["otype"]) == ["Y*O", "TT*", "Y*O"]
    assert archive.queries[0].notes == ("1 without coordinates",)
    assert archive.queries[0].service == "file"


def test_an_object_that_is_there_twice_is_taken_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "mine.csv").write_text("name,ra,dec\na,1,2\nb,1,2\na,1,2\na,1,3\nc,,\nc,,\na,-359,2\n")
    archive = TargetList(tmp_path / "mine.csv")
    assert archive.ysos()["main_id"].tolist() == ["a", "b", "a", "c", "c"]
    assert archive.queries[0].notes[0] == "2 repeated rows left out"
    assert "mine.csv: 2 repeated rows left out" in caplog.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,glon,glat\na,1,2\n", "no column of right ascension and declination.*it has name, glon, glat"),
        ("name,ra\na,1\n", "no column of declination"),
        ("name,ra,dec\na,10:00:00,95:00:00\n", "mine.csv.*row 1 has the impossible coordinates 150, 95"),
        ("name,ra,dec\na,1,2\nb,400,2\n", "row 2 has the impossible coordinates 400, 2"),
        ("name,ra,dec\na,1,2\nb,inf,2\n", "row 2 has the impossible coordinates inf, 2"),
        ("name,ra,dec\na,1,2\nb,-9999,\n", "row 2 has the impossible coordinates -9999, nan"),
        ("RAh,RAm,RAs,DE-,DEd,DEm,DEs\n4,39,35,+,95,0,0\n", "row 1 has the impossible coordinates 69.8958, 95 deg"),
        ("name,ra,dec\na,1:2:3,+1:2:3\nb,here,+1:2:3\n", "row 2 of column ra 'here', which is no angle"),
        ("name,ra,dec\n", "has no rows"),
        ("name,ra,dec\na,1\nb,1,2,3,4\n", "is no table that astropy reads"),
    ],
)
def test_what_cannot_be_used_is_said(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(content)
    with pytest.raises(TargetError, match=message):
        TargetList(tmp_path / "mine.csv")


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(TargetError, match=r"mine.txt' is empty: write names into it") as refused:
        TargetList(tmp_path / "mine.txt")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("column", "unit", "working", "datatype"),
    [
        ("ra", "km", "hourangle", float),
        ("ra", "degrees", "deg, rad", float),
        ("ra", "degrees", "deg, rad", str),
        ("dec", "Deg", "deg, rad", str),
        ("dec", "h", "deg, rad", float),
        ("rv", "kms", "km/s, m/s", float),
        ("pmra", "mas", "mas/yr", float),
    ],
)
def test_a_unit_that_cannot_be_converted(column: str, unit: str, working: str, datatype: type, tmp_path: Path) -> None:
    table = Table({"ra": [1.0], "dec": [2.0], "rv": [3.0], "pmra": [4.0]})
    table[column] = table[column].astype(datatype)
    table[column].unit = u.Unit(unit, parse_strict="silent")
    with pytest.raises(TargetError, match=f"mine.ecsv.*column {column} is in '{unit}'.*{working}"):
        read(table, tmp_path / "mine.ecsv")


@pytest.mark.parametrize("unit", ["h", "hourangle"])
@pytest.mark.parametrize("datatype", [float, str])
def test_hours_of_right_ascension(unit: str, datatype: type, tmp_path: Path) -> None:
    table = Table({"name": NAMES, "ra": (RA_DEG / 15).astype(datatype), "dec": DEC_DEG.astype(datatype)})
    table["ra"].unit, table["dec"].unit = u.Unit(unit), u.deg
    ysos = read(table, tmp_path / "mine.ecsv").ysos()
    np.testing.assert_allclose(ysos["ra"], RA_DEG)
    np.testing.assert_allclose(ysos["dec"], DEC_DEG)


def test_sexagesimal_text_needs_no_unit_that_astropy_knows(tmp_path: Path) -> None:
    table = Table({"RAJ2000": ["04 39 35.2", "nan"], "DEJ2000": ["+25 41 44.1", ""]})
    table["RAJ2000"].unit = u.Unit('"h:m:s"', parse_strict="silent")
    ysos = read(table, tmp_path / "vizier.ecsv").ysos()
    np.testing.assert_allclose(ysos["ra"], [69.8966667, np.nan])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="there is no table of targets"):
        TargetList(tmp_path / "mine.csv")
