"""Memory that the scan of the largest cube takes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from feii_dask.detectors.registry import load_detector, working_bytes
from feii_dask.errors import RegionError
from feii_dask.model import Context
from feii_dask.sky.regions import parse_region

__all__ = ["largest_scan_bytes"]

WIDEST_DEG = 0.1  # a footprint that is wider is one of several pointings, not of one cube
USUAL_PLANES = 1500  # of a cube
PLANES_PER_UNIT = 6000  # of relative wavelength: a resolving power of 3000, sampled twice


def largest_scan_bytes(footprints: pd.Series[Any], context: Context, spaxel_arcsec: float) -> int:
    """Estimate the memory that the scan of the largest cube takes, bytes.

    Parameters
    ----------
    footprints : Series
        The ``s_region`` of the cubes to scan.
    context : Context
        Its detector says how many planes it needs of a cube of the usual size and sampling.
    spaxel_arcsec : float
        The mission's smallest spaxel.
    """
    radii_deg = [0.0]
    for s_region in footprints.unique():
        with suppress(RegionError):
            radii_deg.append(parse_region(s_region).cap.radius_deg)
    side = 2 * min(max(radii_deg), WIDEST_DEG) * 3600 / spaxel_arcsec
    detector, planes = load_detector(context.detector, context.detector_options), USUAL_PLANES
    for line in context.lines:
        wavelength_um = line.wavelength_um * (1 + (np.arange(USUAL_PLANES) - USUAL_PLANES // 2) / PLANES_PER_UNIT)
        with suppress(Exception):  # a user's code: what is wrong with it is said with each cube
            start, stop = detector.plane_range(wavelength_um, line) or (0, 0)
            planes = stop - start
    return working_bytes(detector, planes, side**2)
