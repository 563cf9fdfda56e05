"""The end of a worker's process: in order, and without a last collection of garbage."""

from __future__ import annotations

import atexit
import gc
import logging
import signal
import threading

from distributed import Worker
from distributed.diagnostics.plugin import WorkerPlugin

__all__ = ["QuickExit"]


class QuickExit(WorkerPlugin):
    """Lets a worker's process end at once when it is closed: on all workers, and on those that are still to come.

    A Python that ends searches all its objects for garbage, several times. With the 350,000 objects of the packages
    that a scan imports, this takes a second of computing time (0.08 s without it, Python 3.11). Dask's nanny waits
    4 s, then it kills the process and warns of that: a machine on which ten others want each core came to that.
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


def is_no_heartbeat(record: logging.LogRecord) -> bool:
    """Return False for the traceback of a heartbeat that nobody answers; a worker without a scheduler ends anyway."""
    return "during heartbeat" not in str(record.msg)
