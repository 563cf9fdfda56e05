"""Unit vectors of directions on the sky, and the angles between them.

Every formula takes differences of vectors, so that an angle of a milliarcsecond is as exact as one of a degree.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ARCSEC_PER_RADIAN",
    "TINY",
    "Floats",
    "Integers",
    "angle_rad",
    "angle_to_arc_rad",
    "chord",
    "dot",
    "positions_deg",
    "tangent_axes",
    "unit_vectors",
]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

ARCSEC_PER_RADIAN = float(np.degrees(1.0) * 3600.0)
TINY = np.finfo(np.float64).tiny  # a divisor in place of zero


def dot(a: Floats, b: Floats) -> Floats:
    """Return the scalar products of ``(..., 3)`` vectors."""
    product: Floats = np.einsum("...i,...i->...", a, b)
    return product


def unit_vectors(ra_deg: ArrayLike, dec_deg: ArrayLike) -> Floats:
    """Turn positions into unit vectors.

    Parameters
    ----------
    ra_deg, dec_deg : (...) array-like
        Position, deg; the right ascension may be negative or above 360.

    Returns
    -------
    (..., 3) float64 ndarray
        NaN where a coordinate is not finite or the declination is beyond a pole.
    """
    ra, dec = np.broadcast_arrays(np.asarray(ra_deg, dtype=np.float64), np.asarray(dec_deg, dtype=np.float64))
    usable = np.isfinite(ra) & (np.abs(dec) <= 90.0)
    ra_rad, dec_rad = np.radians(np.where(usable, ra, np.nan)), np.radians(np.where(usable, dec, np.nan))
    vectors = np.empty((*ra.shape, 3))
    vectors[..., 0] = np.cos(dec_rad) * np.cos(ra_rad)
    vectors[..., 1] = np.cos(dec_rad) * np.sin(ra_rad)
    vectors[..., 2] = np.sin(dec_rad)
    return vectors


def positions_deg(vectors: Floats) -> tuple[Floats, Floats]:
    """Return right ascension, 0 to 360 deg, and declination, deg, of ``(..., 3)`` vectors of any length."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    return np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))


def angle_rad(a: Floats, b: Floats) -> Floats:
    """Return the angle between ``(..., 3)`` unit vectors, rad, exact for the smallest and the largest.

    The formula is W. Kahan's: twice the arc tangent of the length of the difference over that of the sum.
    """
    difference, total = a - b, a + b
    angle: Floats = 2.0 * np.arctan2(np.sqrt(dot(difference, difference)), np.sqrt(dot(total, total)))
    return angle


def chord(angle: Floats) -> Floats:
    """Return the straight distance between two unit vectors that are ``angle`` rad apart."""
    length: Floats = 2.0 * np.sin(np.minimum(angle, np.pi) / 2.0)
    return length


def tangent_axes(centre: Floats) -> tuple[Floats, Floats]:
    """Return the ``(..., 3)`` unit vectors to the east and to the north of ``(..., 3)`` directions."""
    x, y, z = np.moveaxis(centre, -1, 0)
    ra, dec = np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))
    east = np.stack([-np.sin(ra), np.cos(ra), np.zeros_like(ra)], axis=-1)
    north = np.stack([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)], axis=-1)
    return east, north


def angle_to_arc_rad(points: Floats, start: Floats, end: Floats) -> Floats:
    """Return the angle from points to the nearest point of great-circle arcs, rad.

    Parameters
    ----------
    points, start, end : (..., 3) float64 ndarray
        Unit vectors. An arc is the shorter way from start to end; it may have no length.

    Returns
    -------
    (...) float64 ndarray
    """
    along, from_start, from_end = end - start, points - start, points - end
    normal = np.cross(start, along)
    sine = np.abs(dot(from_start, normal)) / np.maximum(np.sqrt(dot(normal, normal)), TINY)
    to_start, to_end, squared = dot(from_start, from_start), dot(from_end, from_end), dot(along, along)
    # The nearest point is inside the arc: on the end's side of the start and on the start's side of the end. (Each
    # condition is the sign of (normal × start)·point, written without its cancelling terms.)
    faces_arc = (dot(along, from_start) > squared * to_start / 4.0) & (-dot(along, from_end) > squared * to_end / 4.0)
    nearer_end = 2.0 * np.arcsin(np.minimum(np.sqrt(np.minimum(to_start, to_end)) / 2.0, 1.0))
    angle: Floats = np.where(faces_arc, np.arcsin(np.minimum(sine, 1.0)), nearer_end)
    return angle
