"""How the figures on a search's dashboard page look."""

from __future__ import annotations

from typing import Any

from bokeh.plotting import figure

__all__ = ["BLUE", "GREY", "plain_figure", "set_labels"]

BLUE, GREY = "#0072b2", "#999999"  # Okabe and Ito's, which the colour-blind can distinguish


def set_labels(plot: Any, name: str, title: str, x: str, y: str) -> Any:
    """Name a figure, and label its axes."""
    plot.name, plot.title.text = name, title
    plot.xaxis.axis_label, plot.yaxis.axis_label = x, y
    plot.toolbar_location = None
    plot.min_border_bottom = 0
    return plot


def plain_figure(name: str, title: str, x: str, y: str, **options: Any) -> Any:
    """Return a figure that looks like Dask's own."""
    return set_labels(figure(tools="", sizing_mode="stretch_both", **options), name, title, x, y)
