"""Footprints of a table's column of ``s_region``, parsed at once.

Nearly all of an archive's regions are a polygon in ICRS, or a few. Those are parsed together, by the column, into flat
arrays; every other string is parsed by `parse_region`, which alone decides what is wrong with one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from feii_dask.errors import RegionError
from feii_dask.sky.polygons import PolygonArray
from feii_dask.sky.regions import ICRS_FRAMES, MAX_CHARACTERS, MAX_RA_DEG, parse_region
from feii_dask.sky.shapes import Cap, Region
from feii_dask.sky.sphere import Floats, Integers, positions_deg

__all__ = ["Footprints", "Outline"]

NUMBER = r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:E[+-]?[0-9]+)?"
FRAME = rf"(?:\s+(?:{'|'.join(ICRS_FRAMES)}))?"
POLYGON = rf"POLYGON{FRAME}(?:\s+{NUMBER}\s+{NUMBER}){{3,}}"
PLAIN_POLYGONS = rf"^{POLYGON}(?:\s+{POLYGON})*$"


class Outline(NamedTuple):
    """What a footprint is drawn with: `Region.rings` and `Region.circles`."""

    rings: tuple[Floats, ...]
    circles: tuple[Cap, ...]


@dataclass(frozen=True, eq=False)
class Footprints:
    """The footprints of a table.

    Attributes
    ----------
    polygons : PolygonArray
        The plain polygons.
    polygon_row : (m,) int64 ndarray
        The row of the table that each polygon belongs to, in order; several polygons in one row are a union.
    regions : dict of int to Region
        All other regions, by their row.
    region_errors : dict of int to str
        What is wrong with the rows that have no region.
    """

    polygons: PolygonArray
    polygon_row: Integers
    regions: dict[int, Region]
    region_errors: dict[int, str]

    @classmethod
    def read(cls, s_region: pd.Series[Any]) -> Footprints:
        """Parse a column of ``s_region``; what is not text, or cannot be used, gets an error in `region_errors`."""
        polygons, polygon_row = parse_plain_polygons(as_arrow(s_region))
        others = np.ones(len(s_region), dtype=bool)
        others[polygon_row] = False
        regions: dict[int, Region] = {}
        region_errors: dict[int, str] = {}
        for row, text in zip(np.flatnonzero(others).tolist(), s_region[others], strict=True):
            try:
                regions[row] = parse_region(text)
            except RegionError as error:
                region_errors[row] = str(error)
        return cls(polygons, polygon_row, regions, region_errors)

    def outlines(self) -> dict[int, Outline]:
        """Return the outlines of all rows that have a region, by their row and in order."""
        vertex, following = self.polygons.vertex, self.polygons.following
        repeated = (vertex == vertex[following]).all(axis=1)  # the last vertex is often the first again
        corners = np.stack(positions_deg(vertex), axis=-1)
        polygons: dict[int, list[Floats]] = {}
        for row, first, count in zip(self.polygon_row.tolist(), self.polygons.first, self.polygons.count, strict=True):
            own = slice(first, first + count)
            polygons.setdefault(row, []).append(corners[own][~repeated[own]])
        found = {row: Outline(tuple(rings), ()) for row, rings in polygons.items()}
        found |= {row: Outline(region.rings, region.circles) for row, region in self.regions.items()}
        return dict(sorted(found.items()))


def as_arrow(s_region: pd.Series[Any]) -> Any:
    """Return the column as an Arrow array of text; null where there is none, or none that is ASCII."""
    if isinstance(s_region.dtype, pd.StringDtype) and s_region.dtype.storage == "pyarrow":
        array = pa.array(s_region)
        return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return pa.array([text if isinstance(text, str) and text.isascii() else None for text in s_region], pa.string())


def parse_plain_polygons(texts: Any) -> tuple[PolygonArray, Integers]:
    """Parse those texts that are valid polygons in ICRS and nothing else; return the polygons and their rows."""
    texts = pc.ascii_upper(pc.ascii_trim_whitespace(texts))
    short = pc.less_equal(pc.binary_length(texts), MAX_CHARACTERS)
    plain = pc.fill_null(pc.and_(short, pc.match_substring_regex(texts, PLAIN_POLYGONS)), False)
    parts = pc.split_pattern(texts.filter(plain), "POLYGON")  # the first part of each is empty
    row = np.repeat(np.flatnonzero(plain.to_numpy(zero_copy_only=False)), pc.list_value_length(parts).to_numpy() - 1)
    numbers = pc.replace_substring_regex(pc.list_flatten(pc.list_slice(parts, 1)), f"^{FRAME}", "")
    words = pc.ascii_split_whitespace(pc.ascii_trim_whitespace(numbers))
    count = pc.list_value_length(words).to_numpy().astype(np.int64) // 2
    coordinates = pc.cast(pc.list_flatten(words), pa.float64()).to_numpy()
    ra_deg, dec_deg = coordinates[0::2], coordinates[1::2]
    ra_deg = np.where(np.abs(ra_deg) <= MAX_RA_DEG, ra_deg, np.nan)
    polygons = PolygonArray.from_degrees(ra_deg, dec_deg, count)
    if polygons.is_valid.all():
        return polygons, row
    good = ~np.isin(row, row[~polygons.is_valid])
    of_good = np.repeat(good, count)
    return PolygonArray.from_degrees(ra_deg[of_good], dec_deg[of_good], count[good]), row[good]
