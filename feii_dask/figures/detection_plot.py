"""Figure of a detection: the maps and curves that a run stores of it."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from feii_dask.figures.axes import blank_axes, image_axes, show_map
from feii_dask.figures.colors import BLUE, VERMILION
from feii_dask.figures.detection_panels import make_detection_panels
from feii_dask.figures.plots import plot_lines
from feii_dask.model import SPEED_OF_LIGHT_KMS, Cutout

__all__ = ["plot_cutout"]


def plot_cutout(cutout: Cutout, title: str = "") -> Figure:
    """Draw a stored detection: planes, line flux with contours, statistic and spectrum.

    Parameters
    ----------
    cutout : Cutout
        As `RunStore.cutout` returns it.
    title : str
        Title of the figure; by default the line's name.
    """
    panels = make_detection_panels(cutout)
    figure = Figure(figsize=(17, 8.6), layout="constrained")
    figure.suptitle(title or f"{panels.line.name} µm", parse_math=False)
    rows = figure.add_gridspec(2, 1, height_ratios=(1.15, 1))
    maps, curves = figure.add_subfigure(rows[0]), figure.add_subfigure(rows[1])
    for number, panel in enumerate((*panels.planes, panels.line_flux)):
        show_map(image_axes(maps, (1, 4, number + 1), panels.wcs, outer=number == 0), panel)
    for ax, curve in zip(curves.subplots(1, 2), (panels.statistic, panels.spectrum), strict=True):
        if curve.values.size:
            plot_lines(curve.wavelength_um, curve.values, label=curve.label, ax=ax)
            mark_line(ax, cutout)
        else:
            blank_axes(ax, f"no {curve.label}")
        ax.set_title(curve.title)
    return figure


def mark_line(ax: Axes, cutout: Cutout) -> None:
    """Mark the rest wavelength of a line, dashed, and where it was found, as far as that is known."""
    rest_um = cutout.line.wavelength_um
    ax.axvline(rest_um, color=VERMILION, linestyle="--", label="rest wavelength")
    velocity_kms = cutout.origin.get("VELOCITY")
    if isinstance(velocity_kms, float):
        found_um = rest_um * (1 + velocity_kms / SPEED_OF_LIGHT_KMS)
        ax.axvline(found_um, color=BLUE, linestyle="-", alpha=0.6, label=f"found at {velocity_kms:+.0f} km/s")
    ax.legend()
