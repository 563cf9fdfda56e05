"""Figures of cubes, cutouts and statistics, drawn with matplotlib."""

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
