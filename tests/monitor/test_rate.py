"""How fast a run is, with a curve of bounded length that misses nothing."""

from __future__ import annotations

from itertools import pairwise

import pytest

from feii_dask.monitor.rate import POINTS, Clock


@pytest.mark.parametrize("notes", [1, 7, POINTS, 10 * POINTS + 3])
def test_the_curve_is_short_and_adds_up(notes: int) -> None:
    clock = Clock(spacing_s=1e-9)
    for number in range(1, notes + 1):
        clock.note(number, number * 10**6)
    history = clock.history()
    assert 1 <= len(history) <= POINTS
    starts = [0.0, *(rate.elapsed_s for rate in history)]
    spans = [end - start for start, end in pairwise(starts)]
    cubes = sum(rate.cubes_per_s * max(span, 1e-3) for rate, span in zip(history, spans, strict=True))
    megabytes = sum(rate.mb_per_s * max(span, 1e-3) for rate, span in zip(history, spans, strict=True))
    assert cubes == pytest.approx(notes, rel=0.02)  # what came after the last point is in none
    assert megabytes == pytest.approx(cubes)


def test_nothing_done_is_no_rate() -> None:
    clock = Clock()
    clock.note(0, 0)
    assert clock.recent()[1:] == clock.mean()[1:] == (0.0, 0.0)
