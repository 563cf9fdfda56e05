"""The scans of a run that are not on the cluster: those that wait, and those that have to be alone there."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from time import monotonic

from feii_dask.model import Outcome, ScanTask

__all__ = ["TASK_S", "PaceOfScans", "ScanQueue"]

TASK_S = 1.0  # what the scans of one task take together: their outcomes come no later than that
MOST_SCANS = 16  # of a task; more do not make it cheaper
WEIGHT = 1 / 16  # of the newest scan in the mean
LOST_LIMIT = 3  # times that a scan may be lost among others before it is isolated, and alone before it is given up


class PaceOfScans:
    """The seconds that a scan takes, and with it the number of scans that one task of the cluster holds.

    A task costs scheduler and workers as much as a quick scan does. Long scans are tasks of their own.
    """

    def __init__(self) -> None:
        self._seconds = TASK_S  # until something is known

    def note(self, outcomes: Iterable[Outcome]) -> None:
        """Note how long these scans took."""
        for outcome in outcomes:
            self._seconds += WEIGHT * (outcome.seconds - self._seconds)

    @property
    def scans_per_task(self) -> int:
        """How many scans fill a task."""
        return int(min(max(TASK_S / max(self._seconds, 1e-9), 1), MOST_SCANS))


class ScanQueue:
    """Scans in the order in which they go to the cluster; isolated ones come last, one by one.

    Parameters
    ----------
    tasks : iterable of ScanTask
        The scans of a run.
    """

    def __init__(self, tasks: Iterable[ScanTask]) -> None:
        self._waiting = deque(tasks)
        self._isolated: deque[ScanTask] = deque()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._isolated)

    def take(self, window: int, running: int, most: int) -> list[list[ScanTask]]:
        """Take the scans of the next tasks.

        Parameters
        ----------
        window, running : int
            How many tasks there may be at a time, and how many there are.
        most : int
            How many scans a task may hold; it gets fewer towards the end, so that no thread is without.
        """
        if not self._waiting:
            return [[self._isolated.popleft()]] if self._isolated and not running else []
        size = max(1, min(most, len(self._waiting) // window))
        return [self._take_one(size) for _ in range(min(window - running, len(self._waiting))) if self._waiting]

    def _take_one(self, size: int) -> list[ScanTask]:
        """Take the scans of one task; one that was lost before is a task of its own."""
        taken = [self._waiting.popleft()]
        while len(taken) < size and self._waiting and not (taken[0].lost or self._waiting[0].lost):
            taken.append(self._waiting.popleft())
        return taken

    def put_back(self, tasks: Iterable[ScanTask]) -> None:
        """Put back scans that were not begun; they come next."""
        self._waiting.extendleft(reversed(list(tasks)))

    def put_off(self, task: ScanTask) -> None:
        """Put back a scan that failed for a reason that may pass; it comes again when all others were tried."""
        self._waiting.append(replace(task, put_off_at=task.put_off_at or monotonic()))

    @property
    def is_trying_again(self) -> bool:
        """Whether the next scan was put off before."""
        return bool(self._waiting) and self._waiting[0].put_off_at is not None

    def put_back_lost(self, task: ScanTask) -> bool:
        """Put back a scan that was lost, and return whether that was possible: not if it was lost too often."""
        if task.lost + 1 >= LOST_LIMIT:
            return self.isolate(task)
        (self._isolated if task.alone else self._waiting).append(replace(task, lost=task.lost + 1))
        return True

    def isolate(self, task: ScanTask) -> bool:
        """Put back a scan that is to be done while nothing else runs, and return whether it was not done so before."""
        if task.alone:
            return False
        self._isolated.append(replace(task, alone=True, lost=0))
        return True
