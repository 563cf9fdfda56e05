"""Statistics of the outcomes of a run, kept while it goes on."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable
from heapq import nlargest
from math import ceil, isfinite, nan
from typing import NamedTuple

import numpy as np
from astropy.io import fits

from feii_dask.cubes.celestial import celestial_wcs, north_and_east, pixel_arcsec
from feii_dask.model import Cutout, Outcome, Status
from feii_dask.monitor.rate import RateMeter
from feii_dask.monitor.snapshot import P_VALUES, FailureCount, LineImage, ProgressSnapshot, SlowCube

__all__ = ["ProgressStatistics"]

TABLE_ROWS = 8  # as many as one takes in
SIDE = 64  # spaxels of a line image


class ProgressStatistics:
    """Counts outcomes, in bounded memory.

    Parameters
    ----------
    total : int
        Cubes to scan.
    clock : callable
        Returns the time, s.

    Examples
    --------
    >>> statistics = ProgressStatistics(2)
    >>> statistics.add([Outcome(obs_id="a", status=Status.UNREADABLE, reason="HTTP 503 for s3://here/a.fits")])
    >>> snapshot = statistics.snapshot()
    >>> snapshot.done, snapshot.failed, snapshot.failures
    (1, 1, (FailureCount(status='unreadable', cubes=1, reason='HTTP 503 for s3://here/a.fits'),))
    """

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._began = time.time()
        self._meter = RateMeter(clock=clock)
        self._done = self._failed = self._detected = self._bytes = 0
        self._seconds = 0.0
        self._detections: Counter[str] = Counter()
        self._wavelength_um: dict[str, float] = {}
        self._p_values = np.zeros(len(P_VALUES), dtype=int)
        self._failures: Counter[tuple[Status, str]] = Counter()
        self._reasons: dict[tuple[Status, str], str] = {}
        self._slowest: list[Cost] = []
        self._newest: tuple[str, Cutout, float] | None = None  # of which there is no image yet
        self._line_image: LineImage | None = None

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Count these outcomes."""
        outcomes = list(outcomes)
        for outcome in outcomes:
            self._count(outcome)
        self._slowest = nlargest(TABLE_ROWS, [*self._slowest, *map(Cost.of, outcomes)])
        self._meter.note(self._done, self._bytes)

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
        kind = outcome.failure_kind
        if kind is not None:
            self._failed += 1
            self._failures[kind] += 1
            self._reasons[kind] = outcome.reason.strip().rpartition("\n")[2]
        p_values = {one.line.name: one.p_value for one in outcome.detections if one.detected}
        shown = [cutout for cutout in outcome.cutouts if cutout.line.name in p_values]
        if shown:
            self._newest = (outcome.obs_id, shown[-1], p_values[shown[-1].line.name])

    def snapshot(self) -> ProgressSnapshot:
        """Return how far the run is."""
        now = self._meter.note(self._done, self._bytes)
        rate = self._meter.recent() if self._done < self._total else self._meter.mean()
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
            history=self._meter.history(),
            detections=tuple(
                (line, self._detections[line])
                for line in sorted(self._wavelength_um, key=self._wavelength_um.__getitem__)
            ),
            p_values=tuple(map(int, self._p_values)),
            failures=tuple(
                FailureCount(str(kind[0]), cubes, self._reasons[kind])
                for kind, cubes in self._failures.most_common(TABLE_ROWS)
            ),
            slowest=tuple(self._explain(cost) for cost in self._slowest),
            line_image=self._newest_image(),
        )

    def _newest_image(self) -> LineImage | None:
        """Make the image of the newest detection, of which there may be many between two looks."""
        if self._newest is not None:
            self._line_image, self._newest = line_image_of(*self._newest), None
        return self._line_image

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


def line_image_of(obs_id: str, cutout: Cutout, p_value: float) -> LineImage:
    """Return the line's image, thinned to what a display shows."""
    height, width = cutout.line_map.shape
    step = ceil(max(height, width) / SIDE)
    header = fits.Header(cutout.header)
    wcs = celestial_wcs(header)
    side_arcsec = pixel_arcsec(header, wcs)
    known = isfinite(side_arcsec)
    north, east = north_and_east(wcs, (width - 1) / 2, (height - 1) / 2) or (None, None)
    return LineImage(
        obs_id=obs_id,
        line=cutout.line.name,
        pixels=cutout.line_map[::step, ::step].copy(),
        unit=str(cutout.header.get("BUNIT", "")),
        pixel_side=step * side_arcsec if known else float(step),
        side_unit="arcsec" if known else "spaxels",
        p_value=p_value,
        north=north,
        east=east,
    )
