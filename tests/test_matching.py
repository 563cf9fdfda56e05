"""Matched cubes: one row for each product, and what is there twice or does not stay where it is."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table, vstack
from distributed import Client

import feii_dask as fd
from feii_dask.matching import latest_of_each
from tests.skies import truth_of


@pytest.fixture
def own_sky(sky: Path, tmp_path: Path) -> Path:
    """A sky that a test may change."""
    shutil.copytree(sky, tmp_path / "own")
    return tmp_path / "own"


def jet_cubes(sky: Path) -> list[str]:
    return sorted(set(truth_of(sky).query("kind == 'jet'")["obs_id"]))


def test_the_latest_with_a_cube_stands_for_all(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    matched = pd.DataFrame(
        {"obs_id": ["a", "b", "a", "a", "c", "c"], "uri": ["a1", "b1", "a2", None, None, None], "row": range(6)}
    )
    released = pd.Series([3.0, np.nan, 5.0, 9.0, 1.0, 2.0])
    kept = latest_of_each(matched, released)
    assert kept["row"].tolist() == [1, 2, 5]
    assert "3 more rows describe the same products: of each, the latest is taken" in caplog.text
    pd.testing.assert_frame_equal(latest_of_each(kept, pd.Series([1.0, 1.0, 1.0])), kept)


def test_a_product_that_is_listed_twice_is_scanned_once_in_its_latest_form(own_sky: Path, client: Client) -> None:
    table = Table.read(own_sky / "observations.ecsv")
    twice = table[[obs_id == jet_cubes(own_sky)[0] for obs_id in table["obs_id"]]]
    twice["dataURL"] = "mast:JWST/product/later_s3d.fits"
    twice["t_obs_release"] = table["t_obs_release"].max() + 100
    vstack([table, twice]).write(own_sky / "observations.ecsv", overwrite=True)
    shutil.copy(own_sky / "cubes" / f"{twice['obs_id'][0]}_s3d.fits", own_sky / "cubes" / "later_s3d.fits")
    result = fd.search(fd.load_settings(archive=own_sky, out="run", lines=["notebook"], dry_run=True), client)
    (uri,) = result.matched.query("obs_id == @twice['obs_id'][0]")["uri"]
    assert uri.endswith("later_s3d.fits")


def test_moving_targets_are_left_out_and_counted(own_sky: Path, client: Client) -> None:
    table = Table.read(own_sky / "observations.ecsv")
    moving = jet_cubes(own_sky)[:2]
    table["mtFlag"] = [obs_id in moving for obs_id in table["obs_id"]]
    table.write(own_sky / "observations.ecsv", overwrite=True)
    result = fd.search(fd.load_settings(archive=own_sky, out="run", lines=["notebook"], limit=1), client)
    assert not set(moving) & set(result.observations["obs_id"])
    assert len(result.observations) == len(table) - 2
    assert "2 of moving targets left out" in Path("run/run.json").read_text()


def test_a_star_that_moves_is_matched_where_it_was(own_sky: Path, client: Client) -> None:
    """A star is put where it would be found in 2000, had it moved by 4 arcsec a year since."""
    star = truth_of(own_sky).query("kind == 'jet'")["main_id"].iloc[0]
    observations, ysos = Table.read(own_sky / "observations.ecsv"), Table.read(own_sky / "ysos.ecsv")
    years = np.median((observations["t_min"] - 51544.5) / 365.25)
    ysos["pmra"], ysos["pmdec"] = 0.0, [4000.0 * (name == star) for name in ysos["main_id"]]
    ysos["dec"] -= ysos["pmdec"] * years / 3.6e6
    ysos.write(own_sky / "ysos.ecsv", overwrite=True)

    def matched(**options: object) -> int:
        settings = fd.load_settings(archive=own_sky, lines=["notebook"], target=star, dry_run=True, **options)
        return len(fd.search(settings, client).matched)

    assert matched() == 0
    assert matched(proper_motion=True) > 0


def test_several_programmes_on_one_star_count_together(own_sky: Path, client: Client) -> None:
    cubes = truth_of(own_sky).query("kind == 'jet'").groupby("main_id")["obs_id"].unique()
    star = next(name for name, names in cubes.items() if len(names) > 1)
    table = Table.read(own_sky / "observations.ecsv")
    table["proposal_id"] = [str(number) for number in range(len(table))]
    table.write(own_sky / "observations.ecsv", overwrite=True)
    result = fd.search(fd.load_settings(archive=own_sky, out="run", lines=["notebook"], target=star), client)
    matched = result.matched[result.matched["obs_id"].isin(cubes[star])]
    assert matched["proposal_id"].nunique() == len(cubes[star])
    assert len(result.candidates) <= 1
    scanned = result.outcomes.query("status == 'scanned'")["obs_id"].nunique()
    assert scanned > 1
    assert (result.candidates["n_cubes"] == scanned).all()
