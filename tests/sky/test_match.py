from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import SkyCoord

from feii_dask.sky import match as match_module
from feii_dask.sky.containment import SkyIndex
from feii_dask.sky.match import EMPTY_MATCHES, MATCH_COLUMNS, match_partition, nearest_yso

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def golden() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Footprints with the notebook's own answers, and the coordinates it had."""
    return (
        pd.read_csv(DATA / "crossmatch_observations.csv.gz"),
        pd.read_csv(DATA / "crossmatch_ysos.csv.gz"),
    )


def table(*s_region: object, **columns: object) -> pd.DataFrame:
    return pd.DataFrame({"s_ra": 10.0, "s_dec": 0.0, "s_region": pd.Series(s_region, dtype=object), **columns})


AT_TEN = "POLYGON ICRS  9.9 -0.1 10.1 -0.1 10.1 0.1 9.9 0.1"
YSOS = np.array([[10.0, 0.01], [40.0, 0.0], [10.05, 0.0]])


def test_the_notebooks_answers(golden: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    observations, ysos = golden
    matches = match_partition(observations, ysos[["ra", "dec"]].to_numpy())
    assert (matches["region_error"] == "").all()
    matched = observations.index.isin(matches["obs_index"])
    np.testing.assert_array_equal(matched, observations["matched"])
    assert len(matched) == 600
    assert (matches["edge_arcsec"] > 0.0).all()


def test_separations_agree_with_astropy(golden: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    observations, ysos = golden
    matches = match_partition(observations, ysos[["ra", "dec"]])
    pointing = observations.loc[matches["obs_index"]]
    yso = ysos.loc[matches["yso_index"]]
    expected = SkyCoord(pointing["s_ra"], pointing["s_dec"], unit="deg").separation(
        SkyCoord(yso["ra"], yso["dec"], unit="deg")
    )
    np.testing.assert_allclose(matches["separation_arcsec"], expected.arcsec, atol=1e-6)


def test_the_nearest_yso_agrees_with_astropy(golden: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    observations, ysos = golden
    expected, _, _ = SkyCoord(observations["s_ra"], observations["s_dec"], unit="deg").match_to_catalog_sky(
        SkyCoord(ysos["ra"], ysos["dec"], unit="deg")
    )
    coordinates = ysos[["ra", "dec"]].to_numpy()
    np.testing.assert_array_equal(nearest_yso(observations, coordinates), expected)
    np.testing.assert_array_equal(nearest_yso(observations, SkyIndex.of(coordinates)), expected)


def test_the_nearest_yso_is_none_where_there_is_none() -> None:
    observations = table(*[AT_TEN] * 4).assign(s_ra=[10.0, np.nan, 39.0, 10.0], s_dec=[0.0, 0.0, 0.0, 95.0])
    assert nearest_yso(observations, YSOS).tolist() == [0, -1, 1, -1]
    assert nearest_yso(observations, np.full((3, 2), np.nan)).tolist() == [-1] * 4
    nowhere_first = np.vstack([[np.nan, np.nan], YSOS])
    assert nearest_yso(observations, nowhere_first).tolist() == [1, -1, 2, -1]
    assert nearest_yso(observations.iloc[:0], YSOS).dtype == np.int64


def test_a_row_for_each_yso_inside_and_for_each_bad_region() -> None:
    observations = table(AT_TEN, "POLYGON ICRS 1 2", "CIRCLE 40 0 1", None, "CIRCLE 200 0 1", AT_TEN)
    matches = match_partition(observations, YSOS)
    assert matches["obs_index"].tolist() == [0, 0, 1, 2, 3, 5, 5]
    assert matches["yso_index"].tolist() == [0, 2, -1, 1, -1, 0, 2]
    bad = matches[matches["yso_index"] < 0]
    assert bad["region_error"].str.contains("3 distinct vertices|must be text").all()
    assert bad[["separation_arcsec", "edge_arcsec"]].isna().all(axis=None)
    good = matches[matches["yso_index"] >= 0]
    assert (good["region_error"] == "").all()
    np.testing.assert_allclose(good["separation_arcsec"], [36.0, 180.0, 108000.0, 36.0, 180.0], rtol=1e-9)
    np.testing.assert_allclose(good["edge_arcsec"], [324.0, 180.0, 3600.0, 324.0, 180.0], rtol=1e-5)
    assert matches.index.equals(pd.RangeIndex(7))


def test_a_missing_pointing_does_not_prevent_a_match() -> None:
    observations = table(AT_TEN, AT_TEN, AT_TEN).assign(
        s_ra=pd.array([None, 10.0, 10.0], dtype="Float64"), s_dec=[0.0, np.nan, 0.0]
    )
    matches = match_partition(observations, YSOS[:1])
    assert matches["obs_index"].tolist() == [0, 1, 2]
    assert matches["separation_arcsec"].isna().tolist() == [True, True, False]
    assert (matches["edge_arcsec"] > 0.0).all()


@pytest.mark.parametrize(
    "labels",
    [[7, 7, 3], ["b", "a", "b"], [1.5, 2.5, 0.5], list(pd.to_datetime(["2023-01-01", "2022-01-01", "2024-01-01"]))],
    ids=["int", "str", "float", "time"],
)
def test_observations_are_named_by_their_labels(labels: list[object]) -> None:
    index = pd.Index(labels)
    observations = table(AT_TEN, "nan", AT_TEN).set_index(index)
    matches = match_partition(observations, YSOS[:1])
    assert matches["obs_index"].tolist() == labels
    assert matches["obs_index"].dtype == index.dtype
    nothing = match_partition(observations.iloc[:0], YSOS)
    assert nothing.dtypes.equals(matches.dtypes)


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_types_are_those_that_dask_is_told(rows: int) -> None:
    observations = table(AT_TEN, "nan", "CIRCLE 200 0 1").iloc[:rows]
    matches = match_partition(observations, YSOS)
    assert matches.dtypes.equals(EMPTY_MATCHES.dtypes)
    assert tuple(matches.columns) == tuple(MATCH_COLUMNS)
    assert EMPTY_MATCHES.empty


def test_inputs_are_left_as_they_were() -> None:
    observations, coordinates = table(AT_TEN, "nan"), YSOS.copy()
    before = observations.copy()
    match_partition(observations, coordinates)
    pd.testing.assert_frame_equal(observations, before)
    np.testing.assert_array_equal(coordinates, YSOS)


def test_an_index_does_as_well_as_the_array() -> None:
    observations = table(AT_TEN, "nan", "CIRCLE 40 0 1")
    pd.testing.assert_frame_equal(match_partition(observations, SkyIndex.of(YSOS)), match_partition(observations, YSOS))


def test_a_table_longer_than_a_block_is_matched_as_a_whole() -> None:
    count = 2 * match_module.ROWS_AT_ONCE + 5
    ra = np.arange(count) % 300 + 0.5
    text = [f"POLYGON {r - 0.1} 0 {r + 0.1} 0 {r} 1" for r in ra]
    text[::1000] = ["nan"] * len(text[::1000])
    observations = pd.DataFrame({"s_ra": ra, "s_dec": 0.5, "s_region": text}, index=np.arange(count)[::-1])
    ysos = np.stack([np.arange(300) + 0.5, np.full(300, 0.25)], axis=-1)
    matches = match_partition(observations, ysos)
    assert matches["obs_index"].tolist() == observations.index.tolist()
    expected = np.where(np.arange(count) % 1000 == 0, -1, np.arange(count) % 300)
    np.testing.assert_array_equal(matches["yso_index"], expected)


def test_pad_counts_ysos_a_little_outside() -> None:
    outside = np.array([[10.0, 0.1 + 0.5 / 3600.0]])
    observations = table("POLYGON 9.99 0.1 10.01 0.1 10.01 0 9.99 0", "CIRCLE 10 0 0.1", f"POINT 10 {0.1!r}")
    assert match_partition(observations, outside).empty
    matches = match_partition(observations, outside, pad_arcsec=1.0)
    assert matches["obs_index"].tolist() == [0, 1, 2]
    np.testing.assert_allclose(matches["edge_arcsec"], -0.5, atol=1e-4)


def test_a_point_holds_nothing_but_with_a_pad() -> None:
    observations = table("POINT ICRS 10 0.01")
    assert match_partition(observations, YSOS).empty
    assert match_partition(observations, YSOS, pad_arcsec=1e-6)["yso_index"].tolist() == [0]


@pytest.mark.parametrize("pad", [-1.0, np.nan, np.inf])
def test_a_pad_that_is_none_is_refused(pad: float) -> None:
    with pytest.raises(ValueError, match="pad_arcsec must be a finite number, at least 0"):
        match_partition(table(AT_TEN), YSOS, pad_arcsec=pad)
