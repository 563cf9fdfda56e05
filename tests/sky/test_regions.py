from __future__ import annotations

import contextlib
import random

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from feii_dask.errors import RegionError
from feii_dask.sky.regions import MAX_CHARACTERS, MAX_NESTING, Region, parse_region
from feii_dask.sky.shapes import Circle, Complement, Intersection, Polygon, Union

from .outlines import SEEDS, examples, numbers_of, outlines, staircase, star

ICRS_ALIKE = ["", "ICRS", "FK5", "J2000", "GSC1"]


# --- what is written is what is read ---------------------------------------------------------------------------------


@st.composite
def headers(draw: st.DrawFn) -> str:
    words = [
        draw(st.sampled_from(ICRS_ALIKE)),
        draw(st.sampled_from(["", "", "GEOCENTER", "BARYCENTER", "TOPOCENTER", "UnknownRefPos"])),
        draw(st.sampled_from(["", "", "SPHERICAL2"])),
    ]
    return " ".join(word for word in words if word)


@st.composite
def polygons(draw: st.DrawFn) -> tuple[str, Region]:
    outline = draw(outlines(kinds=(star, staircase), corners=(4, 30)))
    ring = [(float(ra), float(dec)) for ra, dec in outline.vertices.round(9)]
    written = ring + ring[:1] * draw(st.integers(0, 2))  # open or closed, once or, badly, twice
    numbers = numbers_of(np.array(written))
    style = draw(st.sampled_from(["POLYGON {} {}", "POLYGON {} ({})", "POLYGON ({} {})"]))
    return style.format(draw(headers()), numbers), Polygon(tuple(ring))


@st.composite
def circles(draw: st.DrawFn) -> tuple[str, Region]:
    ra, dec = draw(st.floats(-360.0, 720.0)), draw(st.floats(-90.0, 90.0))
    radius = draw(st.floats(1e-9, 180.0))
    if draw(st.booleans()):
        return f"CIRCLE {draw(headers())} {ra!r} {dec!r} {radius!r}", Circle(ra, dec, radius)
    word = draw(st.sampled_from(["POINT", "POSITION"]))
    return f"{word} {draw(headers())} {ra!r} {dec!r}", Circle(ra, dec, 0.0)


def sequences(member: st.SearchStrategy[tuple[str, Region]]) -> st.SearchStrategy[tuple[str, Region]]:
    """Give several regions, with or without an operator; what joins them must not matter to what they are."""

    def build(members: list[tuple[str, Region]], style: str, header: str) -> tuple[str, Region]:
        texts, regions = zip(*members, strict=True)
        kind = Intersection if "INTERSECTION" in style else Union
        region = kind(regions) if len(regions) > 1 else regions[0]
        return style.format(header, " ".join(texts)), region

    styles = st.sampled_from(["UNION {} ({})", "INTERSECTION {} ({})", "({1})"])
    return st.builds(build, st.lists(member, min_size=1, max_size=3), styles, headers())


REGIONS = st.recursive(polygons() | circles(), sequences, max_leaves=6)


def scrambled(text: str, seed: int) -> str:
    """Write the same in other letters, with other white space, and with commas."""
    chance = random.Random(seed)
    text = "".join(chance.choice([letter.lower(), letter.upper()]) for letter in text)
    gaps = [" ", "  ", "\t", "\n ", ", ", " ,"]
    return chance.choice(["", " ", "\n"]) + "".join(chance.choice(gaps) if c == " " else c for c in text) + " "


@examples(150)
@given(REGIONS, SEEDS)
def test_a_region_is_read_as_it_was_written(written: tuple[str, Region], seed: int) -> None:
    text, region = written
    assert parse_region(scrambled(text, seed)) == region


@examples(50)
@given(st.lists(REGIONS, min_size=2, max_size=3))
def test_regions_in_a_row_are_joined(written: list[tuple[str, Region]]) -> None:
    texts, regions = zip(*written, strict=True)
    assert parse_region(" ".join(texts)) == Union(regions)


VOCABULARY = """
    POLYGON CIRCLE BOX POINT POSITION UNION INTERSECTION NOT ICRS FK4 GALACTIC SPHERICAL2 GEOCENTER
    ( ) , + - . 0 1 -1 10.5 90 -90.1 1e3 1e400 nan inf 1_0 0x1 ٣ ½ 10°
"""
WORDS = st.sampled_from(VOCABULARY.split())


@examples(500)
@given(st.lists(WORDS, max_size=25).map(" ".join) | st.text(max_size=60) | st.binary(max_size=30).map(repr))
def test_rubbish_only_ever_raises_region_error(text: str) -> None:
    with contextlib.suppress(RegionError):
        assert isinstance(parse_region(text), Region)


# --- strings that archives have returned -----------------------------------------------------------------------------


def test_a_footprint_across_the_origin_of_right_ascension() -> None:
    region = parse_region(
        "POLYGON ICRS  0.000534738 -0.001707255 0.000534738 -0.000298922 "
        "359.999270849 -0.000298922 359.999270849 -0.001707255"
    )
    ra, dec = [0.0001, 359.9999, -0.0001, 180.0, 0.001], [-0.001] * 5
    assert region.contains(ra, dec).tolist() == [True, True, True, False, False]


def test_polygons_without_a_union_are_not_merged_into_one_ring() -> None:
    region = parse_region("POLYGON ICRS  10 10 11 10 11 11 10 11  POLYGON ICRS  20 10 21 10 21 11 20 11")
    ra = [10.5, 20.5, 15.0]
    assert region.contains(ra, [10.5] * 3).tolist() == [True, True, False]
    assert [len(ring) for ring in region.rings] == [4, 4]


def test_a_hole_as_alma_writes_it() -> None:
    region = parse_region("Union ICRS (Polygon 0 0 4 0 4 4 0 4 Not (Circle 2 2 1) Polygon 10 0 14 0 14 4)")
    ra, dec = [0.5, 2.0, 13.0, 2.0], [0.5, 2.0, 1.0, 3.5]
    assert region.contains(ra, dec).tolist() == [True, False, True, True]
    assert region == parse_region("Polygon 0 0 4 0 4 4 0 4 Polygon 10 0 14 0 14 4 Not (Circle 2 2 1)")


def test_not_alone_is_the_rest_of_the_sky() -> None:
    assert parse_region("NOT ICRS (CIRCLE 10 20 5)") == Complement(Circle(10.0, 20.0, 5.0))
    without_both = parse_region("NOT (CIRCLE 10 20 5) NOT (CIRCLE 60 20 5)")
    assert without_both.contains([10.0, 60.0, 190.0], [20.0, 20.0, -20.0]).tolist() == [False, False, True]


def test_a_shape_has_the_frame_of_its_operator_unless_it_has_its_own() -> None:
    region = parse_region("UNION GALACTIC (CIRCLE 0 90 1 CIRCLE ICRS 10 20 1)")
    assert region.circles[0] == pytest.approx((192.859, 27.128, 1.0), abs=1e-3)
    assert region.circles[1] == (10.0, 20.0, 1.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The north poles of the galaxy (IAU 1958; Hipparcos vol. 1, 1.5.13) and of the ecliptic of J2000.
        ("POINT GALACTIC 0 90", (192.85948, 27.12825)),
        ("POINT ECLIPTIC 0 90", (270.0, 66.56071)),
        # The same galactic pole as it is defined, in FK4 at B1950.
        ("POINT FK4 192.25 27.4", (192.85948, 27.12825)),
        ("POINT B1950 BARYCENTER SPHERICAL2 192.25 27.4", (192.85948, 27.12825)),
    ],
)
def test_other_frames_become_icrs(text: str, expected: tuple[float, float]) -> None:
    region = parse_region(text)
    assert (region.ra_deg, region.dec_deg) == pytest.approx(expected, abs=2e-4)


def test_a_polygon_in_another_frame_holds_the_same_sky() -> None:
    corners = "350 -10 10 -10 10 10 350 10"
    region = parse_region(f"POLYGON GALACTIC {corners}")
    rng = np.random.default_rng(3)
    lon, lat = rng.uniform(-20.0, 20.0, (2, 500))
    icrs = SkyCoord(lon, lat, unit="deg", frame="galactic").icrs
    expected = parse_region(f"POLYGON ICRS {corners}").contains(lon, lat)
    np.testing.assert_array_equal(region.contains(icrs.ra.deg, icrs.dec.deg), expected)
    assert 0.1 < expected.mean() < 0.5


def test_the_sides_of_a_box_meet_the_arms_of_a_cross() -> None:
    region = parse_region("BOX ICRS 40 60 2 1")
    centre = SkyCoord(40.0, 60.0, unit="deg")
    for angle, arm in ((0.0, 0.5), (90.0, 1.0), (180.0, 0.5), (270.0, 1.0)):
        within, beyond = (centre.directional_offset_by(angle * u.deg, arm * k * u.deg) for k in (0.999, 1.001))
        assert region.contains(within.ra.deg, within.dec.deg)
        assert not region.contains(beyond.ra.deg, beyond.dec.deg)
    diagonal = centre.directional_offset_by(45.0 * u.deg, 0.65 * u.deg)
    assert region.contains(diagonal.ra.deg, diagonal.dec.deg)


# --- what cannot be used ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", [None, float("nan"), np.nan, pd.NA, pd.NaT, np.ma.masked, 3.5, b"CIRCLE 1 2 3", []])
def test_what_is_not_text_is_refused(nothing: object) -> None:
    with pytest.raises(RegionError, match="must be text, not"):
        parse_region(nothing)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        (" \t ,", "is empty"),
        ("nan", "'NAN' .* is none of"),
        ("--", "'--' .* is none of"),
        ("10 20 11 20 11 21", "'10' .* is none of"),
        ("POLYGONE ICRS 10 20 11 20 11 21", "'POLYGONE' .* is none of"),
        ("POLYGON", "not by 0 numbers"),
        ("POLYGON ICRS 10 20 11 20 11", "not by 5 numbers"),
        ("POLYGON ICRS 1 2", "3 distinct vertices, not 1"),
        ("POLYGON ICRS 10 20 11 20", "3 distinct vertices, not 2"),
        ("POLYGON ICRS 10 20 11 20 10 20 11 20", "3 distinct vertices, not 2"),
        ("POLYGON ICRS 10 20 11 20 nan 21", "'NAN' .* is no number"),
        ("POLYGON ICRS 10 20 11 20 11 inf", "'INF' .* is no number"),
        ("POLYGON ICRS 10 20 11 20 11 2_1", "'2_1' .* is no number"),
        ("POLYGON ECLIPTIK 10 20 11 20 11 21", "'ECLIPTIK' .* is no number"),
        ("POLYGON ICRS 10 20 11 20 11 90.5", "90.5 is beyond"),
        ("POLYGON ICRS 10 20 11 20 1100 21", "1100 is beyond"),
        ("POLYGON ICRS 10 20 11 20 1e999 21", "inf is beyond"),
        ("CIRCLE GALACTIC 10 -91 1", "-91 is beyond"),
        ("POLYGON ICRS 10 0 11 0 12 0", "must enclose an area"),
        ("POLYGON ICRS 10 20 10 21 10 22 10 23", "must enclose an area"),
        ("POLYGON ICRS 359 0 360 0 0 0 1 0", "must enclose an area"),
        ("POLYGON ICRS 10 20 11 20 11 21 11 20", "must enclose an area"),
        ("POLYGON ICRS 0 0 120 0 240 0", "within 89 deg"),
        ("POLYGON ICRS 0 -80 100 -80 200 80 300 80", "within 89 deg"),
        ("CIRCLE ICRS 10 20", r"\(ra dec radius\), not by 2 numbers"),
        ("CIRCLE ICRS 10 20 1 2", r"\(ra dec radius\), not by 4 numbers"),
        ("CIRCLE ICRS 10 20 0", "must not be 0"),
        ("CIRCLE ICRS 10 20 -1", "from 0 to 180 deg, not -1"),
        ("CIRCLE ICRS 10 20 181", "from 0 to 180 deg, not 181"),
        ("BOX ICRS 10 20 1", r"\(ra dec width height\), not by 3 numbers"),
        ("BOX ICRS 10 20 1 0", "not 1 × 0"),
        ("BOX ICRS 10 20 180 1", "not 180 × 1"),
        ("POINT ICRS 10", "not by 1 numbers"),
        ("POSITION ICRS 10 20 30", "not by 3 numbers"),
        ("POLYGON ICRS (10 20 11 20 11 21", "end stands where a parenthesis should close"),
        ("POLYGON ICRS 10 20 11 20 11 21)", "closes no parenthesis"),
        ("UNION ICRS POLYGON 10 20 11 20 11 21", "'POLYGON' .* where a parenthesis should open"),
        ("UNION ICRS (POLYGON 10 20 11 20 11 21", "end stands where a parenthesis should close"),
        ("UNION ICRS ()", "where a region should"),
        ("INTERSECTION (CIRCLE 1 2 3) )", "closes no parenthesis"),
        ("NOT", "end stands where a parenthesis should open"),
        ("(" * (MAX_NESTING + 1) + "CIRCLE 1 2 3" + ")" * (MAX_NESTING + 1), f"deeper than {MAX_NESTING}"),
        ("POLYGON ICRS " + "1 2 " * (MAX_CHARACTERS // 4), f"more than {MAX_CHARACTERS}"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(text: str, why: str) -> None:
    with pytest.raises(RegionError, match=why) as refusal:
        parse_region(text)
    assert len(str(refusal.value)) < 300


def test_parentheses_side_by_side_are_not_nested() -> None:
    assert len(parse_region("(CIRCLE 1 2 3) " * 2 * MAX_NESTING).circles) == 2 * MAX_NESTING
    assert parse_region("POLYGON ICRS ((10 20) (11 20) (11 21))") == parse_region("POLYGON 10 20 11 20 11 21")


def test_the_deepest_nesting_is_read() -> None:
    assert parse_region("(" * MAX_NESTING + "CIRCLE 1 2 3" + ")" * MAX_NESTING) == Circle(1.0, 2.0, 3.0)
