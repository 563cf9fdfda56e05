"""From an archive's ``s_region`` to a region of the sky.

The grammar is the part of STC-S (Space-Time Coordinates, String; IVOA note of 2009) that archives return, in any
case, with any white space, and with commas anywhere::

    region   = member+                                              all of them together
    member   = shape | "(" region ")" | operator [frame] "(" region ")"
    operator = "UNION" | "INTERSECTION" | "NOT"                     NOT cuts a hole into its neighbours
    shape    = ("POLYGON" | "CIRCLE" | "BOX" | "POINT" | "POSITION") [frame] number+
    frame    = ["ICRS" | "FK5" | "J2000" | "GSC1" | "FK4" | "B1950" | "GALACTIC" | "ECLIPTIC"]
               [reference position] ["SPHERICAL2"]

A shape's frame and numbers may stand in parentheses. FK5, J2000 and GSC1 are taken as ICRS, from which they differ by
less than 0.1 arcsec.
"""

from __future__ import annotations

import re
import reprlib
from itertools import groupby
from typing import NoReturn

import numpy as np

from feii_dask.errors import RegionError
from feii_dask.sky.shapes import Circle, Complement, Intersection, Polygon, Region, Union
from feii_dask.sky.sphere import Floats, positions_deg, tangent_axes, unit_vectors

__all__ = ["Region", "parse_region"]

TOKEN = re.compile(r"[()]|[^\s,()]+")
END = ""
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:E[+-]?[0-9]+)?")

ICRS_FRAMES = ("ICRS", "FK5", "J2000", "GSC1")
ASTROPY_FRAMES = {"FK4": "fk4", "B1950": "fk4", "GALACTIC": "galactic", "ECLIPTIC": "barycentricmeanecliptic"}
FRAMES = (*ICRS_FRAMES, *ASTROPY_FRAMES)
REFERENCE_POSITIONS = ("GEOCENTER", "BARYCENTER", "HELIOCENTER", "TOPOCENTER", "UNKNOWNREFPOS")
FLAVOURS = ("SPHERICAL2",)
NUMBERS = {
    "CIRCLE": "ra dec radius",
    "BOX": "ra dec width height",
    "POINT": "ra dec",
    "POSITION": "ra dec",
    "POLYGON": "ra dec ra dec ra dec …",
}
OPERATORS = ("UNION", "INTERSECTION", "NOT")

MAX_CHARACTERS = 1_000_000  # the longest in MAST's tables have some 2 500
MAX_NESTING = 32
MAX_RA_DEG = 720.0  # two turns; anything more is not a right ascension


def parse_region(s_region: str | None) -> Region:
    """Read an archive's ``s_region``.

    Parameters
    ----------
    s_region : str
        STC-S, as in the description of this module; coordinates in deg.

    Returns
    -------
    Region
        In ICRS.

    Raises
    ------
    RegionError
        If it is not text, or nothing can be made of it; the message says why.

    Examples
    --------
    >>> parse_region("POLYGON ICRS  10 20 11 20 11 21").contains([10.9, 10.1], [20.5, 20.5])
    array([ True, False])
    >>> parse_region("CIRCLE 10 20")
    Traceback (most recent call last):
    feii_dask.errors.RegionError: s_region 'CIRCLE 10 20' cannot be used: a CIRCLE is given by (ra dec radius), ...
    """
    if not isinstance(s_region, str):
        raise RegionError(f"s_region must be text, not {reprlib.repr(s_region)}")
    try:
        return _Reader(s_region).read()
    except RegionError as error:
        shown = s_region if len(s_region) <= 80 else s_region[:77] + "…"
        raise RegionError(f"s_region {shown!r} cannot be used: {error}") from None


class _Reader:
    """Reads the words of one ``s_region`` from left to right."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_CHARACTERS:
            raise RegionError(f"it has {len(text)} characters, more than {MAX_CHARACTERS}")
        self.words: list[str] = [*TOKEN.findall(text.upper()), END, END]
        self.position = 0
        self.nesting = 0

    def read(self) -> Region:
        """Read all of it."""
        if self.word == END:
            raise RegionError("it is empty")
        region = _union(self.members("ICRS"))
        if self.word != END:
            self.fail("closes no parenthesis")
        return region

    @property
    def word(self) -> str:
        """The next word."""
        return self.words[self.position]

    def take(self, *choice: str) -> str:
        """Step over the next word if it is among the choice, and return it; otherwise return nothing."""
        if self.word not in choice:
            return ""
        self.position += 1
        return self.words[self.position - 1]

    def fail(self, why: str) -> NoReturn:
        """Raise an error about the next word."""
        where = f"{reprlib.repr(self.word)} (word {self.position + 1})" if self.word != END else "the end"
        raise RegionError(f"{where} {why}")

    def members(self, frame: str) -> list[Region]:
        """Read regions up to the end, or up to a closing parenthesis."""
        found = []
        while self.word not in (END, ")"):
            found.append(self.member(frame))
        if not found:
            self.fail("stands where a region should")
        return found

    def member(self, frame: str) -> Region:
        """Read a shape, an operator with its regions, or regions in parentheses."""
        if kind := self.take(*NUMBERS):
            return self.shape(kind, frame)
        if operator := self.take(*OPERATORS):
            frame = self.frame(frame)
        elif self.word != "(":
            self.fail(f"is none of {', '.join((*NUMBERS, *OPERATORS))}")
        members = self.group(frame)
        if operator == "INTERSECTION":
            return Intersection(tuple(members)) if len(members) > 1 else members[0]
        return Complement(_union(members)) if operator == "NOT" else _union(members)

    def group(self, frame: str) -> list[Region]:
        """Read regions in parentheses."""
        if not self.take("("):
            self.fail("stands where a parenthesis should open")
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            self.fail(f"is nested deeper than {MAX_NESTING} parentheses")
        members = self.members(frame)
        if not self.take(")"):
            self.fail("stands where a parenthesis should close")
        self.nesting -= 1
        return members

    def frame(self, inherited: str) -> str:
        """Read a frame and step over what does not matter here: the reference position and the flavour."""
        frame = self.take(*FRAMES) or inherited
        self.take(*REFERENCE_POSITIONS)
        self.take(*FLAVOURS)
        return frame

    def shape(self, kind: str, frame: str) -> Region:
        """Read what follows the name of a shape."""
        nesting = 0
        while self.take("("):
            nesting += 1
        frame = self.frame(frame)
        numbers: list[float] = []
        while True:
            if NUMBER.fullmatch(self.word):
                numbers.append(float(self.word))
            elif self.word == "(" and (not numbers or NUMBER.fullmatch(self.words[self.position + 1])):
                nesting += 1
            elif self.word == ")" and nesting:
                nesting -= 1
            else:
                break
            self.position += 1
        if self.word not in (END, "(", ")", *NUMBERS, *OPERATORS):
            self.fail("is no number")
        if nesting:
            self.fail("stands where a parenthesis should close")
        return _build(kind, frame, numbers)


def _union(members: list[Region]) -> Region:
    """Join regions; those under NOT are holes in all of the others, as ALMA means it."""
    holes = [member for member in members if isinstance(member, Complement)]
    solid = [member for member in members if not isinstance(member, Complement)]
    parts = [Union(tuple(solid)), *holes] if len(solid) > 1 else [*solid, *holes]
    return Intersection(tuple(parts)) if len(parts) > 1 else parts[0]


def _build(kind: str, frame: str, numbers: list[float]) -> Region:
    """Make a shape of its numbers, deg, in the frame."""
    wanted, count = NUMBERS[kind], len(numbers)
    if count == 0 or (count % 2 if kind == "POLYGON" else count != len(wanted.split())):
        raise RegionError(f"a {kind} is given by ({wanted}), not by {count} numbers")
    corners = np.array(numbers if kind == "POLYGON" else numbers[:2]).reshape(-1, 2)
    _check_coordinates(corners)
    if kind == "BOX":
        corners = _box(*numbers)
    ra_dec = [(float(ra), float(dec)) for ra, dec in _icrs(corners, frame)]
    if kind in ("POLYGON", "BOX"):
        ring = [vertex for vertex, _ in groupby(ra_dec)]
        return Polygon(tuple(ring[:-1] if len(ring) > 1 and ring[-1] == ring[0] else ring))
    radius_deg = numbers[2] if kind == "CIRCLE" else 0.0
    if kind == "CIRCLE" and radius_deg == 0.0:
        raise RegionError("the radius of a circle must not be 0; a POINT has none")
    return Circle(*ra_dec[0], radius_deg)


def _check_coordinates(corners: Floats) -> None:
    for longitude, latitude in corners:
        if not abs(latitude) <= 90.0:
            raise RegionError(f"the declination or latitude {latitude:g} is beyond ±90 deg")
        if not abs(longitude) <= MAX_RA_DEG:
            raise RegionError(f"the right ascension or longitude {longitude:g} is beyond ±{MAX_RA_DEG:g} deg")


def _box(ra_deg: float, dec_deg: float, width_deg: float, height_deg: float) -> Floats:
    """Return the corners of a box, whose sides meet the arms of a cross on the sky at right angles (ADQL 2.0)."""
    if not (0.0 < width_deg < 180.0 and 0.0 < height_deg < 180.0):
        raise RegionError(
            f"a box must be wider and higher than 0 and less than 180 deg, not {width_deg:g} × {height_deg:g}"
        )
    centre = unit_vectors(ra_deg, dec_deg)
    east, north = tangent_axes(centre)
    x, y = np.tan(np.radians([width_deg, height_deg]) / 2.0)
    signs = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
    return np.stack(positions_deg(centre + signs[:, :1] * x * east + signs[:, 1:] * y * north), axis=-1)


def _icrs(corners: Floats, frame: str) -> Floats:
    """Turn ``(n, 2)`` longitudes and latitudes, deg, into ICRS."""
    if frame in ICRS_FRAMES:
        return corners
    from astropy.coordinates import SkyCoord  # noqa: PLC0415  it takes half a second, and archives rarely need it

    position = SkyCoord(*corners.T, unit="deg", frame=ASTROPY_FRAMES[frame]).icrs
    return np.stack([position.ra.deg, position.dec.deg], axis=-1)
