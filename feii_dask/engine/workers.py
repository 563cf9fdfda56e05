"""Waiting for workers, and errors where the scheduler is lost."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import dask.config
from dask.utils import parse_timedelta
from distributed import Client, SpecCluster

from feii_dask.errors import ClusterError

__all__ = [
    "BASE_BYTES",
    "PATIENCE_S",
    "PAUSED_S",
    "WAITING",
    "call_for_workers",
    "known_workers",
    "patience_with_restarts",
    "require_scheduler",
    "restart_workers",
    "scheduler_needed",
    "statuses_of_workers",
    "wait_for_worker",
]

log = logging.getLogger(__name__)

BASE_BYTES = 300 * 10**6  # a worker that has imported everything holds half of that
PATIENCE_S = 600.0  # a node that a cloud has to boot first takes some five minutes
PAUSED_S = 30.0  # a worker that is short of memory gives back what it can in less
RESTART_S = 30.0  # a nanny gives a process some seconds to end by itself
WAITING = "waiting_scans"  # of a worker's metrics, which it sends with each heartbeat; the dashboard shows them


@contextmanager
def scheduler_needed() -> Iterator[None]:
    """Raise a `ClusterError` where the connection breaks while the scheduler is asked.

    Raises
    ------
    ClusterError
        In place of the connection's own error.
    """
    try:
        yield
    except OSError as error:  # Dask's own are of this kind
        detail = f"{type(error).__name__}: {error}"
        raise ClusterError(
            f"the connection to the scheduler is lost ({detail}); what was scanned is stored, go on with --resume"
        ) from error


@contextmanager
def patience_with_restarts() -> Iterator[None]:
    """Let a cluster of this process wait as long for a worker that restarts as everything else here does.

    Dask's own patience, ``deploy.lost-worker-timeout``, ends after 15 s: then it gives up the nanny, and with it the
    worker. One whose packages are on a network file system, or on a busy node, takes longer than that to start.
    """
    key = "distributed.deploy.lost-worker-timeout"
    with dask.config.set({key: f"{max(parse_timedelta(dask.config.get(key)), PATIENCE_S)} s"}):
        yield


def call_for_workers(client: Client) -> None:
    """Have the cluster start workers in place of those that it has given up; one that restarts by itself is left be."""
    if isinstance(client.cluster, SpecCluster):
        client.cluster.scale(len(client.cluster.worker_spec))


def require_scheduler(client: Client) -> None:
    """Refuse to go on with a client whose connection is lost.

    Raises
    ------
    ClusterError
        If the client is not connected to a scheduler.
    """
    if client.status != "running":
        raise ClusterError("the connection to the scheduler is lost; what was scanned is stored, go on with --resume")


def known_workers(client: Client) -> dict[str, dict[str, Any]]:
    """Return what the scheduler knows of each worker: its status, its metrics, when it was heard of."""
    workers: dict[str, dict[str, Any]] = client.scheduler_info(n_workers=-1)["workers"]
    return workers


def statuses_of_workers(client: Client) -> dict[str, str]:
    """Return the status of each worker: ``running``, or ``paused`` where Dask gives it nothing for want of memory."""
    return {name: worker["status"] for name, worker in known_workers(client).items()}


def restart_workers(client: Client, workers: Iterable[str]) -> None:
    """Restart workers by their nannies; a scheduler that does not hear from a worker gives it up by itself."""
    known = known_workers(client)
    nannied = [name for name in workers if name in known and known[name]["nanny"]]
    try:
        client.restart_workers(nannied, timeout=RESTART_S, raise_for_error=False)
    except (KeyError, OSError, TimeoutError, ValueError) as error:  # KeyError: one has gone in the meantime
        log.warning("%s could not be restarted: %s", ", ".join(nannied), error)


def wait_for_worker(client: Client, patience_s: float = PATIENCE_S) -> None:
    """Wait until there is at least one worker that takes work.

    A trivial task is there to be run, since an adaptive cluster starts no worker without one; any other is asked for
    those that it had. Workers that stay paused for want of memory are restarted.

    Raises
    ------
    ClusterError
        If none comes, or the scheduler is lost.
    """
    if "running" in statuses_of_workers(client).values():
        return
    log.info("waiting for a worker, %.0f minutes at most", patience_s / 60)
    demand = client.submit(int, pure=False)
    begun = last_restart = time.monotonic()
    while client.status == "running" and "running" not in (statuses := statuses_of_workers(client)).values():
        if time.monotonic() - begun > patience_s:
            raise ClusterError(
                f"no worker came in {patience_s:.0f} s; are there workers, quota and a working image? "
                f"The dashboard and the cluster's logs say more: {client.dashboard_link}"
            )
        if statuses and time.monotonic() - last_restart > PAUSED_S:
            restart_workers(client, statuses)
            last_restart = time.monotonic()
        call_for_workers(client)  # each time: the cluster may give one up meanwhile
        time.sleep(0.5)
    demand.release()
    require_scheduler(client)
