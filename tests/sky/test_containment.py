from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feii_dask.sky.containment import SkyIndex, find_inside
from feii_dask.sky.footprints import Footprints
from feii_dask.sky.regions import parse_region
from feii_dask.sky.sphere import unit_vectors

from .outlines import CENTRES, SEEDS, examples, numbers_of, on_sky, outlines

ARCSEC = np.radians(1.0 / 3600.0)


@st.composite
def crowds(draw: st.DrawFn) -> tuple[list[str], np.ndarray]:
    """Give some footprints of all kinds on one spot of a few degrees, and positions in and around them."""
    rng = np.random.default_rng(draw(SEEDS))
    centre = draw(CENTRES)
    drawn = draw(st.lists(outlines(size_deg=(0.1, 5.0), corners=(4, 20)), min_size=1, max_size=5))
    rings = [numbers_of(on_sky(centre, outline.plane + rng.uniform(-3.0, 3.0, 2))) for outline in drawn]
    texts = [f"POLYGON ICRS {ring}" for ring in rings]
    (ra, dec), (ra_2, dec_2) = on_sky(centre, rng.uniform(-3.0, 3.0, (2, 2))).tolist()
    texts += [
        f"CIRCLE {ra!r} {dec!r} 2",
        " ".join(texts),
        f"POLYGON {rings[0]} CIRCLE {ra_2!r} {dec_2!r} 1",
        f"INTERSECTION (POLYGON {rings[0]} CIRCLE {ra!r} {dec!r} 4)",
        f"POLYGON {rings[0]} NOT (CIRCLE {ra!r} {dec!r} 2)",
        f"NOT (CIRCLE {ra_2!r} {dec_2!r} 3)",
        f"POINT {ra!r} {dec!r}",
    ]
    positions = on_sky(centre, rng.uniform(-10.0, 10.0, (150, 2)))
    positions[::50] = np.nan
    return list(rng.permutation(texts)), positions


@examples(60)
@given(crowds(), st.sampled_from([0.0, 1e-3, 1.0]))
def test_the_index_leaves_out_none_and_adds_none(crowd: tuple[list[str], np.ndarray], pad_deg: float) -> None:
    """Judged by trying every region on every position."""
    texts, positions = crowd
    index = SkyIndex.of(positions)
    found = find_inside(Footprints.read(pd.Series(texts)), index, np.radians(pad_deg))
    depths = np.array([parse_region(text).signed_distance_rad(index.vectors) for text in texts])
    expected = depths >= -np.radians(pad_deg) if pad_deg else depths > 0.0
    row, point = np.nonzero(expected)
    np.testing.assert_array_equal(found.row, row)
    np.testing.assert_array_equal(found.yso_index, point)
    np.testing.assert_allclose(found.signed_distance_rad, depths[row, point], rtol=1e-9, atol=1e-13)


@examples(60)
@given(crowds())
def test_the_bulk_agrees_with_each_region_alone(crowd: tuple[list[str], np.ndarray]) -> None:
    texts, positions = crowd
    index = SkyIndex.of(positions)
    found = find_inside(Footprints.read(pd.Series(texts)), index)
    inside = np.zeros((len(texts), len(positions)), dtype=bool)
    inside[found.row, found.yso_index] = True
    for row, text in enumerate(texts):
        np.testing.assert_array_equal(inside[row], parse_region(text).contains(*positions.T))


@pytest.mark.parametrize("text", ["POLYGON 10 0 11 0 11 -1 10 -1", "INTERSECTION (POLYGON 10 0 11 0 11 -1 10 -1)"])
def test_a_pad_counts_what_lies_outside_up_to_it(text: str) -> None:
    dec = np.array([0.5, -0.5, 2.0, 2.0 + 1e-6, 1.999]) / 3600.0
    index = SkyIndex.of(np.stack([np.full(5, 10.5), dec], axis=-1))
    footprints = Footprints.read(pd.Series([text]))
    assert find_inside(footprints, index).yso_index.tolist() == [1]
    found = find_inside(footprints, index, 2.0005 * ARCSEC)
    assert sorted(found.yso_index.tolist()) == [0, 1, 2, 3, 4]
    assert sorted(find_inside(footprints, index, 1.9995 * ARCSEC).yso_index.tolist()) == [0, 1, 4]
    np.testing.assert_allclose(found.signed_distance_rad / ARCSEC, -dec[found.yso_index] * 3600.0, rtol=1e-6)


def test_positions_that_are_nowhere_are_never_found() -> None:
    nowhere = [[np.nan, 0.0], [0.0, np.nan], [np.inf, 0.0], [0.0, 91.0]]
    index = SkyIndex.of([*nowhere, [0.0, 0.0], *nowhere])
    found = find_inside(Footprints.read(pd.Series(["CIRCLE 0 0 180", "POLYGON -1 -1 1 -1 1 1 -1 1"])), index, 0.1)
    assert found.yso_index.tolist() == [4, 4]


def test_the_antipode_of_the_whole_sky_is_on_the_sky() -> None:
    index = SkyIndex.of([[10.0, 20.0], [190.0, -20.0], [0.0, 90.0], [0.0, -90.0]])
    found = find_inside(Footprints.read(pd.Series(["NOT (CIRCLE 100 0 1)", "CIRCLE 10 20 180"])), index, 1e-9)
    assert len(found.yso_index) == 8


def test_an_index_of_nothing_finds_nothing() -> None:
    index = SkyIndex.of(np.full((3, 2), np.nan))
    assert len(find_inside(Footprints.read(pd.Series(["CIRCLE 0 0 180"])), index).row) == 0
    assert index.nearest(unit_vectors([0.0, np.nan], [0.0, 0.0])).tolist() == [-1, -1]


def test_an_index_is_taken_as_it_is_and_survives_pickling() -> None:
    rng = np.random.default_rng(5)
    positions = rng.uniform(-5.0, 5.0, (1000, 2))
    index = SkyIndex.of(positions)
    assert SkyIndex.of(index) is index
    footprints = Footprints.read(pd.Series(["CIRCLE 0 0 3", "POLYGON -2 -2 2 -2 0 2"]))
    for ours, theirs in zip(
        find_inside(footprints, index), find_inside(footprints, pickle.loads(pickle.dumps(index))), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("wrong", [np.zeros(4), np.zeros((3, 3)), 5.0, np.zeros((1, 2, 2))], ids=np.shape)
def test_coordinates_of_another_shape_are_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"\(n, 2\) array of ra and dec"):
        SkyIndex.of(wrong)
