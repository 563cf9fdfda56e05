"""Where a run looked, on maps of the whole sky."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from astropy.coordinates import SkyCoord
from numpy.typing import ArrayLike, NDArray

__all__ = ["Place", "SkyMap", "aitoff", "path_of", "sky_maps"]

Floats = NDArray[np.float64]

WIDTH, HEIGHT = 720, 360  # of a map of the whole sky, in units of the drawing


@dataclass(frozen=True, slots=True)
class Place:
    """A point in a drawing, and what stands there."""

    x: float
    y: float
    label: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class SkyMap:
    """The whole sky in one frame, in Aitoff's projection, longitude increasing to the left.

    Attributes
    ----------
    name : str
        The frame.
    grid : str
        SVG path of meridians and parallels.
    labels : tuple of Place
        Their degrees.
    ysos, footprints : str
        SVG paths of dots.
    candidates : tuple of Place
        With the labels of their rows as keys.
    """

    name: str
    grid: str
    labels: tuple[Place, ...]
    ysos: str
    footprints: str
    candidates: tuple[Place, ...]
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
    stars, cubes, found = (
        SkyCoord(*table[[*names]].dropna().to_numpy(dtype=np.float64).T, unit="deg")
        for table, names in ((ysos, ("ra", "dec")), (matched, ("s_ra", "s_dec")), (candidates, ("ra", "dec")))
    )
    labels = list(zip(candidates["main_id"].astype(str), candidates["yso_index"].astype(str), strict=True))

    def draw(name: str, frame: str, longitude: str, latitude: str) -> SkyMap:
        def place(coordinates: SkyCoord) -> tuple[Floats, Floats]:
            there = coordinates.transform_to(frame)
            return aitoff(getattr(there, longitude).deg, getattr(there, latitude).deg)

        return SkyMap(
            name=name,
            grid=_grid(),
            labels=_grid_labels(),
            ysos=_dots(*place(stars)),
            footprints=_dots(*place(cubes)),
            candidates=tuple(
                Place(float(x), float(y), *label) for x, y, label in zip(*place(found), labels, strict=True)
            ),
        )

    return draw("Galactic", "galactic", "l", "b"), draw("ICRS", "icrs", "ra", "dec")


def aitoff(longitude_deg: ArrayLike, latitude_deg: ArrayLike) -> tuple[Floats, Floats]:
    """Project onto a map of the whole sky whose centre is longitude 0 (Snyder 1987, USGS PP 1395, eqs. 5-10, 5-11)."""
    half = np.radians((np.asarray(longitude_deg, dtype=np.float64) + 180) % 360 - 180) / 2
    latitude = np.radians(np.asarray(latitude_deg, dtype=np.float64))
    stretch = 1 / np.sinc(np.arccos(np.clip(np.cos(latitude) * np.cos(half), -1, 1)) / np.pi)
    x, y = 2 * np.cos(latitude) * np.sin(half) * stretch, np.sin(latitude) * stretch
    return WIDTH / 2 * (1 - x / np.pi), HEIGHT / 2 * (1 - y / (np.pi / 2))


def _dots(x: Floats, y: Floats) -> str:
    """Return a path of dots; those that would cover each other are one."""
    rounded = np.unique(np.round(np.stack([x, y], axis=-1)).astype(int), axis=0)
    return "".join(f"M{across} {down}h0" for across, down in rounded)


def _grid() -> str:
    along = np.linspace(-90, 90, 37)
    meridians = [aitoff(np.full_like(along, longitude), along) for longitude in (-180, -120, -60, 0, 60, 120, 179.999)]
    around = np.linspace(-180, 179.999, 73)
    parallels = [aitoff(around, np.full_like(around, latitude)) for latitude in (-60, -30, 0, 30, 60)]
    return "".join(path_of(x, y) for x, y in (*meridians, *parallels))


def _grid_labels() -> tuple[Place, ...]:
    places = {(float(longitude), 0): longitude % 360 for longitude in (-120, -60, 0, 60, 120)}
    places |= {(-179.999, latitude): latitude for latitude in (-60, -30, 30, 60)}
    labels = []
    for (longitude, latitude), degrees in places.items():
        x, y = aitoff(longitude, latitude)
        labels.append(Place(float(x), float(y), f"{degrees}°".replace("-", "−")))
    return tuple(labels)


def path_of(x: Floats, y: Floats, close: str = "") -> str:
    """Return points as an SVG path; ``Z`` closes it."""
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True)) + close
