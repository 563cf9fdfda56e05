"""When a worker counts as stalled, and when a run is given up."""

from __future__ import annotations

import pytest

from feii_dask.engine.watchdog import IN_A_ROW, OUTAGE_S, PROBE_S, TOLERATED, CircuitBreaker, OutageWatch, StallWatch
from feii_dask.engine.workers import PAUSED_S
from feii_dask.errors import ClusterError, OutageError
from feii_dask.model import Outcome, Status
from tests.monitor.clock import FakeClock


def failed(number: int, reason: str = "s3://a/cube-{0}.fits could not be read (HTTP 503)") -> Outcome:
    return Outcome(obs_id=f"cube-{number}", status=Status.UNREADABLE, reason=reason.format(number))


def scanned(worker: str = "", seconds: float = 0.0) -> Outcome:
    return Outcome(obs_id="cube", status=Status.SCANNED, worker=worker, seconds=seconds)


def test_a_streak_of_one_reason_stops_the_run() -> None:
    breaker = CircuitBreaker()
    breaker.check(failed(number) for number in range(IN_A_ROW - 1))
    with pytest.raises(OutageError, match="HTTP 503"):
        breaker.check([failed(IN_A_ROW)])


@pytest.mark.parametrize("other", [scanned(), failed(0, "{0} is truncated")], ids=["a success", "another reason"])
def test_anything_else_in_between_does_not(other: Outcome) -> None:
    breaker = CircuitBreaker()
    for _ in range(3):
        breaker.check(failed(number) for number in range(IN_A_ROW - 1))
        breaker.check([other])


def test_what_did_not_fail_is_no_reason() -> None:
    breaker = CircuitBreaker()
    breaker.check(Outcome(obs_id=str(n), status=Status.NO_LINE_IN_BAND, reason="same") for n in range(2 * IN_A_ROW))


def test_only_a_worker_that_holds_scans_can_stall() -> None:
    clock = FakeClock()
    watch = StallWatch(60.0, clock=clock)
    assert watch.stalled({"a": ["scan"], "b": [], "c": ["scan"]}) == []
    clock.seconds += 61
    watch.note([scanned("c")])
    assert watch.stalled({"a": ["scan"], "b": ["scan"], "c": ["scan"]}) == ["a"]
    assert watch.stalled({"a": ["scan"], "b": ["scan"], "c": ["scan"]}) == []  # it was given a fresh start


def test_a_worker_that_stays_paused_is_stalled_though_it_holds_nothing() -> None:
    clock = FakeClock()
    watch = StallWatch(600.0, clock=clock)
    processing = {"paused": [], "idle": [], "paused and busy": ["scan"]}
    paused = ["paused", "paused and busy"]
    assert watch.stalled(processing, paused) == []
    clock.seconds += PAUSED_S + 1
    assert watch.stalled(processing, paused) == ["paused"]
    clock.seconds += 600
    watch.note([scanned("paused and busy")])
    assert watch.stalled(processing) == []


def test_a_cluster_without_workers_is_given_up() -> None:
    clock = FakeClock()
    watch = StallWatch(60.0, patience_s=10.0, clock=clock)
    assert watch.stalled({}) == []
    clock.seconds += 11
    assert watch.stalled({"a": []}) == []
    assert watch.stalled({}) == []
    clock.seconds += 11
    with pytest.raises(ClusterError, match="no worker for 10 s.*--resume"):
        watch.stalled({})


def test_slow_scans_make_it_patient() -> None:
    watch = StallWatch(5.0)
    watch.note([scanned("a", seconds=0.1)])
    assert watch.limit_s == 5.0
    watch.note([scanned("a", seconds=29.9)])
    assert watch.limit_s == 20 * 15.0


def busy(number: int = 0, worker: str = "", seconds: float = 0.0) -> Outcome:
    return Outcome(obs_id=f"cube-{number}", status=Status.UNREADABLE, may_pass=True, worker=worker, seconds=seconds)


def test_scans_that_an_outage_makes_slow_are_a_sign_and_do_not_make_it_patient() -> None:
    clock = FakeClock()
    watch = StallWatch(60.0, clock=clock)
    assert watch.stalled({"a": ["scan"]}) == []
    clock.seconds += 50
    watch.note([busy(worker="a", seconds=100)])
    clock.seconds += 50
    assert watch.stalled({"a": ["scan"]}) == []
    assert watch.limit_s == 60.0


def test_a_worker_that_waits_for_an_archive_is_not_silent_as_long_as_it_lives() -> None:
    clock = FakeClock()
    watch = StallWatch(60.0, clock=clock)
    processing = {"waits": ["scan"], "waits and dies": ["scan"], "hangs": ["scan"]}
    for turn in range(4):
        watch.note_waiting({"waits": float(turn), "waits and dies": 0.0})
        assert watch.stalled(processing) == ([] if turn < 3 else ["waits and dies", "hangs"])
        clock.seconds += 25
    watch.note_waiting({})
    clock.seconds += 61
    assert "waits" in watch.stalled(processing)


def test_an_archive_that_does_not_answer_is_asked_by_one_scan_at_a_time_until_it_does() -> None:
    clock = FakeClock()
    watch = OutageWatch(clock)
    watch.note(scanned(), None)
    for number in range(TOLERATED):
        assert not watch.is_on(trying_again=False)
        watch.note(busy(number), None)
    assert watch.is_on(trying_again=False)
    assert not watch.may_ask
    clock.seconds += PROBE_S
    assert watch.may_ask
    watch.note(busy(), None)
    assert not watch.may_ask
    watch.note(scanned(), None)
    assert not watch.is_on(trying_again=False)


def test_one_failure_is_enough_where_nothing_else_is_left_to_scan() -> None:
    watch = OutageWatch(FakeClock())
    assert not watch.is_on(trying_again=True)
    watch.note(busy(), None)
    assert watch.is_on(trying_again=True)


def test_an_outage_that_lasts_is_none_that_passes() -> None:
    clock = FakeClock()
    watch = OutageWatch(clock)
    for number in range(TOLERATED):
        watch.note(busy(number), None)
    failed_at = clock()
    assert watch.may_be_over(failed_at)
    clock.seconds += OUTAGE_S + 1
    assert not watch.is_on(trying_again=True)
    assert not watch.may_be_over(failed_at)
    assert watch.may_be_over(None)  # of a scan that fails for the first time


def test_a_cube_that_fails_again_while_others_are_read_has_failed() -> None:
    clock = FakeClock()
    watch = OutageWatch(clock)
    watch.note(busy(), None)
    failed_at = clock()
    clock.seconds += 1
    watch.note(scanned(), sent_at=clock())
    watch.note(busy(), sent_at=clock())
    assert not watch.may_be_over(failed_at)


def test_what_was_read_before_an_outage_and_comes_later_does_not_end_it() -> None:
    """It was seen with 64 threads: a cube failed for good in an outage of two minutes."""
    clock = FakeClock()
    watch = OutageWatch(clock)
    sent_at = clock()
    clock.seconds += 1
    failed_at = clock()
    watch.note(busy(), sent_at)
    clock.seconds += 1
    watch.note(scanned(), sent_at)
    watch.note(busy(), sent_at=clock())
    assert watch.may_be_over(failed_at)
