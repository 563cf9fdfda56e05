"""Which positions lie in which footprints, at a cost per near pair and not per pair.

A k-d tree of unit vectors finds the positions near each footprint; exact geometry decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from feii_dask.sky.footprints import Footprints
from feii_dask.sky.rings import Rings
from feii_dask.sky.shapes import Region
from feii_dask.sky.sphere import Floats, Integers, chord, unit_vectors

__all__ = ["Matches", "SkyIndex", "find_inside"]

CAP_MARGIN = 1e-12  # far above rounding, far below any footprint


@dataclass(frozen=True, eq=False)
class SkyIndex:
    """Positions on the sky in a k-d tree: made once, used for any number of footprints, cheap to pickle.

    Attributes
    ----------
    entry : (n,) int64 ndarray
        For each point in the tree, its place among the coordinates that were given.
    tree : cKDTree
        Unit vectors of the usable positions.
    """

    entry: Integers
    tree: cKDTree

    @classmethod
    def of(cls, coordinates: ArrayLike | SkyIndex) -> SkyIndex:
        """Make an index, or take one that is made.

        Parameters
        ----------
        coordinates : (n, 2) array-like, or SkyIndex
            ra and dec, deg; what is not a position on the sky is left out and never found.

        Raises
        ------
        ValueError
            If the array has another shape.
        """
        if isinstance(coordinates, SkyIndex):
            return coordinates
        positions = np.asarray(coordinates, dtype=np.float64)
        if positions.ndim != 2 or positions.shape[1] != 2:
            raise ValueError(
                f"coordinates must be an (n, 2) array of ra and dec in deg, not of shape {positions.shape}"
            )
        vectors = unit_vectors(positions[:, 0], positions[:, 1])
        entry = np.flatnonzero(np.isfinite(vectors[:, 0]))
        return cls(entry, cKDTree(vectors[entry], balanced_tree=False))

    @property
    def points(self) -> Floats:
        """The unit vectors in the tree."""
        return np.asarray(self.tree.data)

    def near(self, centre: Floats, radius_rad: Floats) -> tuple[Integers, Integers]:
        """Find the points within ``(m,)`` angles of ``(m, 3)`` directions.

        Returns
        -------
        which, point : (k,) int64 ndarray
            Pairs of a direction, in order, and a point of the tree.
        """
        found = self.tree.query_ball_point(centre, chord(radius_rad) + CAP_MARGIN, return_sorted=False)
        count = np.fromiter(map(len, found), dtype=np.int64, count=len(found))
        point = np.fromiter(chain.from_iterable(found), dtype=np.int64, count=int(count.sum()))
        return np.repeat(np.arange(len(count)), count), point

    def nearest(self, directions: Floats) -> Integers:
        """Return the entries nearest to ``(m, 3)`` unit vectors; -1 for NaN, and where there are no entries."""
        nearest = np.full(len(directions), -1, dtype=np.int64)
        usable = np.isfinite(directions[:, 0])
        if len(self.entry):
            nearest[usable] = self.entry[self.tree.query(directions[usable])[1]]
        return nearest


class Matches(NamedTuple):
    """Pairs of a footprint and a position in it.

    Attributes
    ----------
    row : (k,) int64 ndarray
        The footprint's row.
    point : (k,) int64 ndarray
        The position's place in the tree.
    depth_rad : (k,) float64 ndarray
        Angle from the position to the footprint's edge, rad; negative outside.
    """

    row: Integers
    point: Integers
    depth_rad: Floats


def find_inside(footprints: Footprints, index: SkyIndex, pad_rad: float = 0.0) -> Matches:
    """Find the positions in each footprint, and those up to ``pad_rad`` outside of it, in the order of both."""
    parts = [_find_in_rings(footprints.rings, footprints.ring_row, index, pad_rad)]
    parts += [_find_in_region(region, row, index, pad_rad) for row, region in footprints.regions.items()]
    row, point, depth_rad = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.lexsort((-depth_rad, point, row))
    row, point, depth_rad = row[order], point[order], depth_rad[order]
    deepest = np.ones(len(row), dtype=bool)  # not again in another ring of the same footprint
    deepest[1:] = (np.diff(row) != 0) | (np.diff(point) != 0)
    return Matches(row[deepest], point[deepest], depth_rad[deepest])


def _find_in_rings(rings: Rings, row: Integers, index: SkyIndex, pad_rad: float) -> Matches:
    ring, point = index.near(rings.centre, rings.reach_rad + pad_rad)
    inside = rings.inside(ring, index.points[point])
    if not pad_rad:
        ring, point, inside = ring[inside], point[inside], inside[inside]
    angle = rings.angle_to_edge_rad(ring, index.points[point])
    depth_rad = np.where(inside, angle, -angle)
    found = _is_match(depth_rad, pad_rad)
    return Matches(row[ring[found]], point[found], depth_rad[found])


def _find_in_region(region: Region, row: int, index: SkyIndex, pad_rad: float) -> Matches:
    ra_deg, dec_deg, radius_deg = region.cap
    centre = unit_vectors(ra_deg, dec_deg)[np.newaxis]
    _, point = index.near(centre, np.radians([radius_deg]) + pad_rad)
    depth_rad = region.depth_rad(index.points[point])
    found = _is_match(depth_rad, pad_rad)
    return Matches(np.full(found.sum(), row), point[found], depth_rad[found])


def _is_match(depth_rad: Floats, pad_rad: float) -> NDArray[np.bool_]:
    """Whether a position of that depth counts: what lies exactly on the edge is not inside, but within any pad."""
    return depth_rad >= -pad_rad if pad_rad else depth_rad > 0.0
