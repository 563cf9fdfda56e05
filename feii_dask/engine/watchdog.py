"""Watchdogs of a run: for workers that stall, for an archive that is away for a while, for failures that repeat."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable, Mapping

from feii_dask.engine.workers import PATIENCE_S, PAUSED_S
from feii_dask.errors import ClusterError, OutageError
from feii_dask.model import Outcome, Status

__all__ = ["CircuitBreaker", "OutageWatch", "StallWatch"]

TIMES_THE_USUAL = 20.0
IN_A_ROW = 50
OUTAGE_S = 240.0  # after that, what fails counts as failed
TOLERATED = 10  # failures for reasons that may pass, one after the other
PROBE_S = 10.0


class StallWatch:
    """Finds workers that hold scans and have been silent for far longer than usual.

    Parameters
    ----------
    least_s : float
        Silence that is never a stall, s; beyond it, `TIMES_THE_USUAL` times the mean duration of a scan counts.
    patience_s : float
        How long there may be no worker at all, s.
    clock : callable
        Returns the time, s.
    """

    def __init__(
        self, least_s: float, patience_s: float = PATIENCE_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._least_s = least_s
        self._patience_s = patience_s
        self._clock = clock
        self._last_worker = clock()
        self._last_sign: dict[str, float] = {}
        self._heartbeats: dict[str, float] = {}
        self._seconds = self._scans = 0.0

    @property
    def limit_s(self) -> float:
        """How long a worker may be silent, s."""
        usual = self._seconds / self._scans if self._scans else 0.0
        return max(self._least_s, TIMES_THE_USUAL * usual)

    def note(self, outcomes: Iterable[Outcome]) -> None:
        """Note which workers have sent outcomes, and how long the scans took, but for those of an outage."""
        for outcome in outcomes:
            self._last_sign[outcome.worker] = self._clock()
            if not outcome.may_pass:
                self._seconds += outcome.seconds
                self._scans += 1

    def note_waiting(self, heartbeats: Mapping[str, float]) -> None:
        """Note which workers live, and have scans that wait for an archive: these are not silent.

        Parameters
        ----------
        heartbeats : mapping
            When each of them was heard of the last time, by any clock.
        """
        for worker, heartbeat in heartbeats.items():
            if heartbeat != self._heartbeats.get(worker):
                self._last_sign[worker] = self._clock()
        self._heartbeats = dict(heartbeats)

    def stalled(self, processing: Mapping[str, Iterable[object]], paused: Container[str] = ()) -> list[str]:
        """Return the workers that are stalled; they get a fresh start.

        Parameters
        ----------
        processing : mapping
            What each worker holds.
        paused : container of str
            Workers that Dask gives nothing, since they are short of memory.

        Raises
        ------
        ClusterError
            If there has been no worker for too long.
        """
        now = self._clock()
        if processing:
            self._last_worker = now
        elif now - self._last_worker > self._patience_s:
            since = f"{self._patience_s:.0f} s"
            raise ClusterError(f"no worker for {since}; what was scanned is stored, go on with --resume")
        # Whoever holds nothing has no reason to speak, unless it is given nothing.
        limits_s = {worker: self.limit_s for worker, held in processing.items() if list(held)}
        limits_s = {worker: PAUSED_S for worker in processing if worker in paused} | limits_s
        self._last_sign = {worker: self._last_sign.get(worker, now) for worker in limits_s}
        stalled = [worker for worker, last in self._last_sign.items() if now - last > limits_s[worker]]
        for worker in stalled:
            del self._last_sign[worker]
        return stalled


class OutageWatch:
    """Tells an archive that is away for a while from cubes that cannot be read.

    As long as nothing but failures comes, all for reasons that may pass, one scan now and then asks whether the archive
    is back: so that an outage costs none of the cubes that are still to be scanned, and does not become longer by them.

    Parameters
    ----------
    clock : callable
        Returns the time, s.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answered = float("-inf")  # no earlier than that
        self._failures = 0  # since then
        self._began = self._last_failure = float("-inf")

    def note(self, outcome: Outcome, sent_at: float | None) -> None:
        """Note whether the archive answered a scan, which it did at some time since the scan was sent."""
        now = self._clock()
        if not outcome.may_pass:
            self._answered, self._failures = max(self._answered, now if sent_at is None else sent_at), 0
            return
        if not self._failures:
            self._began = now
        self._failures += 1
        self._last_failure = now

    def may_be_over(self, put_off_at: float | None) -> bool:
        """Whether a scan that failed again is to be tried once more: no scan that was sent since then has been done.

        One that was sent before, and comes later, had read its cube before the archive went away.
        """
        if put_off_at is None:
            return True
        return self._answered < put_off_at and self._clock() - put_off_at < OUTAGE_S

    def is_on(self, *, trying_again: bool) -> bool:
        """Whether only one scan at a time should ask; sooner so where all others have been tried."""
        failures_make_it = 1 if trying_again else TOLERATED
        return self._failures >= failures_make_it and self._clock() - self._began < OUTAGE_S

    @property
    def may_ask(self) -> bool:
        """Whether the last question is long enough ago."""
        return self._clock() - self._last_failure >= PROBE_S


class CircuitBreaker:
    """Stops a run in which one cube after the other fails for the same reason."""

    def __init__(self) -> None:
        self._kind: tuple[Status, str] | None = None
        self._count = 0

    def check(self, outcomes: Iterable[Outcome]) -> None:
        """Count these outcomes.

        Raises
        ------
        OutageError
            If the last `IN_A_ROW` have failed, all for one reason.
        """
        for outcome in outcomes:
            kind = outcome.failure_kind
            self._count = self._count + 1 if kind == self._kind else 1
            self._kind = kind
            if kind is not None and self._count >= IN_A_ROW:
                last_line = outcome.reason.strip().rpartition("\n")[2]
                raise OutageError(
                    f"{IN_A_ROW} cubes in a row have failed for one reason, so that the rest is not tried: "
                    f"{outcome.status}, {last_line}; mend it, then go on with --resume DIR --retry-failed"
                )
