"""Many rings of great-circle edges in a few flat arrays, and the tests of points against them.

A ring is drawn on the plane that touches the sphere at its middle. This (gnomonic) projection keeps great circles
straight, so that the plane's crossing test is exact on the sphere, poles and the origin of right ascension included.
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

MAX_REACH_DEG = 89.0  # the plane ends at 90; what reaches further is no footprint of an instrument
HORIZON = 1e-3  # the plane is drawn up to this cosine, 89.94 deg, from its middle
THINNEST = 1e-6  # of an area, in units of the squared reach
EDGES_AT_ONCE = 1 << 20  # about 200 MB of working arrays


@dataclass(frozen=True, eq=False)
class PolygonArray:
    """PolygonArray of vertices; the last vertex of each is joined to its first.

    A vertex may be repeated, so closed rings are as welcome as open ones. The order of the vertices does not matter,
    and where a ring crosses itself the even-odd rule decides.

    Attributes
    ----------
    first, count : (m,) int64 ndarray
        Where each ring begins among the vertices, and how many it has, at least one.
    vertex : (v, 3) float64 ndarray
        The vertices of all rings, one after the other, as unit vectors.
    following : (v,) int64 ndarray
        The vertex that comes next in the ring.
    plane : (v, 2) float64 ndarray
        The vertices on the tangent planes.
    centre : (m, 3) float64 ndarray
        The mean direction of each ring's vertices, at which its plane touches.
    east, north : (m, 3) float64 ndarray
        The axes of the planes.
    reach_rad : (m,) float64 ndarray
        Angle from the centre to the farthest vertex, rad; NaN where a vertex is. Nothing can be said of points in a
        ring that reaches beyond `MAX_REACH_DEG`.
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
        """Lay out rings from the ``(v,)`` positions of all vertices, deg, and the ``(m,)`` numbers of vertices."""
        vertex = unit_vectors(ra_deg, dec_deg)
        last = np.cumsum(count) - 1
        first = last + 1 - count
        following = np.arange(1, len(vertex) + 1)
        following[last] = first
        ring = np.repeat(np.arange(len(count)), count)
        total = np.add.reduceat(vertex, first, axis=0) if len(count) else np.empty((0, 3))
        centre = total / np.maximum(np.sqrt(dot(total, total)), TINY)[:, np.newaxis]
        east, north = tangent_axes(centre)
        away = angle_rad(vertex, centre[ring])
        reach_rad = np.maximum.reduceat(away, first) if len(count) else away
        plane = np.stack(_project(vertex, centre[ring], east[ring], north[ring]), axis=-1)
        return cls(first, count, vertex, following, plane, centre, east, north, reach_rad)

    @property
    def is_valid(self) -> NDArray[np.bool_]:
        """Whether each ring fits on its plane and plainly encloses an area; if not, it deserves a closer look."""
        x, y = self.plane.T
        areas = x * y[self.following] - x[self.following] * y
        signed_area = np.add.reduceat(areas, self.first) / 2.0 if len(self.count) else areas
        valid: NDArray[np.bool_] = (self.reach_rad < np.radians(MAX_REACH_DEG)) & (
            np.abs(signed_area) > THINNEST * self.reach_rad**2
        )
        return valid

    def inside(self, ring: Integers, points: Floats) -> NDArray[np.bool_]:
        """Tell which points lie inside their rings.

        Parameters
        ----------
        ring : (k,) int64 ndarray
            Which ring each point is tested against.
        points : (k, 3) float64 ndarray
            Unit vectors; those with NaN are in no ring.

        Returns
        -------
        (k,) bool ndarray
        """
        x, y = _project(points, self.centre[ring], self.east[ring], self.north[ring])
        crossings = np.zeros(len(ring), dtype=np.int64)
        for block in self._blocks(ring):
            pair, edge, _ = self._edges(ring[block])
            px, py = x[block][pair], y[block][pair]
            (x1, y1), (x2, y2) = self.plane[edge].T, self.plane[self.following[edge]].T
            straddles = (y1 > py) != (y2 > py)
            # The edge is met to the right of the point: the point is left of the edge going up, right of it going down.
            meets = straddles & (((x2 - x1) * (py - y1) > (px - x1) * (y2 - y1)) == (y2 > y1))
            crossings[block] = np.bincount(pair[meets], minlength=len(ring[block]))
        in_front = dot(points, self.centre[ring]) > 0.0  # the far hemisphere would be drawn, too
        inside: NDArray[np.bool_] = in_front & (crossings % 2 == 1)
        return inside

    def angle_to_edge_rad(self, ring: Integers, points: Floats) -> Floats:
        """Return the angles, rad, from ``(k, 3)`` points to the nearest edges of their ``(k,)`` rings."""
        angle = np.empty(len(ring))
        for block in self._blocks(ring):
            pair, edge, begin = self._edges(ring[block])
            to_arc = angle_to_arc_rad(points[block][pair], self.vertex[edge], self.vertex[self.following[edge]])
            angle[block] = np.minimum.reduceat(to_arc, begin)
        return angle

    def _edges(self, ring: Integers) -> tuple[Integers, Integers, Integers]:
        """Spread (ring, point) pairs over the rings' edges: which pair, which edge, and where each pair begins."""
        count = self.count[ring]
        pair = np.repeat(np.arange(len(ring)), count)
        begin = np.cumsum(count) - count
        return pair, np.arange(len(pair)) + (self.first[ring] - begin)[pair], begin

    def _blocks(self, ring: Integers) -> Iterator[slice]:
        """Cut pairs into blocks of bounded work, so that memory is bounded, too."""
        total = np.cumsum(self.count[ring])
        start = 0
        while start < len(ring):
            done = total[start - 1] if start else 0
            stop = max(start + 1, int(np.searchsorted(total, done + EDGES_AT_ONCE, side="right")))
            yield slice(start, stop)
            start = stop


def _project(points: Floats, centre: Floats, east: Floats, north: Floats) -> tuple[Floats, Floats]:
    """Draw points on tangent planes; what lies in front, down to the horizon, but in no ring is drawn in none."""
    scale = 1.0 / np.maximum(dot(points, centre), HORIZON)
    return dot(points, east) * scale, dot(points, north) * scale
