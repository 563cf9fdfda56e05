from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table
from spherical_geometry.polygon import SphericalPolygon

from feii_dask.cubes.lines import NOTEBOOK_LINES
from feii_dask.simulate.caom import observation_table
from feii_dask.simulate.survey import FAULTS, PlannedObservation, plan_observations, young_stars

Survey = tuple[Table, list[PlannedObservation], Table]

SHAPE = (21, 23)


@pytest.fixture(scope="module")
def survey() -> Survey:
    """The demo's survey: stars, observations, table."""
    rng = np.random.default_rng(0)
    stars = young_stars(64, rng)
    planned = plan_observations(stars, 18, snr=(3.0, 30.0), velocity_kms=250.0, rng=rng)
    return stars, planned, observation_table(planned, SHAPE)


def test_it_is_as_large_as_the_demo_asks(survey: Survey) -> None:
    stars, planned, _ = survey
    bands = {one.band.name for one in planned if not one.fault}
    assert len(stars) >= 60
    assert len([one for one in planned if not one.fault]) >= 40
    assert {"ch1-short", "ch3-long", "ch4-long", "g140h-f100lp", "mirifushort"} <= bands
    assert Counter(one.fault for one in planned if one.fault) == dict.fromkeys(FAULTS, 1)
    assert len({one.obs_id for one in planned}) == len(planned)


def test_a_third_of_the_observed_stars_have_jets_in_three_lines_and_two_bands(survey: Survey) -> None:
    _, planned, _ = survey
    observed = {one.main_id for one in planned if one.main_id}
    jets = {}
    for one in planned:
        for jet in one.scene.get("jets", ()):
            jets.setdefault(one.main_id, []).append((one.band.name, jet))
    assert len(jets) * 3 == len(observed)
    names = {line.name for line in NOTEBOOK_LINES}
    for lines in jets.values():
        assert len({band for band, _ in lines}) >= 2
        assert len({jet.line.name for _, jet in lines} & names) >= 3
        assert len({(jet.velocity_kms, jet.fwhm_kms, jet.position_angle_deg) for _, jet in lines}) == 1
    faulty = {one.main_id for one in planned if one.fault}
    assert not faulty & set(jets)


def test_strengths_and_velocities_cover_what_was_asked() -> None:
    rng = np.random.default_rng(1)
    stars = young_stars(400, rng)
    planned = plan_observations(stars, 300, snr=(3.0, 30.0), velocity_kms=250.0, rng=rng)
    jets = [jet for one in planned for jet in one.scene.get("jets", ())]
    strength, velocity = (np.array([getattr(jet, name) for jet in jets]) for name in ("snr", "velocity_kms"))
    assert 3 <= strength.min() < 3.5
    assert 28 < strength.max() <= 30
    assert 200 < abs(velocity).max() <= 250
    strong_and_slow = {
        one.main_id for one in planned for jet in one.scene.get("jets", ()) if abs(jet.velocity_kms) <= 60
    }
    assert len(strong_and_slow) > 100 / 3


def test_stars_are_found_in_their_own_footprints_only(survey: Survey) -> None:
    stars, planned, table = survey
    located = stars[~stars["ra"].mask]
    companion = located["main_id"][-1]
    for one, region in zip(planned, table["s_region"], strict=True):
        if one.fault == "bad_region":
            continue
        ra, dec = np.reshape(
            [float(number) for number in region.replace("POLYGON", "").replace("ICRS", "").split()], (-1, 2)
        ).T
        footprint = SphericalPolygon.from_lonlat(ra, dec, center=one.center_deg, degrees=True)
        near = SkyCoord(*one.center_deg, unit="deg").separation(SkyCoord(located["ra"], located["dec"])).arcsec < 60
        inside = {str(star["main_id"]) for star in located[near] if footprint.contains_lonlat(star["ra"], star["dec"])}
        assert inside - {companion} == {one.main_id} - {""}
        assert (companion in inside) == (one.main_id == stars["main_id"][1] and one.band.name != "ch1-short")


def test_regions_are_worded_in_all_of_the_archives_ways(survey: Survey) -> None:
    _, planned, table = survey
    words = [str(region) for region in table["s_region"]]
    assert sum(word.startswith("POLYGON ICRS  ") for word in words) > 10
    assert sum(word.startswith("POLYGON -") for word in words) > 10
    assert sum(word[8].isdigit() for word in words) > 10
    assert len(words[[one.fault for one in planned].index("bad_region")].split()) % 2


def test_the_table_is_masts(survey: Survey) -> None:
    _, planned, table = survey
    assert len(table.colnames) == 33
    assert table.colnames[:3] == ["intentType", "obs_collection", "provenance_name"]
    assert table.colnames[-3:] == ["srcDen", "obsid", "objID"]
    assert set(table["instrument_name"]) == {"MIRI/IFU", "NIRSPEC/IFU"}
    assert set(table["dataRights"]) == {"PUBLIC"}
    unknown = np.isnan(table["em_min"])
    assert 0 < unknown.sum() < len(table) / 4
    assert np.array_equal(unknown, np.isnan(table["em_max"]))
    first = table[0]
    assert (first["em_min"], first["em_max"]) == pytest.approx((4900.4, 5739.6), abs=0.01)  # nm
    assert first["dataURL"] == f"mast:JWST/product/{planned[0].obs_id}_s3d.fits"
    tabulated = table[[one.band.tabulated for one in planned]]
    assert set(tabulated["calib_level"]) == {2}
    assert tabulated["filters"].mask.all()


def test_stars_are_as_simbad_gives_them() -> None:
    stars = young_stars(64, np.random.default_rng(2))
    assert stars.colnames == ["main_id", "ra", "dec", "otype", "rvz_radvel"]
    assert stars["ra"].mask.sum() == stars["dec"].mask.sum() == 4
    assert 10 < stars["rvz_radvel"].mask.sum() < 54
    assert len(set(stars["main_id"])) == 64
    ra = stars["ra"].compressed()
    assert ra.min() < 1
    assert ra.max() > 359  # one cluster lies across zero
