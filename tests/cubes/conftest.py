"""Servers that the tests of this folder read cubes from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cubes.faulty import FaultyServer, serving


@pytest.fixture(scope="session")
def one_server() -> Iterator[FaultyServer]:
    with serving() as server:
        yield server


@pytest.fixture
def server(one_server: FaultyServer) -> FaultyServer:
    """A web server that behaves until it is told not to; one for all tests, because S3 clients are slow to make."""
    one_server.behave()
    return one_server
