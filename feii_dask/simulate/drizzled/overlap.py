"""Areas that detector pixels share with spaxels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["shared_areas"]


def shared_areas(
    y: NDArray[np.float64], x: NDArray[np.float64], half_along: float, half_across: float, roll_deg: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return the spaxels around rectangles, and the area that each rectangle shares with them.

    Parameters
    ----------
    y, x : (n,) float64 ndarray
        Centres of the rectangles, in spaxels; spaxel ``i`` extends from ``i - 0.5`` to ``i + 0.5``.
    half_along, half_across : float
        Half sides, along and across the slices, in spaxels.
    roll_deg : float
        Angle of the slices against the x axis.

    Returns
    -------
    rows, columns : (n, k) int64 ndarray
        Spaxels that a rectangle may touch; some are outside of the cube.
    areas : (n, k) float64 ndarray
        Shared area, in areas of a spaxel.

    Examples
    --------
    >>> rows, columns, areas = shared_areas(np.array([0.0]), np.array([0.25]), 0.5, 0.5, 0.0)
    >>> areas[areas > 0].tolist()
    [0.75, 0.25]
    """
    cosine, sine = np.cos(np.deg2rad(roll_deg)), np.sin(np.deg2rad(roll_deg))
    along, across = half_along * np.array([-1, 1, 1, -1]), half_across * np.array([-1, -1, 1, 1])
    corner_y = y[:, None] + across * cosine + along * sine
    corner_x = x[:, None] + along * cosine - across * sine
    first_row = np.floor(corner_y.min(axis=1) + 0.5).astype(np.int64)
    first_column = np.floor(corner_x.min(axis=1) + 0.5).astype(np.int64)
    extent = 2 * (half_along + half_across)  # more than the diagonal
    reach = np.arange(int(np.ceil(min(extent, 2 * np.hypot(half_along, half_across)))) + 1)
    rows = (first_row[:, None] + np.repeat(reach, reach.size)).astype(np.int64)
    columns = (first_column[:, None] + np.tile(reach, reach.size)).astype(np.int64)
    areas = np.zeros(rows.shape)
    for start in range(4):
        end = (start + 1) % 4
        areas += area_under_edge(
            corner_x[:, start, None] - columns + 0.5,
            corner_y[:, start, None] - rows + 0.5,
            corner_x[:, end, None] - columns + 0.5,
            corner_y[:, end, None] - rows + 0.5,
        )
    return rows, columns, np.where(abs(areas) < 1e-9, 0.0, abs(areas))


def area_under_edge(
    x1: NDArray[np.float64], y1: NDArray[np.float64], x2: NDArray[np.float64], y2: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the signed area between an edge and the lower side of the unit square, inside the square.

    Summed over the edges of a polygon it is the area that the polygon shares with the square (Green's theorem).
    """
    run = x2 - x1
    slope = np.divide(y2 - y1, run, out=np.zeros_like(run), where=abs(run) > 1e-12)
    left, right = np.clip(x1, 0, 1), np.clip(x2, 0, 1)
    low, high = y1 + slope * (left - x1), y1 + slope * (right - x1)
    rise = high - low
    mean = np.divide(
        integral_of_clipped(high) - integral_of_clipped(low),
        rise,
        out=np.clip((low + high) / 2, 0, 1),
        where=abs(rise) > 1e-9,
    )
    under: NDArray[np.float64] = mean * (right - left)
    return under


def integral_of_clipped(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the integral from 0 of a number that is clipped to 0 and 1."""
    integral: NDArray[np.float64] = np.square(np.clip(value, 0, 1)) / 2 + np.clip(value - 1, 0, None)
    return integral
