"""Coordinates of spaxels that the file lists one by one, as of PACS's rebinned cubes, which have no WCS."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy.wcs import WCS, DistortionLookupTable
from numpy.typing import NDArray

from feii_dask.cubes.hdus import FitsFile, integer_card
from feii_dask.cubes.pixels import read_pixels
from feii_dask.errors import CubeError

__all__ = ["fit_wcs", "wcs_of_spaxels"]

PLACES = ("RA", "DEC")  # extensions, deg, of a value for each voxel or each spaxel
FEWEST = 3  # rows and columns of which a grid can be made
MOST_OFF_PX = 0.5  # between the places listed and a regular grid


def wcs_of_spaxels(file: FitsFile, shape: tuple[int, int, int]) -> WCS | None:
    """Return coordinates from a file's lists of right ascension and declination; None where it has none of use.

    Parameters
    ----------
    file : FitsFile
        The file. In PACS's rebinned cubes the places differ from plane to plane by the jitter of the telescope; those
        of the middle plane are taken.
    shape : tuple of int
        Planes, rows and columns of the cube.
    """
    try:
        ra_deg, dec_deg = (read_places(file, name, shape) for name in PLACES)
        return fit_wcs(ra_deg, dec_deg)
    except (CubeError, ValueError):  # a cube is of use without
        return None


def read_places(file: FitsFile, name: str, shape: tuple[int, int, int]) -> NDArray[np.float64]:
    """Return one coordinate of the spaxels of the middle plane, (y, x), deg."""
    hdu = file.find(name)
    axes = integer_card(hdu.header, "NAXIS", 2, 3)
    stored = tuple(integer_card(hdu.header, f"NAXIS{axis}", 1, 2**31) for axis in range(axes, 0, -1))
    if stored not in {shape, shape[1:]}:
        raise ValueError(f"{name} is of another shape than the cube")
    if axes == len(PLACES):
        return np.asarray(read_pixels(file, hdu, 0, shape[1], np.float64))
    middle = shape[0] // 2
    return np.asarray(read_pixels(file, hdu, middle, middle + 1, np.float64)[0])


def fit_wcs(ra_deg: NDArray[np.float64], dec_deg: NDArray[np.float64]) -> WCS:
    """Return coordinates that agree with the places of all spaxels.

    A gnomonic projection with the best linear grid, and tables of how far each spaxel is off that grid (FITS WCS paper
    IV's ``CPDIS``, as `astropy.wcs.WCS` has them).

    Parameters
    ----------
    ra_deg, dec_deg : (y, x) float64 ndarray
        Right ascension and declination, ICRS.

    Raises
    ------
    ValueError
        If that is no grid on the sky.

    Examples
    --------
    >>> y, x = np.mgrid[:5, :5] - 2
    >>> fit_wcs(83.8 + 9.4 / 3600 * x, 9.4 / 3600 * y).wcs.crpix
    array([3., 3.])
    """
    if min(ra_deg.shape) < FEWEST or not (np.isfinite(ra_deg).all() and (np.abs(dec_deg) <= 90).all()):
        raise ValueError("no grid of places")
    height, width = ra_deg.shape
    centre = height // 2, width // 2
    plane = tangent_wcs(float(ra_deg[centre]), float(dec_deg[centre]))
    sky = np.stack(plane.wcs_world2pix(ra_deg.ravel(), dec_deg.ravel(), 0))  # deg, on the tangent plane
    y, x = (index.ravel() - middle for index, middle in zip(np.indices(ra_deg.shape), centre, strict=True))
    grid = np.stack([x, y, np.ones(x.size)])
    solution = np.linalg.lstsq(grid.T, sky.T, rcond=None)[0].T
    matrix, offset = solution[:, :2], solution[:, 2]
    off_px = np.linalg.solve(matrix, sky - solution @ grid)
    if not np.abs(off_px).max() <= MOST_OFF_PX:
        raise ValueError("places that are far from a grid")
    plane.wcs.cd = matrix
    plane.wcs.crpix = np.array(centre[::-1]) + 1 - np.linalg.solve(matrix, offset)
    plane.wcs.set()
    plane.cpdis1, plane.cpdis2 = (lookup_table(axis.reshape(ra_deg.shape)) for axis in off_px)
    return plane


def tangent_wcs(ra_deg: float, dec_deg: float) -> WCS:
    """Return the gnomonic projection about a point, whose pixels are degrees."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.crval = [ra_deg, dec_deg]
    wcs.wcs.crpix = [1.0, 1.0]
    wcs.wcs.cd = np.eye(2)
    wcs.wcs.radesys = "ICRS"
    return wcs


def lookup_table(off_px: NDArray[np.float64]) -> Any:
    """Return a table of pixel offsets, one for each spaxel."""
    return DistortionLookupTable(off_px.astype(np.float32), (1.0, 1.0), (1.0, 1.0), (1.0, 1.0))
