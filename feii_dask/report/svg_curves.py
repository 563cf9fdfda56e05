"""SVG paths, and curves with ticks and marks, which stay sharp and take the colours of the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import floor, log10, nan

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

__all__ = ["Mark", "SvgCurve", "Tick", "draw_curve", "svg_path"]

WIDTH, HEIGHT = 380, 140  # of the frame, in units of the drawing
LABEL_DISTANCE = 13  # least distance of two marks with labels
HEADROOM = 0.06  # of the height, above the highest value and below the lowest


@dataclass(frozen=True, slots=True)
class Tick:
    """A position along an axis, in units of the drawing, and its number."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical line in the drawing.

    Attributes
    ----------
    at : float
        Its position across the drawing.
    label : str
        Name of the marked line.
    main : bool
        Whether it marks the line of the curve.
    labelled : bool
        Whether there is room for its label.
    """

    at: float
    label: str
    main: bool
    labelled: bool


@dataclass(frozen=True, slots=True)
class SvgCurve:
    """A curve in a frame of `WIDTH` × `HEIGHT`.

    Attributes
    ----------
    path : str
        SVG path; empty where nothing is finite.
    y_label : str
        Label of the vertical axis.
    x_ticks, y_ticks : tuple of Tick
        Along the two axes.
    marks : tuple of Mark
        Marked positions.
    found : float or None
        Position at which the line was found, where it is known and in the drawing.
    """

    path: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    found: float | None = None
    width: int = WIDTH
    height: int = HEIGHT


def draw_curve(
    x: ArrayLike,
    y: ArrayLike,
    y_label: str = "",
    marks: dict[str, float] | None = None,
    main: str = "",
    found: float = nan,
) -> SvgCurve:
    """Draw a curve.

    Parameters
    ----------
    x, y : (n,) array_like
        Its points, in order of ``x``; values that are not finite leave gaps, and a point between gaps is a dot.
    y_label : str
        Label of the vertical axis.
    marks : dict of str to float
        Positions along ``x`` by their labels; those outside the curve are left out.
    main : str
        Label of the mark of the curve's line.
    found : float
        Where along ``x`` that line was found; NaN where it is not known.

    Examples
    --------
    >>> curve = draw_curve([0, 1, 2], [0, float("nan"), 5])
    >>> curve.path
    'M0 132.5h0M380 7.5h0'
    >>> [tick.label for tick in curve.x_ticks]
    ['0.0', '0.5', '1.0', '1.5', '2.0']
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    x_range, y_range = finite_range(x), finite_range(y)
    margin = HEADROOM * (y_range[1] - y_range[0])
    y_range = y_range[0] - margin, y_range[1] + margin
    across = (x - x_range[0]) / (x_range[1] - x_range[0]) * WIDTH
    down = (y_range[1] - y) / (y_range[1] - y_range[0]) * HEIGHT

    def place(at: float) -> float:
        return (at - x_range[0]) / (x_range[1] - x_range[0]) * WIDTH

    inside = {name: place(at) for name, at in (marks or {}).items() if x_range[0] <= at <= x_range[1]}
    return SvgCurve(
        path=curve_path(across, down),
        y_label=y_label,
        x_ticks=make_ticks(x_range, 0.0, WIDTH, 6),
        y_ticks=make_ticks(y_range, HEIGHT, 0.0, 4),
        marks=tuple(make_marks(inside, main)),
        found=place(found) if x_range[0] <= found <= x_range[1] else None,
    )


def svg_path(x: NDArray[np.float64], y: NDArray[np.float64], close: str = "") -> str:
    """Return a polyline as an SVG path; with ``close="Z"`` a polygon.

    Examples
    --------
    >>> svg_path(np.array([0.0, 1.0]), np.array([2.0, 2.25]))
    'M0.0 2.0L1.0 2.2'
    """
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True)) + close


def make_marks(positions: dict[str, float], main: str) -> Iterator[Mark]:
    """Yield marks, the main one first; a label that would cover an earlier one is left out."""
    labels: list[float] = []
    for name, at in sorted(positions.items(), key=lambda item: item[0] != main):
        labelled = all(abs(at - other) >= LABEL_DISTANCE for other in labels)
        if labelled:
            labels.append(at)
        yield Mark(at, name, name == main, labelled)


def finite_range(values: NDArray[np.float64]) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def curve_path(across: NDArray[np.float64], down: NDArray[np.float64]) -> str:
    known = np.isfinite(across) & np.isfinite(down)
    gaps = np.flatnonzero(np.diff(known.astype(int))) + 1
    pieces = (piece for piece in np.split(np.arange(known.size), gaps) if piece.size and known[piece[0]])
    return "".join(piece_path(across[piece], down[piece]) for piece in pieces)


def piece_path(across: NDArray[np.float64], down: NDArray[np.float64]) -> str:
    """Return points as an SVG path of relative steps, which is shorter than one of positions."""
    tenths = np.round(10 * np.stack([across, down], axis=1)).astype(int)
    steps = " ".join(f"{x / 10:g} {y / 10:g}" for x, y in np.diff(tenths, axis=0).tolist())
    x, y = tenths[0] / 10
    return f"M{x:g} {y:g}" + (f"l{steps}" if steps else "h0").replace(" -", "-")


def make_ticks(limits: tuple[float, float], first: float, last: float, most: int) -> tuple[Tick, ...]:
    """Return round numbers between two limits, and their positions between two ends of the drawing."""
    low, high = limits
    values = np.asarray(MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(low, high))
    slack = 1e-9 * (high - low)
    decimals = max(0, -floor(log10(values[1] - values[0]) + 1e-9))
    form = f".{decimals}f" if decimals <= 4 and np.abs(values).max() < 1e5 else ".3g"
    return tuple(
        Tick(first + (value - low) / (high - low) * (last - first), f"{value:{form}}".replace("-", "−"))
        for value in values[(values >= low - slack) & (values <= high + slack)].tolist()
    )
