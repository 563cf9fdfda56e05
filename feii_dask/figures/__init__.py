"""Figures of cubes, cutouts and statistics, drawn with matplotlib; each is loaded when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from feii_dask.figures.detection_plot import plot_cutout
    from feii_dask.figures.plots import (
        brightest,
        plot_detections,
        plot_grid,
        plot_lines,
        plot_neighbours,
        plot_plane,
        plot_statistic,
    )

__all__ = [
    "brightest",
    "plot_cutout",
    "plot_detections",
    "plot_grid",
    "plot_lines",
    "plot_neighbours",
    "plot_plane",
    "plot_statistic",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        home = "detection_plot" if name == "plot_cutout" else "plots"
        return getattr(importlib.import_module(f"feii_dask.figures.{home}"), name)
    raise AttributeError(f"feii_dask.figures has no attribute {name!r}")
