"""The replica itself: the notebook's own calls run against it, and so do the storage libraries."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import requests
import s3fs
from astropy.io import fits
from astroquery.ipac.irsa import IrsaClass
from astroquery.mast import ObservationsClass
from astroquery.simbad import SimbadClass
from botocore.exceptions import ClientError

from tests.replica import BUCKET, MAST, Replica


def test_queries_of_the_notebook(replica: Replica) -> None:
    table = SimbadClass().query_tap("SELECT * FROM basic WHERE otype='Y*O..'", maxrec=1000000)
    assert (~np.isnan(table["ra"].filled(np.nan))).sum() == 6
    assert len(SimbadClass().query_object("TMC1A")) == 1
    client = ObservationsClass()
    table = client.query_criteria(
        dataproduct_type="cube", obs_collection="JWST", dataRights="PUBLIC", calib_level=[0, 1, 2, 3, 4]
    )
    assert len(table) == 28  # one of them a moving target
    assert len(table.colnames) == 33
    client.enable_cloud_dataset(verbose=False)
    places = client.get_cloud_uris([table["dataURL"][0]], return_uri_map=True, verbose=False)
    with fits.open(next(iter(places.values())), cache=False, use_fsspec=True, fsspec_kwargs={"anon": True}) as hdus:
        assert hdus["SCI"].data.shape == (10, 16, 16)
    sofia = IrsaClass().query_sia(facility="SOFIA", calib_level=3, data_type="cube", format="cube/fits")
    assert len(sofia) == 4
    assert "POLYGON" in sofia["s_region"][0]


@pytest.fixture
def cube(replica: Replica) -> tuple[str, bytes]:
    name = next(name for name in sorted((replica.directory / "cubes").iterdir()) if name.name.startswith("jw"))
    client = ObservationsClass()
    client.enable_cloud_dataset(verbose=False)
    place = client.get_cloud_uris([f"mast:JWST/product/{name.name}"], verbose=False)[0]
    replica.reset()
    return place, name.read_bytes()


def test_byte_ranges(replica: Replica, cube: tuple[str, bytes]) -> None:
    place, content = cube
    store = s3fs.S3FileSystem(anon=True, skip_instance_cache=True)
    assert store.cat_file(place, start=100, end=3000) == content[100:3000]
    assert store.info(place)["size"] == len(content)
    assert [request.range for request in replica.requests(BUCKET)] == ["bytes=100-2999", ""]
    url = place.replace("s3://stpubdata", f"https://{BUCKET}")
    suffix = requests.get(url, headers={"Range": "bytes=-10"}, timeout=10)
    assert (suffix.status_code, suffix.content) == (206, content[-10:])
    beyond = requests.get(url, headers={"Range": f"bytes={len(content)}-"}, timeout=10)
    assert beyond.status_code == 416


def test_storage_fails_as_it_is_told(replica: Replica, cube: tuple[str, bytes]) -> None:
    place, content = cube
    store = s3fs.S3FileSystem(anon=True, skip_instance_cache=True)
    with pytest.raises(FileNotFoundError):
        store.info(place + "x")
    replica.inject("status", BUCKET, times=1, status=403)
    with pytest.raises(PermissionError):
        store.cat_file(place)
    replica.inject("status", BUCKET, times=1, status=503)
    assert store.cat_file(place) == content
    replica.inject("cut", BUCKET, times=1)
    assert store.cat_file(place) == content


def test_one_refused_key_ends_the_call_of_astroquery(replica: Replica, cube: tuple[str, bytes]) -> None:
    replica.inject("status", BUCKET, status=403)
    client = ObservationsClass()
    client.enable_cloud_dataset(verbose=False)
    with pytest.raises(ClientError):
        client.get_cloud_uris(["mast:JWST/product/" + cube[0].rpartition("/")[2]])


def test_slow_network(replica: Replica, cube: tuple[str, bytes]) -> None:
    url = cube[0].replace("s3://stpubdata", f"https://{BUCKET}")
    replica.slow_down(latency_s=0.2, bytes_per_s=len(cube[1]) / 0.5)
    answer = requests.get(url, timeout=10)
    assert answer.content == cube[1]
    assert answer.elapsed.total_seconds() >= 0.2


def test_other_hosts_are_refused(replica: Replica) -> None:
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get("https://example.com", timeout=10)
    assert requests.get("http://example.com", timeout=10).status_code == 502
    assert [request.status for request in replica.requests("example.com")] == [502]


def test_nonsense_is_answered(replica: Replica) -> None:
    def get(address: str) -> int:
        return requests.get(address, timeout=10).status_code

    assert get("https://mast.stsci.edu/nothing") == 404
    assert get("https://simbad.cds.unistra.fr/simbad/nothing") == 404
    assert get("https://irsa.ipac.caltech.edu/data/nothing.fits") == 404
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = requests.post(
            "https://simbad.cds.unistra.fr/simbad/sim-tap/sync", data={"QUERY": "SELECT x FROM y"}, timeout=10
        )
    assert answer.status_code == 400
    assert b'value="ERROR"' in answer.content
    with pytest.raises(ValueError, match="no fault is called"):
        replica.inject("sulk", MAST)
