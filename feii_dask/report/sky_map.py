"""Maps of the whole sky with the objects, matched cubes and candidates of a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from astropy.coordinates import SkyCoord
from numpy.typing import ArrayLike, NDArray

from feii_dask.report.svg_curves import svg_path

__all__ = ["ChartPoint", "SkyMap", "aitoff", "sky_maps"]

Floats = NDArray[np.float64]

WIDTH, HEIGHT = 720, 360  # of a map of the whole sky, in units of the drawing


@dataclass(frozen=True, slots=True)
class ChartPoint:
    """A point in a drawing, its label, and the ``yso_index`` of an object there."""

    x: float
    y: float
    label: str
    yso_index: str = ""


@dataclass(frozen=True, slots=True)
class SkyMap:
    """The whole sky in one frame, in Aitoff's projection, longitude increasing to the left.

    Attributes
    ----------
    name : str
        The frame.
    grid : str
        SVG path of meridians and parallels.
    labels : tuple of ChartPoint
        Degrees along them.
    ysos, footprints : str
        SVG paths of dots.
    candidates : tuple of ChartPoint
        Their points, with ``yso_index``.
    """

    name: str
    grid: str
    labels: tuple[ChartPoint, ...]
    ysos: str
    footprints: str
    candidates: tuple[ChartPoint, ...]
    width: int = WIDTH
    height: int = HEIGHT


def sky_maps(ysos: pd.DataFrame, matched: pd.DataFrame, candidates: pd.DataFrame) -> tuple[SkyMap, SkyMap]:
    """Return the sky in galactic coordinates and in ICRS.

    Parameters
    ----------
    ysos, candidates : DataFrame
        With ``ra`` and ``dec``, deg; the latter with ``main_id`` and ``yso_index``.
    matched : DataFrame
        With ``s_ra`` and ``s_dec``, deg.
    """
    yso_coords, cube_coords, candidate_coords = (
        SkyCoord(*table[[*names]].dropna().to_numpy(dtype=np.float64).T, unit="deg")
        for table, names in ((ysos, ("ra", "dec")), (matched, ("s_ra", "s_dec")), (candidates, ("ra", "dec")))
    )
    labels = list(zip(candidates["main_id"].astype(str), candidates["yso_index"].astype(str), strict=True))

    def draw(name: str, frame: str, longitude: str, latitude: str) -> SkyMap:
        def project(coordinates: SkyCoord) -> tuple[Floats, Floats]:
            in_frame = coordinates.transform_to(frame)
            return aitoff(getattr(in_frame, longitude).deg, getattr(in_frame, latitude).deg)

        return SkyMap(
            name=name,
            grid=graticule_path(),
            labels=graticule_labels(),
            ysos=dots_path(*project(yso_coords)),
            footprints=dots_path(*project(cube_coords)),
            candidates=tuple(
                ChartPoint(float(x), float(y), *label)
                for x, y, label in zip(*project(candidate_coords), labels, strict=True)
            ),
        )

    return draw("Galactic", "galactic", "l", "b"), draw("ICRS", "icrs", "ra", "dec")


def aitoff(longitude_deg: ArrayLike, latitude_deg: ArrayLike) -> tuple[Floats, Floats]:
    """Project onto a map of the whole sky whose centre is longitude 0 (Snyder 1987, USGS PP 1395, eqs. 5-10, 5-11)."""
    half = np.radians((np.asarray(longitude_deg, dtype=np.float64) + 180) % 360 - 180) / 2
    latitude = np.radians(np.asarray(latitude_deg, dtype=np.float64))
    scale = 1 / np.sinc(np.arccos(np.clip(np.cos(latitude) * np.cos(half), -1, 1)) / np.pi)
    x, y = 2 * np.cos(latitude) * np.sin(half) * scale, np.sin(latitude) * scale
    return WIDTH / 2 * (1 - x / np.pi), HEIGHT / 2 * (1 - y / (np.pi / 2))


def dots_path(x: Floats, y: Floats) -> str:
    """Return an SVG path of dots; those that would cover each other are one."""
    rounded = np.unique(np.round(np.stack([x, y], axis=-1)).astype(int), axis=0)
    return "".join(f"M{across} {down}h0" for across, down in rounded)


def graticule_path() -> str:
    """Return meridians and parallels as an SVG path."""
    along = np.linspace(-90, 90, 37)
    meridians = [aitoff(np.full_like(along, longitude), along) for longitude in (-180, -120, -60, 0, 60, 120, 179.999)]
    around = np.linspace(-180, 179.999, 73)
    parallels = [aitoff(around, np.full_like(around, latitude)) for latitude in (-60, -30, 0, 30, 60)]
    return "".join(svg_path(x, y) for x, y in (*meridians, *parallels))


def graticule_labels() -> tuple[ChartPoint, ...]:
    """Return the degrees of meridians along the equator, and of parallels along the edge."""
    degrees_at = {(float(longitude), 0): longitude % 360 for longitude in (-120, -60, 0, 60, 120)}
    degrees_at |= {(-179.999, latitude): latitude for latitude in (-60, -30, 30, 60)}
    labels = []
    for (longitude, latitude), degrees in degrees_at.items():
        x, y = aitoff(longitude, latitude)
        labels.append(ChartPoint(float(x), float(y), f"{degrees}°".replace("-", "−")))
    return tuple(labels)
