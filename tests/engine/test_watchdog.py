"""When a run counts as stalled, and when as hopeless."""

from __future__ import annotations

import time

import pytest

from feii_dask.engine.watchdog import IN_A_ROW, CircuitBreaker, StallWatch
from feii_dask.errors import ClusterError, OutageError
from feii_dask.model import Outcome, Status


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
    watch = StallWatch(0.05)
    assert watch.silent({"a": ["scan"], "b": [], "c": ["scan"]}) == []
    time.sleep(0.1)
    watch.hear([scanned("c")])
    assert watch.silent({"a": ["scan"], "b": ["scan"], "c": ["scan"]}) == ["a"]
    assert watch.silent({"a": ["scan"], "b": ["scan"], "c": ["scan"]}) == []  # it was given a fresh start


def test_a_cluster_without_workers_is_given_up() -> None:
    watch = StallWatch(60.0, patience_s=0.1)
    assert watch.silent({}) == []
    time.sleep(0.15)
    assert watch.silent({"a": []}) == []
    assert watch.silent({}) == []
    time.sleep(0.15)
    with pytest.raises(ClusterError, match="no worker for 0 s.*--resume"):
        watch.silent({})


def test_slow_scans_make_it_patient() -> None:
    watch = StallWatch(5.0)
    watch.hear([scanned("a", seconds=0.1)])
    assert watch.limit_s == 5.0
    watch.hear([scanned("a", seconds=29.9)])
    assert watch.limit_s == 20 * 15.0
