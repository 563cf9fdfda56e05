"""Tables of objects: what is refused, and neighbours that may be one object."""

from __future__ import annotations

import pandas as pd
import pytest

from feii_dask.archives.yso_table import describe_ysos, tidy_ysos


def test_number_that_is_none() -> None:
    with pytest.raises(ValueError, match="column ra should hold numbers"):
        tidy_ysos(pd.DataFrame({"main_id": ["a"], "ra": ["05:35:12"], "dec": ["-5"]}))


def test_objects_need_coordinates() -> None:
    with pytest.raises(ValueError, match="lacks dec"):
        tidy_ysos(pd.DataFrame({"main_id": ["a"], "ra": [1.0]}))


def test_neighbours_are_counted_across_the_origin_and_at_the_pole() -> None:
    ysos = pd.DataFrame({"ra": [359.9999, 0.0001, 10.0, 190.0, 50.0], "dec": [0.0, 0.0, 89.9999, 89.9999, 0.0]})
    arcsec = 1 / 3600
    ysos.loc[5] = [50.0, 0.9 * arcsec]
    ysos.loc[6] = [60.0, 0.0]
    ysos.loc[7] = [60.0, 1.1 * arcsec]
    assert describe_ysos(ysos) == ("6 within 1 arcsec of another",)
    assert describe_ysos(ysos.iloc[6:]) == ()
    assert describe_ysos(ysos.head(0)) == ()
