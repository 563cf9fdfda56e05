"""The end of a worker's process: in order, and without a last collection of garbage."""

from __future__ import annotations

import asyncio
import atexit
import gc
import logging
import signal
import threading
from typing import Any, Literal

from distributed import Nanny, Status, Worker
from distributed.diagnostics.plugin import WorkerPlugin

__all__ = ["PatientNanny", "QuickExit"]

CLOSE_S = 60.0  # a process ends within a second, but for one that waits for its turn on a busy machine


class QuickExit(WorkerPlugin):
    """Lets a worker's process end at once when it is closed: on all workers, and on those that are still to come.

    A Python that ends searches all its objects for garbage, several times. With the 350,000 objects of the packages
    that a scan imports, this takes a second of computing time (0.08 s without it, Python 3.11).
    """

    name = "feii-dask-quick-exit"

    def setup(self, worker: Worker) -> None:  # noqa: ARG002 - Dask passes it
        """Hide all objects from the collector when the process ends; their memory goes back to the system anyway.

        Leave Ctrl-C to the search.
        """
        atexit.register(gc.freeze)
        logging.getLogger("distributed.worker.state_machine").setLevel(logging.ERROR)  # scans that a closing cancels
        logging.getLogger("distributed.worker").addFilter(is_no_heartbeat)  # one that a closing cuts off
        # A terminal's Ctrl-C reaches every process; the search's own closes its workers in order.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)


class PatientNanny(Nanny):
    """A nanny that lets its worker end by itself, however busy the machine is, and starts one at a time.

    Dask's own waits 4 s, then it kills the process and warns of that. The worker would wait as long for scans that are
    still running, which nobody wants any more.

    Where a worker dies as soon as it has come, Dask's own starts the next before it reads that the first had come, and
    takes the next for running. It cannot be closed then: "can only join a started process".
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        self._start = asyncio.Lock()
        super().__init__(*args, **options)

    async def instantiate(self) -> Status:
        """Start the worker's process, after what is known of the one before."""
        async with self._start:
            return await super().instantiate()

    async def close(  # type: ignore[override]  # as Dask's own
        self, timeout: float = CLOSE_S, reason: str = "nanny-close"
    ) -> Literal["OK"]:
        """Close the worker's process."""
        return await super().close(timeout=timeout, reason=reason)

    async def kill(self, timeout: float = 5, reason: str = "nanny-kill") -> None:
        """End the worker's process, without a wait for what it does."""
        if self.process is not None:
            await self.process.kill(timeout=timeout, executor_wait=False, reason=reason)


def is_no_heartbeat(record: logging.LogRecord) -> bool:
    """Return False for the traceback of a heartbeat that nobody answers; a worker without a scheduler ends anyway."""
    return "during heartbeat" not in str(record.msg)
