"""Matched cubes: which of them to scan, where they are, and which targets they hold."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from feii_dask.archives.base import Archive
from feii_dask.config.missions import Mission
from feii_dask.config.settings import Settings
from feii_dask.detectors.loading import load_detector, working_bytes
from feii_dask.errors import RegionError
from feii_dask.model import Context, Line, MatchedCube, Outcome, Status
from feii_dask.ranking.candidates import failures
from feii_dask.scan import ScanTask, skip_reason
from feii_dask.sky.match import nearest_yso
from feii_dask.sky.regions import parse_region
from feii_dask.store.run_store import Tables

__all__ = ["as_matched_cube", "count", "in_microns", "largest_scan", "make_matched", "plan"]

log = logging.getLogger(__name__)

Refusal: TypeAlias = tuple[Status, str]

WIDEST_DEG = 0.1  # a footprint that is wider is one of several pointings, not of one cube

COPIED_COLUMNS = (
    "obs_id",
    "obs_index",
    "em_min_um",
    "em_max_um",
    "target_name",
    "instrument_name",
    "filters",
    "proposal_id",
    "s_ra",
    "s_dec",
    "s_region",
)


def in_microns(observations: pd.DataFrame, mission: Mission) -> pd.DataFrame:
    """Add ``em_min_um`` and ``em_max_um`` to an archive's table, whatever unit it states its bands in."""
    bands = observations[["em_min", "em_max"]].astype(float) * mission.micron_per_em_unit
    return observations.assign(em_min_um=bands["em_min"], em_max_um=bands["em_max"])


def make_matched(
    observations: pd.DataFrame,
    ysos: pd.DataFrame,
    matches: pd.DataFrame,
    lines: tuple[Line, ...],
    archive: Archive,
    *,
    products: bool = False,
) -> pd.DataFrame:
    """Gather the matches of each observation into one row, and find its cube.

    Parameters
    ----------
    observations, ysos : DataFrame
        The two tables that were matched, the first with its band `in_microns`.
    matches : DataFrame
        What `feii_dask.engine.crossmatch.crossmatch` returned for them.
    lines : tuple of Line
        What is looked for; cubes without any of it are not asked for.
    archive : Archive
        Knows where the cubes are.
    products : bool
        Ask the archive for the cubes that it recommends of each observation, which takes long for many.

    Returns
    -------
    DataFrame
        One row for each ``obs_id``, in the order of the observations: ``uri``, the band in µm, ``rv_kms``, and
        of every YSO inside, as lists, ``yso_index``, ``yso_names``, ``yso_ra``, ``yso_dec``, ``separation_arcsec`` and
        ``edge_arcsec``;
        ``nearest_yso`` is the notebook's choice, the one nearest to the centre, inside or not. Where several
        rows of the archive describe the same observation, the latest that has a cube stands for it.
    """
    rows = observations[observations.index.isin(matches["obs_index"])]
    rows = rows.assign(obs_index=rows.index)
    rows = (archive.products(rows) if products else rows).reset_index(drop=True)
    matched = rows.reindex(columns=list(COPIED_COLUMNS)).join(inside(matches, ysos), on="obs_index")
    nearest = nearest_yso(rows, ysos[["ra", "dec"]].to_numpy(dtype=np.float64))
    matched["nearest_yso"] = [ysos.index[position] if position >= 0 else -1 for position in nearest]
    wanted = np.array([worth_locating(row, lines) for row in matched.to_dict("records")], dtype=bool)
    matched.insert(1, "uri", pd.Series([None] * len(matched), dtype=object))
    matched.loc[wanted, "uri"] = np.array(archive.locate(rows[wanted]), dtype=object)
    return latest_of_each(matched, rows.get("t_obs_release", pd.Series(0.0, rows.index)))


def inside(matches: pd.DataFrame, ysos: pd.DataFrame) -> pd.DataFrame:
    """List, for each observation, the objects inside it, the nearest to its centre first."""
    rows = matches.sort_values(["obs_index", "separation_arcsec", "yso_index"])
    objects = ysos.loc[rows["yso_index"]]
    rows = rows.assign(
        yso_names=objects["main_id"].astype(str).to_numpy(),
        yso_ra=objects["ra"].to_numpy(),
        yso_dec=objects["dec"].to_numpy(),
        rv_kms=objects["rvz_radvel"].to_numpy(),
    )
    groups = rows.groupby("obs_index")
    listed = groups[["yso_index", "yso_names", "yso_ra", "yso_dec", "separation_arcsec", "edge_arcsec"]].agg(list)
    return listed.assign(rv_kms=groups["rv_kms"].first().fillna(0.0))


def worth_locating(row: Mapping[Hashable, Any], lines: tuple[Line, ...]) -> bool:
    """Whether nothing but the cube's place is missing."""
    refused = skip_reason(as_matched_cube(row), lines)
    return refused is None or refused[0] is Status.NO_CLOUD_COPY


def latest_of_each(matched: pd.DataFrame, released: pd.Series[float]) -> pd.DataFrame:
    """Keep one row for each ``obs_id``: of those with a cube, or else of all, the one released last; and say so.

    Parameters
    ----------
    matched : DataFrame
        With ``obs_id`` and ``uri``.
    released : Series
        When each was released, MJD; NaN where the archive does not say.
    """
    order = np.lexsort((-released.fillna(0.0).to_numpy(), matched["uri"].isna().to_numpy()))
    kept = matched.iloc[order].drop_duplicates("obs_id").sort_index().reset_index(drop=True)
    if len(kept) < len(matched):
        log.info("%d more rows describe the same products: of each, the latest is taken", len(matched) - len(kept))
    return kept


def as_matched_cube(row: Mapping[Hashable, Any]) -> MatchedCube:
    """Return a row of the matched cubes, or of the observations, as what a scan takes."""
    uri = row.get("uri")
    return MatchedCube(
        obs_id=str(row["obs_id"]),
        uri=uri if isinstance(uri, str) else None,
        em_min_um=float(row["em_min_um"]),
        em_max_um=float(row["em_max_um"]),
        rv_kms=float(row.get("rv_kms", 0.0)),
        ysos=tuple(zip(*(row.get(name, ()) for name in ("yso_index", "yso_ra", "yso_dec")), strict=True)),
    )


def plan(
    tables: Tables, lines: tuple[Line, ...], stored: pd.DataFrame, settings: Settings
) -> tuple[list[ScanTask], list[Outcome]]:
    """Decide what is still to scan, and settle what needs no scan.

    Parameters
    ----------
    tables : Tables
        The run's tables.
    lines : tuple of Line
        What is looked for.
    stored : DataFrame
        The outcomes that the run has already.
    settings : Settings
        Its `retry_failed` and `limit` count here.

    Returns
    -------
    to_scan : list of ScanTask
        Each cube with the number of this attempt.
    settled : list of Outcome
        Of cubes that cannot be scanned, and of footprints that cannot be parsed.
    """
    attempts = stored.groupby("obs_id")["attempt"].max()
    done = set(attempts.index)
    if settings.retry_failed:
        done -= set(failures(stored, tables.matched).query("counts_as_failed")["obs_id"])
    to_scan: list[ScanTask] = []
    settled: list[Outcome] = []
    for matched, refused in chain(with_refusals(tables, lines), with_bad_regions(tables)):
        if matched.obs_id in done:
            continue
        done.add(matched.obs_id)
        if refused is None:
            to_scan.append(ScanTask(matched, int(attempts.get(matched.obs_id, 0)) + 1))
        else:
            settled.append(Outcome.without_scan(matched, lines, *refused))
    return to_scan[: settings.limit], settled


def count(objects: int, tables: Tables, lines: tuple[Line, ...]) -> dict[str, int]:
    """Count the first steps of the funnel, ``objects`` being all that the archive returned."""
    return {
        "ysos": objects,
        "with_coordinates": len(tables.ysos),
        "cubes": len(tables.observations),
        "matched": len(tables.matched),
        "to_scan": sum(refused is None for _, refused in with_refusals(tables, lines)),
    }


def largest_scan(footprints: pd.Series[Any], context: Context, spaxel_arcsec: float) -> int:
    """Estimate the memory that the scan of the largest cube takes, bytes.

    Parameters
    ----------
    footprints : Series
        The ``s_region`` of the cubes to scan.
    context : Context
        Its detector says how many planes it wants of a cube of the usual 1500, a resolving power of 3000 sampled twice.
    spaxel_arcsec : float
        The mission's smallest spaxel.
    """
    radii_deg = [0.0]
    for s_region in footprints.unique():
        with suppress(RegionError):
            radii_deg.append(parse_region(s_region).cap.radius_deg)
    side = 2 * min(max(radii_deg), WIDEST_DEG) * 3600 / spaxel_arcsec
    detector, planes = load_detector(context.detector, context.detector_options), 1500
    for line in context.lines:
        wavelength_um = line.wavelength_um * (1 + (np.arange(1500) - 750) / 6000)
        with suppress(Exception):  # a user's code: what is wrong with it is said with each cube
            start, stop = detector.plane_range(wavelength_um, line) or (0, 0)
            planes = stop - start
    return working_bytes(detector, planes, side**2)


def with_refusals(tables: Tables, lines: tuple[Line, ...]) -> Iterator[tuple[MatchedCube, Refusal | None]]:
    """Yield the matched cubes, each with the reason not to scan it, if there is one."""
    for row in tables.matched.to_dict("records"):
        matched = as_matched_cube(row)
        yield matched, skip_reason(matched, lines)


def with_bad_regions(tables: Tables) -> Iterator[tuple[MatchedCube, Refusal]]:
    """Yield the observations whose footprint cannot be parsed: nobody knows what is inside."""
    for row in tables.observations.query("region_error != ''").to_dict("records"):
        yield as_matched_cube(row), (Status.BAD_REGION, row["region_error"])
