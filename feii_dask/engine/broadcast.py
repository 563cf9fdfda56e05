"""Broadcast of one value to all workers, repeated when it is lost.

``client.scatter(…, broadcast=True)`` alone does not last: the scheduler's memory manager drops the copies
after a second, and when the last holder dies the data are gone, together with every task that depends on them.
So the original stays here, the copies are kept, and what is lost is scattered again.
"""

from __future__ import annotations

from functools import partial
from types import TracebackType
from typing import Any, Self

from distributed import Client, Future

from feii_dask.engine.workers import PATIENCE_S, wait_for_worker
from feii_dask.errors import ClusterError

__all__ = ["Broadcast"]

ATTEMPTS = 4
SCATTER_S = 30.0  # the value is small; Dask waits for ever for a worker that dies while its copy is made


class Broadcast:
    """A value that is scattered once to all workers, and again whenever it is lost.

    Parameters
    ----------
    client : distributed.Client
        The cluster to scatter to.
    value : object
        What every task needs; it is kept here as well.
    patience_s : float
        How long to wait where there is no worker to scatter to.
    """

    def __init__(self, client: Client, value: Any, patience_s: float = PATIENCE_S) -> None:
        self._client = client
        self._value = value
        self._patience_s = patience_s
        self._future: Future[Any] | None = None
        self._manager_ran = False

    def __enter__(self) -> Self:
        self._manager_ran = bool(self._client.amm.running())
        if self._manager_ran:
            self._client.amm.stop()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._future = None
        if self._manager_ran and self._client.status == "running":
            self._client.amm.start()

    @property
    def future(self) -> Future[Any]:
        """The value on the cluster, for use as an argument of a task."""
        if self._future is None or self._future.status not in ("finished", "pending"):
            self._future = self._scatter()
        return self._future

    def _scatter(self) -> Future[Any]:
        failure: Exception | None = None
        for attempt in range(ATTEMPTS):
            wait_for_worker(self._client, self._patience_s)
            # After a failure it goes to one worker, and from there to those that need it: copies to all would have to
            # wait until the scheduler gives up those that failed.
            scatter = partial(self._client.scatter, self._value, broadcast=attempt == 0, hash=False, asynchronous=True)
            try:
                future: Future[Any] = self._client.sync(scatter, callback_timeout=SCATTER_S)
            except (OSError, TimeoutError, ValueError) as error:
                failure = error  # a worker that was there when it began is gone, or paused (Dask's ValueError)
            else:
                return future
        raise ClusterError(f"no worker took the shared data: {failure}; go on with --resume") from failure
