"""Refusal to start a cluster in a process that is being started for one; it imports no Dask."""

from __future__ import annotations

import multiprocessing
import sys

from feii_dask.errors import ClusterError

__all__ = ["GUARD", "refuse_in_worker_process"]

GUARD = 'put the search under  if __name__ == "__main__":'


def refuse_in_worker_process() -> None:
    """Refuse to start a cluster in a process that is being started for one, and imports the script for that."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        sys.tracebacklimit = 0  # the process ends with this error, as all others do: a line from each is enough
        raise ClusterError(f"a worker process ran the script that starts it: {GUARD}")
