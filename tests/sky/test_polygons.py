from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from feii_dask.sky import polygons as polygons_module
from feii_dask.sky.polygons import PolygonArray
from feii_dask.sky.sphere import angle_rad, unit_vectors

from .outlines import SEEDS, Outline, examples, outlines, staircase, star


def rings_of(*outlines_on_sky: np.ndarray) -> PolygonArray:
    ra, dec = np.concatenate(outlines_on_sky).T
    return PolygonArray.from_degrees(ra, dec, np.array([len(outline) for outline in outlines_on_sky]))


@examples(200)
@given(outlines(), SEEDS)
def test_inside_agrees_with_the_plane_of_wcslib(outline: Outline, seed: int) -> None:
    positions, expected = outline.scatter(200, np.random.default_rng(seed))
    rings = rings_of(outline.vertices)
    inside = rings.inside(np.zeros(200, dtype=np.int64), unit_vectors(*positions.T))
    np.testing.assert_array_equal(inside, expected)


@examples(20)
@given(st.lists(outlines(), min_size=2, max_size=6), SEEDS)
def test_many_rings_are_tested_as_each_alone(drawn: list[Outline], seed: int) -> None:
    rng = np.random.default_rng(seed)
    together = rings_of(*(outline.vertices for outline in drawn))
    ring = rng.integers(0, len(drawn), 300)
    points = unit_vectors(*np.concatenate([outline.scatter(300, rng)[0] for outline in drawn]).T)[: len(ring)]
    inside, angle = together.inside(ring, points), together.angle_to_edge_rad(ring, points)
    for number, outline in enumerate(drawn):
        mine = ring == number
        alone = rings_of(outline.vertices)
        zeros = np.zeros(mine.sum(), dtype=np.int64)
        np.testing.assert_array_equal(inside[mine], alone.inside(zeros, points[mine]))
        np.testing.assert_array_equal(angle[mine], alone.angle_to_edge_rad(zeros, points[mine]))


@examples(50)
@given(outlines(kinds=(star, staircase)))
def test_no_vertex_is_beyond_the_reach(outline: Outline) -> None:
    rings = rings_of(outline.vertices)
    away = angle_rad(unit_vectors(*outline.vertices.T), rings.centre[0])
    assert away.max() <= rings.reach_rad[0]
    assert rings.is_valid.all()


def test_work_is_cut_into_blocks_without_a_seam() -> None:
    rng = np.random.default_rng(7)
    outline = star(rng, 2000) * 10.0
    rings = rings_of(outline, outline + np.array([40.0, 0.0]))
    count = 2 * polygons_module.EDGES_AT_ONCE // 2000
    ring = rng.integers(0, 2, count)
    points = unit_vectors(*(rng.uniform(-12.0, 12.0, (count, 2)) + np.stack([40.0 * ring, 0.0 * ring], axis=-1)).T)
    inside, angle = rings.inside(ring, points), rings.angle_to_edge_rad(ring, points)
    some = slice(count // 2 - 10, count // 2 + 10)
    np.testing.assert_array_equal(inside[some], rings.inside(ring[some], points[some]))
    np.testing.assert_array_equal(angle[some], rings.angle_to_edge_rad(ring[some], points[some]))
    assert 0.2 < inside.mean() < 0.8


def test_no_rings_and_no_points_are_no_trouble() -> None:
    nothing = PolygonArray.from_degrees(np.empty(0), np.empty(0), np.empty(0, dtype=np.int64))
    none = np.empty(0, dtype=np.int64)
    assert len(nothing.is_valid) == len(nothing.inside(none, np.empty((0, 3)))) == 0
    assert len(nothing.angle_to_edge_rad(none, np.empty((0, 3)))) == 0


@examples(50)
@given(outlines(kinds=(star,)), SEEDS)
def test_a_plane_does_not_show_the_far_hemisphere(outline: Outline, seed: int) -> None:
    rings = rings_of(outline.vertices)
    near = rings.centre + np.random.default_rng(seed).normal(size=(100, 3)) * rings.reach_rad * 1e-4
    near /= np.linalg.norm(near, axis=-1, keepdims=True)
    only = np.zeros(100, dtype=np.int64)
    assert rings.inside(only, near).all()
    assert not rings.inside(only, -near).any()


def test_a_ring_with_a_vertex_that_is_nowhere_is_not_valid() -> None:
    rings = rings_of(np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 95.0)]), np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]))
    assert rings.is_valid.tolist() == [False, True]
