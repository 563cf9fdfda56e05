"""What the report shows of one line of one object: its planes, its moment map, its statistic and its spectrum."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, hypot
from typing import Any

import numpy as np
import pandas as pd
from astropy.io import fits
from astropy.wcs import WCS
from contourpy import LineType, contour_generator
from matplotlib.colors import Normalize
from numpy.typing import NDArray

from feii_dask.cubes.celestial import celestial_wcs
from feii_dask.cubes.cutout import OFF_LINE_PLANES
from feii_dask.figures.stretch import linear_norm, power_norm
from feii_dask.model import Cutout, Line
from feii_dask.report.svg_curves import Curve, trace
from feii_dask.report.thumbnails import block_side, shrink, thumbnail

__all__ = ["Compass", "LinePanel", "MapPanel", "make_line_panel"]

CONTOURS_SIGMA = (3.0, 6.0, 12.0, 24.0, 48.0)
BARS_ARCSEC = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class Compass:
    """How a picture lies on the sky.

    Attributes
    ----------
    bar_px, bar_arcsec : float
        A bar of round length, in spaxels and on the sky.
    north, east : tuple of float
        Unit vectors in the picture, (right, down).
    """

    bar_px: float
    bar_arcsec: float
    north: tuple[float, float]
    east: tuple[float, float]


@dataclass(frozen=True, slots=True)
class MapPanel:
    """One map, with what is drawn over it in its own spaxels.

    Attributes
    ----------
    title : str
        What it shows.
    source : str
        A ``data:`` address.
    width, height : int
        Spaxels that it covers.
    low, high : float
        Values at the ends of its colours.
    contours, outline : str
        SVG paths: levels of the map itself, and the border of the detector's mask.
    """

    title: str
    source: str
    width: int
    height: int
    low: float
    high: float
    contours: str = ""
    outline: str = ""


@dataclass(frozen=True, slots=True)
class LinePanel:
    """All of one line in one cube.

    Attributes
    ----------
    line : Line
        The line.
    row : dict
        Its row of the outcomes.
    unit : str
        Unit of the maps and the spectrum.
    planes : tuple of MapPanel
        Ten planes before, the line's, ten after, on the scale of the line's.
    moment : MapPanel
        The line less its surroundings, summed over wavelength.
    peak_xy : tuple of float, or None
        Where it peaks, in the picture.
    compass : Compass or None
        None where the cube has no celestial coordinates.
    statistic, spectrum : Curve
        Against wavelength; the spectrum is that of the peak.
    """

    line: Line
    row: dict[Any, Any]
    unit: str
    planes: tuple[MapPanel, ...]
    moment: MapPanel
    peak_xy: tuple[float, float] | None
    compass: Compass | None
    statistic: Curve
    spectrum: Curve


def make_line_panel(cutout: Cutout, row: dict[Any, Any], known_lines: Iterable[Line]) -> LinePanel:
    """Prepare a line's figures.

    Parameters
    ----------
    cutout : Cutout
        Its maps and curves.
    row : dict
        Its row of the outcomes.
    known_lines : iterable of Line
        What to mark in the curves, beside the line itself.
    """
    line, norm = cutout.line, power_norm(cutout.line_map)
    own = "the line" if pd.isna(row["plane"]) else f"the line, plane {row['plane']}"
    titles = (f"{OFF_LINE_PLANES} planes before", own, f"{OFF_LINE_PLANES} planes after")
    maps = (cutout.before_map, cutout.line_map, cutout.after_map)
    moment = _moment(cutout)
    marks = {known.name: known.wavelength_um for known in known_lines} | {line.name: line.wavelength_um}
    peak = (row["peak_x"], row["peak_y"])
    wcs = celestial_wcs(fits.Header(cutout.header))
    return LinePanel(
        line=line,
        row=row,
        unit=str(cutout.header.get("BUNIT", "")),
        planes=tuple(_picture(title, image, norm) for title, image in zip(titles, maps, strict=True)),
        moment=moment,
        peak_xy=None if any(map(pd.isna, peak)) else (peak[0] + 0.5, moment.height - peak[1] - 0.5),
        compass=None if wcs is None else _compass(wcs, moment.width),
        statistic=_trimmed(cutout.wavelength_um, cutout.statistic, marks, line.name),
        spectrum=trace(cutout.wavelength_um, cutout.spectrum, marks, line.name),
    )


def _picture(title: str, image: NDArray[np.float32], norm: Normalize, **overlay: str) -> MapPanel:
    low, high = float(norm.vmin or 0), float(norm.vmax or 0)
    height, width = _drawn_shape(image.shape)
    return MapPanel(title, thumbnail(image, norm), width, height, low, high, **overlay)


def _drawn_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return how many spaxels a picture covers: its squares may reach beyond the map at the top and on the right."""
    square = block_side(shape)
    return square * ceil(shape[0] / square), square * ceil(shape[1] / square)


def _moment(cutout: Cutout) -> MapPanel:
    """Draw the moment map with its contours and the detector's mask."""
    image, mask = cutout.moment_map, cutout.mask
    small, square = shrink(image), block_side(image.shape)
    height, _ = _drawn_shape(image.shape)
    scatter = _scatter(small)
    levels = [level * scatter for level in CONTOURS_SIGMA if scatter > 0]
    norm = linear_norm(image)
    if mask is not None and np.isfinite(image[mask]).any():  # an artefact elsewhere does not set the scale
        norm = Normalize(-CONTOURS_SIGMA[0] * scatter, max(float(np.nanmax(image[mask])), scatter))
    return _picture(
        "line flux",
        image,
        norm,
        contours=_contours(small, levels, height, square),
        outline="" if mask is None else _contours(np.pad(mask, 1).astype(float), [0.5], height, first=-1),
    )


def _scatter(image: NDArray[np.float64]) -> float:
    values = image[np.isfinite(image)]
    return 1.4826 * float(np.median(np.abs(values - np.median(values)))) if values.size else 0.0


def _contours(image: NDArray[np.float64], levels: list[float], height: int, square: int = 1, first: int = 0) -> str:
    """Return contours as an SVG path in spaxels, whose centres are at half numbers; rows count downwards there."""
    if not levels or min(image.shape) < 2:
        return ""
    generator = contour_generator(z=np.ma.masked_invalid(image), line_type=LineType.Separate)
    lines: list[Any] = [line for level in levels for line in generator.lines(level)]
    return "".join(
        "M" + "L".join(f"{(x + first + 0.5) * square:.1f} {height - (y + first + 0.5) * square:.1f}" for x, y in line)
        for line in lines
    )


def _compass(wcs: WCS, width: int) -> Compass | None:
    """Return directions and a bar that is at most a third of the picture wide; None where the header is degenerate."""
    degrees_per_px = np.asarray(wcs.pixel_scale_matrix, dtype=np.float64)
    determinant = float(np.linalg.det(degrees_per_px))
    if not np.isfinite(determinant) or determinant == 0:
        return None
    px_per_degree = np.linalg.inv(degrees_per_px)
    px_per_arcsec = np.sqrt(1 / abs(determinant)) / 3600
    bar = max((bar for bar in BARS_ARCSEC if bar * px_per_arcsec <= width / 3), default=BARS_ARCSEC[0])
    return Compass(bar * px_per_arcsec, bar, _direction(px_per_degree[:, 1]), _direction(px_per_degree[:, 0]))


def _direction(step: NDArray[np.floating]) -> tuple[float, float]:
    length = hypot(*step)
    return float(step[0] / length), float(-step[1] / length)


def _trimmed(x: NDArray[np.float64], y: NDArray[np.float64], marks: dict[str, float], main: str) -> Curve:
    """Draw a curve over the planes for which it has values."""
    known = np.flatnonzero(np.isfinite(y))
    if known.size == 0:
        return trace([], [])
    window = slice(known[0], known[-1] + 1)
    return trace(x[window], y[window], marks, main)
