"""The notebook's five figures.

Each function draws on the axes that it is given, or on a new figure, and returns what it drew on; none touches
`matplotlib.pyplot`, so that they work the same in a notebook, on a worker and in a report.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LogNorm, Normalize, PowerNorm
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from feii_dask.cubes.reader import Cube

__all__ = ["brightest", "plot_grid", "plot_lines", "plot_neighbours", "plot_plane", "plot_statistic"]

# Blue and vermilion of Okabe & Ito's palette, which readers with any colour vision tell apart.
BLUE, VERMILION = "#0072B2", "#D55E00"
STATISTIC = "fraction of non-NaN spaxels above threshold"
GAMMA = 0.4  # the notebook's stretch: faint jets show beside bright stars
COLUMNS = 4


def plot_statistic(statistic: ArrayLike, start: int = 0, label: str = STATISTIC, ax: Axes | None = None) -> Axes:
    """Draw a detector's statistic against the plane's index: the notebook's figure 1.

    Parameters
    ----------
    statistic : (n,) array_like
        One value per plane.
    start : int
        Index of the first of these planes in the whole cube.
    label : str
        What the statistic is.
    ax : Axes, optional
        Where to draw.
    """
    statistic = np.asarray(statistic, dtype=np.float64)
    ax = _axes(ax)
    ax.plot(start + np.arange(statistic.size), statistic, color="black", linewidth=1)
    ax.set(xlabel="plane index", ylabel=label, title="Extent of emission in each plane")
    return ax


def plot_plane(plane: ArrayLike, unit: str = "MJy/sr", title: str = "One plane", ax: Axes | None = None) -> Axes:
    """Draw one plane with a logarithmic scale: the notebook's figure 2.

    Parameters
    ----------
    plane : (y, x) array_like
        Surface brightness; what is not positive is left grey.
    unit : str
        Its unit.
    title : str
        What it shows.
    ax : Axes, optional
        Where to draw.
    """
    plane = np.asarray(plane, dtype=np.float64)
    ax = _axes(ax)
    positive = plane[np.isfinite(plane) & (plane > 0)]
    norm = LogNorm(positive.min(), positive.max()) if positive.size else LogNorm(1, 10)
    _image(ax, plane, norm, unit)
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
        Wavelength of each plane, µm, and its value; NaN leaves a gap.
    detected, not_detected : iterable of float
        Rest wavelengths of the lines that were looked for, µm.
    label : str
        What the statistic is.
    ax : Axes, optional
        Where to draw.
    """
    ax = _axes(ax)
    ax.plot(np.asarray(wavelength_um, dtype=np.float64), statistic, color="black", linewidth=1)
    marks = ((detected, "detected", VERMILION, "--"), (not_detected, "not detected", BLUE, ":"))
    for wavelengths, name, color, style in marks:
        for number, wavelength in enumerate(wavelengths):
            ax.axvline(wavelength, color=color, linestyle=style, label=name if number == 0 else None)
    if ax.get_legend_handles_labels()[0]:
        ax.legend()
    ax.set(xlabel="wavelength (µm)", ylabel=label, title="Extent of emission, and the lines looked for")
    return ax


def plot_neighbours(cube: Cube, wavelength_um: float, offset: int = 10, unit: str = "MJy/sr") -> Figure:
    """Draw a line's plane between the planes to either side of it: the notebook's figure 4.

    Parameters
    ----------
    cube : Cube
        An open cube; only the three planes are read.
    wavelength_um : float
        The line, µm.
    offset : int
        How many planes away the others are; a plane outside of the cube is left blank.
    unit : str
        Unit of the pixels.
    """
    plane = _line_plane(cube, wavelength_um)
    titles = (f"−{offset} planes", f"plane {plane}, {cube.wavelength_um[plane]:.3f} µm", f"+{offset} planes")
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    for ax, title, index in zip(figure.subplots(1, 3), titles, (plane - offset, plane, plane + offset), strict=True):
        if 0 <= index < cube.shape[0]:
            image = cube.planes(index, index + 1)[0].astype(np.float64)
            _image(ax, image, _linear(image), unit)
        else:
            _blank(ax, "outside the cube")
        ax.set_title(title)
    figure.suptitle(f"At {wavelength_um:.3f} µm, and {offset} planes to either side")
    return figure


def plot_grid(names: Sequence[str], images: Iterable[ArrayLike]) -> Figure:
    """Draw a grid of images, one for each young stellar object: the notebook's figure 5.

    Parameters
    ----------
    names : sequence of str
        Names of the objects.
    images : iterable of (y, x) array_like
        An image for each of them, such as `brightest` returns.

    Raises
    ------
    ValueError
        If there are more images than names, or fewer.
    """
    rows = max(ceil(len(names) / COLUMNS), 1)
    figure = Figure(figsize=(3.2 * COLUMNS, 3.4 * rows), layout="constrained")
    grid = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for ax, (name, image) in zip(grid, zip(names, images, strict=True), strict=False):
        ax.imshow(finite(image), norm=power_norm(image), cmap=colours(), origin="lower")
        ax.set_title(name, fontsize="medium", parse_math=False)
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
    return min(int(np.searchsorted(cube.wavelength_um, wavelength_um)), cube.shape[0] - 1)


def _axes(ax: Axes | None) -> Axes:
    return Figure(figsize=(7, 4.5), layout="constrained").subplots() if ax is None else ax


def _image(ax: Axes, plane: ArrayLike, norm: Normalize, unit: str) -> None:
    drawn = ax.imshow(finite(plane), norm=norm, cmap=colours(), origin="lower")
    ax.set(xlabel="x (spaxel)", ylabel="y (spaxel)")
    ax.figure.colorbar(drawn, ax=ax, label=unit)


def _blank(ax: Axes, text: str) -> None:
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes)
    ax.set_axis_off()


def colours() -> Colormap:
    """Return a map that is even for all eyes; grey stands for no data."""
    return mpl.colormaps["viridis"].with_extremes(bad="0.8")


def finite(image: ArrayLike) -> NDArray[np.float64]:
    """Return the image with NaN for all that is not a number one can draw."""
    image = np.asarray(image, dtype=np.float64)
    return np.where(np.isfinite(image), image, np.nan)


def _limits(image: ArrayLike) -> tuple[float, float]:
    """Return between which values to draw: all but the few brightest and faintest spaxels."""
    values = np.asarray(image, dtype=np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = np.percentile(values, [0.5, 99.5])
    return float(low), float(high)


def _linear(image: ArrayLike) -> Normalize:
    return Normalize(*_limits(image))


def power_norm(image: ArrayLike) -> Normalize:
    """Return the notebook's stretch, between limits that suit the image."""
    return PowerNorm(GAMMA, *_limits(image))
