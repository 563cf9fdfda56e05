"""Memory that the scans of one process share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock

__all__ = ["MemoryBudget"]


class MemoryBudget:
    """Memory that the scans of one process share: each says what it takes, and waits until there is so much.

    Parameters
    ----------
    most_bytes : int
        What one scan may take; to be compared before it begins, since nothing is refused here.
    shared_bytes : int
        What all scans may take together. One that takes more than that has it alone.
    """

    def __init__(self, most_bytes: int, shared_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._shared_bytes = shared_bytes
        self._taken_bytes = 0
        self._turn = Lock()  # so that small ones do not overtake a large one for ever
        self._changed = Condition()

    @contextmanager
    def take(self, needed_bytes: int) -> Iterator[None]:
        """Wait for memory, and have it while the ``with`` statement lasts."""
        with self._turn, self._changed:
            self._changed.wait_for(lambda: self._fits(needed_bytes))
            self._taken_bytes += needed_bytes
        try:
            yield
        finally:
            with self._changed:
                self._taken_bytes -= needed_bytes
                self._changed.notify_all()

    def _fits(self, needed_bytes: int) -> bool:
        return not self._taken_bytes or self._taken_bytes + needed_bytes <= self._shared_bytes
