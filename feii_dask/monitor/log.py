"""What a run says while it goes on: on the terminal, in the notebook, on the dashboard, and in ``log.txt``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

from dask.utils import format_bytes
from distributed import Client
from rich.console import Console

from feii_dask.engine.dashboard import Page, Workers
from feii_dask.errors import StoreError
from feii_dask.model import Outcome
from feii_dask.monitor.panel import NotebookDisplay, TerminalDisplay
from feii_dask.monitor.statistics import ProgressStatistics

__all__ = ["Progress", "narrate"]

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def narrate(directory: Path | None) -> Iterator[None]:
    """Send what is logged to the reader, and to ``log.txt`` in the run directory.

    Whoever has set up logging, as pytest does or a larger program, is left alone.

    Raises
    ------
    StoreError
        If the directory cannot be written to.
    """
    logger = logging.getLogger("feii_dask")
    handlers: list[logging.Handler] = []
    if not logger.hasHandlers():
        handlers.append(ConsoleHandler())
        handlers[-1].setFormatter(logging.Formatter("%(message)s"))
    if directory is not None:
        handlers.append(open_log(directory / "log.txt"))
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
            with suppress(OSError):  # where the disk is full, that is what the search itself says
                handler.close()


def open_log(path: Path) -> logging.FileHandler:
    """Open a log file, to go on below what it holds."""
    try:
        return logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}; mend its permissions, or copy the run") from error


class ConsoleHandler(logging.Handler):
    """Prints what is logged, to wherever standard output goes at that moment: a panel may stand below it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print."""
        try:
            print(self.format(record), flush=True)
        except Exception:  # noqa: BLE001 - as logging's own handlers do: what cannot be printed ends no run
            self.handleError(record)

    def display(self) -> TerminalDisplay | NotebookDisplay | None:
        """Return a display that changes in place, where there can be one."""
        console = Console()
        if console.is_jupyter:
            return NotebookDisplay()
        return TerminalDisplay(console) if console.is_interactive and not console.options.ascii_only else None


class Progress:
    """Says how far the scan is, wherever somebody may look.

    The dashboard has a page; a terminal or a notebook a panel; and a line is logged every few seconds, which is
    printed where there is no panel.

    Parameters
    ----------
    client : distributed.Client
        The cluster that scans.
    total : int
        Cubes to scan.
    """

    def __init__(self, client: Client, total: int) -> None:
        self._tally = ProgressStatistics(total)
        self._page = Page(client)
        handlers = logging.getLogger("feii_dask").handlers
        self._console = next((handler for handler in handlers if isinstance(handler, ConsoleHandler)), None)
        self._panel: TerminalDisplay | NotebookDisplay | None = None
        self._last = monotonic()

    def __enter__(self) -> Self:
        self._panel = self._console.display() if self._console else None
        if self._console and self._panel:
            self._console.addFilter(is_no_line)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        snapshot = self._tally.snapshot()
        self._page.close(snapshot)
        log.info("  %s", snapshot)
        if self._console and self._panel:
            self._panel.close(snapshot, in_words(self._page.workers))
            self._console.removeFilter(is_no_line)

    def update(self, outcomes: list[Outcome]) -> None:
        """Count these outcomes, and show what they add up to."""
        self._tally.add(outcomes)
        snapshot = self._tally.snapshot()
        self._page.show(snapshot)
        if self._panel:
            self._panel.show(snapshot, in_words(self._page.workers))
        if monotonic() - self._last >= SECONDS_BETWEEN_LINES and snapshot.done < snapshot.total:
            self._last = monotonic()
            log.info("  %s", snapshot)


def is_no_line(record: logging.LogRecord) -> bool:
    """Keep the lines about the progress to the log file."""
    return record.name != __name__


def in_words(workers: Workers | None) -> str:
    """Return what the workers do.

    Examples
    --------
    >>> in_words(Workers(2, 1.5, 3 * 2**30, 4 * 2**30))
    '2, on 1.5 cores, with 3.00 GiB of 4.00 GiB'
    """
    if workers is None:
        return ""
    limit = f" of {format_bytes(workers.memory_limit)}" if workers.memory_limit else ""
    return f"{workers.number}, on {workers.cores:.1f} cores, with {format_bytes(workers.memory)}{limit}"
