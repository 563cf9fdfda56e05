"""Selection of observations: wildcards, and columns that a table lacks."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feii_dask.archives.selection import Selection
from feii_dask.errors import SettingsError


@given(st.text(alphabet="ab[]?!-;", max_size=6), st.text(alphabet="ab[]?!-", min_size=1, max_size=4))
def test_selection_without_wildcard_is_equality(cell: str, value: str) -> None:
    table = pd.DataFrame({"filters": [cell]})
    chosen = Selection(filters=(value,)).of(table)
    assert len(chosen) == int(value in (cell, *cell.split(";")))


def test_selection_by_a_column_that_is_not_there() -> None:
    with pytest.raises(SettingsError, match="no column proposal_id"):
        Selection(proposal_id=("1290",)).of(pd.DataFrame({"obs_id": ["a"]}))
