"""Matched cubes from the matches of footprints and targets: one row for each cube, with its place and its targets."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from feii_dask.archives import CubeArchive
from feii_dask.config.missions import Mission
from feii_dask.model import Line, MatchedCube, Status, skip_reason
from feii_dask.sky.match import nearest_yso

__all__ = ["Found", "as_matched_cube", "make_matched", "with_band_um"]

log = logging.getLogger(__name__)

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


class Found(NamedTuple):
    """The tables of the archives, before they are matched."""

    objects: int  # those without coordinates included
    ysos: pd.DataFrame
    observations: pd.DataFrame
    not_searched: list[dict[str, str]]  # the others, with the reason


def with_band_um(observations: pd.DataFrame, mission: Mission) -> pd.DataFrame:
    """Add ``em_min_um`` and ``em_max_um`` to an archive's table, from its bands in the mission's unit."""
    bands = observations[["em_min", "em_max"]].astype(float) * mission.micron_per_em_unit
    return observations.assign(em_min_um=bands["em_min"], em_max_um=bands["em_max"])


def make_matched(
    observations: pd.DataFrame,
    ysos: pd.DataFrame,
    matches: pd.DataFrame,
    lines: tuple[Line, ...],
    archive: CubeArchive,
    *,
    products: bool = False,
) -> pd.DataFrame:
    """Gather the matches of each observation into one row, and locate its cube.

    Parameters
    ----------
    observations, ysos : DataFrame
        The two tables that were matched, the first with their bands added by `with_band_um`.
    matches : DataFrame
        What `feii_dask.engine.crossmatch.crossmatch` returned for them.
    lines : tuple of Line
        The lines to look for; cubes that hold none of them are not located.
    archive : CubeArchive
        Locates the cubes.
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
    matched = rows.reindex(columns=list(COPIED_COLUMNS)).join(targets_inside(matches, ysos), on="obs_index")
    nearest = nearest_yso(rows, ysos[["ra", "dec"]].to_numpy(dtype=np.float64))
    matched["nearest_yso"] = [ysos.index[position] if position >= 0 else -1 for position in nearest]
    located = np.array([needs_place(row, lines) for row in matched.to_dict("records")], dtype=bool)
    matched.insert(1, "uri", pd.Series([None] * len(matched), dtype=object))
    matched.loc[located, "uri"] = np.array(archive.locate(rows[located]), dtype=object)
    return latest_of_each(matched, rows.get("t_obs_release", pd.Series(0.0, rows.index)))


def targets_inside(matches: pd.DataFrame, ysos: pd.DataFrame) -> pd.DataFrame:
    """Return, for each observation, lists of the targets inside it, the nearest to its centre first."""
    rows = matches.sort_values(["obs_index", "separation_arcsec", "yso_index"])
    targets = ysos.loc[rows["yso_index"]]
    rows = rows.assign(
        yso_names=targets["main_id"].astype(str).to_numpy(),
        yso_ra=targets["ra"].to_numpy(),
        yso_dec=targets["dec"].to_numpy(),
        rv_kms=targets["rvz_radvel"].to_numpy(),
    )
    groups = rows.groupby("obs_index")
    listed = groups[["yso_index", "yso_names", "yso_ra", "yso_dec", "separation_arcsec", "edge_arcsec"]].agg(list)
    return listed.assign(rv_kms=groups["rv_kms"].first().fillna(0.0))


def needs_place(row: Mapping[Hashable, Any], lines: tuple[Line, ...]) -> bool:
    """Whether a cube would be scanned, or would be if its place were known."""
    reason = skip_reason(as_matched_cube(row), lines)
    return reason is None or reason[0] is Status.NO_CLOUD_COPY


def latest_of_each(matched: pd.DataFrame, released: pd.Series[float]) -> pd.DataFrame:
    """Keep one row for each ``obs_id``: the latest of those with a cube, or else of all.

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
        object_name=next((str(name) for name in row.get("yso_names", ())), ""),
        ysos=tuple(zip(*(row.get(name, ()) for name in ("yso_index", "yso_ra", "yso_dec")), strict=True)),
    )
