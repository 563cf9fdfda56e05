"""Rates of a run against time: cubes and megabytes per second, now and from the beginning on."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

__all__ = ["Rate", "RateMeter"]

RECENT_S = 30.0  # over how long a rate is taken: a few cubes even where they are slow
POINTS = 120  # of a curve against time
SPACING_S = 2.0  # of its points, until there are too many: in less, slow cubes make peaks and gaps


class Rate(NamedTuple):
    """How fast the run was at a time, s after its beginning."""

    elapsed_s: float
    cubes_per_s: float
    mb_per_s: float


class Moment(NamedTuple):
    """What was done at a time, s after the beginning."""

    elapsed_s: float
    done: int
    bytes_read: int

    def rate_since(self, earlier: Moment) -> Rate:
        """Return the rate between two moments."""
        seconds = max(self.elapsed_s - earlier.elapsed_s, 1e-3)
        done, megabytes = self.done - earlier.done, (self.bytes_read - earlier.bytes_read) / 1e6
        return Rate(self.elapsed_s, done / seconds, megabytes / seconds)


class RateMeter:
    """Measures rates: from all moments of the last half minute, and from as many since the beginning as make a curve.

    Parameters
    ----------
    spacing_s : float
        Between the points of the curve, s, until there are too many.
    clock : callable
        Returns the time, s.
    """

    def __init__(self, spacing_s: float = SPACING_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = clock()
        self._now = Moment(0.0, 0, 0)
        self._recent = deque([self._now])
        self._curve = [self._now]
        self._spacing_s = spacing_s

    def note(self, done: int, bytes_read: int) -> float:
        """Note what is done by now, and return the time, s after the beginning."""
        now = Moment(self._clock() - self._start, done, bytes_read)
        if now.elapsed_s - self._recent[-1].elapsed_s >= 1:
            self._recent.append(now)
        while len(self._recent) > 1 and now.elapsed_s - self._recent[1].elapsed_s >= RECENT_S:
            self._recent.popleft()
        if now.elapsed_s - self._curve[-1].elapsed_s >= self._spacing_s:
            self._curve.append(now)
        if len(self._curve) > POINTS:
            del self._curve[1::2]
            self._spacing_s *= 2
        self._now = now
        return now.elapsed_s

    def recent(self) -> Rate:
        """Return the rate of the last half minute."""
        return self._now.rate_since(self._recent[0])

    def mean(self) -> Rate:
        """Return the rate from the beginning on."""
        return self._now.rate_since(self._curve[0])

    def history(self) -> tuple[Rate, ...]:
        """Return the rates between the moments of the curve."""
        return tuple(later.rate_since(earlier) for earlier, later in pairwise(self._curve))
