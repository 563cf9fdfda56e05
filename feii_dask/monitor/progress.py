"""Progress of a scan: outcomes are counted once, and callbacks show the snapshots of their statistics.

A callback is a display: lines of the log, a panel, the dashboard's page. Storing the outcomes is none, since a store
that fails has to end the run, and a display that fails never does.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol, Self

from feii_dask.model import Outcome
from feii_dask.monitor.snapshot import ProgressSnapshot
from feii_dask.monitor.statistics import ProgressStatistics

__all__ = ["Callback", "Progress"]

log = logging.getLogger(__name__)


class Callback(Protocol):
    """A display that is called with snapshots of a scan.

    Attributes
    ----------
    name : str
        What it shows, for the message that it does not.
    period_s : float
        Least time between two calls of `on_progress`, s.
    """

    name: str
    period_s: float

    def on_start(self, snapshot: ProgressSnapshot) -> None:
        """Begin: nothing is scanned yet."""

    def on_progress(self, snapshot: ProgressSnapshot) -> None:
        """Show a later snapshot; it may equal the one before."""

    def on_end(self, snapshot: ProgressSnapshot) -> None:
        """Show the last snapshot, of a scan that is done or was broken off."""


class Progress:
    """The progress of one scan, from the beginning to the end of a ``with`` statement.

    Parameters
    ----------
    total : int
        Cubes to scan.
    callbacks : iterable of Callback
        The displays; one that raises is left out from then on, with a warning.
    clock : callable
        Returns the time, s.
    """

    def __init__(self, total: int, callbacks: Iterable[Callback], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._statistics = ProgressStatistics(total, clock)
        self._due_s = {callback: clock() + callback.period_s for callback in callbacks}

    def __enter__(self) -> Self:
        snapshot = self._statistics.snapshot()
        for callback in list(self._due_s):
            with self._left_out_if_it_fails(callback):
                callback.on_start(snapshot)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        snapshot = self._statistics.snapshot()
        for callback in list(self._due_s):
            with self._left_out_if_it_fails(callback):
                callback.on_end(snapshot)

    def update(self, outcomes: Iterable[Outcome]) -> None:
        """Count these outcomes, and call the displays that are due; to be called while no outcome comes, too."""
        self._statistics.add(outcomes)
        now = self._clock()
        due = [callback for callback, due_s in self._due_s.items() if now >= due_s]
        if not due:
            return
        snapshot = self._statistics.snapshot()
        for callback in due:
            self._due_s[callback] = now + callback.period_s
            with self._left_out_if_it_fails(callback):
                callback.on_progress(snapshot)

    @contextmanager
    def _left_out_if_it_fails(self, callback: Callback) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever happens to a display, the run goes on
            del self._due_s[callback]
            log.warning("no %s: %s: %s", callback.name, type(error).__name__, error)
