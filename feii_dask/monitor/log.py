"""The log of a run: on the console, in ``log.txt``, and the lines about its progress."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from io import TextIOWrapper
from pathlib import Path

from feii_dask.addresses import shown
from feii_dask.errors import StoreError
from feii_dask.monitor.panel import make_panel
from feii_dask.monitor.progress import Callback
from feii_dask.monitor.snapshot import ProgressSnapshot
from feii_dask.plain_text import plain_text
from feii_dask.store.run_files import open_regular

__all__ = ["ProgressLog", "progress_displays", "run_log"]

log = logging.getLogger(__name__)

LIBRARIES = ("distributed", "tornado", "bokeh", "asyncio")


@contextmanager
def run_log(directory: Path | None) -> Iterator[None]:
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
        handlers[-1].setFormatter(LogFormatter("%(message)s"))
    if directory is not None:
        handlers.append(open_log(directory / "log.txt"))
    own_console = any(isinstance(handler, ConsoleHandler) for handler in (*logger.handlers, *handlers))
    level = logger.level
    if level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    for handler in handlers:
        logger.addHandler(handler)
    try:
        with libraries_log_to(directory / "log.txt") if own_console and directory else nullcontext():
            yield
    finally:
        logger.setLevel(level)
        for handler in handlers:
            logger.removeHandler(handler)
            with suppress(OSError):  # where the disk is full, that is what the search itself says
                handler.close()


@contextmanager
def libraries_log_to(path: Path) -> Iterator[None]:
    """Send what the libraries under a search log to a file alone: in a terminal it would tear up the panel."""
    handler = open_log(path)  # of their own: a LocalCluster silences the handlers that it finds
    known = [name for name in logging.root.manager.loggerDict if name.startswith(LIBRARIES)]  # some have their own
    loggers = [logging.getLogger(name) for name in {*LIBRARIES, *known}]
    before = [(logger, logger.handlers, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers = [handler] if logger.name in LIBRARIES else []
        logger.propagate = logger.name not in LIBRARIES
    try:
        yield
    finally:
        for logger, handlers, propagates in before:
            logger.handlers, logger.propagate = handlers, propagates
        with suppress(OSError):
            handler.close()


def open_log(path: Path) -> logging.FileHandler:
    """Open a log file, to go on below what it holds."""
    try:
        handler = FileLog(path, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}; mend its permissions, or copy the run") from error
    handler.setFormatter(LogFormatter("%(asctime)s %(levelname)s %(message)s"))
    return handler


class FileLog(logging.FileHandler):
    """Appends to a file in a run directory, never through a link."""

    def _open(self) -> TextIOWrapper:
        return TextIOWrapper(open_regular(Path(self.baseFilename), "ab"), encoding=self.encoding)


class LogFormatter(logging.Formatter):
    """Writes what archives and files say as text: it begins no line, moves no terminal, and its addresses are safe."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, or lines where the message itself, or a traceback, has several."""
        escaped = logging.makeLogRecord(record.__dict__)
        if isinstance(record.args, tuple):
            escaped.args = tuple(one if isinstance(one, int | float) else plain_text(str(one)) for one in record.args)
        return plain_text(shown(super().format(escaped)), keep="\n")


class ConsoleHandler(logging.Handler):
    """Prints what is logged, to wherever standard output goes at that moment: above a panel, if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print."""
        try:
            print(self.format(record), flush=True)
        except Exception:  # noqa: BLE001 - as logging's own handlers do: what cannot be printed ends no run
            self.handleError(record)


def progress_displays(describe_workers: Callable[[], str], tell_address: Callable[[], str]) -> list[Callback]:
    """Return what shows a scan's progress to the reader.

    Lines in the log, and a panel where the console can show one; the lines are then not printed as well.

    Parameters
    ----------
    describe_workers : callable
        Returns what the workers do, in words.
    tell_address : callable
        Returns where the page on the dashboard is.
    """
    handlers = logging.getLogger("feii_dask").handlers
    console = next((handler for handler in handlers if isinstance(handler, ConsoleHandler)), None)
    panel = make_panel(describe_workers, tell_address) if console else None
    if console and panel:
        console.addFilter(is_no_progress)
        return [ProgressLog(), panel]
    return [ProgressLog()]


def is_no_progress(record: logging.LogRecord) -> bool:
    """Return False for the lines of `ProgressLog`."""
    return record.name != __name__


class ProgressLog:
    """Logs a line about the progress every few seconds."""

    name = "lines about the progress"
    period_s = 5.0

    def on_start(self, snapshot: ProgressSnapshot) -> None:
        """Log nothing: there is nothing to count yet."""

    def on_progress(self, snapshot: ProgressSnapshot) -> None:
        """Log a line; the last one is left to the end."""
        if snapshot.done < snapshot.total:
            log.info("  %s", snapshot)

    def on_end(self, snapshot: ProgressSnapshot) -> None:
        """Log the last line."""
        log.info("  %s", snapshot)
