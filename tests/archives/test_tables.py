"""Text and numbers told apart, whatever a file or an archive writes for nothing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feii_dask.archives.selection import Selection
from feii_dask.archives.tidying import tidy
from feii_dask.archives.yso_table import describe_ysos, tidy_ysos
from feii_dask.errors import SettingsError


@pytest.mark.parametrize("nothing", [None, np.nan, "", "nan", "--", "NULL", pd.NA])
def test_every_kind_of_missing_number(nothing):
    table = tidy(pd.DataFrame({"x": pd.Series(["1.5", nothing, 2], dtype=object)}), numbers=["x", "absent"])
    assert table["x"].dtype == "float64"
    np.testing.assert_array_equal(table["x"], [1.5, np.nan, 2.0])


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series([1290, None], dtype="Int64"), ["1290", ""]),
        (pd.Series([1290, 1291]), ["1290", "1291"]),
        (pd.Series(["01290", None], dtype=object), ["01290", ""]),
        (pd.Series(["a", np.nan]), ["a", ""]),
        (pd.Series([np.nan, np.nan]), ["", ""]),
    ],
)
def test_text_of_any_column(column, expected):
    assert tidy(pd.DataFrame({"x": column}), text=["x"])["x"].tolist() == expected


def test_number_that_is_none():
    with pytest.raises(ValueError, match="column ra should hold numbers"):
        tidy_ysos(pd.DataFrame({"main_id": ["a"], "ra": ["05:35:12"], "dec": ["-5"]}))


def test_objects_need_coordinates():
    with pytest.raises(ValueError, match="lacks dec"):
        tidy_ysos(pd.DataFrame({"main_id": ["a"], "ra": [1.0]}))


def test_neighbours_are_counted_across_the_origin_and_at_the_pole():
    ysos = pd.DataFrame({"ra": [359.9999, 0.0001, 10.0, 190.0, 50.0], "dec": [0.0, 0.0, 89.9999, 89.9999, 0.0]})
    arcsec = 1 / 3600
    ysos.loc[5] = [50.0, 0.9 * arcsec]
    ysos.loc[6] = [60.0, 0.0]
    ysos.loc[7] = [60.0, 1.1 * arcsec]
    assert describe_ysos(ysos) == ("6 within 1 arcsec of another",)
    assert describe_ysos(ysos.iloc[6:]) == ()
    assert describe_ysos(ysos.head(0)) == ()


@given(st.text(alphabet="ab[]?!-;", max_size=6), st.text(alphabet="ab[]?!-", min_size=1, max_size=4))
def test_selection_without_wildcard_is_equality(cell, value):
    table = pd.DataFrame({"filters": [cell]})
    chosen = Selection(filters=(value,)).of(table)
    assert len(chosen) == int(value in (cell, *cell.split(";")))


def test_selection_by_a_column_that_is_not_there():
    with pytest.raises(SettingsError, match="no column proposal_id"):
        Selection(proposal_id=("1290",)).of(pd.DataFrame({"obs_id": ["a"]}))
