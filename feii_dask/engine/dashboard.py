"""The page of a search on Dask's dashboard, as the client sees it.

The statistics are added up where the outcomes arrive, on the client; once a second the scheduler gets the newest
snapshot.
What that costs it does not depend on how many outcomes there are. A page that fails is a pity, and never ends a run.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future, wait
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import urljoin

from distributed import Client
from distributed.protocol.pickle import dumps

from feii_dask.engine.dashboard_url import dashboard_link
from feii_dask.monitor.dashboard_plugin import HANDLER, PAGE, DashboardPage
from feii_dask.monitor.statistics import ProgressSnapshot

__all__ = ["Page", "Workers"]

log = logging.getLogger(__name__)

PERIOD_S = 1.0  # as often as a person looks
CLOSE_S = 5.0  # how long the last snapshot may take to arrive


class Workers(NamedTuple):
    """What the workers do together: CPU in units of a core, memory in bytes; a limit of 0 is none."""

    number: int
    cores: float
    memory: int
    memory_limit: int


class Page:
    """The page on the dashboard of a cluster, for one run.

    Parameters
    ----------
    client : distributed.Client
        The cluster. Where its scheduler cannot show the page, a warning says why, once.

    Attributes
    ----------
    workers : Workers or None
        What the scheduler last said of the workers.
    """

    def __init__(self, client: Client) -> None:
        self.workers: Workers | None = None
        self._client = client
        self._sent: Future[tuple[int, float, int, int]] | None = None
        self._last = float("-inf")
        self._works = True
        try:
            client.register_plugin(DashboardPage())
            log.info("watch it at %s", urljoin(dashboard_link(client), PAGE))
        except Exception as error:  # noqa: BLE001 - no bokeh, no package, no dashboard: the scheduler is not ours
            self._give_up(error)

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Send the snapshot, if it is time and the last one has arrived; this does not wait."""
        if self._works and self._client.status == "running" and monotonic() - self._last >= PERIOD_S:
            self._hear(0)
            if self._works and self._sent is None:
                self._send(snapshot)

    def close(self, snapshot: ProgressSnapshot) -> None:
        """Send the last snapshot, and see that it arrives."""
        self._hear(CLOSE_S)
        if self._works and self._client.status == "running":
            self._send(snapshot)
            self._hear(CLOSE_S)

    def _send(self, snapshot: ProgressSnapshot) -> None:
        self._last = monotonic()
        loop: Any = self._client.loop  # tornado's, around asyncio's
        self._sent = asyncio.run_coroutine_threadsafe(self._tell(dumps(snapshot)), loop.asyncio_loop)

    async def _tell(self, snapshot: bytes) -> tuple[int, float, int, int]:
        answer: tuple[int, float, int, int] = await getattr(self._client.scheduler, HANDLER)(snapshot=snapshot)
        return answer

    def _hear(self, patience_s: float) -> None:
        """Take the scheduler's answer, if it comes in time."""
        if self._sent is None or self._sent not in wait([self._sent], patience_s).done:
            return
        sent, self._sent = self._sent, None
        try:
            self.workers = Workers(*sent.result())
        except Exception as error:  # noqa: BLE001 - whatever happens there, the run goes on
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._works = False
        log.warning("no page %r on the dashboard: %s: %s", PAGE, type(error).__name__, error)
