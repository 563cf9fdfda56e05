"""A range that is not the one that was asked for is never taken for it, and no message repeats a token."""

from __future__ import annotations

import pytest

from feii_dask.cubes.storage import RangeReader
from feii_dask.errors import CubeError, CubeReadError
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


def test_a_file_that_changes_while_it_is_read(server: FaultyServer) -> None:
    uri, options = place(server, "http")
    reader = RangeReader(uri, options)
    reader.read(0, 100)
    server.faults, server.for_ever = ["grown"], True
    with pytest.raises(CubeReadError, match="had 102400 bytes and now has 102401"):
        reader.read(1000, 2000)


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
