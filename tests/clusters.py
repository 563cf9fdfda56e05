"""Clusters on this machine, for the tests of what runs on them."""

from __future__ import annotations

from typing import Any

import pytest
from distributed import LocalCluster

from feii_dask.engine.worker_exit import PatientNanny

__all__ = ["lead_commands_to", "start_cluster"]


def start_cluster(workers: int = 2, threads: int = 2, **options: Any) -> LocalCluster:
    """Start worker processes as a search does, and a dashboard on a port that is free."""
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=threads,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        worker_class=PatientNanny,
        **options,
    )


def lead_commands_to(cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands use a cluster that is there, in place of one of their own, which takes seconds to start."""
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__SHARED__KIND", "address")
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__SHARED__ADDRESS", cluster.scheduler_address)
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTER", "shared")
