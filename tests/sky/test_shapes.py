from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, is_dataclass

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord, angular_separation
from hypothesis import given
from hypothesis import strategies as st
from mocpy import MOC
from spherical_geometry.polygon import SphericalPolygon

from feii_dask.errors import RegionError
from feii_dask.sky.regions import parse_region
from feii_dask.sky.shapes import Circle, Complement, Intersection, Polygon, Region, Union
from feii_dask.sky.sphere import unit_vectors

from .outlines import CENTRES, SEEDS, Outline, examples, numbers_of, on_sky, outlines, staircase, star

SIMPLE = (star, staircase)


def polygon_of(vertices: np.ndarray) -> Polygon:
    return Polygon(tuple((float(ra), float(dec)) for ra, dec in vertices))


# --- other implementations as judges ---------------------------------------------------------------------------------


def judged_by_mocpy(vertices: np.ndarray, positions: np.ndarray, depth: int) -> np.ndarray:
    return MOC.from_polygon(*(vertices.T * u.deg), max_depth=depth).contains_lonlat(*(positions.T * u.deg))


@examples(100)
@given(outlines(kinds=SIMPLE, corners=(4, 40), size_deg=(1e-3, 40.0)), SEEDS)
def test_polygons_agree_with_mocpy(outline: Outline, seed: int) -> None:
    """Its answer is as fine as its cells: what is nearer to an edge than a few of them does not count."""
    depth = min(29, int(np.log2(58.6 / outline.size_deg)) + 7)  # cells of about 1/128 of the size
    margin = 3.0 * np.radians(58.6 / 2**depth)
    positions, _ = outline.scatter(300, np.random.default_rng(seed))
    region = polygon_of(outline.vertices)
    clear = np.abs(region.signed_distance_rad(unit_vectors(*positions.T))) > margin
    assert clear.mean() > 0.4
    expected = judged_by_mocpy(outline.vertices, positions[clear], depth)
    np.testing.assert_array_equal(region.contains(*positions[clear].T), expected)


@examples(40)
@given(outlines(kinds=(star,), corners=(4, 12), size_deg=(0.01, 40.0)), SEEDS)
def test_polygons_agree_with_spherical_geometry(outline: Outline, seed: int) -> None:
    """It counts crossings of great circles on the sphere itself, from a point that is known to be inside."""
    positions, _ = outline.scatter(30, np.random.default_rng(seed))
    middle = on_sky(outline.centre, np.array([(0.013, 0.021)]) * outline.size_deg)[0]
    judge = SphericalPolygon.from_lonlat(*outline.vertices.T, center=tuple(middle))
    expected = [judge.contains_lonlat(ra, dec) for ra, dec in positions]
    assert polygon_of(outline.vertices).contains(*positions.T).tolist() == expected


@examples(40)
@given(st.lists(outlines(kinds=SIMPLE, corners=(4, 12), size_deg=(1.0, 10.0)), min_size=2, max_size=4), CENTRES, SEEDS)
def test_unions_and_holes_agree_with_mocpy(drawn: list[Outline], centre: tuple[float, float], seed: int) -> None:
    """Several polygons on one spot, so that they overlap; the last one is a hole."""
    rng = np.random.default_rng(seed)
    rings = [on_sky(centre, outline.plane + rng.uniform(-3.0, 3.0, 2)) for outline in drawn]
    *solid, hole = [f"POLYGON {numbers_of(ring)}" for ring in rings]
    region = parse_region(" ".join(solid) + f" NOT ({hole})")
    positions = on_sky(centre, rng.uniform(-12.0, 12.0, (300, 2)))
    points = unit_vectors(*positions.T)
    edge = np.min([np.abs(polygon_of(ring).signed_distance_rad(points)) for ring in rings], axis=0)
    clear = edge > 3.0 * np.radians(58.6 / 2**13)
    assert clear.mean() > 0.8
    *in_solid, in_hole = (judged_by_mocpy(ring, positions[clear], 13) for ring in rings)
    expected = np.any(in_solid, axis=0) & ~in_hole
    np.testing.assert_array_equal(region.contains(*positions[clear].T), expected)


@examples(50)
@given(CENTRES, st.floats(1e-4, 179.0), SEEDS)
def test_circles_agree_with_astropy(centre: tuple[float, float], radius: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    there = SkyCoord(*centre, unit="deg").directional_offset_by(
        rng.uniform(0.0, 360.0, 100) * u.deg, rng.uniform(0.0, min(2.0 * radius, 180.0), 100) * u.deg
    )
    away = np.degrees(angular_separation(*np.radians(centre), there.ra.rad, there.dec.rad))
    clear = np.abs(away - radius) > 1e-6
    inside = Circle(*centre, radius).contains(there.ra.deg, there.dec.deg)
    np.testing.assert_array_equal(inside[clear], (away < radius)[clear])


# --- what must not matter --------------------------------------------------------------------------------------------


@examples(60)
@given(outlines(), st.integers(0, 99), st.sampled_from([-360.0, 0.0, 360.0]), SEEDS)
def test_the_way_a_ring_is_written_does_not_matter(outline: Outline, first: int, turn: float, seed: int) -> None:
    positions, _ = outline.scatter(200, np.random.default_rng(seed))
    vertices = outline.vertices
    expected = polygon_of(vertices).contains(*positions.T)
    rotated = np.roll(vertices, first, axis=0)
    for written in (rotated, rotated[::-1], rotated + np.array([turn, 0.0]), np.vstack([rotated, rotated[:1]])):
        region = parse_region("POLYGON " + numbers_of(written))
        np.testing.assert_array_equal(region.contains(*positions.T), expected)
    np.testing.assert_array_equal(polygon_of(vertices).contains(positions[:, 0] + turn, positions[:, 1]), expected)


@examples(60)
@given(outlines(kinds=(star,)), st.floats(0.1, 0.9), SEEDS)
def test_an_edge_cut_in_two_is_the_same_edge(outline: Outline, part: float, seed: int) -> None:
    """A straight line on the plane is a great circle on the sky."""
    extra = outline.plane[0] * part + outline.plane[1] * (1.0 - part)
    split = on_sky(outline.centre, np.insert(outline.plane, 1, extra, axis=0))
    positions, _ = outline.scatter(200, np.random.default_rng(seed))
    whole, cut = polygon_of(outline.vertices), polygon_of(split)
    np.testing.assert_array_equal(cut.contains(*positions.T), whole.contains(*positions.T))
    points = unit_vectors(*positions.T)
    np.testing.assert_allclose(
        cut.signed_distance_rad(points), whole.signed_distance_rad(points), atol=1e-9 * outline.size_deg + 1e-14
    )


@examples(60)
@given(outlines(kinds=(star,), corners=(4, 20)), SEEDS)
def test_a_polygon_cut_into_triangles_is_their_union(outline: Outline, seed: int) -> None:
    ring = outline.plane
    triangles = [on_sky(outline.centre, np.array([(0.0, 0.0), ring[i - 1], ring[i]])) for i in range(len(ring))]
    union = parse_region(" ".join(f"POLYGON {numbers_of(triangle)}" for triangle in triangles))
    positions, expected = outline.scatter(200, np.random.default_rng(seed))
    np.testing.assert_array_equal(union.contains(*positions.T), expected)


# --- places where formulas break -------------------------------------------------------------------------------------


@examples(60)
@given(outlines(), SEEDS)
def test_the_antipode_is_never_inside(outline: Outline, seed: int) -> None:
    positions, _ = outline.scatter(100, np.random.default_rng(seed))
    region = polygon_of(outline.vertices)
    assert not region.contains(positions[:, 0] + 180.0, -positions[:, 1]).any()


def test_a_polygon_around_a_pole_holds_the_pole() -> None:
    region = parse_region("POLYGON ICRS 10 -89.99 130 -89.99 250 -89.99")
    assert region.contains([0.0, 77.0, 10.0], [-90.0, -90.0, 90.0]).tolist() == [True, True, False]


def test_a_polygon_may_be_nearly_a_hemisphere() -> None:
    region = parse_region("POLYGON ICRS 0 2 60 2 120 2 180 2 240 2 300 2")
    assert region.contains([0.0, 10.0, 0.0, 0.0], [90.0, 3.0, 2.1, 80.0]).all()
    assert not region.contains([0.0, 10.0, 0.0, 30.0, 0.0], [1.9, 0.01, 0.0, 2.1, -90.0]).any()


def test_edges_are_great_circles_and_not_parallels() -> None:
    region = parse_region("POLYGON ICRS 0 60 90 60 90 0 0 0")
    highest = np.degrees(np.arctan(np.tan(np.radians(60.0)) / np.cos(np.radians(45.0))))
    assert region.contains([45.0, 45.0], [highest - 0.01, highest + 0.01]).tolist() == [True, False]


def test_a_ring_that_crosses_itself_follows_the_even_odd_rule() -> None:
    star_of_five = on_sky((20.0, 5.0), np.array([(np.sin(a), np.cos(a)) for a in np.arange(5) * 0.8 * np.pi]))
    region = polygon_of(star_of_five)
    tip = on_sky((20.0, 5.0), np.array([(0.0, 0.8)]))[0]
    assert region.contains([20.0, tip[0]], [5.0, tip[1]]).tolist() == [False, True]


def test_a_bow_tie_whose_halves_cancel_is_still_a_polygon() -> None:
    region = parse_region("POLYGON ICRS 10 0 11 1 11 0 10 1")
    assert region.contains([10.1, 10.9, 10.5], [0.5, 0.5, 0.9]).tolist() == [True, True, False]


def test_positions_that_are_nowhere_are_not_inside() -> None:
    region = parse_region("CIRCLE ICRS 10 80 180")
    assert region.contains([10.0, np.nan, 10.0, np.inf], [80.0, 80.0, 95.0, 0.0]).tolist() == [
        True,
        False,
        False,
        False,
    ]


def test_contains_takes_and_gives_any_shape() -> None:
    region = Circle(10.0, 0.0, 1.0)
    assert region.contains(10.0, 0.5).shape == ()
    assert region.contains(10.0, 0.5)
    assert region.contains(np.full((2, 3), 10.0), 2.0).tolist() == [[False] * 3] * 2
    assert region.contains([], []).shape == (0,)


# --- depth, caps, and the nature of a value --------------------------------------------------------------------------


def test_quantities_count_with_their_unit() -> None:
    circle = parse_region("CIRCLE ICRS 10 0 0.1")
    assert circle.contains(np.radians(10) * u.rad, 0 * u.rad)
    assert circle.contains([2400, 600] * u.arcmin, 0.0).tolist() == [False, True]
    assert circle.contains(10 * u.deg, 0)
    for wrong in (10 * u.m, 10 * u.one):
        with pytest.raises(RegionError, match="a position must be angles.*not convertible"):
            circle.contains(wrong, 0.0)


def test_depth_is_the_distance_to_the_edge() -> None:
    strip = polygon_of(np.array([(10.0, 0.0), (11.0, 0.0), (11.0, -1.0), (10.0, -1.0)]))
    places = np.array([(10.5, -0.001), (10.5, 0.001), (10.5, -0.4), (12.0, 0.0)])
    np.testing.assert_allclose(
        np.degrees(strip.signed_distance_rad(unit_vectors(*places.T))), [0.001, -0.001, 0.4, -1.0], rtol=1e-4
    )


def test_depth_of_compounds() -> None:
    left, right = Circle(10.0, 0.0, 2.0), Circle(13.0, 0.0, 2.0)
    points = unit_vectors([10.0, 11.5, 20.0], [0.0, 0.0, 0.0])
    depths = [
        region.signed_distance_rad(points)
        for region in (Union((left, right)), Intersection((left, right)), Complement(left))
    ]
    np.testing.assert_allclose(np.degrees(depths), [[2.0, 0.5, -5.0], [-1.0, 0.5, -8.0], [-2.0, -0.5, 8.0]], atol=1e-9)


@examples(60)
@given(st.lists(outlines(size_deg=(0.01, 60.0), corners=(4, 10)), min_size=1, max_size=4), SEEDS)
def test_the_cap_holds_the_region(drawn: list[Outline], seed: int) -> None:
    rng = np.random.default_rng(seed)
    region = Union(tuple(polygon_of(outline.vertices) for outline in drawn))
    positions = np.concatenate([outline.scatter(100, rng)[0] for outline in drawn])
    inside = positions[region.signed_distance_rad(unit_vectors(*positions.T)) > 0.0]
    cap = region.cap
    away = np.degrees(angular_separation(np.radians(cap.ra_deg), np.radians(cap.dec_deg), *np.radians(inside.T)))
    assert (away <= cap.radius_deg + 1e-9).all()
    assert len(drawn) > 1 or cap.radius_deg < 89.0


def test_caps_of_compounds() -> None:
    small, far = Circle(10.0, 20.0, 1.0), Circle(190.0, -20.0, 1.0)
    assert Union((small, far)).cap.radius_deg == 180.0, "opposite places have no middle"
    assert Intersection((Complement(far), small)).cap == small.cap
    assert Complement(small).cap.radius_deg == 180.0


def test_outlines_are_at_hand_for_figures() -> None:
    region = parse_region("UNION (POLYGON 0 0 1 0 1 1 0 0 CIRCLE 5 6 7 NOT (POLYGON 0 0 0.1 0 0.1 0.1)) POINT 8 9")
    assert [ring.tolist() for ring in region.rings] == [[[0, 0], [1, 0], [1, 1]], [[0, 0], [0.1, 0], [0.1, 0.1]]]
    assert region.circles == ((5.0, 6.0, 7.0), (8.0, 9.0, 0.0))


@examples(20)
@given(outlines(corners=(4, 10)))
def test_regions_are_frozen_values(outline: Outline) -> None:
    region = Complement(Union((polygon_of(outline.vertices), Circle(1.0, 2.0, 3.0))))
    copy = pickle.loads(pickle.dumps(region))
    assert copy == region
    assert hash(copy) == hash(region)
    assert eval(repr(region)) == region, "the repr says all there is to say"
    assert isinstance(region, Region)
    assert is_dataclass(region)
    with pytest.raises(FrozenInstanceError):
        region.region = copy


def test_a_polygon_of_nothing_is_refused_however_it_is_made() -> None:
    with pytest.raises(ValueError, match="3 distinct vertices, not 0"):
        Polygon(())
    with pytest.raises(ValueError, match="must enclose an area"):
        Polygon(((10.0, 20.0), (11.0, 20.0), (11.0, 21.0), (11.0, 20.0), (10.0, 20.0)))
