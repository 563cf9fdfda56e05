"""One replica of a small sky, led to by every test that asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from feii_dask.archives.cache import QueryCache
from feii_dask.archives.live import LiveArchive
from feii_dask.archives.session import Policy
from feii_dask.config.missions import find_mission
from tests.archives.sky import write_sky
from tests.replica import Replica
from tests.replica.fixtures import lead_to

HURRIED = Policy(connect_s=2.0, read_s=0.7, retries=4, silent_retries=2, pause_s=0.1, executing_s=2.0)


@pytest.fixture(scope="session")
def small_sky(start_replica: Callable[..., Replica], tmp_path_factory: pytest.TempPathFactory) -> Replica:
    return start_replica(write_sky(tmp_path_factory.mktemp("sky")), page_rows=10)


@pytest.fixture
def replica(small_sky: Replica, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Replica:
    small_sky.reset()
    lead_to(small_sky, monkeypatch, tmp_path)
    return small_sky


@pytest.fixture
def open_live(replica: Replica, tmp_path: Path) -> Callable[..., LiveArchive]:
    """Open the live archives, with time-outs and pauses that a test can wait for."""

    def open_live(mission: str = "jwst", days: float = 7.0, **options: object) -> LiveArchive:
        options.setdefault("policy", HURRIED)
        return LiveArchive(find_mission(mission), QueryCache(tmp_path / "answers", days), **options)

    return open_live
