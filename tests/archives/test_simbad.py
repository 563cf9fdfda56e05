"""SIMBAD, through the unmodified astroquery and the replica."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from feii_dask.archives.simbad import SimbadCatalogue
from feii_dask.errors import ArchiveError, SettingsError, TargetError, TruncatedError
from tests.archives.sky import write_sky, ysos
from tests.replica import SIMBAD, Replica


def test_all_subtypes_with_missing_values_as_nan(open_simbad: Callable[..., SimbadCatalogue]) -> None:
    archive = open_simbad()
    ysos = archive.ysos()
    assert list(ysos.columns) == ["main_id", "otype", "ra", "dec", "rvz_radvel", "pmra", "pmdec", "ref_epoch"]
    assert set(ysos["otype"]) == {"Y*O", "TT*", "Or*"}
    assert len(ysos) == 8
    assert ysos[["ra", "dec", "rvz_radvel"]].dtypes.eq("float64").all()
    by_name = ysos.set_index("main_id")
    assert by_name.loc["NAME TMC1A", ["ra", "dec", "rvz_radvel"]].tolist() == [69.8966, 25.6956, 6.4]
    assert np.isnan(by_name.loc["2MASS nowhere", "ra"])
    assert np.isnan(by_name.loc["V* V1118 Ori", "rvz_radvel"])
    assert archive.queries[0].notes == ("2 without coordinates", "2 within 1 arcsec of another")


def test_binary_serialization_gives_the_same(
    open_simbad: Callable[..., SimbadCatalogue],
    small_sky: Replica,
    start_replica: Callable[..., Replica],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    expected = open_simbad().ysos()
    binary = start_replica(small_sky.directory, serialization="binary2")
    for name, value in binary.environment().items():
        monkeypatch.setenv(name, value)
    assert open_simbad(cache_days=0).ysos().equals(expected)


def test_impossible_coordinates_are_an_answer_that_cannot_be_used(
    open_simbad: Callable[..., SimbadCatalogue],
    start_replica: Callable[..., Replica],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    sky = write_sky(tmp_path / "sky")
    ysos().assign(dec=95.0).to_parquet(sky / "ysos.parquet")
    for name, value in start_replica(sky).environment().items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ArchiveError, match=r"SIMBAD gave an answer that cannot be used.*row 1 has the impossible"):
        open_simbad(cache_days=0).ysos()


def test_only_the_columns_used_are_asked_for(open_simbad: Callable[..., SimbadCatalogue], replica: Replica) -> None:
    archive = open_simbad(otype="TT*")
    assert set(archive.ysos()["otype"]) == {"TT*"}
    columns = "main_id, ra, dec, otype, rvz_radvel, pmra, pmdec"
    assert f"SELECT {columns} FROM basic WHERE otype='TT*'" in archive.queries[0].text
    assert all(request.agent.startswith("feii_dask/") for request in replica.requests(SIMBAD))


@pytest.mark.parametrize("otype", ["Y*O' OR '1'='1", "", "Y*O..; DROP", "Y*O\n"])
def test_no_other_query_gets_in_by_the_type(
    open_simbad: Callable[..., SimbadCatalogue], replica: Replica, otype: str
) -> None:
    with pytest.raises(SettingsError, match="cannot be an object type"):
        open_simbad(otype=otype).ysos()
    assert not replica.requests()


def test_as_many_rows_as_asked_for_is_an_error(open_simbad: Callable[..., SimbadCatalogue]) -> None:
    assert len(open_simbad(max_rows=9, cache_days=0).ysos()) == 8
    with pytest.raises(TruncatedError, match="raise max-rows above 8") as failure:
        open_simbad(max_rows=8, cache_days=0).ysos()
    assert failure.value.exit_code == 3


def test_truncation_by_the_server_is_an_error(open_simbad: Callable[..., SimbadCatalogue], replica: Replica) -> None:
    replica.inject("overflow", SIMBAD, rows=5)
    with pytest.raises(TruncatedError, match="cut its answer short"):
        open_simbad().ysos()


@pytest.mark.parametrize("name", ["TMC1A", "tmc 1a", "NAME TMC1A"])
def test_object_by_name(open_simbad: Callable[..., SimbadCatalogue], name: str) -> None:
    found = open_simbad().find_object(name)
    assert found.dropna(axis="columns").to_dict("records") == [
        {"main_id": "NAME TMC1A", "ra": 69.8966, "dec": 25.6956, "otype": "Y*O", "rvz_radvel": 6.4}
    ]


def test_name_with_a_quote(open_simbad: Callable[..., SimbadCatalogue]) -> None:
    found = open_simbad().find_object("Barnard's Object")
    assert found["rvz_radvel"].tolist() == [-3.0]


@pytest.mark.parametrize(("name", "words"), [("TMC1B", "knows no object"), ("2MASS nowhere", "no coordinates")])
def test_useless_name(open_simbad: Callable[..., SimbadCatalogue], name: str, words: str) -> None:
    with pytest.raises(TargetError, match=words):
        open_simbad().find_object(name)


def test_object_survives_without_its_velocity(open_simbad: Callable[..., SimbadCatalogue], replica: Replica) -> None:
    replica.inject("status", SIMBAD, "/sync", after=1, status=404)
    archive = open_simbad()
    found = archive.find_object("TMC1A")
    assert found[["ra", "dec"]].to_numpy().tolist() == [[69.8966, 25.6956]]
    assert np.isnan(found["rvz_radvel"].iloc[0])
    assert "radial velocity unknown: SIMBAD answered HTTP 404" in archive.queries[0].notes[0]


def test_service_without_the_object_it_just_named(
    open_simbad: Callable[..., SimbadCatalogue], replica: Replica
) -> None:
    replica.inject("overflow", SIMBAD, after=1, rows=0)
    found = open_simbad().find_object("TMC1A")
    assert found["main_id"].tolist() == ["NAME TMC1A"]
