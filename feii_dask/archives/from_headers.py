"""A table of observations from the headers of cubes that no archive describes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import nan
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.io import fits
from astropy.time import Time
from astropy.wcs import WCS
from numpy.typing import NDArray

from feii_dask.config.missions import Mission
from feii_dask.cubes.hdus import text_card
from feii_dask.cubes.reader import Cube, open_cube
from feii_dask.errors import CubeError, RegionError
from feii_dask.sky.regions import parse_region

__all__ = ["describe_cubes"]

# Keywords of the cube's header, or of its file's, for an archive's columns.
KEYWORDS = {
    "instrument_name": ("INSTRUME",),
    "filters": ("FILTER", "GRATING", "DETCHAN"),
    "target_name": ("TARGPROP", "TARGNAME", "OBJECT", "OBJ_NAME"),
    "proposal_id": ("PROGRAM", "PROPOSID", "PLANID"),
}


def describe_cubes(directory: Path, paths: Sequence[Path], mission: Mission) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return a table of observations from the headers of cubes, in the columns of the mission's archive.

    Parameters
    ----------
    directory : Path
        Where the cubes are.
    paths : sequence of Path
        FITS files below it; those that are no cubes are passed over.
    mission : Mission
        How its cubes are read.

    Returns
    -------
    table : DataFrame
        A row for each cube: its place relative to the directory, its footprint (``S_REGION``, or else the corners of
        its image), its band in the unit of the mission's archive.
    notes : tuple of str
        How many files are no cubes, and why the first is none; how many cubes have each flag.
    """
    rows, refused = [], []
    odd: Counter[str] = Counter()
    for path in paths:
        try:
            cube = open_cube(str(path), extension=mission.extension)
        except CubeError as error:
            refused.append(str(error))
        else:
            rows.append(describe_cube(cube, path.relative_to(directory), mission))
            odd.update(cube.flags)
    stems = Counter(row["obs_id"] for row in rows)
    for row in rows:
        if stems[row["obs_id"]] > 1:  # of equal names in several directories, or with several endings
            row["obs_id"] = str(row[mission.cube_column]).removesuffix(".fits").replace("/", "_")
    notes = [f"{len(refused)} files are no cubes; the first {refused[0]}"] if refused else []
    notes += [f"{count} cubes are flagged {flag.replace('_', ' ')}" for flag, count in sorted(odd.items())]
    return pd.DataFrame(rows), tuple(notes)


def describe_cube(cube: Cube, place: Path, mission: Mission) -> dict[str, object]:
    """Return the row of one cube."""
    s_region = footprint_of(cube)
    ra_deg, dec_deg = centre_of(cube, s_region)
    em_min, em_max = cube.wavelength_um[[0, -1]] / mission.micron_per_em_unit
    row: dict[str, object] = {
        "obs_id": (Path(place.stem).stem if place.suffix.lower() == ".gz" else place.stem).removesuffix("_s3d"),
        mission.cube_column: place.as_posix(),
        "s_ra": ra_deg,
        "s_dec": dec_deg,
        "s_region": s_region,
        "em_min": em_min,
        "em_max": em_max,
        "t_min": observed_mjd(cube),
    }
    return row | {name: first_keyword(cube, keys) for name, keys in KEYWORDS.items()} | mast_keywords(cube)


def mast_keywords(cube: Cube) -> dict[str, str]:
    """Return instrument, filters and programme of a JWST cube in MAST's keywords; nothing for other cubes."""
    instrument, channels, band, filter_name, grating = (
        first_keyword(cube, (key,)).upper() for key in ("INSTRUME", "CHANNEL", "BAND", "FILTER", "GRATING")
    )
    if instrument == "MIRI":
        parts = [f"CH{channel}-{band}" for channel in channels if channel.isdecimal() and band]
    elif instrument == "NIRSPEC":
        parts = [part for part in (filter_name, grating) if part]
    else:
        return {}
    return {
        "instrument_name": f"{instrument}/IFU",
        "filters": ";".join(parts),
        "proposal_id": first_keyword(cube, KEYWORDS["proposal_id"]).lstrip("0"),
    }


def footprint_of(cube: Cube) -> str:
    """Return ``S_REGION`` of the header, or a polygon of the image's corners where it is none.

    What the header states is returned as it is where there are no corners either: the match says what is wrong with it.
    """
    stated = first_keyword(cube, ("S_REGION",))
    if cube.wcs is None or is_region(stated):
        return stated
    height, width = cube.shape[1:]
    corners = as_icrs(cube.wcs, np.array([0, width, width, 0]) - 0.5, np.array([0, 0, height, height]) - 0.5)
    return "POLYGON ICRS " + " ".join(f"{ra:.7f} {dec:.7f}" for ra, dec in corners)


def is_region(text: str) -> bool:
    """Whether a footprint can be understood."""
    try:
        parse_region(text)
    except RegionError:
        return False
    return True


def centre_of(cube: Cube, s_region: str) -> tuple[float, float]:
    """Return the centre of the image, or else of the footprint; NaN where there is neither."""
    if cube.wcs is not None:
        height, width = cube.shape[1:]
        ra_deg, dec_deg = as_icrs(cube.wcs, np.array([(width - 1) / 2]), np.array([(height - 1) / 2]))[0]
        return float(ra_deg), float(dec_deg)
    try:
        cap = parse_region(s_region).cap
    except RegionError:
        return nan, nan
    return cap.ra_deg, cap.dec_deg


def as_icrs(wcs: WCS, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return right ascension and declination, (n, 2), deg, of positions in the image."""
    sky = wcs.pixel_to_world(x, y).icrs
    return np.column_stack([sky.ra.deg, sky.dec.deg])


def observed_mjd(cube: Cube) -> float:
    """Return the date of observation, MJD; NaN where the headers have none that FITS defines."""
    date = first_keyword(cube, ("DATE-BEG", "DATE-OBS"))
    try:
        return float(Time(date).mjd) if date else nan
    except ValueError:
        return nan


def first_keyword(cube: Cube, keys: Sequence[str]) -> str:
    """Return the first of these keywords that the header of the cube, or of its file, has."""
    headers: tuple[fits.Header, ...] = (cube.header, cube.primary_header)
    texts = (text_card(header, key) for key in keys for header in headers)
    return next((text for text in texts if text), "")
