"""A range that is not the one that was asked for is never taken for it, and no message repeats a token."""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from feii_dask.cubes.storage import RangeReader
from feii_dask.errors import CubeChangedError, CubeError, CubeReadError
from tests.cubes.faulty import FaultyServer
from tests.cubes.test_storage import BODY, SCHEMES, place


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pause a tenth of the usual time between attempts."""
    monkeypatch.setattr("feii_dask.cubes.storage.FIRST_PAUSE_S", 0.02)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("fault", ["shifted", "unlabelled"])
def test_another_part_than_was_asked_for_is_never_taken(server: FaultyServer, scheme: str, fault: str) -> None:
    uri, options = place(server, scheme)
    server.faults = [fault, fault]
    assert RangeReader(uri, options).read(1000, 2000) == BODY[1000:2000]
    server.faults, server.for_ever = [fault], True
    with pytest.raises(CubeReadError, match="the server sent '.*' for bytes 1000-1999"):
        RangeReader(uri, options).read(1000, 2000)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_part_that_is_there_and_is_said_not_to_be(server: FaultyServer, scheme: str) -> None:
    """It was seen where a proxy shifts ranges: the last one then begins behind the end."""
    reader = RangeReader(*place(server, scheme))
    reader.read(0, 100)
    server.faults = [416]
    assert reader.read(1000, 2000) == BODY[1000:2000]
    server.faults, server.for_ever = [416], True
    with pytest.raises(CubeReadError, match="HTTP 416"):
        reader.read(3000, 4000)
    assert reader.may_pass


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_file_that_becomes_longer_while_it_is_read(server: FaultyServer, scheme: str) -> None:
    reader = RangeReader(*place(server, scheme))
    reader.read(0, 100)
    server.faults, server.for_ever = ["grown"], True
    with pytest.raises(CubeChangedError, match="had 102400 bytes and now has 102401"):
        reader.read(1000, 2000)
    assert (reader.requests, reader.may_pass) == (2, True)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_file_that_is_replaced_while_it_is_read(server: FaultyServer, scheme: str) -> None:
    reader = RangeReader(*place(server, scheme))
    server.etag = '"first"'
    reader.read(0, 100)
    assert reader.read(1000, 2000) == BODY[1000:2000]
    server.etag = '"second"'
    with pytest.raises(CubeChangedError, match="cube.fits was replaced"):
        reader.read(3000, 4000)
    assert (reader.requests, reader.may_pass) == (3, True)


def test_a_weak_etag_says_nothing_of_bytes(server: FaultyServer) -> None:
    reader = RangeReader(*place(server, "http"))
    for number in range(3):
        server.etag = f'W/"{number}"'
        assert reader.read(1000 * number, 1000 * number + 10) == BODY[1000 * number : 1000 * number + 10]


def test_a_path_that_is_written_to_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cube.fits"
    path.write_bytes(BODY)
    reader = RangeReader(path)
    reader.read(0, 100)
    assert reader.read(1000, 2000) == BODY[1000:2000]
    path.with_suffix(".new").write_bytes(BODY[::-1])
    path.with_suffix(".new").replace(path)
    with pytest.raises(CubeChangedError, match="cube.fits was replaced"):
        reader.read(3000, 4000)
    assert RangeReader(path).read(3000, 4000) == BODY[::-1][3000:4000]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_of_a_long_file_in_place_of_a_part_only_the_part_is_kept(
    server: FaultyServer, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be larger than the memory: what comes before the part is forgotten, what comes after it is not read."""
    monkeypatch.setattr("feii_dask.cubes.byte_ranges.LONGEST_WHOLE", 1000)
    server.faults, server.for_ever = ["whole"], True
    reader = RangeReader(*place(server, scheme))
    assert reader.read(50_000, 60_000) == BODY[50_000:60_000]
    assert (reader.requests, reader.bytes_read) == (1, 60_000)
    assert reader.read(10, 20) == BODY[10:20]
    assert reader.read(102_000, 103_000) == BODY[102_000:]
    assert reader.read(200_000, 200_100) == b""


def test_a_compressed_file_of_a_server_without_ranges_takes_few_answers(
    server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("feii_dask.cubes.byte_ranges.LONGEST_WHOLE", 1000)
    monkeypatch.setattr("feii_dask.cubes.storage.CHUNK", 1000)
    uri, options = place(server, "http")
    server.files[urlsplit(uri).path] = packed = gzip.compress(BODY, mtime=0)
    server.faults, server.for_ever = ["whole"], True
    reader = RangeReader(uri, options)
    assert reader.read(0, 1000) == BODY[:1000]
    assert reader.requests < 2 + math.log2(len(packed) / 1000) + 2
    assert reader.read(50_000, 60_000) == BODY[50_000:60_000]


def test_a_whole_file_that_is_shorter_than_the_part(server: FaultyServer) -> None:
    """Its length does not tell that the range was ignored."""
    uri, options = place(server, "http")
    server.faults, server.for_ever = ["whole"], True
    assert RangeReader(uri, options).read(1000, 300_000) == BODY[1000:]


@pytest.mark.parametrize("fault", [403, 404, 500, "cut", "shifted"])
def test_a_token_is_not_repeated(server: FaultyServer, fault: int | str) -> None:
    uri, options = place(server, "http")
    server.faults, server.for_ever = [fault], True
    with pytest.raises(CubeError) as caught:
        RangeReader(f"{uri}?token=5ec3et&sig=5ec3et", options).read(0, 100)
    assert uri in str(caught.value)
    assert "5ec3et" not in str(caught.value)
