"""Axes of images, in celestial coordinates or spaxels, with images, contours and scale bars on them."""

from __future__ import annotations

from astropy.visualization.wcsaxes import WCSAxes
from astropy.wcs import WCS
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import FigureBase
from numpy.typing import ArrayLike

from feii_dask.figures.colors import colormap, finite_or_nan
from feii_dask.figures.detection_panels import MapPanel
from feii_dask.figures.scale_bar import pixels_per_arcsec

__all__ = ["arcsecond_bar", "blank_axes", "image_axes", "show_image", "show_map"]


def image_axes(figure: FigureBase, place: tuple[int, int, int], wcs: WCS | None, outer: bool = True) -> Axes:
    """Add axes for an image: celestial where its coordinates are known, otherwise in spaxels.

    Of several images in a row only the outer one has its vertical axis labelled.
    """
    if wcs is None:
        ax: Axes = figure.add_subplot(*place)
        ax.set(xlabel="x (spaxel)", ylabel="y (spaxel)" if outer else "")
        return ax
    ax = figure.add_subplot(*place, projection=wcs)
    if isinstance(ax, WCSAxes):
        ra, dec = ax.coords
        ra.set_axislabel("RA (ICRS)")
        dec.set_axislabel("Dec (ICRS)" if outer else " ")
        for coordinate in (ra, dec):
            coordinate.set_ticks(number=3)
            coordinate.set_ticklabel(exclude_overlapping=True, size="small")
        dec.set_ticklabel_visible(outer)
    return ax


def show_image(ax: Axes, plane: ArrayLike, norm: Normalize, unit: str) -> None:
    """Draw an image with its colour bar; grey is no data."""
    drawn = ax.imshow(finite_or_nan(plane), norm=norm, cmap=colormap(), origin="lower")
    if figure := ax.get_figure(root=False):
        figure.colorbar(drawn, ax=ax, label=unit)


def show_map(ax: Axes, panel: MapPanel) -> None:
    """Draw a map of a detection with its contours (black) and the outline of the detector's mask (white, dashed)."""
    show_image(ax, panel.image, panel.norm, panel.unit)
    ax.add_collection(LineCollection(panel.contours, colors="black", linewidths=0.8), autolim=False)
    ax.add_collection(LineCollection(panel.outline, colors="white", linewidths=1.5, linestyles="dashed"), autolim=False)
    ax.set_title(panel.title)


def arcsecond_bar(ax: Axes, wcs: WCS) -> None:
    """Draw a bar of one arcsecond below an image."""
    length = pixels_per_arcsec(wcs)
    ax.plot([0, length], [-1.2, -1.2], color="black", linewidth=2, clip_on=False)
    ax.text(length / 2, -1.7, "1″", ha="center", va="top", fontsize="small")


def blank_axes(ax: Axes, text: str) -> None:
    """Leave axes empty, with the reason."""
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes, wrap=True)
    ax.set_axis_off()
