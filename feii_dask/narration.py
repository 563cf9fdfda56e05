"""What a run says while it goes on: on the terminal or in the notebook, and in the run's ``log.txt``."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from feii_dask.model import Outcome

__all__ = ["Progress", "narrate"]

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def narrate(directory: Path | None) -> Iterator[None]:
    """Send what is logged to the reader, and to ``log.txt`` in the run directory.

    Whoever has set up logging, as pytest does or a larger program, is left alone.
    """
    logger = logging.getLogger("feii_dask")
    handlers: list[logging.Handler] = []
    if not logger.hasHandlers():
        handlers.append(logging.StreamHandler(sys.stdout))
        handlers[-1].setFormatter(logging.Formatter("%(message)s"))
    if directory is not None:
        handlers.append(logging.FileHandler(directory / "log.txt", encoding="utf-8"))
        handlers[-1].setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    level = logger.level
    if level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        logger.setLevel(level)
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


class Progress:
    """A line every few seconds that says how far the scan is.

    Parameters
    ----------
    total : int
        Cubes to scan.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = self._failed = self._detected = self._bytes = 0
        self._start = self._last = monotonic()

    def update(self, outcomes: list[Outcome]) -> None:
        """Count these outcomes, and speak if it is time."""
        for outcome in outcomes:
            self._done += 1
            self._failed += outcome.status.failed
            self._detected += any(detection.detected for detection in outcome.detections)
            self._bytes += outcome.bytes_read
        if self._done == self._total or monotonic() - self._last >= SECONDS_BETWEEN_LINES:
            self._last = monotonic()
            log.info("  %s", self)

    def __str__(self) -> str:
        seconds = max(monotonic() - self._start, 1e-3)
        rate = self._done / seconds
        left = f", {(self._total - self._done) / rate:.0f} s left" if 0 < self._done < self._total else ""
        return (
            f"{self._done} of {self._total} cubes, {self._failed} failed, {self._detected} with detections, "
            f"{rate:.1f} cubes/s, {self._bytes / seconds / 1e6:.1f} MB/s{left}"
        )
