"""Which scans go to the cluster together, and which alone."""

from __future__ import annotations

import pytest

from feii_dask.engine.scan_queue import LOST_LIMIT, MOST_SCANS, TASK_S, PaceOfScans, ScanQueue
from feii_dask.model import MatchedCube, Outcome, Status
from feii_dask.scan import ScanTask


def queue_of(count: int) -> ScanQueue:
    return ScanQueue(ScanTask(MatchedCube(obs_id=str(number), uri=None)) for number in range(count))


def names(batches: list[list[ScanTask]]) -> list[list[int]]:
    return [[int(task.matched.obs_id) for task in batch] for batch in batches]


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, MOST_SCANS), (TASK_S / 4.5, 4), (TASK_S, 1), (300.0, 1)])
def test_a_task_holds_as_many_scans_as_its_time_takes(seconds: float, expected: int) -> None:
    pace = PaceOfScans()
    assert pace.scans_per_task == 1  # nothing is known yet
    pace.note(Outcome(obs_id="a", status=Status.SCANNED, seconds=seconds) for _ in range(200))
    assert pace.scans_per_task == expected


def test_everything_is_taken_once_in_order_and_in_smaller_tasks_towards_the_end() -> None:
    queue, taken = queue_of(200), []
    while queue:
        taken += names(queue.take(window=8, running=6, most=16))
    assert [name for batch in taken for name in batch] == list(range(200))
    sizes = list(map(len, taken))
    assert sizes == sorted(sizes, reverse=True)
    assert (sizes[0], sizes[-1]) == (16, 1)


def test_no_more_tasks_than_there_is_room_for() -> None:
    queue = queue_of(100)
    assert queue.take(window=8, running=8, most=4) == []
    assert queue.take(window=8, running=9, most=4) == []  # a worker has gone
    assert names(queue.take(window=8, running=7, most=4)) == [[0, 1, 2, 3]]


def test_what_a_task_did_not_begin_comes_next() -> None:
    queue = queue_of(40)
    (batch,) = queue.take(window=2, running=1, most=4)
    queue.put_back(batch[1:])
    assert names(queue.take(window=2, running=1, most=4)) == [[1, 2, 3, 4]]


def test_a_scan_that_was_lost_is_a_task_of_its_own() -> None:
    queue = queue_of(4)
    (batch,) = queue.take(window=1, running=0, most=16)
    for task in batch:
        assert queue.put_back_lost(task)
    assert names(queue.take(window=1, running=0, most=16)) == [[0]]


def test_a_scan_that_is_lost_time_after_time_is_isolated_and_then_given_up() -> None:
    queue, alone = queue_of(1), []
    while queue:
        ((task,),) = queue.take(window=8, running=0, most=16)
        alone.append(task.alone)
        queue.put_back_lost(task)
    assert alone == [False] * LOST_LIMIT + [True] * LOST_LIMIT


def test_isolated_scans_wait_until_nothing_else_runs() -> None:
    queue = queue_of(2)
    (batch,) = queue.take(window=1, running=0, most=16)
    assert all(queue.isolate(task) for task in batch)
    assert queue.take(window=8, running=1, most=16) == []
    first = queue.take(window=8, running=0, most=16)
    assert (names(first), len(queue)) == ([[0]], 1)
    assert not queue.isolate(first[0][0])
