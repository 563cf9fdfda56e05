"""Windows without a line: what is in them, and which of them calibrate a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log, sqrt

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.matched.filters import FilteredCube
from feii_dask.detectors.matched.line_regions import EDGE_LEVEL, JOINED, Regions, best_of_windows, find_regions
from feii_dask.detectors.matched.resolution import Resolution
from feii_dask.detectors.matched.windows import null_windows
from feii_dask.detectors.p_values import p_value

__all__ = ["Nulls", "find_nulls", "strongest_lines"]

ROUNDS = 5  # what a bright line hid is found when that is gone
SURE = 16.0  # least statistic of a line that was taken out before: fringes of a bright star can pass for fainter ones
LINE_P = 0.002  # largest probability, among what is left, of a window that holds a line


@dataclass(frozen=True, slots=True, eq=False)
class Nulls:
    """What windows without the line reach, as they are and with the sign turned.

    Attributes
    ----------
    positive, negative : (w,) float64 ndarray
        Statistic of every window that shows noise.
    lines : tuple of (int, float)
        Plane and statistic, negative in absorption, of every line that was met there, or had been taken out before.
    """

    positive: NDArray[np.float64]
    negative: NDArray[np.float64]
    lines: tuple[tuple[int, float], ...]


def find_nulls(filtered: FilteredCube, free: NDArray[np.bool_], length: int, resolution: Resolution) -> Nulls:
    """Find what noise reaches in windows of some length, and the lines that are not noise.

    A window holds a line if one passed its tests, and noise would hardly be as significant. Its planes are left out, in
    emission and in absorption, and the rest is laid out and searched anew.
    """
    searched, free = free, free.copy()
    lines: list[tuple[int, float]] = []
    for left in reversed(range(ROUNDS)):
        windows = null_windows(free, length)
        regions = [find_regions(filtered, sign, windows, resolution) for sign in (1, -1)]
        positive, negative = (best_of_windows(each, len(windows)) for each in regions)
        limit = least_of_lines(positive, negative)
        met = [
            (int(each.plane[row]), sign * float(each.significance[row]), planes_of(each, int(row)))
            for each, sign in zip(regions, (1, -1), strict=True)
            for row in np.flatnonzero(each.passed & (each.significance >= limit))
        ]
        lines += distinct(met)
        if not met or not left:
            known = [line for line in filtered.removed if searched[line[0]] and abs(line[1]) >= SURE]
            listed = strongest_lines([*known, *lines], resolution)
            return Nulls(positive[positive < limit], negative[negative < limit], listed)
        for _, _, planes in met:
            free[planes] = False
    raise AssertionError("the last round returns")


def planes_of(regions: Regions, row: int) -> slice:
    """Return the planes that a line fills, down to where its Gaussian wings are no more significant than noise."""
    plane, (start, stop) = int(regions.plane[row]), regions.line_extent[row]
    wings = sqrt(max(1.0, log(float(regions.significance[row]) / JOINED) / -log(EDGE_LEVEL)))
    return slice(max(0, floor(plane - wings * (plane - start + 1))), ceil(plane + wings * (stop - plane)) + 1)


def least_of_lines(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """Return the least statistic that is too large for noise, infinite if none is.

    Noise is alike in both signs, lines seldom are: the sign with the smaller median, or else mean, shows what noise
    does, but for its own larger half, of which each is compared with those below it until one is too large.
    """
    quiet, other = sorted([positive, negative], key=middle_and_mean)
    quiet = np.sort(quiet)
    noise = quiet[: (quiet.size + 1) // 2]
    for value in quiet[noise.size :]:
        if p_value(float(value), noise) <= LINE_P:
            break
        noise = np.append(noise, value)
    too_large = [value for value in (*quiet[noise.size :], *other) if p_value(float(value), noise) <= LINE_P]
    return float(min(too_large, default=np.inf))


def middle_and_mean(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return median and mean, 0 of nothing: in most windows of a calm cube there is no region at all."""
    return (float(np.median(values)), float(values.mean())) if values.size else (0.0, 0.0)


def distinct(met: list[tuple[int, float, slice]]) -> list[tuple[int, float]]:
    """Return plane and statistic of lines, the most significant one of those whose planes overlap."""
    kept: list[tuple[int, float, slice]] = []
    for line in sorted(met, key=lambda line: -abs(line[1])):
        if all(line[2].stop <= other[2].start or other[2].stop <= line[2].start for other in kept):
            kept.append(line)
    return [(plane, statistic) for plane, statistic, _ in kept]


def strongest_lines(lines: Sequence[tuple[int, float]], resolution: Resolution) -> tuple[tuple[int, float], ...]:
    """Return plane and statistic of lines, the most significant one of those that are not resolved, by plane."""
    kept: list[tuple[int, float]] = []
    for plane, statistic in sorted(lines, key=lambda line: -abs(line[1])):
        if all(abs(plane - other) >= resolution.line_planes for other, _ in kept):
            kept.append((plane, statistic))
    return tuple(sorted(kept))
