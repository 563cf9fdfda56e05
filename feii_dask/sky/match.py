"""Crossmatch of one partition of an observation table with the coordinates of young stellar objects.

Pure functions of plain tables and arrays, which run on any worker.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from feii_dask.sky.containment import SkyIndex, find_inside
from feii_dask.sky.footprints import Footprints
from feii_dask.sky.sphere import ARCSEC_PER_RADIAN, Floats, Integers, angle_rad, unit_vectors

__all__ = ["EMPTY_MATCHES", "MATCH_COLUMNS", "match_partition", "nearest_yso"]

MATCH_COLUMNS = {
    "obs_index": "int64",  # or whatever type the labels of the observations have
    "yso_index": "int64",
    "separation_arcsec": "float64",
    "edge_arcsec": "float64",
    "region_error": "str",
}
EMPTY_MATCHES = pd.DataFrame(columns=list(MATCH_COLUMNS)).astype(MATCH_COLUMNS)

ROWS_AT_ONCE = 1 << 12  # bounds the memory for text and near pairs; smaller blocks are slower, larger ones not faster


def match_partition(
    observations: pd.DataFrame, coordinates: ArrayLike | SkyIndex, pad_arcsec: float = 0.0
) -> pd.DataFrame:
    """Find the young stellar objects inside the footprint of each observation.

    Parameters
    ----------
    observations : pandas.DataFrame
        With ``s_ra``, ``s_dec``, deg, which may be missing, and ``s_region``.
    coordinates : (n, 2) array-like, or SkyIndex
        ra and dec of the YSOs, deg. An index, if the same coordinates are used again and again; to make one of 70 000
        takes 20 ms.
    pad_arcsec : float
        YSOs up to this far outside of a footprint count as well, arcsec.

    Returns
    -------
    pandas.DataFrame
        One row for each observation and YSO inside, in the order of the observations, then of the YSOs:
        ``obs_index``, label of the observation; ``yso_index``, int64, row of the coordinates; ``separation_arcsec``,
        from (s_ra, s_dec), NaN where that is missing; ``edge_arcsec``, to the footprint's edge, negative outside;
        ``region_error``, empty. An observation whose ``s_region`` cannot be used has one row with the reason, a
        ``yso_index`` of -1 and NaN.

    Raises
    ------
    ValueError
        If the coordinates have another shape, or the pad is not a finite number from 0.

    Examples
    --------
    >>> observations = pd.DataFrame({"s_ra": [10.0], "s_dec": [0.0], "s_region": ["CIRCLE ICRS 10 0 0.01"]})
    >>> match_partition(observations, [[10.0, 1.0], [10.0, 0.001]]).drop(columns="region_error")
       obs_index  yso_index  separation_arcsec  edge_arcsec
    0          0          1                3.6         32.4
    """
    if not 0.0 <= pad_arcsec < np.inf:
        raise ValueError(f"pad_arcsec must be a finite number, at least 0, not {pad_arcsec!r}")
    index = SkyIndex.of(coordinates)
    blocks = [
        match_block(observations.iloc[start : start + ROWS_AT_ONCE], index, pad_arcsec / ARCSEC_PER_RADIAN)
        for start in range(0, max(len(observations), 1), ROWS_AT_ONCE)
    ]
    return pd.concat(blocks, ignore_index=True) if len(blocks) > 1 else blocks[0]


def nearest_yso(observations: pd.DataFrame, coordinates: ArrayLike | SkyIndex) -> Integers:
    """Return the YSO nearest to (s_ra, s_dec) of each observation, inside its footprint or not, as the notebook does.

    Parameters
    ----------
    observations : pandas.DataFrame
        With ``s_ra`` and ``s_dec``, deg.
    coordinates : (n, 2) array-like, or SkyIndex
        ra and dec of the YSOs, deg.

    Returns
    -------
    (len(observations),) int64 ndarray
        Rows of the coordinates; -1 for an observation without a position, and where there are no YSOs.
    """
    return SkyIndex.of(coordinates).nearest(pointings(observations))


def match_block(observations: pd.DataFrame, index: SkyIndex, pad_rad: float) -> pd.DataFrame:
    """Find the young stellar objects of some observations; see `match_partition`."""
    footprints = Footprints.read(observations["s_region"])
    found = find_inside(footprints, index, pad_rad)
    separation_rad = angle_rad(pointings(observations)[found.row], index.vectors[found.yso_index])
    bad = len(footprints.region_errors)
    row = np.append(found.row, np.array(list(footprints.region_errors), dtype=np.int64))
    order = np.argsort(row, kind="stable")
    columns = {
        "obs_index": observations.index.take(row),
        "yso_index": np.append(found.yso_index, np.full(bad, -1)),
        "separation_arcsec": np.append(separation_rad, np.full(bad, np.nan)) * ARCSEC_PER_RADIAN,
        "edge_arcsec": np.append(found.signed_distance_rad, np.full(bad, np.nan)) * ARCSEC_PER_RADIAN,
        "region_error": pd.Series([""] * len(found.row) + list(footprints.region_errors.values()), dtype="str"),
    }
    return pd.DataFrame(columns).take(order).reset_index(drop=True)


def pointings(observations: pd.DataFrame) -> Floats:
    """Return (s_ra, s_dec) as unit vectors; NaN where either is missing."""
    ra_deg, dec_deg = (observations[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in ("s_ra", "s_dec"))
    return unit_vectors(ra_deg, dec_deg)
