"""Text and numbers of columns, whatever a file or an archive writes for a missing value."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from feii_dask.archives.tidying import tidy


@pytest.mark.parametrize("nothing", [None, np.nan, "", "nan", "--", "NULL", pd.NA])
def test_every_kind_of_missing_number(nothing: object) -> None:
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
def test_text_of_any_column(column: pd.Series, expected: list[str]) -> None:
    assert tidy(pd.DataFrame({"x": column}), text=["x"])["x"].tolist() == expected
