"""Crossmatch of objects with footprints, as a Dask DataFrame over the observation table."""

from __future__ import annotations

import logging
from concurrent.futures import CancelledError
from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
from astropy import units as u
from astropy.table import Table
from distributed import Client, KilledWorker

from feii_dask.engine.broadcast import Broadcast
from feii_dask.engine.preflight import require_same_python
from feii_dask.engine.workers import scheduler_needed
from feii_dask.errors import ClusterError
from feii_dask.sky.match import EMPTY_MATCHES, match_partition
from feii_dask.sky.motion import julian_year, moved_to

__all__ = ["crossmatch", "match_at_epochs", "match_footprints"]

log = logging.getLogger(__name__)

ROWS_PER_PARTITION = 5_000  # about 0.1 s of work
EPOCH_YEARS = 0.5  # within which objects are taken to stand still: an arcsecond a year becomes a quarter of one
ATTEMPTS = 4  # a worker may be lost now and then; one that is lost each time has another cause


def crossmatch(
    observations: pd.DataFrame | Table,
    ysos: pd.DataFrame | Table,
    client: Client | None = None,
    pad_arcsec: float = 0.0,
) -> pd.DataFrame:
    """Find every object inside every footprint.

    Parameters
    ----------
    observations : DataFrame or astropy Table
        With ``s_ra``, ``s_dec`` (deg) and ``s_region`` (STC-S); other columns do not matter.
    ysos : DataFrame or astropy Table
        With ``ra`` and ``dec`` (deg, ICRS). The rows of astropy's tables are labelled from 0.
    client : distributed.Client, optional
        Where to do it, as a Dask DataFrame; without one it is done here.
    pad_arcsec : float
        Count objects up to this far outside as inside.

    Returns
    -------
    DataFrame
        One row for each observation and object inside it: ``obs_index`` and ``yso_index`` (labels of the two
        inputs), ``separation_arcsec`` from the observation's centre, and ``edge_arcsec``, the distance to the
        footprint's edge (positive inside). Footprints that cannot be parsed are counted in the log.
    """
    footprints = as_frame(observations, numbers=("s_ra", "s_dec"), text=("s_region",))
    objects = as_frame(ysos, numbers=("ra", "dec"))
    matches, bad_regions = match_footprints(footprints, objects, client, pad_arcsec)
    if len(bad_regions):
        log.warning(
            "%d footprints cannot be parsed; the first: %s", len(bad_regions), bad_regions["region_error"].iloc[0]
        )
    return matches


def as_frame(table: pd.DataFrame | Table, numbers: tuple[str, ...], text: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return the columns of a table that a match needs; numbers in degrees, NaN where they are masked."""
    if isinstance(table, pd.DataFrame):
        return table
    columns: dict[str, Any] = {
        name: np.ma.filled(np.ma.asarray(in_degrees(table[name]), dtype=float), np.nan) for name in numbers
    }
    return pd.DataFrame(columns | {name: [str(cell) for cell in np.ma.filled(table[name], "")] for name in text})


def in_degrees(column: Any) -> Any:
    """Return the values of a column of astropy's, converted where it declares another unit."""
    unit = getattr(column, "unit", None)
    values = getattr(column, "value", column)
    return values if unit is None else values * unit.to(u.deg)


def match_footprints(
    observations: pd.DataFrame, ysos: pd.DataFrame, client: Client | None = None, pad_arcsec: float = 0.0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Do the same as `crossmatch`, and return the footprints that cannot be parsed beside the matches.

    Returns
    -------
    matches : DataFrame
        As `crossmatch` returns it.
    bad_regions : DataFrame
        ``obs_index`` and ``region_error``.
    """
    footprints = observations[["s_ra", "s_dec", "s_region"]].reset_index(drop=True)
    coordinates = ysos[["ra", "dec"]].to_numpy(dtype=np.float64)
    if client is None or footprints.empty:
        rows = match_partition(footprints, coordinates, pad_arcsec=pad_arcsec)
    else:
        rows = match_on_cluster(footprints, coordinates, client, pad_arcsec)
    rows["obs_index"] = observations.index.to_numpy()[rows["obs_index"].to_numpy(dtype=np.int64)]
    bad = rows["region_error"].to_numpy(dtype=object) != ""
    matches = rows.loc[~bad].drop(columns="region_error").reset_index(drop=True)
    matches["yso_index"] = ysos.index.to_numpy()[matches["yso_index"].to_numpy(dtype=np.int64)]
    return matches, rows.loc[bad, ["obs_index", "region_error"]].reset_index(drop=True)


def match_at_epochs(
    observations: pd.DataFrame, ysos: pd.DataFrame, client: Client | None = None, pad_arcsec: float = 0.0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Do the same as `match_footprints`, with the objects where they were when each observation was made.

    Parameters
    ----------
    observations, ysos, client, pad_arcsec
        As for `crossmatch`; the first with ``t_min`` (MJD), the second as `feii_dask.sky.motion.moved_to` takes it.
        Where no time is stated, objects are where their catalogue has them.
    """
    times = observations.reindex(columns=["t_min"])["t_min"].astype(float)
    years = pd.Series(julian_year(times), observations.index).div(EPOCH_YEARS).round() * EPOCH_YEARS
    parts = [
        match_footprints(rows, moved_to(ysos, float(year)), client, pad_arcsec)
        for year, rows in observations.groupby(years, dropna=False, sort=True)
    ]
    if not parts:
        return match_footprints(observations, ysos, client, pad_arcsec)
    matches, bad_regions = (pd.concat(tables, ignore_index=True) for tables in zip(*parts, strict=True))
    return (
        matches.sort_values(["obs_index", "yso_index"], ignore_index=True),
        bad_regions.sort_values("obs_index", ignore_index=True),
    )


@scheduler_needed()
def match_on_cluster(
    footprints: pd.DataFrame, coordinates: np.ndarray, client: Client, pad_arcsec: float
) -> pd.DataFrame:
    """Map `match_partition` over the table; the coordinates reach each worker once."""
    require_same_python(client)
    partitions = max(sum(client.nthreads().values()), -(-len(footprints) // ROWS_PER_PARTITION))
    table = dd.from_pandas(footprints, npartitions=partitions)
    with Broadcast(client, coordinates) as broadcast:
        for attempt in range(1, ATTEMPTS + 1):
            matched = table.map_partitions(match_partition, broadcast.future, pad_arcsec=pad_arcsec, meta=EMPTY_MATCHES)
            try:
                rows: pd.DataFrame = client.compute(matched, retries=2).result()
            except (CancelledError, KilledWorker):
                log.warning("the workers that held the coordinates were lost; scattering them again (%d)", attempt)
                continue
            return rows.sort_values(["obs_index", "yso_index"], ignore_index=True)
    raise ClusterError(f"the crossmatch lost its workers {ATTEMPTS} times; see the workers' logs")
