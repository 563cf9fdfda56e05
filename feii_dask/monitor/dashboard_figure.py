"""How the figures on a search's dashboard page look."""

from __future__ import annotations

from typing import Any

from bokeh.models import PlainText
from bokeh.plotting import figure

from feii_dask.plain_text import plain_text

__all__ = ["BLUE", "GREY", "label_of", "plain_figure", "set_labels"]

BLUE, GREY = "#0072b2", "#999999"  # Okabe and Ito's, which the colour-blind can distinguish


LONGEST = 300  # characters of a label


def label_of(text: str) -> PlainText:
    """Return a label that holds what archives say: no control characters, and no formula of TeX, as Bokeh would see."""
    return PlainText(text=plain_text(text, LONGEST, keep="\n"))


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
