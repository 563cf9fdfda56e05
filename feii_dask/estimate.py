"""Estimate of the cost of a search, from a pilot: a few cubes drawn at random and scanned on the chosen cluster."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from distributed import Client
from numpy.typing import NDArray

from feii_dask.archives import open_catalogue, open_cube_archive
from feii_dask.cluster_steps import cluster, match
from feii_dask.config.settings import Settings
from feii_dask.engine.executor import run_scans
from feii_dask.engine.script_guard import refuse_in_worker_process
from feii_dask.model import Outcome
from feii_dask.monitor.log import run_log
from feii_dask.planning import plan_scans
from feii_dask.store.manifest import as_context
from feii_dask.store.outcome_table import SCHEMA
from feii_dask.workflow import archive_query, query_archives

__all__ = ["Estimate", "estimate", "extrapolate"]

log = logging.getLogger(__name__)

SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The cost of a search; each error is the standard error that the pilot's scatter implies.

    Attributes
    ----------
    cubes, pilot : int
        Cubes to scan, and cubes that the pilot scanned.
    threads, cores : int
        Threads of the cluster, and the cores that they run on.
    gigabytes, gigabytes_error : float
        Amount of data read, GB.
    hours, hours_error : float
        Wall time of the scan with that many threads, hours.
    """

    cubes: int
    pilot: int
    threads: int
    cores: int
    gigabytes: float
    gigabytes_error: float
    hours: float
    hours_error: float

    def __str__(self) -> str:
        core_hours, error = self.hours * self.cores, self.hours_error * self.cores
        return (
            f"{self.cubes} cubes; from {self.pilot} of them, on {self.threads} threads and {self.cores} cores:\n"
            f"  {self.gigabytes:.3g} ± {self.gigabytes_error:.1g} GB\n"
            f"  {core_hours:.3g} ± {error:.1g} core-hours\n"
            f"  {60 * self.hours:.3g} ± {60 * self.hours_error:.1g} minutes"
        )


def estimate(settings: Settings, *, pilot: int = 40, client: Client | None = None) -> Estimate:
    """Scan a few cubes of a search, and extrapolate the cost to all of them.

    Parameters
    ----------
    settings : Settings
        The search.
    pilot : int
        Cubes to scan, 2 or more; with fewer than there are threads, the workers are less busy than in a search.
    client : distributed.Client, optional
        The cluster, as for `feii_dask.search`.

    Returns
    -------
    Estimate
        Its ``str`` is the output of ``feii-dask estimate``. Nothing is stored.
    """
    refuse_in_worker_process()
    context = as_context(settings)
    with run_log(None):
        query = archive_query(settings)
        archive = open_cube_archive(query)
        found = query_archives(query, open_catalogue(query), archive)
        with cluster(settings, client) as connected:
            tables = match(found, archive, context, settings, connected)
            to_scan, _ = plan_scans(tables, context.lines, SCHEMA.empty_table().to_pandas(), settings)
            rng = np.random.default_rng(SEED)
            chosen = rng.choice(len(to_scan), min(pilot, len(to_scan)), replace=False)
            log.info("%d cubes to scan; a pilot of %d", len(to_scan), len(chosen))
            tasks = [to_scan[index] for index in sorted(chosen)]
            outcomes = [o for batch in run_scans(connected, tasks, context, settings.stall_after_s) for o in batch]
            return extrapolate(outcomes, len(to_scan), *threads_and_cores(connected))


def threads_and_cores(client: Client) -> tuple[int, int]:
    """Return the threads of a cluster and the cores that they run on."""

    def cores() -> tuple[str, int]:
        import socket  # noqa: PLC0415 - runs on the workers

        from dask.system import CPU_COUNT  # noqa: PLC0415

        return socket.gethostname(), CPU_COUNT

    threads = sum(client.nthreads().values())
    return threads, min(threads, sum(dict(client.run(cores).values()).values()))


def extrapolate(outcomes: list[Outcome], cubes: int, threads: int, cores: int) -> Estimate:
    """Scale the pilot's outcomes to all cubes."""
    gigabytes = np.array([outcome.bytes_read / 1e9 for outcome in outcomes])
    hours = np.array([outcome.seconds / 3600 for outcome in outcomes]) / max(threads, 1)
    return Estimate(
        cubes=cubes,
        pilot=len(outcomes),
        threads=threads,
        cores=cores,
        gigabytes=total(gigabytes, cubes),
        gigabytes_error=total_error(gigabytes, cubes),
        hours=total(hours, cubes),
        hours_error=total_error(hours, cubes),
    )


def total(sample: NDArray[np.float64], cubes: int) -> float:
    """Return the sum over all cubes that a sample of them implies."""
    return float(sample.mean()) * cubes if len(sample) else 0.0


def total_error(sample: NDArray[np.float64], cubes: int) -> float:
    """Return the standard error of that sum, for a sample drawn without replacement (Cochran 1977, eq. 2.22)."""
    if len(sample) < 2:
        return 0.0
    unsampled = 1 - len(sample) / cubes
    return float(cubes * sample.std(ddof=1) * np.sqrt(unsampled / len(sample)))
