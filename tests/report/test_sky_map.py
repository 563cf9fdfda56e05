from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import SkyCoord
from matplotlib.projections.geo import AitoffAxes

from feii_dask.report.sky_map import HEIGHT, WIDTH, aitoff, sky_maps


def test_the_projection_is_matplotlibs() -> None:
    rng = np.random.default_rng(4)
    longitude, latitude = rng.uniform(-179, 179, 200), rng.uniform(-89, 89, 200)
    theirs = AitoffAxes.AitoffTransform(1).transform(np.radians(np.stack([longitude, latitude], axis=-1)))
    x, y = aitoff(longitude, latitude)
    np.testing.assert_allclose(x, WIDTH / 2 * (1 - theirs[:, 0] / (np.pi / 2)), atol=1e-6)
    np.testing.assert_allclose(y, HEIGHT / 2 * (1 - theirs[:, 1] / (np.pi / 2)), atol=1e-6)


@pytest.mark.parametrize("longitude", [0.0, 360.0, -720.0])
def test_longitude_zero_is_in_the_middle(longitude: float) -> None:
    np.testing.assert_allclose(aitoff(longitude, 0.0), (WIDTH / 2, HEIGHT / 2))


def test_everything_stands_where_it_is_in_both_frames() -> None:
    candidates = pd.DataFrame(
        {"main_id": ["centre", "T Tau"], "yso_index": [7, 3], "ra": [266.405, 65.5], "dec": [-28.936, 19.5]}
    )
    ysos = pd.DataFrame({"ra": [10.0, 10.0, np.nan, 200.0], "dec": [20.0, 20.0, 1.0, -60.0]})
    matched = pd.DataFrame({"s_ra": [65.5], "s_dec": [19.5]})
    galactic, icrs = sky_maps(ysos, matched, candidates)
    centre, t_tau = galactic.candidates
    assert (centre.label, centre.yso_index) == ("centre", "7")
    assert (centre.x, centre.y) == pytest.approx((WIDTH / 2, HEIGHT / 2), abs=0.1)
    place = SkyCoord(65.5, 19.5, unit="deg").galactic
    assert (t_tau.x, t_tau.y) == pytest.approx(aitoff(place.l.deg, place.b.deg))
    assert (icrs.candidates[1].x, icrs.candidates[1].y) == pytest.approx(aitoff(65.5, 19.5))
    for sky in (galactic, icrs):
        assert len(re.findall("M", sky.ysos)) == 2  # of those with coordinates; two are at one place
        assert len(re.findall("M", sky.footprints)) == 1


def test_seventy_thousand_objects_stay_small() -> None:
    rng = np.random.default_rng(5)
    ysos = pd.DataFrame({"ra": rng.uniform(0, 360, 70_000), "dec": np.degrees(np.arcsin(rng.uniform(-1, 1, 70_000)))})
    nothing = pd.DataFrame({"main_id": [], "yso_index": [], "ra": [], "dec": [], "s_ra": [], "s_dec": []})
    assert all(len(sky.ysos) < 1_000_000 for sky in sky_maps(ysos, nothing, nothing))
