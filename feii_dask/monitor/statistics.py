"""What the outcomes of a run add up to while it goes on: the snapshot that every display shows."""

from __future__ import annotations

import re
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import nlargest
from math import ceil, isfinite, nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feii_dask.model import Cutout, Outcome, Status
from feii_dask.monitor.rate import Clock, Rate

__all__ = ["P_VALUES", "Failure", "LineImage", "ProgressSnapshot", "ProgressStatistics", "SlowCube", "kind_of_failure"]

P_VALUES = tuple(10 ** (exponent / 4) for exponent in range(-24, 1))  # from a millionth to one
ROWS = 8  # of a table: as many as one takes in
SIDE = 64  # spaxels of a line image
# What differs between equal reasons: paths and addresses, numbers, and what is quoted.
PARTICULARS = re.compile(r"\S*[/\\]\S*|\d+|'[^']*'")


class Failure(NamedTuple):
    """How many cubes failed for one reason, and the last of them in its own words."""

    status: str
    cubes: int
    reason: str


class SlowCube(NamedTuple):
    """A cube that took long, and why."""

    obs_id: str
    seconds: float
    megabytes: float
    why: str


class LineImage(NamedTuple):
    """The line image of a detection, ``pixels`` a (y, x) float32 ndarray of at most 64 by 64."""

    obs_id: str
    line: str
    pixels: NDArray[np.float32]
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressSnapshot:
    """How far a run is, at one moment.

    Attributes
    ----------
    began : float
        When, s since 1970; tells runs apart.
    total, done, failed, detected : int
        Cubes: all, those with an outcome, the failed ones and those with a detection among them.
    elapsed_s, left_s : float
        Time since the beginning, and to the end as far as one can tell; NaN where one cannot.
    rate : Rate
        Of the last half minute; at the end, of the whole run.
    history : tuple of Rate
        From the beginning on.
    detections : tuple of (str, int)
        For each line that was measured, by wavelength, the cubes in which it was detected.
    p_values : tuple of int
        How many p-values were at or below each of `P_VALUES`; the last is their number.
    failures, slowest : tuple
        The most frequent reasons, and the slowest cubes.
    line_image : LineImage or None
        The newest detection.
    """

    began: float
    total: int
    done: int
    failed: int
    detected: int
    elapsed_s: float
    left_s: float
    rate: Rate
    history: tuple[Rate, ...]
    detections: tuple[tuple[str, int], ...]
    p_values: tuple[int, ...]
    failures: tuple[Failure, ...]
    slowest: tuple[SlowCube, ...]
    line_image: LineImage | None

    def __str__(self) -> str:
        left = f", {self.left_s:.0f} s left" if self.done < self.total and isfinite(self.left_s) else ""
        return (
            f"{self.done} of {self.total} cubes, {self.failed} failed, {self.detected} with detections, "
            f"{self.rate.cubes_per_s:.1f} cubes/s, {self.rate.mb_per_s:.1f} MB/s{left}"
        )


class ProgressStatistics:
    """Counts outcomes, in bounded memory.

    Parameters
    ----------
    total : int
        Cubes to scan.

    Examples
    --------
    >>> tally = ProgressStatistics(2)
    >>> tally.add([Outcome(obs_id="a", status=Status.UNREADABLE, reason="HTTP 503 for s3://here/a.fits")])
    >>> snapshot = tally.snapshot()
    >>> snapshot.done, snapshot.failed, snapshot.failures
    (1, 1, (Failure(status='unreadable', cubes=1, reason='HTTP 503 for s3://here/a.fits'),))
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._began = time.time()
        self._clock = Clock()
        self._done = self._failed = self._detected = self._bytes = 0
        self._seconds = 0.0
        self._detections: Counter[str] = Counter()
        self._wavelength_um: dict[str, float] = {}
        self._p_values = np.zeros(len(P_VALUES), dtype=int)
        self._failures: Counter[tuple[Status, str]] = Counter()
        self._reasons: dict[tuple[Status, str], str] = {}
        self._slowest: list[Cost] = []
        self._line_image: LineImage | None = None

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Count these outcomes."""
        outcomes = list(outcomes)
        for outcome in outcomes:
            self._count(outcome)
        self._slowest = nlargest(ROWS, [*self._slowest, *map(Cost.of, outcomes)])
        self._clock.note(self._done, self._bytes)

    def _count(self, outcome: Outcome) -> None:
        self._done += 1
        self._bytes += outcome.bytes_read
        self._seconds += outcome.seconds
        self._detected += any(detection.detected for detection in outcome.detections)
        for detection in outcome.detections:
            if detection.status is Status.SCANNED:
                line = detection.line.name
                self._wavelength_um[line] = detection.line.wavelength_um
                self._detections[line] += detection.detected
                if isfinite(detection.p_value):
                    self._p_values[bisect_left(P_VALUES, detection.p_value) :] += 1
        kind = kind_of_failure(outcome)
        if kind is not None:
            self._failed += 1
            self._failures[kind] += 1
            self._reasons[kind] = outcome.reason.strip().rpartition("\n")[2]
        if outcome.cutouts:
            self._line_image = line_image_of(outcome.obs_id, outcome.cutouts[-1])

    def snapshot(self) -> ProgressSnapshot:
        """Return how far the run is."""
        now = self._clock.note(self._done, self._bytes)
        rate = self._clock.recent() if self._done < self._total else self._clock.mean()
        pace = rate.cubes_per_s or self._done / max(now, 1e-3)
        return ProgressSnapshot(
            began=self._began,
            total=self._total,
            done=self._done,
            failed=self._failed,
            detected=self._detected,
            elapsed_s=now,
            left_s=(self._total - self._done) / pace if pace else nan,
            rate=rate,
            history=self._clock.history(),
            detections=tuple(
                (line, self._detections[line])
                for line in sorted(self._wavelength_um, key=self._wavelength_um.__getitem__)
            ),
            p_values=tuple(map(int, self._p_values)),
            failures=tuple(
                Failure(str(kind[0]), n, self._reasons[kind]) for kind, n in self._failures.most_common(ROWS)
            ),
            slowest=tuple(self._explain(cost) for cost in self._slowest),
            line_image=self._line_image,
        )

    def _explain(self, cost: Cost) -> SlowCube:
        """Say whether a cube took long because it is large, or because its bytes came or were worked on slowly."""
        usual_bytes, usual_s = self._bytes / self._done, self._seconds / self._done
        again = f"attempt {cost.attempt}: " if cost.attempt > 1 else ""
        if cost.failed:
            why = str(cost.failed)
        elif not cost.bytes_read:
            why = "nothing was read"
        else:
            larger = cost.bytes_read / usual_bytes
            slower = cost.seconds / usual_s / larger if usual_s else 1.0
            factor, what = max((larger, "the usual bytes"), (slower, "the usual time for each byte"))
            why = f"{factor:.1f} × {what}" if factor >= 1.5 else "much like the others"
        return SlowCube(cost.obs_id, cost.seconds, cost.bytes_read / 1e6, again + why)


class Cost(NamedTuple):
    """What is kept of an outcome that took long; the longest is the greatest."""

    seconds: float
    obs_id: str
    bytes_read: int
    attempt: int
    failed: str

    @classmethod
    def of(cls, outcome: Outcome) -> Cost:
        """Leave out what is large."""
        failed = str(outcome.status) if outcome.status.failed else ""
        return cls(outcome.seconds, outcome.obs_id, outcome.bytes_read, outcome.attempt, failed)


def kind_of_failure(outcome: Outcome) -> tuple[Status, str] | None:
    """Return what failures of one kind have in common; None where nothing failed.

    Examples
    --------
    >>> kind_of_failure(Outcome(obs_id="a", status=Status.UNREADABLE, reason="s3://a/1.fits: HTTP 503"))
    (<Status.UNREADABLE: 'unreadable'>, ' HTTP ')
    """
    return (outcome.status, PARTICULARS.sub("", outcome.reason)) if outcome.status.failed else None


def line_image_of(obs_id: str, cutout: Cutout) -> LineImage:
    """Return the line's image, thinned to what a display shows."""
    step = ceil(max(cutout.line_map.shape) / SIDE)
    unit = str(cutout.header.get("BUNIT", ""))
    return LineImage(obs_id, cutout.line.name, cutout.line_map[::step, ::step].copy(), unit)
