"""The notebook's five figures, drawn with matplotlib.

Each function draws on given axes or on a new figure, which it returns; none uses `matplotlib.pyplot`, so that they
work in a notebook and on a worker alike. Where the celestial coordinates of the spaxels are known, the axes of an image
are right ascension and declination.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil

import numpy as np
from astropy.wcs import WCS
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from feii_dask.cubes.hdus import text_card
from feii_dask.cubes.planes import OFF_LINE_PLANES, first_plane_from
from feii_dask.cubes.reader import Cube
from feii_dask.figures.axes import arcsecond_bar, blank_axes, image_axes, show_image
from feii_dask.figures.colors import BLUE, VERMILION, colormap, finite_or_nan, linear_norm, log_norm, power_norm
from feii_dask.model import Detection

__all__ = [
    "brightest",
    "plot_detections",
    "plot_grid",
    "plot_lines",
    "plot_neighbours",
    "plot_plane",
    "plot_statistic",
]

STATISTIC = "fraction of non-NaN spaxels above threshold"
COLUMNS = 4


def plot_statistic(statistic: ArrayLike, start: int = 0, label: str = STATISTIC, ax: Axes | None = None) -> Axes:
    """Draw a detector's statistic against the plane's index: the notebook's figure 1.

    Parameters
    ----------
    statistic : (n,) array_like
        One value per plane of a window or of the whole cube.
    start : int
        Index of the first of these planes in the whole cube.
    label : str
        Name of the statistic.
    ax : Axes, optional
        Where to draw.
    """
    statistic = np.asarray(statistic, dtype=np.float64)
    ax = Figure(figsize=(7, 4.5), layout="constrained").subplots() if ax is None else ax
    ax.plot(start + np.arange(statistic.size), statistic, color="black", linewidth=1)
    ax.set(xlabel="plane index", ylabel=label, title="Extent of emission in each plane")
    return ax


def plot_plane(
    plane: ArrayLike, unit: str = "MJy/sr", title: str = "One plane", wcs: WCS | None = None, ax: Axes | None = None
) -> Axes:
    """Draw one plane with a logarithmic scale: the notebook's figure 2.

    Parameters
    ----------
    plane : (y, x) array_like
        Surface brightness; values that are not positive are grey.
    unit : str
        Its unit.
    title : str
        Title of the image.
    wcs : WCS, optional
        Celestial coordinates of the spaxels, such as `Cube.wcs`.
    ax : Axes, optional
        Where to draw; ``wcs`` is then ignored.
    """
    ax = image_axes(Figure(figsize=(7, 5.5), layout="constrained"), (1, 1, 1), wcs) if ax is None else ax
    show_image(ax, plane, log_norm(plane), unit)
    ax.set_title(title)
    return ax


def plot_lines(
    wavelength_um: ArrayLike,
    statistic: ArrayLike,
    detected: Iterable[float] = (),
    not_detected: Iterable[float] = (),
    label: str = STATISTIC,
    ax: Axes | None = None,
) -> Axes:
    """Draw the statistic against wavelength, with the lines marked: the notebook's figure 3.

    Parameters
    ----------
    wavelength_um, statistic : (n,) array_like
        Wavelength of each plane, µm, and its value, in a window or in the whole cube; NaN leaves a gap.
    detected, not_detected : iterable of float
        Rest wavelengths of the lines with and without a detection, µm.
    label : str
        Name of the statistic.
    ax : Axes, optional
        Where to draw.
    """
    ax = Figure(figsize=(7, 4.5), layout="constrained").subplots() if ax is None else ax
    ax.plot(np.asarray(wavelength_um, dtype=np.float64), statistic, color="black", linewidth=1)
    marks = ((detected, "detected", VERMILION, "--"), (not_detected, "not detected", BLUE, ":"))
    for wavelengths, name, color, style in marks:
        for number, wavelength in enumerate(wavelengths):
            ax.axvline(wavelength, color=color, linestyle=style, label=name if number == 0 else None)
    if ax.get_legend_handles_labels()[0]:
        ax.legend()
    ax.set(xlabel="wavelength (µm)", ylabel=label, title="Extent of emission, and the lines looked for")
    return ax


def plot_detections(cube: Cube, detections: Sequence[Detection], label: str = "statistic") -> Figure:
    """Draw the statistic about each line: figure 3 of one scan, with a panel for each line.

    Parameters
    ----------
    cube : Cube
        The scanned cube; no planes of it are read.
    detections : sequence of Detection
        Of that scan; those without an answer have an empty panel.
    label : str
        Name of the statistic.
    """
    columns = min(max(len(detections), 1), COLUMNS)
    rows = max(ceil(len(detections) / columns), 1)
    figure = Figure(figsize=(4.2 * columns, 3.4 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for detection, ax in zip(detections, panels, strict=False):
        curve, start, rest_um = detection.statistic_curve, detection.statistic_start, [detection.line.wavelength_um]
        if curve is None:
            blank_axes(ax, detection.reason or "no statistic")
        else:
            found, missed = (rest_um, []) if detection.detected else ([], rest_um)
            plot_lines(cube.wavelength_um[start : start + len(curve)], curve, found, missed, label, ax)
        ax.set_title(f"{detection.line.name} µm", parse_math=False)
    for ax in panels[len(detections) :]:
        ax.set_axis_off()
    return figure


def plot_neighbours(cube: Cube, wavelength_um: float, offset: int = OFF_LINE_PLANES, unit: str | None = None) -> Figure:
    """Draw a line's plane between the planes to either side of it: the notebook's figure 4.

    Parameters
    ----------
    cube : Cube
        An open cube; only the three planes are read.
    wavelength_um : float
        The line, µm.
    offset : int
        How many planes away the others are; a plane outside of the cube is left blank.
    unit : str, optional
        Unit of the pixels; by default that of the cube's header.
    """
    plane = plane_in_cube(cube, wavelength_um)
    unit = text_card(cube.header, "BUNIT") if unit is None else unit
    titles = (f"−{offset} planes", f"plane {plane}, {cube.wavelength_um[plane]:.3f} µm", f"+{offset} planes")
    figure = Figure(figsize=(14, 4.4), layout="constrained")
    for number, (title, index) in enumerate(zip(titles, (plane - offset, plane, plane + offset), strict=True)):
        ax = image_axes(figure, (1, 3, number + 1), cube.wcs, outer=number == 0)
        if 0 <= index < cube.shape[0]:
            image = cube.planes(index, index + 1)[0]
            show_image(ax, image, linear_norm(image), unit)
        else:
            blank_axes(ax, "outside the cube")
        ax.set_title(title)
    return figure


def plot_grid(names: Sequence[str], images: Iterable[ArrayLike], wcs: Iterable[WCS | None] | None = None) -> Figure:
    """Draw a grid of images, one for each young stellar object: the notebook's figure 5.

    Parameters
    ----------
    names : sequence of str
        Names of the objects.
    images : iterable of (y, x) array_like
        An image of each, such as `brightest` returns.
    wcs : iterable of WCS or None, optional
        Celestial coordinates of each, for a bar of one arcsecond below it.

    Raises
    ------
    ValueError
        If there are more images than names, or fewer.
    """
    rows = max(ceil(len(names) / COLUMNS), 1)
    figure = Figure(figsize=(3.2 * COLUMNS, 3.4 * rows), layout="constrained")
    grid = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    each_wcs = [None] * len(names) if wcs is None else list(wcs)
    panels = list(zip(names, images, each_wcs, strict=True))
    for ax, (name, image, coordinates) in zip(grid, panels, strict=False):
        ax.imshow(finite_or_nan(image), norm=power_norm(image), cmap=colormap(), origin="lower")
        ax.set_title(name, fontsize="medium", parse_math=False)
        if coordinates is not None:
            arcsecond_bar(ax, coordinates)
    for ax in grid:
        ax.set_axis_off()
    return figure


def brightest(cube: Cube, wavelength_um: float, halfwidth: int = 2) -> NDArray[np.float32]:
    """Return each spaxel's largest value near a line, as the panels of figure 5 show it.

    Parameters
    ----------
    cube : Cube
        An open cube.
    wavelength_um : float
        The line, µm.
    halfwidth : int
        Planes on either side of the line's; fewer at the ends of the cube.

    Returns
    -------
    (y, x) float32 ndarray
        NaN where all of these planes are.
    """
    plane = plane_in_cube(cube, wavelength_um)
    planes = cube.planes(max(plane - halfwidth, 0), min(plane + halfwidth + 1, cube.shape[0]))
    largest: NDArray[np.float32] = np.fmax.reduce(planes, axis=0)
    return largest


def plane_in_cube(cube: Cube, wavelength_um: float) -> int:
    """Return the plane that the notebook chooses for a line; the last one for a line beyond the end."""
    return min(first_plane_from(cube.wavelength_um, wavelength_um), cube.shape[0] - 1)
