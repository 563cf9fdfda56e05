"""The notebook's five figures, and one of all that a run keeps of a detection.

Each function draws on the axes that it is given, or on a new figure, and returns what it drew on; none touches
`matplotlib.pyplot`, so that they work the same in a notebook, on a worker and in a report. Where the celestial
coordinates of the spaxels are known, the axes of an image are right ascension and declination.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from feii_dask.cubes.celestial import celestial_wcs
from feii_dask.cubes.cutout import OFF_LINE_PLANES
from feii_dask.cubes.planes import first_plane_from
from feii_dask.cubes.reader import Cube
from feii_dask.figures.axes import arcsecond_bar, blank, flux_contours, image_axes, show_image
from feii_dask.figures.stretch import colormap, finite, linear_norm, log_norm, power_norm
from feii_dask.model import Cutout, Detection

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

# Blue and vermilion of Okabe & Ito's palette, which readers with any colour vision tell apart.
BLUE, VERMILION = "#0072B2", "#D55E00"
STATISTIC = "fraction of non-NaN spaxels above threshold"
COLUMNS = 4


def plot_statistic(statistic: ArrayLike, start: int = 0, label: str = STATISTIC, ax: Axes | None = None) -> Axes:
    """Draw a detector's statistic against the plane's index: the notebook's figure 1.

    Parameters
    ----------
    statistic : (n,) array_like
        One value per plane: those of the window that was read, or of the whole cube.
    start : int
        Index of the first of these planes in the whole cube.
    label : str
        What the statistic is.
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
        Surface brightness; what is not positive is left grey.
    unit : str
        Its unit.
    title : str
        What it shows.
    wcs : WCS, optional
        Celestial coordinates of the spaxels, such as `Cube.wcs`.
    ax : Axes, optional
        Where to draw; it has its own coordinates.
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
    """Draw the statistic against wavelength, and mark the lines: the notebook's figure 3.

    Parameters
    ----------
    wavelength_um, statistic : (n,) array_like
        Wavelength of each plane, µm, and its value, of the window that was read or of the whole cube; NaN leaves a
        gap.
    detected, not_detected : iterable of float
        Rest wavelengths of the lines that were looked for, µm.
    label : str
        What the statistic is.
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
    """Draw the statistic in the window that was read about each line: figure 3 of one scan, a panel for each line.

    Parameters
    ----------
    cube : Cube
        Where the detections are from; nothing more is read of it.
    detections : sequence of Detection
        What a scan of it returned; those without an answer have an empty panel.
    label : str
        What the statistic is.
    """
    columns = min(max(len(detections), 1), COLUMNS)
    rows = max(ceil(len(detections) / columns), 1)
    figure = Figure(figsize=(4.2 * columns, 3.4 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for detection, ax in zip(detections, panels, strict=False):
        curve, start, rest_um = detection.statistic_curve, detection.statistic_start, [detection.line.wavelength_um]
        if curve is None:
            blank(ax, detection.reason or "no statistic")
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
        Unit of the pixels; by default what the cube's header says.
    """
    plane = _line_plane(cube, wavelength_um)
    unit = str(cube.header.get("BUNIT", "")) if unit is None else unit
    titles = (f"−{offset} planes", f"plane {plane}, {cube.wavelength_um[plane]:.3f} µm", f"+{offset} planes")
    figure = Figure(figsize=(14, 4.4), layout="constrained")
    for number, (title, index) in enumerate(zip(titles, (plane - offset, plane, plane + offset), strict=True)):
        ax = image_axes(figure, (1, 3, number + 1), cube.wcs, outer=number == 0)
        if 0 <= index < cube.shape[0]:
            image = cube.planes(index, index + 1)[0]
            show_image(ax, image, linear_norm(image), unit)
        else:
            blank(ax, "outside the cube")
        ax.set_title(title)
    return figure


def plot_grid(names: Sequence[str], images: Iterable[ArrayLike], wcs: Iterable[WCS | None] | None = None) -> Figure:
    """Draw a grid of images, one for each young stellar object: the notebook's figure 5.

    Parameters
    ----------
    names : sequence of str
        Names of the objects.
    images : iterable of (y, x) array_like
        An image for each of them, such as `brightest` returns.
    wcs : iterable of WCS or None, optional
        Celestial coordinates of each; a bar in the corner then tells how long an arcsecond is.

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
        ax.imshow(finite(image), norm=power_norm(image), cmap=colormap(), origin="lower")
        ax.set_title(name, fontsize="medium", parse_math=False)
        if coordinates is not None:
            arcsecond_bar(ax, coordinates)
    for ax in grid:
        ax.set_axis_off()
    return figure


def plot_cutout(cutout: Cutout, title: str = "") -> Figure:
    """Draw what a run keeps of a detection: planes, line flux with contours, statistic and spectrum.

    Parameters
    ----------
    cutout : Cutout
        As `RunStore.cutout` returns it.
    title : str
        Stands above all.
    """
    line, unit = cutout.line, str(cutout.header.get("BUNIT", ""))
    wcs = celestial_wcs(fits.Header(cutout.header))
    figure = Figure(figsize=(17, 8.6), layout="constrained")
    figure.suptitle(title or f"{line.name} µm", parse_math=False)
    rows = figure.add_gridspec(2, 1, height_ratios=(1.15, 1))
    maps, curves = figure.add_subfigure(rows[0]), figure.add_subfigure(rows[1])
    norm = power_norm(cutout.line_map)
    before, after = (f"{OFF_LINE_PLANES} planes {where}" for where in ("before", "after"))
    planes = {before: cutout.before_map, "the line": cutout.line_map, after: cutout.after_map}
    for number, (name, image) in enumerate(planes.items()):
        ax = image_axes(maps, (1, 4, number + 1), wcs, outer=number == 0)
        show_image(ax, image, norm, unit)
        ax.set_title(name)
    ax = image_axes(maps, (1, 4, 4), wcs, outer=False)
    show_image(ax, cutout.moment_map, linear_norm(cutout.moment_map), f"{unit} µm".strip())
    flux_contours(ax, cutout)
    ax.set_title("line flux")
    left, right = curves.subplots(1, 2)
    for ax, curve, label, name in (
        (left, cutout.statistic, "statistic", "the detector's statistic"),
        (right, cutout.spectrum, unit or "brightness", "spectrum where the line peaks"),
    ):
        plot_lines(cutout.wavelength_um, curve, [line.wavelength_um], label=label, ax=ax)
        ax.set_title(name)
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
        Planes to either side of the line's that count; fewer at the ends of the cube.

    Returns
    -------
    (y, x) float32 ndarray
        NaN where all of these planes are.
    """
    plane = _line_plane(cube, wavelength_um)
    planes = cube.planes(max(plane - halfwidth, 0), min(plane + halfwidth + 1, cube.shape[0]))
    largest: NDArray[np.float32] = np.fmax.reduce(planes, axis=0)
    return largest


def _line_plane(cube: Cube, wavelength_um: float) -> int:
    """Return the first plane whose wavelength is not below the line's, as the notebook chooses it."""
    return min(first_plane_from(cube.wavelength_um, wavelength_um), cube.shape[0] - 1)
