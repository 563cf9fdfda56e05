from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from feii_dask.errors import RegionError
from feii_dask.sky.footprints import Footprints
from feii_dask.sky.regions import MAX_CHARACTERS, parse_region
from feii_dask.sky.shapes import Polygon
from feii_dask.sky.sphere import unit_vectors

from .outlines import examples, numbers_of, outlines

PLAIN = "POLYGON ICRS  10.5 -20.25 10.6 -20.25 10.6 -20.125 10.5 -20.125"
CLOSED = "polygon -1 2 1 2 1 -2 -1 2"
CIRCLE = "CIRCLE ICRS 10 20 0.5"
BAD = "POLYGON ICRS  10 20 11 20"


def assert_each_row_is_read_as_it_is_alone(column: pd.Series) -> None:
    footprints = Footprints.read(column)
    polygons = footprints.polygons
    plain: dict[int, list[np.ndarray]] = {}
    for row, first, count in zip(footprints.polygon_row.tolist(), polygons.first, polygons.count, strict=True):
        plain.setdefault(row, []).append(polygons.vertex[first : first + count])
    assert sorted([*plain, *footprints.regions, *footprints.region_errors]) == list(range(len(column)))
    for row, vertices in plain.items():
        for ours, expected in zip(vertices, parse_region(column.iloc[row]).rings, strict=True):
            moved = np.append(True, (np.diff(ours, axis=0) != 0).any(axis=1))  # a region drops repeated vertices
            np.testing.assert_array_equal(ours[moved][: len(expected)], unit_vectors(*expected.T))
    for row, region in footprints.regions.items():
        assert region == parse_region(column.iloc[row])
    for row, reason in footprints.region_errors.items():
        with pytest.raises(RegionError) as refusal:
            parse_region(column.iloc[row])
        assert reason == str(refusal.value)
    assert_outlines_are_those_of_regions(footprints, column)


def assert_outlines_are_those_of_regions(footprints: Footprints, column: pd.Series) -> None:
    found = footprints.outlines()
    assert list(found) == sorted({*footprints.polygon_row.tolist(), *footprints.regions})
    for row, outline in found.items():
        region = parse_region(column.iloc[row])
        assert outline.circles == region.circles
        for ours, expected in zip(outline.rings, region.rings, strict=True):
            away = np.abs(unit_vectors(*ours.T)[:, np.newaxis] - unit_vectors(*expected.T)).max(axis=-1)
            assert max(away.min(axis=0).max(), away.min(axis=1).max()) < 1e-15  # no vertex is missing, none is new


VOCABULARY = "POLYGON polygon ICRS fk5 J2000 GALACTIC CIRCLE 0 1 -1 +2 10.5 .5 5. 1e1 90 -91 1e3 1e400 nan , ( )"
WORDS = st.sampled_from(VOCABULARY.split())
TEXTS = st.one_of(
    outlines(corners=(4, 12)).map(lambda outline: outline.text),
    outlines(corners=(4, 12)).map(lambda outline: f" Polygon\t{numbers_of(outline.vertices)}\n"),
    st.lists(outlines(corners=(4, 6)).map(lambda outline: outline.text), min_size=2, max_size=3).map("  ".join),
    st.lists(WORDS, max_size=12).map(" ".join),
    st.lists(st.integers(-3, 3), min_size=4, max_size=10).map(lambda numbers: f"POLYGON {' '.join(map(str, numbers))}"),
    st.text(max_size=20),
)
CELLS = TEXTS | st.sampled_from(
    [None, np.nan, pd.NA, np.ma.masked, 7, 1.5, b"POLYGON", "\ud800", "POLYGON ٣ 4 5 6 7 8"]
)


@examples(200)
@given(st.lists(CELLS, max_size=12))
@example([])
@example([PLAIN])
@example([BAD, None])
@example(["POLYGON 1 0 0 0 0 0 0 1", "POLYGON 1 0 0 0 0 1 1 0", "POLYGON 1 0 1 0 0 0 0 1"])
def test_a_column_is_read_as_its_rows_are(cells: list[object]) -> None:
    assert_each_row_is_read_as_it_is_alone(pd.Series(cells, dtype=object))


@pytest.mark.parametrize(
    "dtype",
    [
        "object",
        "category",
        "str",
        pd.StringDtype("python"),
        pd.StringDtype("pyarrow"),
        pd.ArrowDtype(pa.string()),
        pd.ArrowDtype(pa.large_string()),
    ],
    ids=str,
)
def test_every_kind_of_text_column_is_read(dtype: object) -> None:
    column = pd.Series([PLAIN, None, CIRCLE, CLOSED, BAD, PLAIN], dtype=dtype)
    for part in (column, column.iloc[1:], column.iloc[::-1], column.iloc[:0]):
        assert_each_row_is_read_as_it_is_alone(part)
    assert Footprints.read(column).polygon_row.tolist() == [0, 3, 5]


def test_plain_polygons_are_read_together_and_not_one_by_one() -> None:
    """The rest is right as well, but fifty times slower."""
    plain = [
        PLAIN,
        CLOSED,
        f"  {PLAIN} ",
        "POLYGON GSC1 1 2 3 4 5 9",
        f"{PLAIN}  {CLOSED}\npolygon j2000 1e-05 2 -3. 4 5 .9",
    ]
    assert Footprints.read(pd.Series(plain)).polygon_row.tolist() == [0, 1, 2, 3, 4, 4, 4]


@pytest.mark.parametrize(
    "text",
    [
        "POLYGON 10 20 11 20 11 95",
        "POLYGON 10 20 11 20 999 21",
        "POLYGON 10 20 11 20 1e999 21",
        "POLYGON 10 0 11 0 12 0",
        "POLYGON 0 0 120 0 240 0",
        "POLYGON 10 0 11 0 10 0",
        f"{PLAIN} POLYGON 10 0 11 0 10 0",
        f"{PLAIN} POLYGON 10 0 11 0",
        "POLYGON " + "1 2 3 4 5 9 " * (MAX_CHARACTERS // 12) + "1 2 3 4 5 9",
    ],
)
def test_one_bad_polygon_has_its_reason_and_harms_no_other(text: str) -> None:
    footprints = Footprints.read(pd.Series([PLAIN, text, CLOSED]))
    assert footprints.polygon_row.tolist() == [0, 2]
    assert list(footprints.region_errors) == [1]
    assert footprints.polygons.count.tolist() == [4, 4]


def test_an_outline_does_not_repeat_its_first_vertex() -> None:
    footprints = Footprints.read(pd.Series([BAD, CLOSED, f"{PLAIN} {CLOSED}", CIRCLE]))
    outlines = footprints.outlines()
    assert [[len(ring) for ring in outline.rings] for outline in outlines.values()] == [[3], [4, 3], []]
    np.testing.assert_allclose(outlines[1].rings[0], [(359, 2), (1, 2), (1, -2)])
    assert outlines[3].circles == ((10.0, 20.0, 0.5),)


def test_a_bow_tie_gets_its_closer_look() -> None:
    footprints = Footprints.read(pd.Series(["POLYGON 10 0 11 1 11 0 10 1"]))
    assert isinstance(footprints.regions[0], Polygon)
