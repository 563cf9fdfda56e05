"""One line of a candidate in the report: its maps as PNGs with SVG overlays, its statistic and its spectrum."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import hypot
from typing import Any

import numpy as np
import pandas as pd
from astropy.wcs import WCS
from numpy.typing import NDArray

from feii_dask.figures.detection_panels import CurvePanel, MapPanel, make_detection_panels
from feii_dask.figures.scale_bar import pixels_per_arcsec, round_length_arcsec
from feii_dask.model import SPEED_OF_LIGHT_KMS, Cutout, Line
from feii_dask.report.svg_curves import SvgCurve, draw_curve, svg_path
from feii_dask.report.thumbnails import MAX_SIDE_PX, png_data_url

__all__ = ["Compass", "LinePanel", "SvgMap", "make_line_panel"]


@dataclass(frozen=True, slots=True)
class Compass:
    """Orientation and scale of a map.

    Attributes
    ----------
    bar_px, bar_arcsec : float
        A bar of round length, in spaxels and on the sky.
    north, east : tuple of float
        Unit vectors in the map as it is drawn, (right, down).
    """

    bar_px: float
    bar_arcsec: float
    north: tuple[float, float]
    east: tuple[float, float]


@dataclass(frozen=True, slots=True)
class SvgMap:
    """A map as the page draws it, with overlays in units of its spaxels.

    Attributes
    ----------
    title : str
        Name of the map.
    source : str
        The image as a ``data:`` URL.
    width, height : int
        Spaxels that it covers.
    low, high : float
        Values at the ends of its colour bar.
    contours, outline : str
        SVG paths: contours of the map, and of the detector's mask.
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
    """One line in one cube.

    Attributes
    ----------
    line : Line
        The line.
    row : dict
        Its row of the outcomes.
    unit : str
        Unit of planes and spectrum.
    planes : tuple of SvgMap
        Ten planes before, the line's, ten after, with the norm of the line's.
    line_flux : SvgMap
        The moment map.
    peak_xy : tuple of float, or None
        The peak in the maps as they are drawn.
    compass : Compass or None
        None where the cube has no celestial coordinates.
    statistic, spectrum : SvgCurve
        Against wavelength; the spectrum is that of the peak.
    """

    line: Line
    row: dict[Any, Any]
    unit: str
    planes: tuple[SvgMap, ...]
    line_flux: SvgMap
    peak_xy: tuple[float, float] | None
    compass: Compass | None
    statistic: SvgCurve
    spectrum: SvgCurve


def make_line_panel(cutout: Cutout, row: dict[Any, Any], known_lines: Iterable[Line]) -> LinePanel:
    """Return the panel of a detection.

    Parameters
    ----------
    cutout : Cutout
        Its maps and curves.
    row : dict
        Its row of the outcomes.
    known_lines : iterable of Line
        Lines to mark in the curves, in addition to its own.
    """
    panels = make_detection_panels(cutout, None if pd.isna(row["plane"]) else row["plane"], MAX_SIDE_PX)
    line, line_flux = panels.line, svg_map(panels.line_flux)
    marks = {known.name: known.wavelength_um for known in known_lines} | {line.name: line.wavelength_um}
    found_um = line.wavelength_um * (1 + row["velocity_kms"] / SPEED_OF_LIGHT_KMS)

    def svg_curve(panel: CurvePanel) -> SvgCurve:
        return draw_curve(panel.wavelength_um, panel.values, panel.label, marks, line.name, found_um)

    peak = (row["peak_x"], row["peak_y"])
    return LinePanel(
        line=line,
        row=row,
        unit=panels.unit,
        planes=tuple(svg_map(panel) for panel in panels.planes),
        line_flux=line_flux,
        peak_xy=None if any(map(pd.isna, peak)) else (peak[0] + 0.5, line_flux.height - peak[1] - 0.5),
        compass=None if panels.wcs is None else make_compass(panels.wcs, line_flux.width),
        statistic=svg_curve(panels.statistic),
        spectrum=svg_curve(panels.spectrum),
    )


def svg_map(panel: MapPanel) -> SvgMap:
    """Draw a map; its blocks of spaxels may reach beyond the edge at the top and on the right."""
    height, width = (panel.block_side * size for size in panel.image.shape)
    return SvgMap(
        title=panel.title,
        source=png_data_url(panel.image, panel.norm),
        width=width,
        height=height,
        low=float(panel.norm.vmin or 0),
        high=float(panel.norm.vmax or 0),
        contours=polyline_path(panel.contours, height),
        outline=polyline_path(panel.outline, height),
    )


def polyline_path(polylines: Iterable[NDArray[np.float64]], height: int) -> str:
    """Return polylines in spaxels as one SVG path, whose origin is the upper left corner of the map."""
    return "".join(svg_path(x + 0.5, height - (y + 0.5)) for x, y in (polyline.T for polyline in polylines))


def make_compass(wcs: WCS, width: int) -> Compass | None:
    """Return directions, and a bar of at most a third of the map's width; None where the header is degenerate."""
    degrees_per_px = np.asarray(wcs.pixel_scale_matrix, dtype=np.float64)
    determinant = float(np.linalg.det(degrees_per_px))
    if not np.isfinite(determinant) or determinant == 0:
        return None
    px_per_degree = np.linalg.inv(degrees_per_px)
    px_per_arcsec = pixels_per_arcsec(wcs)
    bar_arcsec = round_length_arcsec(width / 3 / px_per_arcsec)
    north, east = direction_in_map(px_per_degree[:, 1]), direction_in_map(px_per_degree[:, 0])
    return Compass(bar_arcsec * px_per_arcsec, bar_arcsec, north, east)


def direction_in_map(step: NDArray[np.floating]) -> tuple[float, float]:
    """Return the unit vector, (right, down), of a step in x and y."""
    length = hypot(*step)
    return float(step[0] / length), float(-step[1] / length)
