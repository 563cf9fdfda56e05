"""The task that the cluster runs: one scan, in a worker's process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event, Lock

from distributed import Worker, get_worker

from feii_dask.engine.malloc import keep_freed_memory
from feii_dask.engine.workers import BASE_BYTES
from feii_dask.model import Context, Outcome
from feii_dask.scan import ScanTask, scan_cube
from feii_dask.store.cutout_files import with_files

__all__ = ["scan_on_worker"]

first_scan = Lock()
first_scan_done = Event()


def scan_on_worker(task: ScanTask, context: Context) -> Outcome:
    """Scan one cube where the cluster put it."""
    keep_freed_memory()
    worker = get_worker()
    with first_alone():
        outcome = scan_cube(task.matched, context, memory_for_scans(worker))
        outcome = with_files(outcome)
    return replace(outcome, worker=worker.address, attempt=task.attempt)


@contextmanager
def first_alone() -> Iterator[None]:
    """Let the first scan of a process come through before others begin.

    It imports, and opens connections: threads that do this at the same time break each other's imports (Python 3.11),
    and some of the libraries below are not made for it either.
    """
    if not first_scan_done.is_set():
        with first_scan:
            if not first_scan_done.is_set():
                yield
                first_scan_done.set()
                return
    yield


def memory_for_scans(worker: Worker) -> int | None:
    """Return the memory that scans may take on a worker, bytes; None where nothing limits it."""
    limit: int | None = worker.memory_manager.memory_limit
    return limit - BASE_BYTES if limit else None
