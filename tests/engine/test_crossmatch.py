"""The crossmatch of two tables, here and on a cluster: the same rows, under the labels of the inputs."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.table import QTable, Table
from distributed import Client

from feii_dask.engine.crossmatch import crossmatch, match_footprints
from tests.clusters import start_cluster

DATA = Path(__file__).parents[1] / "data"


def golden() -> tuple[pd.DataFrame, pd.DataFrame]:
    return pd.read_csv(DATA / "crossmatch_observations.csv.gz"), pd.read_csv(DATA / "crossmatch_ysos.csv.gz")


def small() -> tuple[pd.DataFrame, pd.DataFrame]:
    observations = pd.DataFrame(
        {
            "s_ra": [10.0, 10.0, np.nan, 200.0],
            "s_dec": [0.0, 0.0, np.nan, 5.0],
            "s_region": ["CIRCLE ICRS 10 0 1", "POLYGON nonsense", "CIRCLE ICRS 10 0 0.5", "CIRCLE ICRS 200 5 0.1"],
        },
        index=["a", "bad", "without position", "empty"],
    )
    ysos = pd.DataFrame({"ra": [10.0, np.nan, 10.7, 90.0], "dec": [0.1, 0.0, 0.0, 0.0]}, index=[40, 30, 20, 10])
    return observations, ysos


@pytest.mark.parametrize("where", ["here", "on a cluster"])
def test_all_golden_rows(where: str, request: pytest.FixtureRequest) -> None:
    observations, ysos = golden()
    client = request.getfixturevalue("client") if where == "on a cluster" else None
    matches = crossmatch(observations, ysos, client=client)
    matched = observations.index.isin(matches["obs_index"])
    assert len(observations) == 600
    np.testing.assert_array_equal(matched, observations["matched"].to_numpy())


def test_here_and_on_a_cluster_are_equal(client: Client) -> None:
    observations, ysos = golden()
    here, cluster = crossmatch(observations, ysos), crossmatch(observations, ysos, client=client)
    pd.testing.assert_frame_equal(here, cluster)
    assert list(here.columns) == ["obs_index", "yso_index", "separation_arcsec", "edge_arcsec"]


@pytest.mark.parametrize("on_cluster", [False, True])
def test_labels_are_those_of_the_inputs(on_cluster: bool, request: pytest.FixtureRequest) -> None:
    client = request.getfixturevalue("client") if on_cluster else None
    matches, bad_regions = match_footprints(*small(), client)
    pairs = list(zip(matches["obs_index"], matches["yso_index"], strict=True))
    assert sorted(pairs) == [("a", 20), ("a", 40), ("without position", 40)]
    by_pair = matches.set_index(["obs_index", "yso_index"])
    assert by_pair.loc[("a", 40), "separation_arcsec"] == pytest.approx(360.0)
    assert by_pair.loc[("a", 40), "edge_arcsec"] == pytest.approx(3240.0)
    assert np.isnan(by_pair.loc[("without position", 40), "separation_arcsec"])
    assert list(bad_regions["obs_index"]) == ["bad"]
    assert "nonsense" in bad_regions["region_error"].iloc[0]


def test_bad_footprints_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    crossmatch(*small())
    assert "1 footprints cannot be parsed" in caplog.text


def test_tables_without_rows() -> None:
    observations, ysos = small()
    assert crossmatch(observations.iloc[:0], ysos).empty
    assert crossmatch(observations, ysos.iloc[:0]).empty


def test_a_pad_takes_in_what_lies_just_outside(client: Client) -> None:
    observations, ysos = small()
    ysos.loc[90] = [11.0005, 0.0]
    assert 90 not in set(crossmatch(observations, ysos, client)["yso_index"])
    padded = crossmatch(observations, ysos, client, pad_arcsec=2.0).set_index("yso_index")
    assert padded.loc[90, "edge_arcsec"] == pytest.approx(-1.8, abs=1e-6)


def test_killed_workers_do_not_change_the_answer() -> None:
    observations, ysos = golden()
    many = pd.concat([observations] * 40, ignore_index=True)
    expected = crossmatch(many, ysos)
    with (
        start_cluster(threads=1) as cluster,
        Client(cluster) as client,
    ):
        for pid in client.run(os.getpid).values():
            os.kill(pid, signal.SIGKILL)
        pd.testing.assert_frame_equal(crossmatch(many, ysos, client), expected)


@pytest.mark.parametrize("kind", [Table, QTable])
def test_tables_of_astropy_in_any_unit(kind: type[Table]) -> None:
    observations = pd.DataFrame(
        {"s_ra": [10.0, 20.0], "s_dec": [0.0, 0.0], "s_region": ["CIRCLE ICRS 10 0 0.1", "CIRCLE ICRS 20 0 0.1"]}
    )
    ysos = pd.DataFrame({"ra": [20.01, 50.0, 10.02], "dec": [0.0, 0.0, 0.01]})
    expected = crossmatch(observations, ysos)
    assert expected["yso_index"].tolist() == [2, 0]
    cubes = kind.from_pandas(observations)
    cubes["s_ra"].unit, cubes["s_dec"].unit = "deg", "deg"
    objects = kind({"ra": ysos["ra"].to_numpy() / 15 * u.hourangle, "dec": ysos["dec"].to_numpy() * 60 * u.arcmin})
    pd.testing.assert_frame_equal(crossmatch(kind(cubes), objects), expected)
    masked = Table({"ra": np.ma.masked_greater([20.01, 50.0, 10.02], 40), "dec": [0.0, 0.0, 0.01]})
    pd.testing.assert_frame_equal(crossmatch(cubes, masked), expected)
