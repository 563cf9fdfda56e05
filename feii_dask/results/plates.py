"""What the report shows of one line of one object: its planes, its moment map, its statistic and its spectrum."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import hypot
from typing import Any

import numpy as np
import pandas as pd
from astropy.io import fits
from astropy.wcs import WCS
from contourpy import LineType, contour_generator
from matplotlib.colors import Normalize
from numpy.typing import NDArray

from feii_dask.cubes.celestial import celestial_wcs
from feii_dask.model import Cutout, Line
from feii_dask.results.curves import Curve, trace
from feii_dask.results.stretch import linear_norm, power_norm
from feii_dask.results.thumbnails import shrink, thumbnail

__all__ = ["Compass", "Picture", "Plate", "make_plate"]

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
class Picture:
    """One map, with what is drawn over it in its own spaxels.

    Attributes
    ----------
    title : str
        What it shows.
    source : str
        A ``data:`` address.
    width, height : int
        Spaxels of the map.
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
class Plate:
    """All of one line in one cube.

    Attributes
    ----------
    line : Line
        The line.
    row : dict
        Its row of the outcomes.
    unit : str
        Unit of the maps and the spectrum.
    planes : tuple of Picture
        Ten planes before, the line's, ten after, on the scale of the line's.
    moment : Picture
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
    planes: tuple[Picture, ...]
    moment: Picture
    peak_xy: tuple[float, float] | None
    compass: Compass | None
    statistic: Curve
    spectrum: Curve


def make_plate(cutout: Cutout, row: dict[Any, Any], known_lines: Iterable[Line]) -> Plate:
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
    line, size = cutout.line, np.array(cutout.line_map.shape)
    norm = power_norm(cutout.line_map)
    own = "the line" if pd.isna(row["plane"]) else f"the line, plane {row['plane']}"
    titles = ("10 planes before", own, "10 planes after")
    maps = (cutout.before_map, cutout.line_map, cutout.after_map)
    marks = {known.name: known.wavelength_um for known in known_lines} | {line.name: line.wavelength_um}
    peak = (row["peak_x"], row["peak_y"])
    wcs = celestial_wcs(fits.Header(cutout.header))
    return Plate(
        line=line,
        row=row,
        unit=str(cutout.header.get("BUNIT", "")),
        planes=tuple(_picture(title, image, norm) for title, image in zip(titles, maps, strict=True)),
        moment=_moment(cutout),
        peak_xy=None if any(map(pd.isna, peak)) else _in_picture(*peak, size),
        compass=None if wcs is None else _compass(wcs, int(size[1])),
        statistic=_trimmed(cutout.wavelength_um, cutout.statistic, marks, line.name),
        spectrum=trace(cutout.wavelength_um, cutout.spectrum, marks, line.name),
    )


def _picture(title: str, image: NDArray[np.float32], norm: Normalize, **overlay: str) -> Picture:
    height, width = image.shape
    low, high = float(norm.vmin or 0), float(norm.vmax or 0)
    return Picture(title, thumbnail(image, norm), width, height, low, high, **overlay)


def _moment(cutout: Cutout) -> Picture:
    """Draw the moment map with its contours and the detector's mask."""
    image, mask = cutout.moment_map, cutout.mask
    small = shrink(image)
    scatter = _scatter(small)
    levels = [level * scatter for level in CONTOURS_SIGMA if scatter > 0]
    norm = linear_norm(image)
    if mask is not None and np.isfinite(image[mask]).any():  # an artefact elsewhere does not set the scale
        norm = Normalize(-CONTOURS_SIGMA[0] * scatter, max(float(np.nanmax(image[mask])), scatter))
    return _picture(
        "line flux",
        image,
        norm,
        contours=_contours(small, levels, image.shape[0], image.shape[0] / small.shape[0]),
        outline="" if mask is None else _contours(np.pad(mask, 1).astype(float), [0.5], image.shape[0], first=-1),
    )


def _scatter(image: NDArray[np.float64]) -> float:
    values = image[np.isfinite(image)]
    return 1.4826 * float(np.median(np.abs(values - np.median(values)))) if values.size else 0.0


def _contours(image: NDArray[np.float64], levels: list[float], height: int, scale: float = 1.0, first: int = 0) -> str:
    """Return contours as an SVG path; pixel centres are at half numbers, and rows count downwards."""
    if not levels or min(image.shape) < 2:
        return ""
    generator = contour_generator(z=np.ma.masked_invalid(image), line_type=LineType.Separate)
    lines: list[Any] = [line for level in levels for line in generator.lines(level)]
    return "".join(
        "M" + "L".join(f"{(x + first + 0.5) * scale:.1f} {height - (y + first + 0.5) * scale:.1f}" for x, y in line)
        for line in lines
    )


def _in_picture(x: float, y: float, size: NDArray[np.int_]) -> tuple[float, float]:
    return float(x) + 0.5, float(size[0]) - float(y) - 0.5


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
