"""What the figures have in common: axes on the sky, images, contours."""

from __future__ import annotations

import numpy as np
from astropy import units as u
from astropy.visualization.wcsaxes import WCSAxes
from astropy.wcs import WCS
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import FigureBase
from numpy.typing import ArrayLike

from feii_dask.figures.stretch import colormap, finite
from feii_dask.model import Cutout

__all__ = ["arcsecond_bar", "blank", "flux_contours", "image_axes", "show_image"]


def image_axes(figure: FigureBase, place: tuple[int, int, int], wcs: WCS | None, outer: bool = True) -> Axes:
    """Add axes for an image: on the sky where its coordinates are known, otherwise in spaxels.

    Of several images side by side only the outer one has its vertical axis labelled.
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
    drawn = ax.imshow(finite(plane), norm=norm, cmap=colormap(), origin="lower")
    if figure := ax.get_figure(root=False):
        figure.colorbar(drawn, ax=ax, label=unit)


def flux_contours(ax: Axes, cutout: Cutout) -> None:
    """Draw contours of the line flux, from three times its scatter on, and the detector's mask."""
    values = cutout.moment_map[np.isfinite(cutout.moment_map)]
    if values.size and (scatter := 1.4826 * float(np.median(np.abs(values - np.median(values))))) > 0:
        levels = [level * scatter for level in (3, 6, 12, 24, 48) if level * scatter < values.max()]
        if levels:
            ax.contour(finite(cutout.moment_map), levels=levels, colors="black", linewidths=0.8)
    if cutout.mask is not None and cutout.mask.any():
        ax.contour(cutout.mask.astype(float), levels=[0.5], colors="white", linestyles="dashed")


def arcsecond_bar(ax: Axes, wcs: WCS) -> None:
    """Draw a bar of one arcsecond below an image."""
    length = float(1 / np.sqrt(wcs.proj_plane_pixel_area().to_value(u.arcsec**2)))
    ax.plot([0, length], [-1.2, -1.2], color="black", linewidth=2, clip_on=False)
    ax.text(length / 2, -1.7, "1″", ha="center", va="top", fontsize="small")


def blank(ax: Axes, text: str) -> None:
    """Leave axes empty, and say why."""
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes, wrap=True)
    ax.set_axis_off()
