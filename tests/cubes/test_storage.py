"""Byte ranges from disk, web servers and object stores, on good days and bad."""

from __future__ import annotations

import errno
import os
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import aiohttp
import fsspec
import pytest
import trustme
from fsspec.spec import AbstractFileSystem

from feii_dask.cubes.storage import ATTEMPTS, ATTEMPTS_IF_SILENT, CA_VARIABLES, RangeReader
from feii_dask.errors import CubeError, CubeMissingError, CubeReadError, CubeTimeoutError
from tests.cubes.faulty import FaultyServer, serving

BODY = bytes(range(256)) * 400  # 102 400
KEY = "/bucket/cube.fits"
SCHEMES = ["http", "s3"]


@pytest.fixture(autouse=True)
def quiet_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pause a tenth of the usual time between attempts, and trust nobody in particular."""
    monkeypatch.setattr("feii_dask.cubes.storage.FIRST_PAUSE_S", 0.02)
    for variable in CA_VARIABLES:
        monkeypatch.delenv(variable, raising=False)


class SickFileSystem(AbstractFileSystem):
    """Fails with the error that is its option."""

    protocol = "sick"

    def __init__(self, error: Exception, **options: Any) -> None:
        super().__init__(**options)
        self.error = error

    def cat_file(self, path: str, **_: Any) -> bytes:
        raise self.error


fsspec.register_implementation("sick", SickFileSystem)


def place(server: FaultyServer, scheme: str, **timeouts: float) -> tuple[str, dict[str, Any]]:
    """Return address and options of the server's file, as a web page or as an object."""
    server.files[KEY] = BODY
    if scheme == "http":
        timeout = aiohttp.ClientTimeout(sock_read=timeouts["read_timeout"]) if timeouts else None
        return server.url + KEY, {"client_kwargs": {"timeout": timeout}} if timeouts else {}
    return "s3:/" + KEY, {"endpoint_url": server.url, "config_kwargs": timeouts}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_one_get_per_range_and_no_head(server: FaultyServer, scheme: str) -> None:
    uri, options = place(server, scheme)
    reader = RangeReader(uri, options)
    assert reader.read(0, 1000) == BODY[:1000]
    assert reader.read(50_000, 102_400) == BODY[50_000:]
    assert [method for method, _, _ in server.log] == ["GET", "GET"]
    assert [wanted for *_, wanted in server.log] == ["bytes=0-999", "bytes=50000-102399"]
    assert (reader.requests, reader.bytes_read) == (2, 53_400)


def test_what_was_read_is_not_asked_for_again(server: FaultyServer) -> None:
    reader = RangeReader(*place(server, "http"))
    reader.read(0, 1000)
    assert reader.read(200, 900) == BODY[200:900]
    assert reader.read(102_000, 103_000) == BODY[102_000:]  # the file ends in it
    assert reader.read(102_300, 200_000) == BODY[102_300:]
    assert reader.read(150_000, 200_000) == b""
    assert reader.requests == 2


@pytest.mark.parametrize("scheme", [*SCHEMES, "file"])
def test_a_range_behind_the_end_is_empty(server: FaultyServer, tmp_path: Path, scheme: str) -> None:
    uri, options = place(server, scheme) if scheme != "file" else (str(tmp_path / "cube.fits"), {})
    (tmp_path / "cube.fits").write_bytes(BODY)
    assert RangeReader(uri, options).read(200_000, 300_000) == b""


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_server_that_ignores_ranges_is_read_once(server: FaultyServer, scheme: str) -> None:
    uri, options = place(server, scheme)
    server.faults, server.for_ever = ["whole"], True
    reader = RangeReader(uri, options)
    assert reader.read(0, 1000) == BODY[:1000]
    assert reader.read(50_000, 60_000) == BODY[50_000:60_000]
    assert reader.read(102_000, 103_000) == BODY[102_000:]
    assert (reader.requests, reader.bytes_read, reader.held_bytes) == (1, len(BODY), len(BODY))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("faults", [[503, 503, 503, 503], ["reset", "cut", 500], [429, "cut"]])
def test_passing_faults_are_absorbed(server: FaultyServer, scheme: str, faults: list[int | str]) -> None:
    uri, options = place(server, scheme)
    server.faults = list(faults)
    reader = RangeReader(uri, options)
    assert reader.read(0, 1000) == BODY[:1000]
    assert reader.requests == len(faults) + 1 - faults.count("reset")  # aiohttp asks again by itself


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("fault", [503, "reset"])
def test_lasting_faults_end(server: FaultyServer, scheme: str, fault: int | str) -> None:
    """One layer retries, so that attempts do not multiply; but aiohttp asks again at once if it was cut off."""
    uri, options = place(server, scheme)
    server.faults, server.for_ever = [fault], True
    reader = RangeReader(uri, options)
    with pytest.raises(CubeReadError, match="could not be read") as caught:
        reader.read(0, 1000)
    assert uri in str(caught.value)
    assert reader.requests == ATTEMPTS
    assert len(server.log) == ATTEMPTS * (2 if fault == "reset" else 1)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (404, CubeMissingError, "does not exist"),
        (403, CubeReadError, "access denied"),
        (400, CubeReadError, "HTTP 400"),
    ],
)
def test_final_answers_are_not_asked_for_again(
    server: FaultyServer, scheme: str, status: int, error: type[CubeError], says: str
) -> None:
    uri, options = place(server, scheme)
    server.faults, server.for_ever = [status], True
    with pytest.raises(error, match=says) as caught:
        RangeReader(uri, options).read(0, 1000)
    assert type(caught.value) is error
    assert uri in str(caught.value)
    assert len(server.log) == 1


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_stalled_connection_is_tried_twice(server: FaultyServer, scheme: str) -> None:
    uri, options = place(server, scheme, read_timeout=0.3)
    server.faults, server.for_ever = ["stall"], True
    with pytest.raises(CubeTimeoutError, match="did not answer in time") as caught:
        RangeReader(uri, options).read(0, 1000)
    assert uri in str(caught.value)
    assert len(server.log) == ATTEMPTS_IF_SILENT


@pytest.mark.parametrize("scheme", SCHEMES)
def test_one_stall_is_survived(server: FaultyServer, scheme: str) -> None:
    uri, options = place(server, scheme, read_timeout=0.3)
    server.faults = ["stall"]
    assert RangeReader(uri, options).read(0, 1000) == BODY[:1000]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_trickle_ends_at_the_deadline(server: FaultyServer, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte in time, but never all of them: the socket's time-out does not see that."""
    monkeypatch.setattr("feii_dask.cubes.storage.DEADLINE_S", 1.0)
    uri, options = place(server, scheme)
    server.faults, server.for_ever = ["trickle"], True
    with pytest.raises(CubeTimeoutError):
        RangeReader(uri, options).read(0, 1000)
    assert len(server.log) == 1


def test_the_deadline_is_that_of_the_file(server: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten ranges that each come late have the time of one, so that a slow cube ends."""
    monkeypatch.setattr("feii_dask.cubes.storage.DEADLINE_S", 1.0)
    uri, options = place(server, "http")
    reader = RangeReader(uri, options)
    monkeypatch.setattr("feii_dask.cubes.storage.FIRST_PAUSE_S", 0.3)
    read = 0
    with pytest.raises(CubeReadError):
        for read in range(10):
            server.faults = [503]
            reader.read(10_000 * read, 10_000 * read + 100)
    assert 1 <= read < 9


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nobody_listens(server: FaultyServer, scheme: str) -> None:
    uri, options = place(server, scheme)
    with serving() as other:
        address = (uri.replace(server.url, other.url), {**options, "endpoint_url": other.url} if options else {})
    with pytest.raises(CubeReadError, match="could not be read"):
        RangeReader(*address).read(0, 1000)


@pytest.mark.parametrize("uri", ["nowhere.fits", "file:///nowhere.fits", "memory://nowhere.fits"])
def test_no_such_file(uri: str) -> None:
    with pytest.raises(CubeMissingError, match=r"nowhere\.fits does not exist$"):
        RangeReader(uri).read(0, 10)


@pytest.mark.parametrize("name", ["at_12:30.fits", "jw01::mine.fits"])
def test_colons_in_a_path(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(BODY)
    assert RangeReader(str(tmp_path / name)).read(10, 20) == BODY[10:20]


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        (".", "no regular file"),
        ("ftpx://host/a.fits", "Protocol not known"),
        ("s3://Not_A_Bucket!/a", "bucket name"),
    ],
)
def test_addresses_of_no_file(uri: str, says: str) -> None:
    with pytest.raises(CubeReadError, match=says):
        RangeReader(uri).read(0, 10)


@pytest.mark.parametrize(
    ("number", "attempts"),
    [(errno.EIO, ATTEMPTS), (errno.EBUSY, ATTEMPTS), (errno.EREMOTEIO, ATTEMPTS), (errno.EINVAL, 1)],
)
def test_failing_disks(number: int, attempts: int) -> None:
    reader = RangeReader("sick://cube.fits", {"error": OSError(number, os.strerror(number))})
    with pytest.raises(CubeReadError, match=os.strerror(number)):
        reader.read(0, 10)
    assert reader.requests == attempts


def test_a_host_that_does_not_resolve_is_not_a_missing_file() -> None:
    """Older versions of fsspec say so: FileNotFoundError, caused by a connection error."""
    error = FileNotFoundError("https://nowhere.invalid/cube.fits")
    error.__cause__ = aiohttp.ClientConnectionError("no such host")
    with pytest.raises(CubeReadError) as caught:
        RangeReader("sick://cube.fits", {"error": error}).read(0, 10)
    assert not isinstance(caught.value, CubeMissingError)


def test_options_of_one_protocol_do_not_reach_another(server: FaultyServer) -> None:
    uri, _ = place(server, "http")
    options = {"s3": {"endpoint_url": server.url}}
    assert RangeReader(uri, options).read(0, 10) == BODY[:10]
    assert RangeReader("s3:/" + KEY, options).read(0, 10) == BODY[:10]


def test_unknown_options_are_a_read_error(server: FaultyServer) -> None:
    uri, _ = place(server, "http")
    with pytest.raises(CubeReadError, match="no_such_option"):
        RangeReader(uri, {"no_such_option": 1}).read(0, 10)


def test_endpoint_from_the_environment(server: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment counts when a file is opened, not when the process began."""
    uri, _ = place(server, "s3")
    with serving() as first:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", first.url)
        with pytest.raises(CubeMissingError):
            RangeReader(uri).read(0, 10)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
    assert RangeReader(uri).read(0, 10) == BODY[:10]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_proxy_from_the_environment(server: FaultyServer, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    server.files["/cube.fits"] = server.files["/bucket/cube.fits"] = BODY
    if scheme == "http":
        reader = RangeReader("http://archive.invalid/cube.fits")
    else:
        reader = RangeReader("s3://bucket/cube.fits", {"endpoint_url": "http://archive.invalid"})
    assert reader.read(0, 10) == BODY[:10]
    assert "archive.invalid" in server.log[0][1]


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_certificates_from_the_environment(
    scheme: str, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv(variable, str(tmp_path / "ca.pem"))
    with serving(context) as server:
        server.files[KEY] = BODY
        address = f"https://127.0.0.1:{server.port}"
        if scheme == "http":
            reader = RangeReader(address + KEY)
        else:
            reader = RangeReader("s3:/" + KEY, {"endpoint_url": address})
        assert reader.read(0, 10) == BODY[:10]


def test_a_certificate_file_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "nowhere.pem")
    with pytest.raises(CubeReadError, match="SSL_CERT_FILE names a certificate file that does not exist"):
        RangeReader("https://127.0.0.1:9/cube.fits").read(0, 10)


class Single(AbstractFileSystem):
    """Takes a while to be made, and notes when two are made at once."""

    protocol = "single"
    made = 0
    making = False
    collided = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        Single.collided |= Single.making
        Single.making = True
        time.sleep(0.05)
        Single.making = False
        Single.made += 1

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **options: Any) -> bytes:
        return b"light"


fsspec.register_implementation("single", Single, clobber=True)


def test_threads_that_begin_together_share_one_file_system() -> None:
    threads = 8
    start = Barrier(threads)

    def read(number: int) -> bytes:
        start.wait()
        return RangeReader(f"single://{number}").read(0, 5)

    with ThreadPoolExecutor(threads) as pool:
        assert set(pool.map(read, range(threads))) == {b"light"}
    assert Single.made == 1
    assert not Single.collided
