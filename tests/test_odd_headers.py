"""Headers as users have them: what cannot be read is empty, and nothing else is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from feii_dask.archives.from_headers import describe_cubes
from feii_dask.config.missions import find_mission
from feii_dask.cubes.reader import open_cube
from feii_dask.model import Context, MatchedCube, Outcome, Status
from feii_dask.scan import scan_cube
from tests.cubes.samples import WCS_CARDS, write_cube
from tests.odd_cards import write_raw_cards
from tests.test_scan import LINE, jet

CORNER = {"CRVAL3": 5.2452, "OBJECT": "x", "INSTRUME": "MIRI", "DATE-OBS": "2023-01-01", "S_REGION": "none"}


def odd_cube(path: Path, *raw: bytes, **cards: object) -> Path:
    write_cube(path, jet(), **{**CORNER, **cards})
    write_raw_cards(path, *raw)
    return path


def search(path: Path) -> Outcome:
    matched = MatchedCube(obs_id="odd", uri=str(path), ysos=((3, WCS_CARDS["CRVAL1"], WCS_CARDS["CRVAL2"]),))
    return scan_cube(matched, Context(lines=(LINE,), detector="notebook"))


UNREADABLE = {
    "unquoted": b"OBJECT  = L1551 IRS 5",
    "latin": "OBJECT  = 'Étoile'".encode("latin-1"),
    "utf-8": "OBJECT  = 'Étoile'".encode(),
    "unclosed": b"OBJECT  = 'L1551",
    "control": b"OBJECT  = 'L\x00\x1f'",
    "continues nothing": b"CONTINUE  'L1551'",
    "date": b"DATE-OBS= 2023-01-01T00:00",
    "instrument": b"INSTRUME= MIRI IFU",
    "unit": b"BUNIT   = MJy per sr",
    "area": b"PIXAR_A2= 0.01.69",
    "region": b"S_REGION= POLYGON ICRS 69.8",
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_card_that_cannot_be_read_is_empty(name: str, tmp_path: Path) -> None:
    raw = UNREADABLE[name]
    keyword = raw[:8].decode().strip()
    odd = odd_cube(tmp_path / "odd.fits", raw, **({"CONTINUE": "x"} if keyword == "CONTINUE" else {}))
    sound = odd_cube(tmp_path / "sound.fits")
    assert not open_cube(str(odd)).header.get(keyword)
    table, notes = describe_cubes(tmp_path, [odd, sound], find_mission("jwst"))
    assert notes == ()
    for column in ("s_ra", "s_dec", "s_region", "em_min", "em_max"):
        assert table[column].nunique() == 1, column
    assert table["target_name"].tolist() == ["" if keyword == "OBJECT" else "x", "x"]
    (found,), (expected,) = (search(path).detections for path in (odd, sound))
    assert found.detected
    assert (found.flags, found.on_data) == (expected.flags, expected.on_data)
    assert found.peak_ra_deg == expected.peak_ra_deg
    assert found.statistic == expected.statistic


@pytest.mark.parametrize("card", [b"CTYPE3  = WAVE", b"CUNIT3  = 'um", b"CRVAL3  = 5,24", b"CDELT3  = 8e-4um"])
def test_the_spectral_axis_is_not_guessed(card: bytes, tmp_path: Path) -> None:
    outcome = search(odd_cube(tmp_path / "odd.fits", card))
    assert outcome.status is Status.FORMAT_ERROR
    assert f"has in SCI a card {card[:6].decode()} that cannot be read" in outcome.reason


NOWHERE = {
    "frame": ((), {"RADESYS": "galactic"}),
    "planet": ((), {"CTYPE1": "SLON-TAN", "CTYPE2": "SLAT-TAN"}),
    "card": ((b"CRVAL1  = 12 34 56",), {}),
    "unit": ((b"CUNIT1  = arcsec",), {}),
    "singular": ((), {"CDELT1": 0.0}),
}


@pytest.mark.parametrize("name", NOWHERE)
def test_a_cube_that_is_nowhere_is_searched_all_the_same(name: str, tmp_path: Path) -> None:
    raw, cards = NOWHERE[name]
    odd, sound = odd_cube(tmp_path / "odd.fits", *raw, **cards), odd_cube(tmp_path / "sound.fits")
    table, notes = describe_cubes(tmp_path, [odd, sound], find_mission("jwst"))
    assert len(table) == 2
    assert notes == ("1 cubes are flagged no coordinates",)
    (found,), (expected,) = (search(path).detections for path in (odd, sound))
    assert found.flags == (*expected.flags, "no_coordinates")
    assert np.isnan(found.peak_ra_deg)
    assert (found.statistic, found.peak_yx) == (expected.statistic, expected.peak_yx)


@pytest.mark.parametrize("text", ["POLYGON ICRS nan nan nan nan nan nan", "POLYGON ICRS69.89 25.6 69.9 25.7 69.8", 5])
def test_corners_take_the_place_of_a_footprint_that_is_none(text: object, tmp_path: Path) -> None:
    odd, sound = odd_cube(tmp_path / "odd.fits", S_REGION=text), odd_cube(tmp_path / "sound.fits", S_REGION=None)
    table, _ = describe_cubes(tmp_path, [odd, sound], find_mission("jwst"))
    assert table["s_region"].nunique() == 1
    assert table["s_region"][0].startswith("POLYGON ICRS 69.89")


def test_what_contradicts_itself_is_said(tmp_path: Path) -> None:
    odd = odd_cube(tmp_path / "odd.fits", CD3_3=0.0008, CDELT3=0.0016)
    (found,) = search(odd).detections
    assert found.detected
    assert "steps_disagree" in found.flags
    far = odd_cube(tmp_path / "far.fits", CRVAL3=5245.2)
    outcome = search(far)
    assert outcome.status is Status.NO_LINE_IN_BAND
    assert outcome.detections[0].flags == ("outside_instrument_band",)
    _, notes = describe_cubes(tmp_path, [odd, far], find_mission("jwst"))
    assert notes == ("1 cubes are flagged outside instrument band", "1 cubes are flagged steps disagree")
