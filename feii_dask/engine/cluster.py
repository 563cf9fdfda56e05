"""A Dask client for the chosen cluster, for as long as it is needed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import dask.config
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster
from distributed.system import MEMORY_LIMIT

from feii_dask.errors import ClusterError
from feii_dask.settings import ClusterSettings, Settings

__all__ = ["connect"]

GIGABYTE = 10**9


@contextmanager
def connect(settings: Settings, client: Client | None = None) -> Iterator[Client]:
    """Yield a client of the cluster that the settings choose.

    A cluster that is started here is closed at the end, whatever happens.

    Parameters
    ----------
    settings : Settings
        Its `cluster` names one of its `clusters`.
    client : distributed.Client, optional
        A client that is there already; it is handed through and stays open.

    Raises
    ------
    ClusterError
        If the cluster cannot be started or reached.
    """
    if client is not None:
        yield client
        return
    chosen = settings.chosen_cluster
    with dask.config.set(overlay(settings)), start(chosen) as started:
        yield started


def overlay(settings: Settings) -> dict[str, object]:
    """Return Dask's own sections of ``cluster.yaml``, laid over the present configuration."""
    merged = dask.config.merge(dask.config.config, settings.dask_config)
    return {name: merged[name] for name in settings.dask_config}


@contextmanager
def start(chosen: ClusterSettings) -> Iterator[Client]:
    """Start or reach one cluster, and leave it as it was found."""
    if chosen.kind == "address":
        try:
            client = Client(chosen.address, timeout="20s")
        except (OSError, ValueError) as error:
            raise ClusterError(f"no scheduler answers at {chosen.address!r}: {error}") from error
        with client:
            yield client
        return
    with local_cluster(chosen) as cluster, Client(cluster) as client:
        yield client


def local_cluster(chosen: ClusterSettings) -> LocalCluster:
    """Start worker processes on this machine, reachable from this machine only."""
    workers = chosen.workers or CPU_COUNT
    with warnings.catch_warnings():
        # Another cluster has the port; Dask takes a free one, and the link that is printed says which.
        warnings.filterwarnings("ignore", message=r"(?s).*Port \d+ is already in use")
        try:
            return LocalCluster(
                n_workers=workers,
                threads_per_worker=chosen.threads,
                memory_limit=chosen.memory or memory_per_worker(workers),
                host="127.0.0.1",
                dashboard_address=chosen.dashboard,
            )
        except (OSError, RuntimeError, ValueError, TimeoutError) as error:
            raise ClusterError(f"the local cluster did not start ({workers} workers): {error}") from error


def memory_per_worker(workers: int) -> int:
    """Share the container's memory between the workers, and leave room for everybody else.

    The room is what Fornax's out-of-memory watchdog wants free (1 GB below 16 GB, 2.5 GB above), once more for
    the client and the scheduler.
    """
    margin = GIGABYTE if MEMORY_LIMIT < 16 * GIGABYTE else 2.5 * GIGABYTE
    return max(int((MEMORY_LIMIT - 2 * margin) / workers), GIGABYTE // 2)
