"""Where objects are when they are observed, compared with astropy's rigorous space motion."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.time import Time

from feii_dask.sky.motion import julian_year, moved_to


def test_a_quarter_of_a_century_as_astropy_has_it() -> None:
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(0, 360, 200), rng.uniform(-80, 80, 200)
    pmra, pmdec = rng.normal(0, 100, (2, 200))
    ysos = pd.DataFrame({"ra": ra, "dec": dec, "pmra": pmra, "pmdec": pmdec, "ref_epoch": 2000.0})
    there = moved_to(ysos, 2025.0)
    motion = {"pm_ra_cosdec": pmra * u.mas / u.yr, "pm_dec": pmdec * u.mas / u.yr, "distance": 100 * u.pc}
    start = SkyCoord(ra * u.deg, dec * u.deg, obstime=Time("J2000"), **motion)
    expected = start.apply_space_motion(new_obstime=Time("J2025"))
    off = SkyCoord(there["ra"], there["dec"], unit="deg").separation(SkyCoord(expected.ra, expected.dec))
    assert off.arcsec.max() < 0.005
    assert there["ra"].between(0, 360).all()


def test_what_is_not_known_stays_where_it_is() -> None:
    ysos = pd.DataFrame({"ra": [10.0, 20.0], "dec": [0.0, 1.0]})
    pd.testing.assert_frame_equal(moved_to(ysos, 2025.0), ysos)
    some = ysos.assign(pmra=[np.nan, 3600.0], pmdec=np.nan, ref_epoch=[np.nan, 2016.0])
    assert moved_to(some, 2026.0)["ra"].tolist() == pytest.approx([10.0, 20.0 + 0.01 / np.cos(np.radians(1.0))])
    assert moved_to(some, float("nan")) is some


def test_years() -> None:
    assert julian_year([51544.5, np.nan])[0] == 2000.0
    assert julian_year(Time("J2023.7").mjd) == pytest.approx(2023.7, abs=1e-5)
