"""The task that the cluster runs: some scans, in a worker's process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from math import inf
from threading import Event, Lock
from time import monotonic

from distributed import Worker, get_worker

from feii_dask.cubes.awaited import waiting_scans
from feii_dask.cubes.memory import MemoryBudget
from feii_dask.engine.malloc import KEPT_BYTES, give_back_freed_memory, keep_freed_memory
from feii_dask.engine.workers import BASE_BYTES, WAITING
from feii_dask.model import Context, Outcome, ScanTask
from feii_dask.scan import scan_cube
from feii_dask.store.cutout_files import with_files

__all__ = ["scan_on_worker"]

SHORT = 0.6  # of a worker's memory; at 0.8 Dask gives it nothing more to do

FIRST_S = 10.0  # some of it for imports from a file system on the network

first_scan = Lock()
first_scan_done = Event()


def scan_on_worker(tasks: Sequence[ScanTask], context: Context, limit_s: float) -> list[Outcome]:
    """Scan one cube after the other where the cluster put them.

    Parameters
    ----------
    tasks : sequence of ScanTask
        The cubes.
    context : Context
        What all scans have in common.
    limit_s : float
        No scan begins later than this, s, except for the first.

    Returns
    -------
    list of Outcome
        Those of the cubes that were scanned, which are the first ones.
    """
    worker = get_worker()
    tell_of_waits(worker)
    if has_ample_memory(worker.memory_manager.memory_limit or inf, worker.state.nthreads):
        keep_freed_memory()
    begun = monotonic()
    outcomes: list[Outcome] = []
    for task in tasks:
        if outcomes and monotonic() - begun > limit_s:
            break
        outcomes.append(scan_here(task, context, worker))
    return outcomes


def tell_of_waits(worker: Worker) -> None:
    """Have a worker say with each heartbeat how many of its scans wait for an archive."""
    if WAITING not in worker.metrics:  # which belong to the thread of the event loop
        worker.loop.add_callback(worker.metrics.setdefault, WAITING, lambda _: waiting_scans())


def scan_here(task: ScanTask, context: Context, worker: Worker) -> Outcome:
    """Scan one cube, and make the files of its cutouts."""
    with first_alone():
        outcome = with_files(scan_cube(task.matched, context, memory_for_scans(worker)))
    if is_short_of_memory(worker):
        give_back_freed_memory()
    return replace(outcome, worker=worker.address, attempt=task.attempt)


@contextmanager
def first_alone() -> Iterator[None]:
    """Let the first scan of a process come through before others begin.

    It imports, and opens connections: threads that do this at the same time break each other's imports (Python 3.11),
    and some of the libraries below are not made for it either. A first cube that comes slowly has done so soon.
    """
    if first_scan.acquire(blocking=False):  # and never released
        try:
            yield
        finally:
            first_scan_done.set()
    else:
        first_scan_done.wait(FIRST_S)
        yield


def memory_for_scans(worker: Worker) -> MemoryBudget | None:
    """Return the memory that scans may take on a worker; None where nothing limits it."""
    manager = worker.memory_manager
    return share_memory(manager.memory_limit, manager.memory_pause_fraction or 1.0) if manager.memory_limit else None


@cache
def share_memory(limit_bytes: int, pause_fraction: float) -> MemoryBudget:
    """Return the one budget of this process: together, scans stay below what makes Dask pause a worker."""
    return MemoryBudget(limit_bytes - BASE_BYTES, int(limit_bytes * pause_fraction) - BASE_BYTES)


def has_ample_memory(limit_bytes: float, threads: int) -> bool:
    """Whether a worker may keep what its scans have freed: each thread has a heap of its own that does.

    Eight threads of a worker with 600 MB came to 485 MB where they did, and to 363 MB where they did not; three scans
    of 51 MB were allowed at a time.
    """
    return limit_bytes - BASE_BYTES > threads * KEPT_BYTES


def is_short_of_memory(worker: Worker) -> bool:
    """Whether a worker is close to the limit of its memory, freed memory that it keeps included."""
    limit = worker.memory_manager.memory_limit or inf
    return worker.monitor.get_process_memory() > SHORT * limit
