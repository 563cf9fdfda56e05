"""Regions of the sky: polygons and circles, their unions, intersections and complements.

All are frozen values that can be compared, hashed and pickled. Coordinates are ICRS, deg.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from feii_dask.errors import RegionError
from feii_dask.sky.polygons import MAX_REACH_DEG, PolygonArray
from feii_dask.sky.sphere import ARCSEC_PER_RADIAN, Floats, angle_rad, dot, positions_deg, unit_vectors

__all__ = ["Cap", "Circle", "Complement", "Intersection", "Polygon", "Region", "Union"]

RESOLUTION_RAD = 1e-6 / ARCSEC_PER_RADIAN  # a microarcsecond, finer than the nine decimals that archives write


class Cap(NamedTuple):
    """A circle on the sky that holds the whole of a region, deg."""

    ra_deg: float
    dec_deg: float
    radius_deg: float


WHOLE_SKY = Cap(0.0, 90.0, 180.0)


@dataclass(frozen=True)
class Region(ABC):
    """A part of the sky; what `parse_region` returns."""

    @property
    @abstractmethod
    def cap(self) -> Cap:
        """A circle that holds the region; not always the smallest, but never too small."""

    @abstractmethod
    def outlines(self) -> Iterator[Polygon | Circle]:
        """Yield the polygons and circles that the region is made of, holes among them."""

    @abstractmethod
    def signed_distance_rad(self, points: Floats) -> Floats:
        """Return the angles from ``(n, 3)`` unit vectors to the edge, rad, negative outside.

        Where shapes overlap, the largest of the angles in each of them.
        """

    @property
    def rings(self) -> tuple[Floats, ...]:
        """The outlines of all polygons, each (n, 2) ra and dec, deg; the last vertex is not the first again."""
        return tuple(np.array(shape.vertices) for shape in self.outlines() if isinstance(shape, Polygon))

    @property
    def circles(self) -> tuple[Cap, ...]:
        """All circles; a point is one whose radius is 0."""
        return tuple(shape.cap for shape in self.outlines() if isinstance(shape, Circle))

    def contains(self, ra_deg: ArrayLike, dec_deg: ArrayLike) -> NDArray[np.bool_]:
        """Return which positions lie inside.

        Parameters
        ----------
        ra_deg, dec_deg : (...) array-like
            Positions, as astropy Quantities or in deg. One that is not finite, or beyond a pole, is nowhere.

        Returns
        -------
        (...) bool ndarray

        Raises
        ------
        RegionError
            If a Quantity is no angle.

        Examples
        --------
        >>> from feii_dask.sky.regions import parse_region
        >>> parse_region("CIRCLE ICRS 359.9 -30 0.5").contains([0.2, 0.9], [-30.0, -30.0])
        array([ True, False])
        """
        points = unit_vectors(as_degrees(ra_deg), as_degrees(dec_deg))
        cap = self.cap
        away = angle_rad(points, unit_vectors(cap.ra_deg, cap.dec_deg))
        inside = np.asarray(away <= np.radians(cap.radius_deg) + RESOLUTION_RAD)
        inside[inside] = self.signed_distance_rad(points[inside]) > 0.0
        return inside


def as_degrees(angle: ArrayLike) -> ArrayLike:
    """Return a Quantity's numbers in deg; it is recognised by its method, since importing astropy takes long."""
    to_value = getattr(angle, "to_value", None)
    if to_value is None:
        return angle
    try:
        degrees: ArrayLike = to_value("deg")
    except ValueError as error:
        raise RegionError(f"a position must be angles, or plain numbers for deg: {error}") from error
    return degrees


@dataclass(frozen=True)
class Polygon(Region):
    """The inside of a polygon of great-circle edges, which is the smaller part of the sky.

    Parameters
    ----------
    vertices : tuple of (ra, dec)
        Its corners in order, deg; the last is joined to the first.

    Raises
    ------
    RegionError
        If they enclose nothing, or more than fits on a hemisphere.
    """

    vertices: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        distinct = len(set(self.vertices))
        if distinct < 3:
            raise RegionError(f"a polygon needs at least 3 distinct vertices, not {distinct}")
        if self._polygons.is_valid[0]:
            return
        reach_deg = np.degrees(self._polygons.reach_rad[0])
        if not reach_deg < MAX_REACH_DEG:
            raise RegionError(
                f"a polygon must lie within {MAX_REACH_DEG:g} deg of its middle; this one reaches {reach_deg:.4g} deg"
            )
        plane = self._polygons.plane
        in_line = np.linalg.matrix_rank(plane - plane.mean(axis=0), tol=RESOLUTION_RAD) < 2
        if in_line or self._retraces():
            raise RegionError("a polygon must enclose an area")

    def _retraces(self) -> bool:
        """Whether every edge is taken as often back as forth, or twice."""
        unpaired: set[frozenset[tuple[float, float]]] = set()
        for start, end in zip(self.vertices, (*self.vertices[1:], self.vertices[0]), strict=True):
            if start != end:
                unpaired ^= {frozenset((start, end))}
        return not unpaired

    @cached_property
    def _polygons(self) -> PolygonArray:
        ra, dec = np.array(self.vertices, dtype=np.float64).T
        return PolygonArray.from_degrees(ra, dec, np.array([len(self.vertices)]))

    @property
    def cap(self) -> Cap:
        """From the middle of the vertices to the farthest."""
        ra, dec = positions_deg(self._polygons.centre[0])
        return Cap(float(ra), float(dec), float(np.degrees(self._polygons.reach_rad[0])))

    def outlines(self) -> Iterator[Polygon | Circle]:
        """Yield itself."""
        yield self

    def signed_distance_rad(self, points: Floats) -> Floats:
        """Return the angle to the nearest edge, negative outside of the polygon."""
        only = np.zeros(len(points), dtype=np.int64)
        angle = self._polygons.angle_to_edge_rad(only, points)
        return np.where(self._polygons.inside(only, points), angle, -angle)


@dataclass(frozen=True)
class Circle(Region):
    """All that is nearer to a centre than a radius, deg; with a radius of 0, a point, which holds nothing."""

    ra_deg: float
    dec_deg: float
    radius_deg: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.radius_deg <= 180.0:
            raise RegionError(f"the radius of a circle must be from 0 to 180 deg, not {self.radius_deg:g}")

    @property
    def cap(self) -> Cap:
        """The circle."""
        return Cap(self.ra_deg, self.dec_deg, self.radius_deg)

    def outlines(self) -> Iterator[Polygon | Circle]:
        """Yield itself."""
        yield self

    def signed_distance_rad(self, points: Floats) -> Floats:
        """Return the radius less the angle to the centre."""
        distance: Floats = np.radians(self.radius_deg) - angle_rad(points, unit_vectors(self.ra_deg, self.dec_deg))
        return distance


@dataclass(frozen=True)
class CompoundRegion(Region):
    """A region that is made of others."""

    members: tuple[Region, ...]

    def outlines(self) -> Iterator[Polygon | Circle]:
        """Yield those of all members."""
        for member in self.members:
            yield from member.outlines()


class Union(CompoundRegion):
    """What lies in at least one of the members."""

    @property
    def cap(self) -> Cap:
        """A circle around those of the members."""
        ra_deg, dec_deg, radius_deg = np.array([member.cap for member in self.members]).T
        centres = unit_vectors(ra_deg, dec_deg)
        total = centres.sum(axis=0)
        length = np.sqrt(dot(total, total))
        if length < RESOLUTION_RAD:
            return WHOLE_SKY
        reach_deg = float(np.max(np.degrees(angle_rad(centres, total / length)) + radius_deg))
        ra, dec = positions_deg(total)
        return Cap(float(ra), float(dec), min(reach_deg, 180.0))

    def signed_distance_rad(self, points: Floats) -> Floats:
        """Return the largest of the members' signed distances."""
        distance: Floats = np.max([member.signed_distance_rad(points) for member in self.members], axis=0)
        return distance


class Intersection(CompoundRegion):
    """What lies in all of the members."""

    @property
    def cap(self) -> Cap:
        """The smallest of the members' circles."""
        return min((member.cap for member in self.members), key=lambda cap: cap.radius_deg)

    def signed_distance_rad(self, points: Floats) -> Floats:
        """Return the smallest of the members' signed distances."""
        distance: Floats = np.min([member.signed_distance_rad(points) for member in self.members], axis=0)
        return distance


@dataclass(frozen=True)
class Complement(Region):
    """All of the sky but a region."""

    region: Region

    @property
    def cap(self) -> Cap:
        """The whole sky."""
        return WHOLE_SKY

    def outlines(self) -> Iterator[Polygon | Circle]:
        """Yield those of the region that is left out."""
        return self.region.outlines()

    def signed_distance_rad(self, points: Floats) -> Floats:
        """Return the signed distances of the region, with the opposite sign."""
        return -self.region.signed_distance_rad(points)
