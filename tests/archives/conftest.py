"""One replica of a small sky, led to by every test that asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from feii_dask.archives import ArchiveQuery
from feii_dask.archives.irsa import IrsaArchive
from feii_dask.archives.mast import MastArchive
from feii_dask.archives.session import RequestPolicy
from feii_dask.archives.simbad import SimbadCatalogue
from feii_dask.config.missions import find_mission
from tests.archives.sky import write_sky
from tests.replica import Replica
from tests.replica.fixtures import lead_to

Service = TypeVar("Service", SimbadCatalogue, MastArchive, IrsaArchive)

HURRIED = RequestPolicy(connect_s=2.0, read_s=0.7, retries=4, silent_retries=2, pause_s=0.1, executing_s=2.0)


@pytest.fixture(scope="session")
def small_sky(start_replica: Callable[..., Replica], tmp_path_factory: pytest.TempPathFactory) -> Replica:
    return start_replica(write_sky(tmp_path_factory.mktemp("sky")), page_rows=10)


@pytest.fixture
def replica(small_sky: Replica, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Replica:
    small_sky.reset()
    lead_to(small_sky, monkeypatch, tmp_path)
    return small_sky


def opener(service: type[Service], mission: str, directory: Path) -> Callable[..., Service]:
    """Return a function that opens a service, with time-outs and pauses that a test can wait for."""

    def open_service(policy: RequestPolicy = HURRIED, **options: Any) -> Service:
        query = ArchiveQuery(mission=find_mission(mission), cache_directory=directory / "answers", **options)
        return service(query, policy)

    return open_service


@pytest.fixture
def open_simbad(replica: Replica, tmp_path: Path) -> Callable[..., SimbadCatalogue]:
    return opener(SimbadCatalogue, "jwst", tmp_path)


@pytest.fixture
def open_mast(replica: Replica, tmp_path: Path) -> Callable[..., MastArchive]:
    return opener(MastArchive, "jwst", tmp_path)


@pytest.fixture
def open_irsa(replica: Replica, tmp_path: Path) -> Callable[..., IrsaArchive]:
    return opener(IrsaArchive, "sofia", tmp_path)
