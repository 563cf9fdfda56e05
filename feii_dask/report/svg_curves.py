"""Curves as paths that a page draws itself, so that they stay sharp and follow the page's colours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import floor, log10

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

__all__ = ["Curve", "Mark", "Tick", "trace"]

WIDTH, HEIGHT = 380, 140  # of the frame, in units of the drawing
APART = 13  # least distance of two marks with names
HEADROOM = 0.06  # of the height, above the highest value and below the lowest


@dataclass(frozen=True, slots=True)
class Tick:
    """A place along an axis, in units of the drawing, and the number that stands there."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical line in the drawing.

    Attributes
    ----------
    at : float
        Where it is.
    label : str
        What it marks.
    main : bool
        Whether the curve is about it.
    named : bool
        Whether there is room for its name.
    """

    at: float
    label: str
    main: bool
    named: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve in a frame of `WIDTH` × `HEIGHT`, ready to be drawn.

    Attributes
    ----------
    path : str
        What the ``d`` of an SVG path takes; empty where nothing is finite.
    x_ticks, y_ticks : tuple of Tick
        Along the two axes.
    marks : tuple of Mark
        What is marked.
    """

    path: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    width: int = WIDTH
    height: int = HEIGHT


def trace(x: ArrayLike, y: ArrayLike, marks: dict[str, float] | None = None, main: str = "") -> Curve:
    """Draw a curve.

    Parameters
    ----------
    x, y : (n,) array_like
        Its points, in order of ``x``; what is not finite leaves a gap, and a point between gaps a dot.
    marks : dict of str to float
        Places along ``x`` with their names; those outside the curve are left out.
    main : str
        The mark that the curve is about.

    Examples
    --------
    >>> curve = trace([0, 1, 2], [0, float("nan"), 5])
    >>> curve.path
    'M0 132.5h0M380 7.5h0'
    >>> [tick.label for tick in curve.x_ticks]
    ['0.0', '0.5', '1.0', '1.5', '2.0']
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    x_range, y_range = _range(x), _range(y)
    margin = HEADROOM * (y_range[1] - y_range[0])
    y_range = y_range[0] - margin, y_range[1] + margin
    across = (x - x_range[0]) / (x_range[1] - x_range[0]) * WIDTH
    down = (y_range[1] - y) / (y_range[1] - y_range[0]) * HEIGHT
    inside = {
        name: (at - x_range[0]) / (x_range[1] - x_range[0]) * WIDTH
        for name, at in (marks or {}).items()
        if x_range[0] <= at <= x_range[1]
    }
    return Curve(
        path=_path(across, down),
        x_ticks=_ticks(x_range, 0.0, WIDTH, 6),
        y_ticks=_ticks(y_range, HEIGHT, 0.0, 4),
        marks=tuple(_marks(inside, main)),
    )


def _marks(places: dict[str, float], main: str) -> Iterator[Mark]:
    """Yield marks, the main one first; a name that would cover an earlier one is left out."""
    taken: list[float] = []
    for name, at in sorted(places.items(), key=lambda item: item[0] != main):
        named = all(abs(at - other) >= APART for other in taken)
        if named:
            taken.append(at)
        yield Mark(at, name, name == main, named)


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _path(across: NDArray[np.float64], down: NDArray[np.float64]) -> str:
    known = np.isfinite(across) & np.isfinite(down)
    gaps = np.flatnonzero(np.diff(known.astype(int))) + 1
    pieces = (piece for piece in np.split(np.arange(known.size), gaps) if piece.size and known[piece[0]])
    return "".join(_piece(across[piece], down[piece]) for piece in pieces)


def _piece(across: NDArray[np.float64], down: NDArray[np.float64]) -> str:
    """Return points as steps from one to the next, which are shorter to write than places."""
    tenths = np.round(10 * np.stack([across, down], axis=1)).astype(int)
    steps = " ".join(f"{x / 10:g} {y / 10:g}" for x, y in np.diff(tenths, axis=0).tolist())
    x, y = tenths[0] / 10
    return f"M{x:g} {y:g}" + (f"l{steps}" if steps else "h0").replace(" -", "-")


def _ticks(limits: tuple[float, float], first: float, last: float, most: int) -> tuple[Tick, ...]:
    """Return round numbers between two limits, and their places between two ends of the drawing."""
    low, high = limits
    values = np.asarray(MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(low, high))
    slack = 1e-9 * (high - low)
    decimals = max(0, -floor(log10(values[1] - values[0]) + 1e-9))
    form = f".{decimals}f" if decimals <= 4 and np.abs(values).max() < 1e5 else ".3g"
    return tuple(
        Tick(first + (value - low) / (high - low) * (last - first), f"{value:{form}}".replace("-", "−"))
        for value in values[(values >= low - slack) & (values <= high + slack)].tolist()
    )
