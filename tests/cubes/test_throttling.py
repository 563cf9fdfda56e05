"""An archive that asks to be left alone is left alone, by all scans of a process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import pytest

from feii_dask.cubes.awaited import awaiting, waiting_scans
from feii_dask.cubes.storage import RangeReader
from feii_dask.cubes.throttling import LONGEST_S, retry_after_s, welcome_at
from feii_dask.errors import CubeReadError
from tests.cubes.faulty import FaultyServer, serving

BODY = b"cube" * 1000


@pytest.fixture(autouse=True)
def welcome(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("feii_dask.cubes.storage.FIRST_PAUSE_S", 0.02)
    yield
    welcome_at.clear()


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with serving() as server:
        server.files = {f"/bucket/{number}.fits": BODY for number in range(8)}
        yield server


def addresses(server: FaultyServer, scheme: str) -> tuple[list[str], dict[str, str]]:
    if scheme == "http":
        return [f"{server.url}/bucket/{number}.fits" for number in range(8)], {}
    return [f"s3://bucket/{number}.fits" for number in range(8)], {"endpoint_url": server.url}


@pytest.mark.parametrize("scheme", ["http", "s3"])
@pytest.mark.parametrize("status", [429, 503])
def test_the_archive_is_not_asked_before_the_time_that_it_names(server: FaultyServer, scheme: str, status: int) -> None:
    (uri, *_), options = addresses(server, scheme)
    server.faults, server.retry_after = [status], "1"
    begun = time.monotonic()
    assert RangeReader(uri, options).read(0, 100) == BODY[:100]
    assert time.monotonic() - begun >= 1
    assert len(server.log) == 2


def test_what_one_scan_is_told_all_heed(server: FaultyServer) -> None:
    """Eight scans that would each learn for themselves would use up eight answers each second."""
    uris, options = addresses(server, "http")
    server.faults, server.retry_after = [503], "1"
    with pytest.raises(CubeReadError), pytest.MonkeyPatch.context() as patch:
        patch.setattr("feii_dask.cubes.storage.ATTEMPTS", 1)
        RangeReader(uris[0], options).read(0, 100)
    begun, asked = time.monotonic(), len(server.log)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda uri: RangeReader(uri, options).read(0, 100), uris)) == {BODY[:100]}
    assert time.monotonic() - begun >= 0.9
    assert len(server.log) == asked + 8


def test_another_archive_is_not_kept_waiting(server: FaultyServer) -> None:
    with serving() as other:
        other.files = server.files
        server.faults, server.retry_after = [503], "100"
        with pytest.raises(CubeReadError), pytest.MonkeyPatch.context() as patch:
            patch.setattr("feii_dask.cubes.storage.ATTEMPTS", 1)
            RangeReader(f"{server.url}/bucket/0.fits").read(0, 100)
        assert RangeReader(f"{other.url}/bucket/0.fits").read(0, 100) == BODY[:100]


def test_a_scan_that_waits_is_counted_within_its_time(server: FaultyServer) -> None:
    (uri, *_), options = addresses(server, "http")
    server.faults, server.retry_after = [503], "2"
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(RangeReader(uri, options).read, 0, 100)
        while waiting_scans() != 1:
            assert not reading.done()
            time.sleep(0.01)
        assert reading.result() == BODY[:100]
    assert waiting_scans() == 0
    with awaiting(time.monotonic() - 1):
        assert waiting_scans() == 0


def test_what_may_pass_is_said(server: FaultyServer) -> None:
    uris, options = addresses(server, "http")
    for fault, may_pass in ((503, True), (404, False), (403, False)):
        server.faults, server.for_ever = [fault], True
        reader = RangeReader(uris[0], options)
        assert not reader.may_pass
        with pytest.raises(Exception, match="cube|bucket"):
            reader.read(0, 100)
        assert reader.may_pass is may_pass


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        ("20", 20, 20),
        ("86400", LONGEST_S, LONGEST_S),
        ("", 0, 0),
        ("soon", 0, 0),
        ("-5", 0, 0),
        ("Wed, 21 Oct 2015 07:28:00", 0, 0),
    ],
)
def test_a_number_of_seconds(said: str, least: float, most: float) -> None:
    assert_asked(said, least, most)


@pytest.mark.parametrize(("seconds", "least", "most"), [(100, 1, 100), (-100, 0, 0)])
def test_a_date(seconds: float, least: float, most: float) -> None:
    assert_asked(format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True), least, most)


def assert_asked(said: str, least: float, most: float) -> None:
    """Compare what the answers of aiohttp and of botocore ask for."""
    error = OSError()
    error.headers = {"Retry-After": said}
    assert least <= retry_after_s(error) <= most
    cause = OSError()
    cause.response = {"ResponseMetadata": {"HTTPHeaders": {"retry-after": said}}}
    wrapped = SimpleNamespace(__cause__=cause)
    assert least <= retry_after_s(wrapped) <= most
