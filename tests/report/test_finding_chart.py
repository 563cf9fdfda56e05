from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from feii_dask.report.finding_chart import SIDE, draw_finding_chart, outlines_of

Floats = NDArray[np.float64]

NOBODY = pd.DataFrame({"main_id": [], "ra": [], "dec": []})
NO_PEAKS = pd.DataFrame({"line": [], "peak_ra_deg": [], "peak_dec_deg": []})
ARCSEC = 1 / 3600


def matched_with(**s_region: str | None) -> pd.DataFrame:
    return pd.DataFrame({"obs_id": list(s_region), "s_region": list(s_region.values())})


def corners_of(path: str) -> Floats:
    return np.array(re.findall(r"-?[\d.]+", path), dtype=float).reshape(-1, 2)


@pytest.mark.parametrize("ra", [150.0, 0.0, 359.9999])
def test_a_square_about_the_object_is_drawn_about_the_middle(ra: float) -> None:
    east, north = 3 * ARCSEC / np.cos(np.radians(60)), 3 * ARCSEC
    corners = [(ra + x * east, 60 + y * north) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    square = "POLYGON " + " ".join(f"{x:.9f} {y:.9f}" for x, y in corners)
    drawn = draw_finding_chart(ra, 60.0, outlines_of(matched_with(cube=square)), NOBODY, NO_PEAKS)
    corners = corners_of(drawn.footprints["cube"])
    scale = drawn.bar / drawn.bar_arcsec
    np.testing.assert_allclose(corners.mean(axis=0), SIDE / 2, atol=0.1)
    np.testing.assert_allclose(np.abs(corners - SIDE / 2), 3 * scale, atol=0.1)
    assert corners.min() > 0
    assert corners.max() < SIDE


def test_north_is_up_and_east_is_left() -> None:
    peaks = pd.DataFrame(
        {"line": ["a", "b", "c"], "peak_ra_deg": [10 + ARCSEC, 10, np.nan], "peak_dec_deg": [0, ARCSEC, 0]}
    )
    east, north = draw_finding_chart(10.0, 0.0, {}, NOBODY, peaks).peaks
    assert east.x < SIDE / 2
    assert east.y == pytest.approx(SIDE / 2)
    assert north.y < SIDE / 2
    assert north.x == pytest.approx(SIDE / 2)


def test_only_neighbours_in_the_drawing_are_there() -> None:
    ysos = pd.DataFrame({"main_id": ["near", "far", "antipode"], "ra": [10.0, 10.1, 190.0], "dec": [ARCSEC, 0.0, 0.0]})
    footprints = outlines_of(matched_with(cube="CIRCLE 10 0 0.002"))
    drawn = draw_finding_chart(10.0, 0.0, footprints, ysos, NO_PEAKS)
    assert [place.label for place in drawn.ysos] == ["near"]
    radius = np.hypot(*(corners_of(drawn.footprints["cube"]) - SIDE / 2).T)
    np.testing.assert_allclose(radius, 7.2 * drawn.bar / drawn.bar_arcsec, atol=0.1)


def test_footprints_that_cannot_be_read_are_left_out() -> None:
    matched = matched_with(good="CIRCLE 10 0 1", bad="CIRCLE 10", none=None)
    assert list(outlines_of(matched)) == ["good"]
