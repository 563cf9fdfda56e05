from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import angular_separation
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from feii_dask.sky.sphere import (
    angle_rad,
    angle_to_arc_rad,
    chord,
    positions_deg,
    tangent_axes,
    unit_vectors,
)

from .outlines import CENTRES, SEEDS, examples

MILLIARCSEC = np.radians(1e-3 / 3600.0)


def everywhere(rng: np.random.Generator, count: int) -> np.ndarray:
    vectors = rng.normal(size=(count, 3))
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@examples(100)
@given(CENTRES)
def test_positions_survive_the_way_to_vectors_and_back(position: tuple[float, float]) -> None:
    ra, dec = positions_deg(unit_vectors(*position))
    assert np.degrees(angular_separation(*np.radians([ra, dec, *position]))) < 1e-6
    assert 0.0 <= ra <= 360.0


@pytest.mark.parametrize(
    "position", [(np.nan, 0.0), (0.0, np.nan), (np.inf, 0.0), (0.0, -np.inf), (10.0, 90.001), (10.0, -91.0)]
)
def test_what_is_no_position_has_no_vector(position: tuple[float, float]) -> None:
    assert np.isnan(unit_vectors(*position)).all()


def test_vectors_take_the_shape_of_both_coordinates() -> None:
    assert unit_vectors(np.zeros((2, 1)), np.zeros(3)).shape == (2, 3, 3)


def test_angles_agree_with_astropy() -> None:
    rng = np.random.default_rng(1)
    a = everywhere(rng, 500)
    b = everywhere(rng, 500)
    expected = angular_separation(*(np.radians(x) for x in (*positions_deg(a), *positions_deg(b))))
    np.testing.assert_allclose(angle_rad(a, b), expected, rtol=1e-12)


@pytest.mark.parametrize("angle_deg", [0.0, 1e-9, 1e-3, 90.0, 179.0, 180.0 - 1e-7, 180.0])
def test_angles_are_exact_from_nothing_to_the_antipode(angle_deg: float) -> None:
    measured = np.degrees(angle_rad(unit_vectors(30.0, 0.0), unit_vectors(30.0 + angle_deg, 0.0)))
    assert measured == pytest.approx(angle_deg, rel=1e-6, abs=1e-13)


def test_a_chord_belongs_to_its_angle() -> None:
    a, b = unit_vectors(10.0, 20.0), unit_vectors(10.5, 20.5)
    assert chord(angle_rad(a, b)) == pytest.approx(np.linalg.norm(a - b), rel=1e-12)
    assert chord(np.array(4.0)) == 2.0, "no angle is wider than half a turn"


@examples(50)
@given(CENTRES)
def test_tangent_axes_are_a_right_handed_frame(position: tuple[float, float]) -> None:
    centre = unit_vectors(*position)
    east, north = tangent_axes(centre)
    np.testing.assert_allclose(np.cross(east, north), centre, atol=1e-12)
    assert north[2] >= 0.0


@examples(100)
@given(SEEDS, st.sampled_from([MILLIARCSEC, 1e-6, 1e-3, 0.1, 1.0]))
def test_angle_to_an_arc_of_the_equator(seed: int, scale: float) -> None:
    """On the equator the answer is known: the latitude beside the arc, the distance to its end elsewhere."""
    rng = np.random.default_rng(seed)
    lon = rng.uniform(-1.5, 2.5, 50) * scale
    lat = rng.uniform(-1.5, 1.5, 50) * scale
    beside = (lon > 0.0) & (lon < scale)
    to_end = angular_separation(lon, lat, np.where(lon > scale / 2.0, scale, 0.0), 0.0)
    expected = np.where(beside, np.abs(lat), to_end)

    turned = Rotation.random(rng=seed)
    points = turned.apply(unit_vectors(np.degrees(lon), np.degrees(lat)))
    start, end = turned.apply(unit_vectors([0.0, np.degrees(scale)], [0.0, 0.0]))
    # A unit vector is rounded to 1e-16 of a turn, so that is how exact a small angle can be.
    np.testing.assert_allclose(angle_to_arc_rad(points, start, end), expected, rtol=1e-7, atol=1e-15)


def test_an_arc_without_length_is_a_point() -> None:
    points, place = unit_vectors([10.0, 11.0], [0.0, 0.0]), unit_vectors(10.0, 0.0)
    np.testing.assert_allclose(angle_to_arc_rad(points, place, place), np.radians([0.0, 1.0]), atol=1e-15)
