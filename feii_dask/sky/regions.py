"""Regions of the sky parsed from an archive's ``s_region``.

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

__all__ = ["ICRS_FRAMES", "MAX_CHARACTERS", "MAX_RA_DEG", "parse_region"]

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
    """Parse an archive's ``s_region``.

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
        return RegionParser(s_region).parse()
    except RegionError as error:
        shown = s_region if len(s_region) <= 80 else s_region[:77] + "…"
        raise RegionError(f"s_region {shown!r} cannot be used: {error}") from None


class RegionParser:
    """Parser of one ``s_region``, which takes its words from left to right."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_CHARACTERS:
            raise RegionError(f"it has {len(text)} characters, more than {MAX_CHARACTERS}")
        self._words: list[str] = [*TOKEN.findall(text.upper()), END, END]
        self._position = 0
        self._nesting = 0

    def parse(self) -> Region:
        """Return the region."""
        if self._word == END:
            raise RegionError("it is empty")
        region = join_regions(self._members("ICRS"))
        if self._word != END:
            self._fail("closes no parenthesis")
        return region

    @property
    def _word(self) -> str:
        """The next word."""
        return self._words[self._position]

    def _take(self, *choice: str) -> str:
        """Step over the next word if it is among the choice, and return it; otherwise return nothing."""
        if self._word not in choice:
            return ""
        self._position += 1
        return self._words[self._position - 1]

    def _fail(self, why: str) -> NoReturn:
        """Raise an error about the next word."""
        where = f"{reprlib.repr(self._word)} (word {self._position + 1})" if self._word != END else "the end"
        raise RegionError(f"{where} {why}")

    def _members(self, frame: str) -> list[Region]:
        """Read regions up to the end, or up to a closing parenthesis."""
        found = []
        while self._word not in (END, ")"):
            found.append(self._member(frame))
        if not found:
            self._fail("stands where a region should")
        return found

    def _member(self, frame: str) -> Region:
        """Read a shape, an operator with its regions, or regions in parentheses."""
        if kind := self._take(*NUMBERS):
            return self._shape(kind, frame)
        if operator := self._take(*OPERATORS):
            frame = self._frame(frame)
        elif self._word != "(":
            self._fail(f"is none of {', '.join((*NUMBERS, *OPERATORS))}")
        members = self._group(frame)
        if operator == "INTERSECTION":
            return Intersection(tuple(members)) if len(members) > 1 else members[0]
        return Complement(join_regions(members)) if operator == "NOT" else join_regions(members)

    def _group(self, frame: str) -> list[Region]:
        """Read regions in parentheses."""
        if not self._take("("):
            self._fail("stands where a parenthesis should open")
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            self._fail(f"is nested deeper than {MAX_NESTING} parentheses")
        members = self._members(frame)
        if not self._take(")"):
            self._fail("stands where a parenthesis should close")
        self._nesting -= 1
        return members

    def _frame(self, inherited: str) -> str:
        """Read a frame and step over what does not matter here: the reference position and the flavour."""
        frame = self._take(*FRAMES) or inherited
        self._take(*REFERENCE_POSITIONS)
        self._take(*FLAVOURS)
        return frame

    def _shape(self, kind: str, frame: str) -> Region:
        """Read what follows the name of a shape."""
        nesting = 0
        while self._take("("):
            nesting += 1
        frame = self._frame(frame)
        numbers: list[float] = []
        while True:
            if NUMBER.fullmatch(self._word):
                numbers.append(float(self._word))
            elif self._word == "(" and (not numbers or NUMBER.fullmatch(self._words[self._position + 1])):
                nesting += 1
            elif self._word == ")" and nesting:
                nesting -= 1
            else:
                break
            self._position += 1
        if self._word not in (END, "(", ")", *NUMBERS, *OPERATORS):
            self._fail("is no number")
        if nesting:
            self._fail("stands where a parenthesis should close")
        return make_shape(kind, frame, numbers)


def join_regions(members: list[Region]) -> Region:
    """Return the union of regions; those under NOT are holes in all of the others, as ALMA means it."""
    holes = [member for member in members if isinstance(member, Complement)]
    solid = [member for member in members if not isinstance(member, Complement)]
    parts = [Union(tuple(solid)), *holes] if len(solid) > 1 else [*solid, *holes]
    return Intersection(tuple(parts)) if len(parts) > 1 else parts[0]


def make_shape(kind: str, frame: str, numbers: list[float]) -> Region:
    """Make a shape of its numbers, deg, in the frame."""
    wanted, count = NUMBERS[kind], len(numbers)
    if count == 0 or (count % 2 if kind == "POLYGON" else count != len(wanted.split())):
        raise RegionError(f"a {kind} is given by ({wanted}), not by {count} numbers")
    corners = np.array(numbers if kind == "POLYGON" else numbers[:2]).reshape(-1, 2)
    check_vertices(corners)
    if kind == "BOX":
        corners = box_corners(*numbers)
    ra_dec = [(float(ra), float(dec)) for ra, dec in to_icrs(corners, frame)]
    if kind in ("POLYGON", "BOX"):
        ring = [vertex for vertex, _ in groupby(ra_dec)]
        return Polygon(tuple(ring[:-1] if len(ring) > 1 and ring[-1] == ring[0] else ring))
    radius_deg = numbers[2] if kind == "CIRCLE" else 0.0
    if kind == "CIRCLE" and radius_deg == 0.0:
        raise RegionError("the radius of a circle must not be 0; a POINT has none")
    return Circle(*ra_dec[0], radius_deg)


def check_vertices(corners: Floats) -> None:
    """Refuse longitudes and latitudes, deg, that no direction has."""
    for longitude, latitude in corners:
        if not abs(latitude) <= 90.0:
            raise RegionError(f"the declination or latitude {latitude:g} is beyond ±90 deg")
        if not abs(longitude) <= MAX_RA_DEG:
            raise RegionError(f"the right ascension or longitude {longitude:g} is beyond ±{MAX_RA_DEG:g} deg")


def box_corners(ra_deg: float, dec_deg: float, width_deg: float, height_deg: float) -> Floats:
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


def to_icrs(corners: Floats, frame: str) -> Floats:
    """Turn ``(n, 2)`` longitudes and latitudes, deg, into ICRS."""
    if frame in ICRS_FRAMES:
        return corners
    from astropy.coordinates import SkyCoord  # noqa: PLC0415  it takes half a second, and archives rarely need it

    position = SkyCoord(*corners.T, unit="deg", frame=ASTROPY_FRAMES[frame]).icrs
    return np.stack([position.ra.deg, position.dec.deg], axis=-1)
