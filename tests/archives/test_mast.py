"""MAST, through the unmodified astroquery and the replica."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import requests
from astroquery.mast import ObservationsClass

from feii_dask.archives.mast import MastArchive
from feii_dask.archives.selection import Selection
from feii_dask.errors import ArchiveError, SettingsError, TruncatedError
from tests.replica import MAST, Replica
from tests.replica.fixtures import lead_to

from .sky import many_observations

COUNT = "Mast.Caom.Filtered COUNT_BIG(*)"
ROWS = "Mast.Caom.Filtered *"


def test_public_cubes_and_no_others(open_mast: Callable[..., MastArchive], replica: Replica) -> None:
    archive = open_mast()
    table = archive.observations()
    assert len(table) == 27
    assert table["obsid"].is_unique
    assert table["obs_id"].is_monotonic_increasing
    assert set(table["obs_collection"]) == {"JWST"}
    assert set(table["dataRights"]) == {"PUBLIC"}
    assert archive.queries[-1].rows == 27
    assert archive.queries[-1].notes == ("1 of moving targets left out",)
    assert len(replica.requests(MAST, ROWS)) == 3  # pages of ten
    assert len(replica.requests(MAST, COUNT)) == 1


def test_missing_values(open_mast: Callable[..., MastArchive]) -> None:
    table = open_mast().observations()
    by_number = table.set_index(table["obs_id"].str[9:12].astype(int))
    assert np.isnan(by_number.loc[7, "em_min"])
    assert by_number.loc[7, "filters"] == ""
    assert by_number.loc[8, "dataURL"] == ""
    assert by_number.loc[9, "s_region"] == ""
    assert by_number.loc[10, "s_ra"] == -89.97
    text = table.select_dtypes(exclude="float64")
    assert all(isinstance(cell, str) for column in text for cell in text[column])
    assert table[["s_ra", "s_dec", "em_min", "em_max"]].dtypes.eq("float64").all()


@pytest.mark.parametrize(
    ("selection", "rows"),
    [
        ({"instrument_name": ("MIRI/IFU",)}, 18),
        ({"instrument_name": ("MIRI*",)}, 18),
        ({"filters": ("G235H",)}, 9),
        ({"filters": ("CH1-SHORT", "G235H")}, 26),
        ({"proposal_id": ("1291",), "filters": ("CH1-*",)}, 8),
        ({"proposal_id": ("9999",)}, 0),
    ],
)
def test_selection_is_sent_and_means_the_same_in_a_folder(
    open_mast: Callable[..., MastArchive], selection: dict[str, tuple[str, ...]], rows: int
) -> None:
    everything = open_mast().observations()
    chosen = open_mast(selection=Selection(**selection)).observations()
    assert len(chosen) == rows
    pd.testing.assert_frame_equal(chosen, Selection(**selection).of(everything), check_dtype=rows > 0)


def test_two_wildcards_in_one_column_are_refused() -> None:
    with pytest.raises(SettingsError, match="one value with a wildcard"):
        Selection(filters=("CH1*", "CH2*"))


def test_executing_is_waited_for_and_not_hammered(open_mast: Callable[..., MastArchive], replica: Replica) -> None:
    replica.inject("executing", MAST, ROWS, times=3)
    assert len(open_mast().observations()) == 27
    asked = [request.time for request in replica.requests(MAST, f"{ROWS} page 1")]
    assert len(asked) == 4
    pauses = np.diff(asked)
    assert pauses[0] >= 0.1
    assert pauses[1] >= 0.2
    assert pauses[2] >= 0.4


def test_internal_error_twice_is_absorbed(open_mast: Callable[..., MastArchive], replica: Replica) -> None:
    replica.inject("status", MAST, ROWS, times=2, status=500)
    assert len(open_mast().observations()) == 27
    assert [request.status for request in replica.requests(MAST, f"{ROWS} page 1")] == [500, 500, 200]


def test_internal_error_for_good_is_an_archive_error(open_mast: Callable[..., MastArchive], replica: Replica) -> None:
    replica.inject("status", MAST, status=503)
    with pytest.raises(ArchiveError, match=r"MAST answered HTTP 503; try again later") as failure:
        open_mast().observations()
    assert failure.value.exit_code == 3
    assert len(replica.requests(MAST)) == 5


@pytest.mark.parametrize("page", [1, 2, 3])
def test_missing_page_is_an_error_and_no_short_table(
    open_mast: Callable[..., MastArchive], replica: Replica, page: int
) -> None:
    replica.inject("incomplete", MAST, f"{ROWS} page {page}")
    archive = open_mast()
    with pytest.raises(TruncatedError, match=f"page {page} of its answer"):
        archive.observations()
    assert not archive.queries
    replica.reset()
    assert len(archive.observations()) == 27


@pytest.mark.parametrize("returned", [0, 26])
def test_fewer_rows_than_counted_is_an_error(
    open_mast: Callable[..., MastArchive], replica: Replica, returned: int
) -> None:
    replica.inject("overflow", MAST, ROWS, rows=returned)
    with pytest.raises(TruncatedError, match=f"there are 28 observations, and returned {returned}"):
        open_mast().observations()


def test_answer_that_is_a_web_page(open_mast: Callable[..., MastArchive], replica: Replica) -> None:
    replica.inject("status", MAST, "columnsconfig", times=1, status=200)
    replica.inject("status", MAST, "invoke", status=200)
    with pytest.raises(ArchiveError, match="cannot be used"):
        open_mast().observations()


@pytest.fixture(scope="module")
def large_sky(
    start_replica: Callable[..., Replica], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Replica, pd.DataFrame]:
    """More rows than fit into a slice; programme 1291 has one without a declination, 1292 the same one twice."""
    table = many_observations(5_400)
    table.loc[5_200:, "proposal_id"] = "1291"
    table.loc[5_200, "s_dec"] = None
    table.loc[5_300:, "proposal_id"] = "1292"
    table.loc[5_300, "obsid"] = table.loc[5_301, "obsid"]
    directory = tmp_path_factory.mktemp("large")
    table.to_parquet(directory / "observations.parquet")
    return start_replica(directory), table


def test_large_table_is_fetched_in_slices(
    open_mast: Callable[..., MastArchive],
    large_sky: tuple[Replica, pd.DataFrame],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    replica, table = large_sky
    replica.reset()
    lead_to(replica, monkeypatch, tmp_path)
    archive = open_mast(selection=Selection(proposal_id=("1290",)))
    fetched = archive.observations().sort_values("obs_id", ignore_index=True)
    pd.testing.assert_frame_equal(fetched[table.columns], table[:5_200], check_dtype=False)
    slices = int(archive.queries[0].notes[0].removesuffix(" slices"))
    assert 2 <= slices == len(replica.requests(MAST, ROWS))
    replica.inject("overflow", MAST, ROWS, after=1, times=1, rows=100)
    with pytest.raises(TruncatedError, match="and returned 100"):
        open_mast(cache_days=0, selection=Selection(proposal_id=("1290",))).observations()


def test_observation_without_declination_is_not_lost(
    open_mast: Callable[..., MastArchive],
    large_sky: tuple[Replica, pd.DataFrame],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    lead_to(large_sky[0], monkeypatch, tmp_path)
    fetched = open_mast(selection=Selection(proposal_id=("1290", "1291"))).observations()
    assert len(fetched) == 5_300
    assert fetched["s_dec"].isna().sum() == 1


def test_one_observation_in_place_of_another_is_noticed(
    open_mast: Callable[..., MastArchive],
    large_sky: tuple[Replica, pd.DataFrame],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    lead_to(large_sky[0], monkeypatch, tmp_path)
    with pytest.raises(TruncatedError, match="there are 100 observations, and returned 99"):
        open_mast(selection=Selection(proposal_id=("1292",))).observations()


def test_cloud_uris_as_astroquery_gives_them(open_mast: Callable[..., MastArchive], replica: Replica) -> None:
    archive = open_mast()
    table = archive.observations()
    found = archive.locate(table)
    client = ObservationsClass()
    client.enable_cloud_dataset(verbose=False)
    asked = [uri for uri in table["dataURL"] if uri]
    theirs = client.get_cloud_uris(asked, return_uri_map=True, verbose=False)
    in_bucket = {uri: place for uri, place in theirs.items() if place}
    assert len(in_bucket) == 6
    ours = dict(zip(table["dataURL"], found, strict=True))
    assert {uri: ours[uri] for uri in in_bucket} == in_bucket
    assert ours[""] is None


def test_cloud_uris_keep_the_order_and_ask_once(open_mast: Callable[..., MastArchive], replica: Replica) -> None:
    archive = open_mast()
    table = archive.observations()
    twice = pd.concat([table[::-1], table], ignore_index=True)
    replica.reset()
    found = archive.locate(twice)
    assert len(replica.requests(MAST, "path_lookup")) == 1
    assert not replica.requests("amazonaws")
    names = [None if place is None else place.rpartition("/")[2] for place in found]
    assert names == [uri.rpartition("/")[2] or None for uri in twice["dataURL"]]


def test_products_without_a_copy(open_mast: Callable[..., MastArchive]) -> None:
    rows = pd.DataFrame({"dataURL": ["mast:JWST/product/jw09999-o001_t001_miri_ch9_s3d.fits", ""]})
    assert open_mast().locate(rows) == [None, None]
    fallen_back = open_mast(fallback="https").locate(rows)
    assert fallen_back == [
        "https://mast.stsci.edu/api/v0.1/Download/file?uri=mast:JWST/product/jw09999-o001_t001_miri_ch9_s3d.fits",
        None,
    ]
    assert open_mast().locate(rows.iloc[1:]) == [None]


def test_fallback_address_serves_the_cube(open_mast: Callable[..., MastArchive]) -> None:
    address = "https://mast.stsci.edu/api/v0.1/Download/file?uri="
    uri = next(uri for uri in open_mast().observations()["dataURL"] if uri)
    assert requests.get(address + uri, headers={"Range": "bytes=0-5"}, timeout=10).content == b"SIMPLE"


def test_many_cloud_uris_are_looked_up_at_the_same_time(
    open_mast: Callable[..., MastArchive], replica: Replica
) -> None:
    replica.slow_down(latency_s=0.2)
    rows = pd.DataFrame({"dataURL": [f"mast:JWST/product/jw01290-o{n:03d}_t001_x_s3d.fits" for n in range(400)]})
    archive = open_mast()
    assert archive.locate(rows) == [None] * 400
    assert len(replica.requests(MAST, "path_lookup")) == 10
    starts = sorted(request.time for request in replica.requests(MAST, "path_lookup"))
    assert np.diff(starts).min() < 0.2  # one after the other, each would wait for the answer to the last
    assert archive.queries[0].notes == ("400 without a cloud copy",)


def test_lookup_survives_errors_in_passing(open_mast: Callable[..., MastArchive], replica: Replica) -> None:
    replica.inject("status", MAST, "path_lookup", times=2, status=503, retry_after="1")
    rows = pd.DataFrame({"dataURL": ["mast:JWST/product/jw01290-o000_t001_nirspec_g235h_s3d.fits"]})
    assert open_mast().locate(rows)[0].startswith("s3://stpubdata/jwst/public/jw01290/L3/t/o000/")
    times = [request.time for request in replica.requests(MAST, "path_lookup")]
    assert np.diff(times).min() >= 1.0


def test_recommended_products_of_one_target(open_mast: Callable[..., MastArchive], replica: Replica) -> None:
    archive = open_mast()
    table = archive.observations()
    chosen = table.iloc[[3, 1, 8]]
    replica.reset()
    products = archive.products(chosen)
    assert list(products.columns) == list(table.columns)
    assert products["obs_id"].tolist() == chosen["obs_id"].tolist()
    assert products["dataURL"].tolist() == chosen["dataURL"].tolist()
    assert len(replica.requests(MAST, "Mast.Caom.Products")) == 1
    assert archive.products(chosen.head(0)).empty


def test_a_repeated_row_is_taken_once_and_said(
    open_mast: Callable[..., MastArchive],
    start_replica: Callable[..., Replica],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    table = many_observations(20)
    directory = tmp_path / "repeated"
    directory.mkdir()
    pd.concat([table, table[3:4]], ignore_index=True).to_parquet(directory / "observations.parquet")
    lead_to(start_replica(directory), monkeypatch, tmp_path)
    archive = open_mast()
    assert archive.observations()["obs_id"].tolist() == table["obs_id"].sort_values().tolist()
    assert archive.queries[0].notes == ("1 repeated rows taken once",)


def test_cloud_paths_are_asked_for(open_mast: Callable[..., MastArchive], replica: Replica) -> None:
    archive, asked = open_mast(), []
    archive._session.hooks["response"].append(lambda answer, **_: asked.append(answer.url))
    archive.locate(pd.DataFrame({"dataURL": [f"mast:JWST/product/{n}_s3d.fits" for n in range(50)]}))
    assert sorted(url.count("uri=") for url in asked) == [10, 40]
    assert all("use_cloud_path=True" in url for url in asked)
