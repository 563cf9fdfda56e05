"""Limits: how bright lines that were looked for and not found may be at an object."""

from __future__ import annotations

import numpy as np
import pandas as pd

from feii_dask.model import Kind, Status

__all__ = ["LIMIT_COLUMNS", "flux_limits"]

EXTENTS = {"beam": "beam", "3x1 beams": "jet"}  # and how the columns of outcomes end
FOUND = [kind.value for kind in Kind if kind.is_line]
LIMIT_SIGMAS = 3.0
LIMIT_COLUMNS = [
    *("main_id", "yso_index", "ra", "dec", "obs_id", "line", "wavelength_um"),
    *("extent", "flux_sigma", "flux_limit_3sigma", "flux_sensitivity_95"),
]


def flux_limits(outcomes: pd.DataFrame, ysos: pd.DataFrame) -> pd.DataFrame:
    """List the limits of each object on spaxels with data: for each line that its cubes do not show, and two extents.

    Parameters
    ----------
    outcomes : DataFrame
        As `RunStore.outcomes` returns them.
    ysos : DataFrame
        ``main_id``, ``ra`` and ``dec`` (deg), under the labels that ``on_data`` refers to.

    Returns
    -------
    DataFrame
        `LIMIT_COLUMNS`, sorted by object, wavelength and cube: ``flux_sigma`` is the 1-σ error of a line's flux in an
        aperture of that extent at the object, ``flux_limit_3sigma`` three times that. ``flux_sensitivity_95`` is the
        flux at which 95 % of lines are found anywhere in the field, at any velocity that was searched: what this search
        did not find. All in W m⁻², and NaN where they could not be measured, as in cubes whose resolution is not known.
    """
    missed = outcomes[
        (outcomes["status"] == Status.SCANNED.value) & ~outcomes["detected"] & ~outcomes["kind"].isin(FOUND)
    ]
    lists = ["on_data", *(f"flux_sigma_{end}" for end in EXTENTS.values())]
    numbers = [f"flux_sensitivity_{end}" for end in EXTENTS.values()]
    rows = missed[["obs_id", "line", "wavelength_um", *numbers, *lists]].explode(lists).dropna(subset="on_data")
    rows = rows.rename(columns={"on_data": "yso_index"}).astype({"yso_index": "int64"})
    parts = [
        rows.assign(
            extent=extent,
            flux_sigma=rows[f"flux_sigma_{end}"].astype(np.float64),
            flux_sensitivity_95=rows[f"flux_sensitivity_{end}"],
        )
        for extent, end in EXTENTS.items()
    ]
    limits = pd.concat(parts, ignore_index=True)
    limits = limits.assign(flux_limit_3sigma=LIMIT_SIGMAS * limits["flux_sigma"])
    limits = limits.join(ysos[["main_id", "ra", "dec"]], on="yso_index", how="inner")
    order = ["yso_index", "wavelength_um", "obs_id", "extent"]
    return limits.sort_values(order, ignore_index=True)[LIMIT_COLUMNS].astype({"main_id": str, "extent": str})
