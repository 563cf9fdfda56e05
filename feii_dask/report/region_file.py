"""Footprints and candidates as a DS9 region file, which DS9, Aladin, CARTA and astropy's `regions` read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from feii_dask.plain_text import plain_text
from feii_dask.sky.footprints import Outline

__all__ = ["ds9_regions"]

HEADER = "# Region file format: DS9 version 4.1\nglobal color=cyan\nicrs\n"
LONGEST_LABEL = 200  # characters
POINT_ARCSEC = 0.1  # radius of the circle that stands for a footprint that is a point


def ds9_regions(footprints: Mapping[str, Outline], found: Iterable[tuple[float, float, str]]) -> str:
    """Return the text of a region file: each cube's outline, and a circle of 1″ about each candidate.

    Parameters
    ----------
    footprints : mapping of str to Outline
        Of cubes, by their identifiers.
    found : iterable of (float, float, str)
        Right ascension and declination, deg, and name of each candidate.
    """
    lines = [line for obs_id, outline in footprints.items() for line in shapes_of(outline, obs_id)]
    lines += [f'circle({ra:.7f},{dec:.7f},1") # color=orange text={{{plain_label(name)}}}' for ra, dec, name in found]
    return HEADER + "".join(line + "\n" for line in lines)


def shapes_of(outline: Outline, obs_id: str) -> Iterator[str]:
    """Yield the polygons and circles of a footprint."""
    for ring in outline.rings:
        corners = ",".join(f"{ra % 360:.7f},{dec:.7f}" for ra, dec in ring)
        yield f"polygon({corners}) # text={{{plain_label(obs_id)}}}"
    for cap in outline.circles:
        radius_arcsec = cap.radius_deg * 3600 or POINT_ARCSEC
        yield f'circle({cap.ra_deg % 360:.7f},{cap.dec_deg:.7f},{radius_arcsec:.4f}") # text={{{plain_label(obs_id)}}}'


def plain_label(text: str) -> str:
    """Return text in one line, without what would end a label in braces."""
    return plain_text("".join(letter for letter in text if letter not in "{}#;"), LONGEST_LABEL)
