"""The log of a run, also where it cannot be written, and its lines about the progress."""

from __future__ import annotations

import logging
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
