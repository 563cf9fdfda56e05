"""Finding chart of an object: footprints of its cubes, its neighbours, and the peaks of lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from feii_dask.figures.scale_bar import round_length_arcsec
from feii_dask.report.sky_map import ChartPoint
from feii_dask.report.svg_curves import svg_path
from feii_dask.sky.footprints import Footprints, Outline

__all__ = ["FindingChart", "draw_finding_chart", "outlines_of"]

Floats = NDArray[np.float64]

SIDE = 240  # of the drawing
MARGIN = 1.3  # half of a side over the reach of the footprints
MIN_REACH_ARCSEC = 1.5  # of the footprints, from the object
CIRCLE = np.linspace(0, 2 * np.pi, 49)


@dataclass(frozen=True, slots=True)
class FindingChart:
    """The surroundings of an object, north up and east left.

    Attributes
    ----------
    footprints : dict of str to str
        SVG path of each cube's outline, by its identifier.
    ysos, peaks : tuple of ChartPoint
        Other objects, and peaks of lines.
    bar, bar_arcsec : float
        A bar of round length, in the drawing and on the sky.
    """

    footprints: Mapping[str, str]
    ysos: tuple[ChartPoint, ...]
    peaks: tuple[ChartPoint, ...]
    bar: float
    bar_arcsec: float
    side: int = SIDE


def outlines_of(matched: pd.DataFrame) -> dict[str, Outline]:
    """Return the footprint of each matched cube; one that cannot be parsed is left out, as in the search."""
    obs_ids = matched["obs_id"].tolist()
    return {obs_ids[row]: outline for row, outline in Footprints.read(matched["s_region"]).outlines().items()}


def draw_finding_chart(
    ra_deg: float,
    dec_deg: float,
    footprints: Mapping[str, Outline],
    ysos: pd.DataFrame,
    peaks: pd.DataFrame,
) -> FindingChart:
    """Draw the surroundings of an object.

    Parameters
    ----------
    ra_deg, dec_deg : float
        The object.
    footprints : mapping of str to Outline
        Footprints of its cubes.
    ysos : DataFrame
        Objects with ``main_id``, ``ra`` and ``dec``; those outside the drawing are left out.
    peaks : DataFrame
        Detections with ``line``, ``peak_ra_deg`` and ``peak_dec_deg``.
    """
    outlines = {
        obs_id: [sky_offsets_arcsec(ra_deg, dec_deg, *ring.T) for ring in drawn_rings(outline)]
        for obs_id, outline in footprints.items()
    }
    reach = max([MIN_REACH_ARCSEC, *(float(np.abs(ring).max()) for rings in outlines.values() for ring in rings)])
    scale = SIDE / 2 / (reach * MARGIN)
    bar_arcsec = round_length_arcsec(reach / 2)

    def points(table: pd.DataFrame, ra: str, dec: str, label: str) -> tuple[ChartPoint, ...]:
        east, north = sky_offsets_arcsec(ra_deg, dec_deg, table[ra], table[dec])
        near = np.maximum(abs(east), abs(north)) <= reach * MARGIN  # not where a place is not known
        rows = zip(east[near], north[near], table[label].to_numpy()[near], strict=True)
        return tuple(ChartPoint(SIDE / 2 - scale * x, SIDE / 2 - scale * y, str(name)) for x, y, name in rows)

    return FindingChart(
        footprints={
            obs_id: "".join(svg_path(SIDE / 2 - scale * east, SIDE / 2 - scale * north, "Z") for east, north in rings)
            for obs_id, rings in outlines.items()
        },
        ysos=points(ysos, "ra", "dec", "main_id"),
        peaks=points(peaks, "peak_ra_deg", "peak_dec_deg", "line"),
        bar=bar_arcsec * scale,
        bar_arcsec=bar_arcsec,
    )


def drawn_rings(outline: Outline) -> list[Floats]:
    """Return the polygons of a footprint, its circles among them, each (n, 2): ra and dec, deg."""
    circles = []
    for cap in outline.circles:
        north = cap.radius_deg * np.cos(CIRCLE)
        east = cap.radius_deg * np.sin(CIRCLE) / np.cos(np.radians(cap.dec_deg))
        circles.append(np.stack([cap.ra_deg + east, cap.dec_deg + north], axis=1))
    return [*outline.rings, *circles]


def sky_offsets_arcsec(ra_deg: float, dec_deg: float, ra: ArrayLike, dec: ArrayLike) -> Floats:
    """Return the offsets of positions to the east and north, arcsec, in the plane: fields are small."""
    delta_ra_deg = (np.asarray(ra, dtype=np.float64) - ra_deg + 180) % 360 - 180
    east_deg = delta_ra_deg * np.cos(np.radians(dec_deg))
    return np.stack([east_deg, np.asarray(dec, dtype=np.float64) - dec_deg]) * 3600
