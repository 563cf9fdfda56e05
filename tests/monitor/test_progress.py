"""Who is told of a scan's progress, how often, and that nobody who is told can end the scan."""

from __future__ import annotations

import logging

import pytest

from feii_dask.monitor.progress import Progress
from feii_dask.monitor.snapshot import ProgressSnapshot
from tests.monitor.clock import FakeClock
from tests.outcomes import make_outcomes


class Recorder:
    """Notes what it is told, and fails at the hooks that are named."""

    def __init__(self, period_s: float = 0.0, fails: str = "") -> None:
        self.name = f"recorder that fails {fails}"
        self.period_s = period_s
        self.calls: list[tuple[str, int]] = []
        self._fails = fails

    def on_start(self, snapshot: ProgressSnapshot) -> None:
        self._note("on_start", snapshot)

    def on_progress(self, snapshot: ProgressSnapshot) -> None:
        self._note("on_progress", snapshot)

    def on_end(self, snapshot: ProgressSnapshot) -> None:
        self._note("on_end", snapshot)

    def _note(self, hook: str, snapshot: ProgressSnapshot) -> None:
        self.calls.append((hook, snapshot.done))
        if hook == self._fails:
            raise OSError("the terminal is gone")


def test_each_is_told_as_often_as_it_wants_and_of_the_end_in_any_case() -> None:
    clock = FakeClock()
    often, seldom = Recorder(period_s=1.0), Recorder(period_s=5.0)
    outcomes = make_outcomes(12)
    with Progress(20, [often, seldom], clock) as progress:
        for outcome in outcomes:
            clock.seconds += 0.5
            progress.update([outcome])
        progress.update([])
    assert often.calls == [("on_start", 0), *(("on_progress", done) for done in range(2, 13, 2)), ("on_end", 12)]
    assert seldom.calls == [("on_start", 0), ("on_progress", 10), ("on_end", 12)]


def test_the_last_word_is_said_when_the_scan_is_broken_off() -> None:
    recorder = Recorder()
    with pytest.raises(KeyboardInterrupt), Progress(20, [recorder]) as progress:
        progress.update(make_outcomes(3))
        raise KeyboardInterrupt
    assert recorder.calls[-1] == ("on_end", 3)


@pytest.mark.parametrize("hook", ["on_start", "on_progress", "on_end"])
def test_one_that_fails_is_left_out_with_a_warning(hook: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "feii_dask")
    failing, other = Recorder(fails=hook), Recorder()
    with Progress(2, [failing, other]) as progress:
        for outcome in make_outcomes(2):
            progress.update([outcome])
    assert other.calls == [("on_start", 0), ("on_progress", 1), ("on_progress", 2), ("on_end", 2)]
    assert [name for name, _ in failing.calls].count(hook) == 1
    assert failing.calls[-1][0] == hook
    assert [record.getMessage() for record in caplog.records] == [
        f"no recorder that fails {hook}: OSError: the terminal is gone"
    ]
