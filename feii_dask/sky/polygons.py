"""Polygons of great-circle edges in a few flat arrays, and the points inside them.

A polygon is projected on the plane that touches the sphere at its middle. This (gnomonic) projection keeps great
circles straight, so that the plane's crossing test is exact on the sphere, poles and the origin of right ascension
included.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feii_dask.sky.sphere import (
    TINY,
    Floats,
    Integers,
    angle_rad,
    angle_to_arc_rad,
    dot,
    tangent_axes,
    unit_vectors,
)

__all__ = ["MAX_REACH_DEG", "PolygonArray"]

MAX_REACH_DEG = 89.0  # the plane ends at 90; no footprint of an instrument is larger
HORIZON = 1e-3  # the projection ends at this cosine, 89.94 deg from its middle
THINNEST = 1e-6  # of an area, in units of the squared reach
EDGES_AT_ONCE = 1 << 20  # about 200 MB of working arrays


@dataclass(frozen=True, eq=False)
class PolygonArray:
    """Polygons by their vertices; the last vertex of each is joined to its first.

    A vertex may be repeated, so the first may be there again as the last. The vertices may go round either way, and
    where a polygon crosses itself the even-odd rule decides.

    Attributes
    ----------
    first, count : (m,) int64 ndarray
        Where each polygon begins among the vertices, and how many it has, at least one.
    vertex : (v, 3) float64 ndarray
        The vertices of all polygons, one after the other, as unit vectors.
    following : (v,) int64 ndarray
        The vertex that comes next in the polygon.
    plane : (v, 2) float64 ndarray
        The vertices on the tangent planes.
    centre : (m, 3) float64 ndarray
        The mean direction of each polygon's vertices, at which its plane touches.
    east, north : (m, 3) float64 ndarray
        The axes of the planes.
    reach_rad : (m,) float64 ndarray
        Angle from the centre to the farthest vertex, rad; NaN where a vertex is. Nothing can be said of points in a
        polygon that reaches beyond `MAX_REACH_DEG`.
    """

    first: Integers
    count: Integers
    vertex: Floats
    following: Integers
    plane: Floats
    centre: Floats
    east: Floats
    north: Floats
    reach_rad: Floats

    @classmethod
    def from_degrees(cls, ra_deg: Floats, dec_deg: Floats, count: Integers) -> PolygonArray:
        """Make polygons of the ``(v,)`` positions of all vertices, deg, and the ``(m,)`` numbers of vertices."""
        vertex = unit_vectors(ra_deg, dec_deg)
        last = np.cumsum(count) - 1
        first = last + 1 - count
        following = np.arange(1, len(vertex) + 1)
        following[last] = first
        polygon = np.repeat(np.arange(len(count)), count)
        total = np.add.reduceat(vertex, first, axis=0) if len(count) else np.empty((0, 3))
        centre = total / np.maximum(np.sqrt(dot(total, total)), TINY)[:, np.newaxis]
        east, north = tangent_axes(centre)
        away = angle_rad(vertex, centre[polygon])
        reach_rad = np.maximum.reduceat(away, first) if len(count) else away
        plane = np.stack(project(vertex, centre[polygon], east[polygon], north[polygon]), axis=-1)
        return cls(first, count, vertex, following, plane, centre, east, north, reach_rad)

    @property
    def is_valid(self) -> NDArray[np.bool_]:
        """Whether each polygon fits on its plane and clearly encloses an area; others need a closer look."""
        x, y = self.plane.T
        areas = x * y[self.following] - x[self.following] * y
        signed_area = np.add.reduceat(areas, self.first) / 2.0 if len(self.count) else areas
        valid: NDArray[np.bool_] = (self.reach_rad < np.radians(MAX_REACH_DEG)) & (
            np.abs(signed_area) > THINNEST * self.reach_rad**2
        )
        return valid

    def inside(self, polygon: Integers, points: Floats) -> NDArray[np.bool_]:
        """Return which points lie inside their polygons.

        Parameters
        ----------
        polygon : (k,) int64 ndarray
            Which polygon each point is tested against.
        points : (k, 3) float64 ndarray
            Unit vectors; those with NaN are in no polygon.

        Returns
        -------
        (k,) bool ndarray
        """
        x, y = project(points, self.centre[polygon], self.east[polygon], self.north[polygon])
        crossings = np.zeros(len(polygon), dtype=np.int64)
        for block in self._blocks(polygon):
            pair, edge, _ = self._edges(polygon[block])
            px, py = x[block][pair], y[block][pair]
            (x1, y1), (x2, y2) = self.plane[edge].T, self.plane[self.following[edge]].T
            straddles = (y1 > py) != (y2 > py)
            # The edge is met to the right of the point: the point is left of the edge going up, right of it going down.
            meets = straddles & (((x2 - x1) * (py - y1) > (px - x1) * (y2 - y1)) == (y2 > y1))
            crossings[block] = np.bincount(pair[meets], minlength=len(polygon[block]))
        in_front = dot(points, self.centre[polygon]) > 0.0  # the far hemisphere is projected, too
        inside: NDArray[np.bool_] = in_front & (crossings % 2 == 1)
        return inside

    def angle_to_edge_rad(self, polygon: Integers, points: Floats) -> Floats:
        """Return the angles, rad, from ``(k, 3)`` points to the nearest edges of their ``(k,)`` polygons."""
        angle = np.empty(len(polygon))
        for block in self._blocks(polygon):
            pair, edge, begin = self._edges(polygon[block])
            to_arc = angle_to_arc_rad(points[block][pair], self.vertex[edge], self.vertex[self.following[edge]])
            angle[block] = np.minimum.reduceat(to_arc, begin)
        return angle

    def _edges(self, polygon: Integers) -> tuple[Integers, Integers, Integers]:
        """Return the edges of (polygon, point) pairs: which pair, which edge, and where each pair begins."""
        count = self.count[polygon]
        pair = np.repeat(np.arange(len(polygon)), count)
        begin = np.cumsum(count) - count
        return pair, np.arange(len(pair)) + (self.first[polygon] - begin)[pair], begin

    def _blocks(self, polygon: Integers) -> Iterator[slice]:
        """Cut pairs into blocks of bounded work, so that memory is bounded, too."""
        total = np.cumsum(self.count[polygon])
        start = 0
        while start < len(polygon):
            done = total[start - 1] if start else 0
            stop = max(start + 1, int(np.searchsorted(total, done + EDGES_AT_ONCE, side="right")))
            yield slice(start, stop)
            start = stop


def project(points: Floats, centre: Floats, east: Floats, north: Floats) -> tuple[Floats, Floats]:
    """Project points on tangent planes; points below the horizon stay outside of every polygon."""
    scale = 1.0 / np.maximum(dot(points, centre), HORIZON)
    return dot(points, east) * scale, dot(points, north) * scale
