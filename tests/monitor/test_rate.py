"""How fast a run is, with a curve of bounded length that misses nothing."""

from __future__ import annotations

from itertools import pairwise

import pytest

from feii_dask.monitor.rate import POINTS, RECENT_S, SPACING_S, RateMeter
from tests.monitor.clock import FakeClock


@pytest.mark.parametrize("notes", [1, 7, POINTS, 10 * POINTS + 3])
def test_the_curve_is_short_and_adds_up(notes: int) -> None:
    clock = FakeClock()
    meter = RateMeter(clock=clock)
    for number in range(1, notes + 1):
        clock.seconds += SPACING_S
        meter.note(number, number * 10**6)
    history = meter.history()
    assert 1 <= len(history) <= POINTS
    starts = [0.0, *(rate.elapsed_s for rate in history)]
    spans = [end - start for start, end in pairwise(starts)]
    cubes = sum(rate.cubes_per_s * span for rate, span in zip(history, spans, strict=True))
    megabytes = sum(rate.mb_per_s * span for rate, span in zip(history, spans, strict=True))
    assert cubes == pytest.approx(notes, rel=0.02)  # what came after the last point is in none
    assert megabytes == pytest.approx(cubes)


def test_the_recent_rate_is_that_of_the_last_half_minute() -> None:
    clock = FakeClock()
    meter = RateMeter(clock=clock)
    for second in range(1, 101):  # one cube a second, then two
        clock.seconds += 1
        meter.note(second if second <= 50 else 2 * second - 50, 10**6 * second)
    assert meter.recent() == (100.0, pytest.approx(2.0, abs=1 / RECENT_S), pytest.approx(1.0))
    assert meter.mean() == (100.0, pytest.approx(1.5), pytest.approx(1.0))


def test_nothing_done_is_no_rate() -> None:
    meter = RateMeter()
    meter.note(0, 0)
    assert meter.recent()[1:] == meter.mean()[1:] == (0.0, 0.0)
