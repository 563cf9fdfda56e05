from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.typing import NDArray

from feii_dask.report.svg_curves import HEIGHT, WIDTH, draw_curve

Floats = NDArray[np.float64]


def points_of(path: str) -> list[Floats]:
    """Follow a path of moves and relative steps; return its pieces as arrays of points."""
    pieces = []
    for move in path.split("M")[1:]:
        first, _, steps = re.sub(r"h0$", "", move).partition("l")
        steps = np.array(re.findall(r"-?[\d.]+", steps), dtype=float).reshape(-1, 2)
        start = np.array(first.split(), dtype=float)
        pieces.append(np.vstack([start, start + steps.cumsum(axis=0)]))
    return pieces


def test_a_curve_is_drawn_to_scale() -> None:
    x = np.linspace(5.2, 5.5, 481)
    y = np.random.default_rng(2).normal(size=481)
    (points,) = points_of(draw_curve(x, y).path)
    np.testing.assert_allclose(points[:, 0], (x - x[0]) / np.ptp(x) * WIDTH, atol=0.06)
    assert np.corrcoef(points[:, 1], -y)[0, 1] > 0.9999
    assert points[:, 1].min() > 0
    assert points[:, 1].max() < HEIGHT


def test_gaps_stay_open_and_lone_points_are_dots() -> None:
    curve = draw_curve(np.arange(7.0), [1, np.nan, 2, 3, np.inf, np.nan, 4])
    assert [len(piece) for piece in points_of(curve.path)] == [1, 2, 1]
    assert curve.path.count("h0") == 2


def test_ticks_are_round_numbers_at_their_places() -> None:
    curve = draw_curve([5.33, 5.35], [-2e-3, 4e-3])
    assert [tick.label for tick in curve.x_ticks] == ["5.330", "5.335", "5.340", "5.345", "5.350"]
    np.testing.assert_allclose([tick.at for tick in curve.x_ticks], np.linspace(0, WIDTH, 5))
    assert [tick.label for tick in curve.y_ticks] == ["−0.002", "0.000", "0.002", "0.004"]
    assert np.all(np.diff([tick.at for tick in curve.y_ticks]) < 0)  # upwards


def test_only_marks_inside_are_drawn_and_labels_do_not_cover_each_other() -> None:
    marks = {"the line": 5.0, "close": 5.01, "outside": 7.0, "far": 5.9}
    drawn = {mark.label: mark for mark in draw_curve([4, 6], [0, 1], "", marks, "the line").marks}
    assert set(drawn) == {"the line", "close", "far"}
    assert drawn["the line"].main
    assert drawn["the line"].at == WIDTH / 2
    assert (drawn["the line"].labelled, drawn["close"].labelled, drawn["far"].labelled) == (True, False, True)


@pytest.mark.parametrize("y", [[], [np.nan, np.nan], [3.0, 3.0], [0.0, 1e300], [1e-300, 2e-300], [-1e9, 1e9]])
def test_any_curve_can_be_drawn(y: list[float]) -> None:
    curve = draw_curve(np.arange(len(y)), y)
    assert "nan" not in curve.path
    assert "inf" not in curve.path
    assert all(0 <= tick.at <= HEIGHT for tick in curve.y_ticks)
