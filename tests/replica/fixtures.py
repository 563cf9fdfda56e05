"""A fixture for tests that talk to the archives; import it into a conftest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from .client import Replica

__all__ = ["lead_to", "start_replica"]


@pytest.fixture(scope="session")
def start_replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Replica]]:
    """Return a function that starts a replica of a directory; all of them end with the session."""
    with ExitStack() as stack:

        def start(directory: Path, **options: Any) -> Replica:
            return stack.enter_context(Replica(directory, tmp_path_factory.mktemp("replica"), **options))

        yield start


def lead_to(replica: Replica, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Lead this process, and those it starts, to a replica, with caches and configuration of their own."""
    for name, value in replica.environment().items():
        monkeypatch.setenv(name, value)
    for variable, folder in (("XDG_CACHE_HOME", "cache"), ("XDG_CONFIG_HOME", "config")):
        (home / folder / "astropy").mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv(variable, str(home / folder))
