"""A dask-gateway that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateway import GatewayServer


@pytest.fixture(scope="session")
def gateway_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayServer]:
    """A gateway; each test closes the clusters that it starts."""
    with GatewayServer(tmp_path_factory.mktemp("gateway")) as server:
        yield server
