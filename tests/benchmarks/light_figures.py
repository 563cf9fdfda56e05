"""Figures of the benchmark of real light: what is counted or measured, its bounds, and its goal.

Windows of one cube share its noise, so that bounds come from a bootstrap over cubes. Where all cubes agree (nothing
found in any, or everything) a bootstrap sees no spread; there the bounds are Wilson's, for as many trials.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .detection_tables import wilson

__all__ = [
    "NO_GOAL",
    "Counts",
    "Goal",
    "Row",
    "clipped_rms_row",
    "median_row",
    "plain_row",
    "share_row",
    "statistic_row",
]

Row: TypeAlias = dict[str, Any]
Counts: TypeAlias = tuple[int, int]  # of one cube: how many of how many

RESAMPLES, BOOTSTRAP_SEED = 2000, 11
CLIP_SIGMA = 5.0


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What a figure is held against; ``bound`` is the most that its upper bound may be."""

    least: float | None = None
    most: float | None = None
    bound: float | None = None

    def __str__(self) -> str:
        """Say the goal in a few characters."""
        limits = [("≥", self.least), ("≤", self.most), ("bound ≤", self.bound)]
        return ", ".join(f"{sign} {value:g}" for sign, value in limits if value is not None)

    def met(self, value: float, high: float) -> str:
        """Return yes or no; nothing where there is no goal."""
        if not str(self):
            return ""
        return "yes" if self.holds(value, high) else "no"

    def holds(self, value: float, high: float) -> bool:
        """Whether a figure and its upper bound are as they should be; NaN is not."""
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.bound is None or high <= self.bound)
            and np.isfinite(value)
        )


NO_GOAL = Goal()


def share_row(figure: str, scene: str, counts: Iterable[Counts], goal: Goal = NO_GOAL) -> Row:
    """Return the share of all trials, of which each cube has some."""
    table = np.array(list(counts), dtype=np.float64).reshape(-1, 2)
    count, trials = table.sum(axis=0)
    low, high = share_bounds(table)
    value = count / trials if trials else np.nan
    return as_row(figure, scene, len(table), (value, low, high), goal, f"{count:.0f} of {trials:.0f}")


def found_row(figure: str, scene: str, found: Iterable[bool], goal: Goal = NO_GOAL) -> Row:
    """Return the share of cubes in which something is so."""
    return share_row(figure, scene, [(bool(one), 1) for one in found], goal)


def share_bounds(table: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % bounds of a share."""
    count, trials = (int(total) for total in table.sum(axis=0))
    if not trials:
        return 0.0, 1.0
    if count == 0:
        return 0.0, wilson(count, trials)[1]
    if count == trials:
        return wilson(count, trials)[0], 1.0
    sums = table[resampled(len(table))].sum(axis=1)
    with np.errstate(invalid="ignore"):
        return bounds(sums[:, 0] / sums[:, 1])


def median_row(figure: str, scene: str, values: Iterable[float], goal: Goal = NO_GOAL) -> Row:
    """Return the median of a number that each cube has once; NaN where a cube has none."""
    return statistic_row(figure, scene, values, np.median, goal)


def clipped_rms_row(figure: str, scene: str, values: Iterable[float], goal: Goal = NO_GOAL) -> Row:
    """Return the root mean square of pulls, without those beyond five."""
    return statistic_row(figure, scene, values, clipped_rms, goal)


def clipped_rms(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return the root mean square of what is within `CLIP_SIGMA`; NaN where nothing is."""
    kept = np.abs(values) <= CLIP_SIGMA
    squares = np.where(kept, values, 0.0) ** 2
    counts = kept.sum(axis=axis)
    return np.sqrt(np.where(counts > 0, squares.sum(axis=axis) / np.maximum(counts, 1), np.nan))


def statistic_row(
    figure: str,
    scene: str,
    values: Iterable[float],
    statistic: Callable[..., NDArray[np.float64]],
    goal: Goal,
) -> Row:
    """Return a statistic of one number per cube, with its bounds."""
    known = np.array(list(values), dtype=np.float64)
    known = known[np.isfinite(known)]
    if not known.size:
        return as_row(figure, scene, 0, (np.nan, np.nan, np.nan), goal)
    low, high = bounds(statistic(known[resampled(known.size)], axis=1))
    return as_row(figure, scene, known.size, (float(statistic(known, axis=0)), low, high), goal)


def plain_row(figure: str, scene: str, value: float, goal: Goal = NO_GOAL, note: str = "") -> Row:
    """Return a number without bounds."""
    return as_row(figure, scene, 1, (value, np.nan, np.nan), goal, note)


def resampled(size: int) -> NDArray[np.int64]:
    """Return cubes drawn with replacement, one row per resample."""
    return np.random.default_rng(BOOTSTRAP_SEED).integers(size, size=(RESAMPLES, size))


def bounds(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 2.5th and 97.5th percentile."""
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, [2.5, 97.5]) if known.size else (np.nan, np.nan)
    return float(low), float(high)


def as_row(figure: str, scene: str, cubes: int, measured: Sequence[float], goal: Goal, note: str = "") -> Row:
    """Return the cells of a row; what is not known is left empty."""
    value, low, high = ("" if np.isnan(number) else f"{number:.4g}" for number in measured)
    met = goal.met(measured[0], measured[2])
    return {
        "figure": figure, "scene": scene, "cubes": cubes, "value": value, "low": low, "high": high,
        "goal": str(goal), "met": met, "note": note,
    }  # fmt: skip
