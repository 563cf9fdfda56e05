"""Containment of objects in footprints, at a cost per near pair and not per pair.

A k-d tree of unit vectors finds the objects near each footprint; exact geometry decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from feii_dask.sky.footprints import Footprints
from feii_dask.sky.polygons import PolygonArray
from feii_dask.sky.shapes import Region
from feii_dask.sky.sphere import Floats, Integers, chord, unit_vectors

__all__ = ["Matches", "SkyIndex", "find_inside"]

CAP_MARGIN = 1e-12  # far above rounding, far below any footprint


@dataclass(frozen=True, eq=False)
class SkyIndex:
    """Objects on the sky in a k-d tree: made once, used for any number of footprints, cheap to pickle.

    Attributes
    ----------
    vectors : (n, 3) float64 ndarray
        The coordinates that were given, as unit vectors; NaN where one is not a position on the sky. An object's row
        here is its ``yso_index``.
    usable : (k,) int64 ndarray
        For each object in the tree, its ``yso_index``.
    tree : cKDTree
        Unit vectors of the usable objects.
    """

    vectors: Floats
    usable: Integers
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
        usable = np.flatnonzero(np.isfinite(vectors[:, 0]))
        return cls(vectors, usable, cKDTree(vectors[usable], balanced_tree=False))

    def near(self, centre: Floats, radius_rad: Floats) -> tuple[Integers, Integers]:
        """Find the objects within ``(m,)`` angles of ``(m, 3)`` directions.

        Returns
        -------
        which, yso_index : (k,) int64 ndarray
            Pairs of a direction, in order, and an object.
        """
        found = self.tree.query_ball_point(centre, chord(radius_rad) + CAP_MARGIN, return_sorted=False)
        count = np.fromiter(map(len, found), dtype=np.int64, count=len(found))
        node = np.fromiter(chain.from_iterable(found), dtype=np.int64, count=int(count.sum()))
        return np.repeat(np.arange(len(count)), count), self.usable[node]

    def nearest(self, directions: Floats) -> Integers:
        """Return the ``yso_index`` nearest to ``(m, 3)`` unit vectors; -1 for NaN, and where there are no objects."""
        nearest = np.full(len(directions), -1, dtype=np.int64)
        usable = np.isfinite(directions[:, 0])
        if len(self.usable):
            nearest[usable] = self.usable[self.tree.query(directions[usable])[1]]
        return nearest


class Matches(NamedTuple):
    """Pairs of a footprint and an object in it.

    Attributes
    ----------
    row : (k,) int64 ndarray
        The footprint's row.
    yso_index : (k,) int64 ndarray
        The object's row in the coordinates.
    signed_distance_rad : (k,) float64 ndarray
        Angle from the object to the footprint's edge, rad; negative outside.
    """

    row: Integers
    yso_index: Integers
    signed_distance_rad: Floats


def find_inside(footprints: Footprints, index: SkyIndex, pad_rad: float = 0.0) -> Matches:
    """Find the objects in each footprint, and those up to ``pad_rad`` outside of it, in the order of both."""
    parts = [find_in_polygons(footprints.polygons, footprints.polygon_row, index, pad_rad)]
    parts += [find_in_region(region, row, index, pad_rad) for row, region in footprints.regions.items()]
    row, yso_index, signed_distance_rad = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.lexsort((-signed_distance_rad, yso_index, row))
    row, yso_index, signed_distance_rad = row[order], yso_index[order], signed_distance_rad[order]
    deepest = np.ones(len(row), dtype=bool)  # not again in another polygon of the same footprint
    deepest[1:] = (np.diff(row) != 0) | (np.diff(yso_index) != 0)
    return Matches(row[deepest], yso_index[deepest], signed_distance_rad[deepest])


def find_in_polygons(polygons: PolygonArray, row: Integers, index: SkyIndex, pad_rad: float) -> Matches:
    """Find the objects in polygons, each of which belongs to a row of the table."""
    polygon, yso_index = index.near(polygons.centre, polygons.reach_rad + pad_rad)
    inside = polygons.inside(polygon, index.vectors[yso_index])
    if not pad_rad:
        polygon, yso_index, inside = polygon[inside], yso_index[inside], inside[inside]
    angle = polygons.angle_to_edge_rad(polygon, index.vectors[yso_index])
    signed_distance_rad = np.where(inside, angle, -angle)
    found = is_match(signed_distance_rad, pad_rad)
    return Matches(row[polygon[found]], yso_index[found], signed_distance_rad[found])


def find_in_region(region: Region, row: int, index: SkyIndex, pad_rad: float) -> Matches:
    """Find the objects in a region, the footprint of one row of the table."""
    ra_deg, dec_deg, radius_deg = region.cap
    centre = unit_vectors(ra_deg, dec_deg)[np.newaxis]
    _, yso_index = index.near(centre, np.radians([radius_deg]) + pad_rad)
    signed_distance_rad = region.signed_distance_rad(index.vectors[yso_index])
    found = is_match(signed_distance_rad, pad_rad)
    return Matches(np.full(found.sum(), row), yso_index[found], signed_distance_rad[found])


def is_match(signed_distance_rad: Floats, pad_rad: float) -> NDArray[np.bool_]:
    """Whether an object is inside: one exactly on the edge is not, but it is within any pad."""
    return signed_distance_rad >= -pad_rad if pad_rad else signed_distance_rad > 0.0
