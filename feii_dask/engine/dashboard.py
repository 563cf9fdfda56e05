"""Client side of a search's page on Dask's dashboard: installs it, and sends the progress of a scan.

Outcomes are counted where they arrive, on the client; once a second the scheduler gets the newest snapshot, which costs
it the same however many outcomes there are.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future, wait
from typing import Any, NamedTuple
from urllib.parse import urljoin

from dask.utils import format_bytes
from distributed import Client
from distributed.protocol.pickle import dumps

from feii_dask.engine.dashboard_url import dashboard_link
from feii_dask.monitor.dashboard_plugin import HANDLER, PAGE, DashboardPage
from feii_dask.monitor.snapshot import ProgressSnapshot

__all__ = ["PageFeed", "WorkerLoad"]

log = logging.getLogger(__name__)

CLOSE_S = 5.0  # how long the last snapshot may take to arrive


class WorkerLoad(NamedTuple):
    """What the workers do together: CPU in units of a core, memory in bytes; a limit of 0 is none.

    Examples
    --------
    >>> str(WorkerLoad(2, 1.5, 3 * 2**30, 4 * 2**30))
    '2, on 1.5 cores, with 3.00 GiB of 4.00 GiB'
    """

    workers: int
    cores: float
    memory: int
    memory_limit: int

    def __str__(self) -> str:
        limit = f" of {format_bytes(self.memory_limit)}" if self.memory_limit else ""
        return f"{self.workers}, on {self.cores:.1f} cores, with {format_bytes(self.memory)}{limit}"


class PageFeed:
    """A callback of `feii_dask.monitor.progress.Progress` that shows the progress on a cluster's dashboard.

    Parameters
    ----------
    client : distributed.Client
        The cluster.

    Attributes
    ----------
    load : WorkerLoad or None
        What the scheduler answered to the last snapshot; None before the first answer.
    """

    name = f"page {PAGE!r} on the dashboard"
    period_s = 1.0  # as often as a person looks

    def __init__(self, client: Client) -> None:
        self.load: WorkerLoad | None = None
        self._address = ""
        self._client = client
        self._sent: Future[tuple[int, float, int, int]] | None = None

    def describe_workers(self) -> str:
        """Return what the workers do, in words; empty where it is not known."""
        return str(self.load or "")

    def tell_address(self) -> str:
        """Return where the page is; empty until it is there."""
        return self._address

    def on_start(self, snapshot: ProgressSnapshot) -> None:
        """Have the scheduler serve the page, and send it the first snapshot.

        Raises
        ------
        Exception
            Of many kinds, as in the methods below: no bokeh, no package, no dashboard; the scheduler is not ours.
        """
        self._client.register_plugin(DashboardPage())
        self._address = urljoin(dashboard_link(self._client), PAGE)
        log.info("watch it at %s", self._address)
        self._send(snapshot)

    def on_progress(self, snapshot: ProgressSnapshot) -> None:
        """Send the snapshot, if the one before has arrived; this does not wait."""
        if self._client.status == "running":
            self._receive(0)
            if self._sent is None:
                self._send(snapshot)

    def on_end(self, snapshot: ProgressSnapshot) -> None:
        """Send the last snapshot, and see that it arrives."""
        if self._client.status == "running":
            self._receive(CLOSE_S)
            self._send(snapshot)
            self._receive(CLOSE_S)

    def _send(self, snapshot: ProgressSnapshot) -> None:
        loop: Any = self._client.loop  # tornado's, around asyncio's
        self._sent = asyncio.run_coroutine_threadsafe(self._call(dumps(snapshot)), loop.asyncio_loop)

    async def _call(self, snapshot: bytes) -> tuple[int, float, int, int]:
        answer: tuple[int, float, int, int] = await getattr(self._client.scheduler, HANDLER)(snapshot=snapshot)
        return answer

    def _receive(self, patience_s: float) -> None:
        """Take the scheduler's answer, if it comes in time."""
        if self._sent is not None and self._sent in wait([self._sent], patience_s).done:
            sent, self._sent = self._sent, None
            self.load = WorkerLoad(*sent.result())
