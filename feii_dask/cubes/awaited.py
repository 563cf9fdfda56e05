"""Scans that wait for an archive: late, and not stuck as long as they are within their time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from time import monotonic

__all__ = ["awaiting", "waiting_scans"]

waiting_until: dict[int, float] = {}  # by thread


@contextmanager
def awaiting(until: float) -> Iterator[None]:
    """Count the scan of this thread among those that wait, until a time of `time.monotonic` at most."""
    waiting_until[get_ident()] = until
    try:
        yield
    finally:
        del waiting_until[get_ident()]


def waiting_scans() -> int:
    """Return how many scans of this process wait for an archive."""
    now = monotonic()
    return sum(until > now for until in list(waiting_until.values()))
