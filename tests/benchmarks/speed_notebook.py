"""The notebook's way, in words of our own: what it does, and at the cost that it has.

Every footprint is compared with every object, projected by astropy; every cube is read whole, through the block of
50 MiB that s3fs reads by default, and measured in all planes; clouds addresses are asked for one after the other.
"""

from __future__ import annotations

import bisect
import multiprocessing
import os
import pickle
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from matplotlib.path import Path as Outline
from scipy.ndimage import label
from scipy.signal import find_peaks

__all__ = [
    "cloud_addresses",
    "detect_spikes",
    "extension_vs_wavebin",
    "holds_any",
    "match_all",
    "rank_all",
    "search_all",
    "search_cube",
]


def holds_any(observation: pd.Series, coordinates: np.ndarray | str) -> bool:
    """Whether a footprint holds any of the positions: all are projected about its centre, and then compared.

    Parameters
    ----------
    observation : Series
        A row of the table.
    coordinates : (n, 2) ndarray, or str
        The positions, deg, or the pickle that holds them.
    """
    if isinstance(coordinates, str):
        coordinates = pickle.loads(Path(coordinates).read_bytes())
    plane = WCS(naxis=2)
    plane.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    plane.wcs.crval = [observation["s_ra"], observation["s_dec"]]
    plane.wcs.crpix = [0.0, 0.0]
    plane.wcs.cdelt = [1.0, 1.0]
    points = plane.wcs_world2pix(coordinates, 0)
    numbers = [float(word) for word in observation["s_region"].split()[2:]]
    corners = list(zip(numbers[0::2], numbers[1::2], strict=True))
    outline = Outline(plane.wcs_world2pix([*corners, corners[0]], 0), closed=True)
    return bool(outline.contains_points(points).any())


def match_all(observations: pd.DataFrame, coordinates: np.ndarray, scratch: Path) -> np.ndarray:
    """Compare all footprints with all positions, in one process for each core; return which hold any."""
    path = scratch / "coordinates.pickle"
    path.write_bytes(pickle.dumps(coordinates))
    rows = [row for _, row in observations.iterrows()]
    with multiprocessing.Pool(os.cpu_count()) as pool:
        return np.array(pool.map(partial(holds_any, coordinates=str(path)), rows))


def cloud_addresses(uris: list[str]) -> dict[str, str | None]:
    """Ask where the cubes are in the cloud: one request for 50 of them, and one for each, in turn."""
    from astroquery.mast import ObservationsClass

    archive = ObservationsClass()
    archive.enable_cloud_dataset(verbose=False)
    found: dict[str, str | None] = archive.get_cloud_uris(uris, return_uri_map=True, verbose=False)
    return found


def read_cube(address: str) -> tuple[fits.Header, np.ndarray]:
    """Read the light of a cube, with the defaults of astropy and s3fs."""
    remote: dict[str, Any] = {"use_fsspec": True, "fsspec_kwargs": {"anon": True}} if "://" in address else {}
    with fits.open(address, cache=False, **remote) as hdus:
        return hdus["SCI"].header, hdus["SCI"].data


def extension_vs_wavebin(data: np.ndarray) -> list[float]:
    """Return for every plane the share of its pixels that the largest blob above three times the median covers."""
    extent = []
    for number, plane in enumerate(data):
        around = data[max(0, number - 10) : number + 10]
        if np.isnan(around).all():
            extent.append(0.0)
            continue
        labels, blobs = label(plane > 3 * np.nanmedian(around))
        largest = int(np.bincount(labels.ravel())[1:].max()) if blobs else 0
        share = largest / np.count_nonzero(~np.isnan(plane)) if largest else 0.0
        extent.append(share if largest >= 10 and share < 0.5 else 0.0)
    return extent


def detect_spikes(extent: list[float], position: int, sig: float = 3.0) -> bool:
    """Whether the extent has a prominent peak within two planes of a position."""
    excerpt = np.array(extent[max(0, position - 10) : position + 11])
    nonzero = excerpt[excerpt != 0]
    if np.isnan(nonzero).all():
        return False
    peaks, _ = find_peaks(excerpt, prominence=sig * np.nanstd(nonzero))
    return any(abs(peak - 10) <= 2 for peak in peaks)


def search_cube(address: str, wavelengths_um: list[float]) -> list[float]:
    """Return the lines that are detected in one cube: all of it is read, and all of it is measured."""
    header, data = read_cube(address)
    plane_um = header["CRVAL3"] + header["CDELT3"] * np.arange(header["NAXIS3"])
    extent = extension_vs_wavebin(data)
    inside = [line for line in wavelengths_um if plane_um[0] <= line <= plane_um[-1]]
    return [line for line in inside if detect_spikes(extent, bisect.bisect_left(plane_um, line))]


def search_all(addresses: list[str], wavelengths_um: list[float]) -> list[list[float]]:
    """Search all cubes, in a few more processes than there are cores."""
    cores = os.cpu_count() or 1
    with multiprocessing.Pool(round(cores * (2 if cores <= 4 else 1.4))) as pool:
        return pool.map(partial(search_cube, wavelengths_um=wavelengths_um), addresses)


def rank_all(observations: pd.DataFrame, detected: list[list[float]], ysos: pd.DataFrame) -> list[int]:
    """Return the objects with at least three lines in the cubes that they are nearest to."""
    found = observations.assign(detected=detected)[[bool(lines) for lines in detected]]
    if found.empty:
        return []
    centres = SkyCoord(found["s_ra"].to_numpy() * u.deg, found["s_dec"].to_numpy() * u.deg)
    nearest, _, _ = centres.match_to_catalog_sky(
        SkyCoord(ysos["ra"].to_numpy() * u.deg, ysos["dec"].to_numpy() * u.deg)
    )
    lines = found.assign(yso=nearest).groupby("yso")["detected"].agg(lambda lists: len(set().union(*lists)))
    return [int(yso) for yso in lines.index[lines >= 3]]
