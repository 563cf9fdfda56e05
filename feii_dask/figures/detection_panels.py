"""Panels of a detection: planes about the line, line flux with contours, statistic and spectrum.

They are data, which `feii_dask.figures.plot_cutout` draws with matplotlib and the report as images and SVG paths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.stats import mad_std
from astropy.wcs import WCS
from contourpy import LineType, contour_generator
from matplotlib.colors import Normalize
from numpy.typing import NDArray

from feii_dask.cubes.celestial import celestial_wcs
from feii_dask.cubes.planes import OFF_LINE_PLANES
from feii_dask.figures.block_average import block_average, block_side
from feii_dask.figures.colors import linear_norm, power_norm
from feii_dask.model import Cutout, Line

__all__ = ["CurvePanel", "DetectionPanels", "MapPanel", "make_detection_panels"]

CONTOURS_SIGMA = (3.0, 6.0, 12.0, 24.0, 48.0)

Floats = NDArray[np.float64]
Polylines = tuple[Floats, ...]


@dataclass(frozen=True, slots=True, eq=False)
class MapPanel:
    """One map.

    Attributes
    ----------
    title : str
        Name of the map.
    image : (y, x) ndarray
        Its values, one for each block of spaxels.
    norm : Normalize
        From values to colours.
    unit : str
        Unit of the values.
    block_side : int
        Spaxels along a side of a block.
    contours, outline : tuple of (n, 2) float64 ndarray
        Contours of the map, and of the detector's mask: x and y in spaxels, whose centres are whole numbers.
    """

    title: str
    image: NDArray[np.floating]
    norm: Normalize
    unit: str
    block_side: int = 1
    contours: Polylines = ()
    outline: Polylines = ()


@dataclass(frozen=True, slots=True, eq=False)
class CurvePanel:
    """One curve against wavelength.

    Attributes
    ----------
    title, label : str
        Name of the curve, and label of its vertical axis.
    wavelength_um, values : (n,) float64 ndarray
        Its points; empty where no value is known.
    """

    title: str
    label: str
    wavelength_um: Floats
    values: Floats


@dataclass(frozen=True, slots=True, eq=False)
class DetectionPanels:
    """All panels of one line in one cube.

    Attributes
    ----------
    line : Line
        The line, which the curves mark.
    unit : str
        Unit of planes and spectrum; empty where the cube's header has none.
    wcs : WCS or None
        Celestial coordinates of the spaxels.
    planes : tuple of MapPanel
        Ten planes before, the line's, ten after, all with the norm of the line's.
    line_flux : MapPanel
        The moment map.
    statistic, spectrum : CurvePanel
        The detector's statistic where it is known, and the spectrum of the peak.
    """

    line: Line
    unit: str
    wcs: WCS | None
    planes: tuple[MapPanel, MapPanel, MapPanel]
    line_flux: MapPanel
    statistic: CurvePanel
    spectrum: CurvePanel


def make_detection_panels(cutout: Cutout, plane: int | None = None, max_side_px: float = inf) -> DetectionPanels:
    """Return the panels of a detection.

    Parameters
    ----------
    cutout : Cutout
        Its maps and curves.
    plane : int, optional
        The line's plane in the cube, for the title.
    max_side_px : float
        Most pixels along a side of a map: larger ones are averaged over blocks of spaxels.
    """
    unit, norm = str(cutout.header.get("BUNIT", "")), power_norm(cutout.line_map)

    def plane_panel(title: str, image: NDArray[np.float32]) -> MapPanel:
        return MapPanel(title, block_average(image, max_side_px), norm, unit, block_side(image.shape, max_side_px))

    known = np.flatnonzero(np.isfinite(cutout.statistic))
    window = slice(known[0], known[-1] + 1) if known.size else slice(0)
    return DetectionPanels(
        line=cutout.line,
        unit=unit,
        wcs=cutout_wcs(tuple(cutout.header.items())),
        planes=(
            plane_panel(f"{OFF_LINE_PLANES} planes before", cutout.before_map),
            plane_panel("the line" if plane is None else f"the line, plane {plane}", cutout.line_map),
            plane_panel(f"{OFF_LINE_PLANES} planes after", cutout.after_map),
        ),
        line_flux=line_flux_panel(cutout, f"{unit} µm".strip(), max_side_px),
        statistic=CurvePanel(
            "the detector's statistic", "statistic", cutout.wavelength_um[window], cutout.statistic[window]
        ),
        spectrum=CurvePanel(
            "spectrum where the line peaks", unit or "brightness", cutout.wavelength_um, cutout.spectrum
        ),
    )


@lru_cache(maxsize=128)
def cutout_wcs(cards: tuple[tuple[str, str | float | int], ...]) -> WCS | None:
    """Return the celestial coordinates of a cutout: those of a cube's lines are the same, and take 2 ms to make."""
    return celestial_wcs(fits.Header(dict(cards)))


def line_flux_panel(cutout: Cutout, unit: str, max_side_px: float) -> MapPanel:
    """Return the moment map, with contours at multiples of its scatter and the border of the detector's mask."""
    image, side = block_average(cutout.moment_map, max_side_px), block_side(cutout.moment_map.shape, max_side_px)
    values = image[np.isfinite(image)]
    scatter = float(mad_std(values)) if values.size else 0.0
    levels = [level * scatter for level in CONTOURS_SIGMA if 0 < level * scatter < values.max()]
    outline: Polylines = ()
    if cutout.mask is not None:
        padded = np.pad(cutout.mask, 1).astype(np.float64)  # so that the outline closes at the edge of the map
        outline = tuple(polyline - 1 for polyline in contour_lines(padded, [0.5]))
    return MapPanel(
        title="line flux",
        image=image,
        norm=line_flux_norm(cutout, scatter),
        unit=unit,
        block_side=side,
        contours=tuple((polyline + 0.5) * side - 0.5 for polyline in contour_lines(image, levels)),
        outline=outline,
    )


def line_flux_norm(cutout: Cutout, scatter: float) -> Normalize:
    """Return a linear scale up to the largest value in the mask, so that artefacts elsewhere do not set it."""
    if cutout.mask is not None:
        in_mask = cutout.moment_map[cutout.mask]
        if (finite := in_mask[np.isfinite(in_mask)]).size:
            return Normalize(-CONTOURS_SIGMA[0] * scatter, max(float(finite.max()), scatter))
    return linear_norm(cutout.moment_map)


def contour_lines(image: Floats, levels: Sequence[float]) -> Polylines:
    """Return the contours of an image, each (n, 2): x and y in pixels, whose centres are whole numbers."""
    if not levels or min(image.shape) < 2:
        return ()
    generator = contour_generator(z=np.ma.masked_invalid(image), line_type=LineType.Separate)
    polylines: list[Any] = [polyline for level in levels for polyline in generator.lines(level)]
    return tuple(polylines)
