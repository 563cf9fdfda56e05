"""What a run says of each object that was asked for: lines found, the best limit, or why nothing is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from feii_dask.model import Status
from feii_dask.ranking.candidates import cubes_by_yso
from feii_dask.ranking.found_lines import UNIDENTIFIED_LINE

__all__ = ["SUMMARY_COLUMNS", "summarize_objects"]

SUMMARY_COLUMNS = [
    *("main_id", "yso_index", "ra", "dec", "grade", "n_cubes", "n_cubes_scanned"),
    *("n_lines_covered", "lines_covered", "n_lines_found", "lines_found"),
    *("best_limit_beam", "best_limit_beam_line", "best_limit_jet", "best_limit_jet_line"),
    *("best_sensitivity_beam", "best_sensitivity_beam_line", "best_sensitivity_jet", "best_sensitivity_jet_line"),
    "reason",
]
COUNTS = ("n_cubes", "n_cubes_scanned", "n_lines_covered", "n_lines_found")
# Of either extent, the lowest value of a column of limits.
LIMITS = {
    "best_limit_beam": ("beam", "flux_limit_3sigma"),
    "best_limit_jet": ("3x1 beams", "flux_limit_3sigma"),
    "best_sensitivity_beam": ("beam", "flux_sensitivity_95"),
    "best_sensitivity_jet": ("3x1 beams", "flux_sensitivity_95"),
}
TEXTS = ("grade", "lines_covered", "lines_found", *(f"{name}_line" for name in LIMITS), "reason")


def summarize_objects(
    outcomes: pd.DataFrame,
    matched: pd.DataFrame,
    ysos: pd.DataFrame,
    detections: pd.DataFrame,
    limits: pd.DataFrame,
    not_searched: Iterable[Mapping[str, str]] = (),
) -> pd.DataFrame:
    """Return one row for each object that was asked for.

    Parameters
    ----------
    outcomes, matched, ysos : DataFrame
        See `feii_dask.ranking.candidates.rank`.
    detections, limits : DataFrame
        As `feii_dask.ranking.found_lines.found_lines` and `feii_dask.ranking.flux_limits.flux_limits` return them.
    not_searched : iterable of mapping
        ``main_id`` and ``reason`` of objects that could not be searched for.

    Returns
    -------
    DataFrame
        `SUMMARY_COLUMNS`: cubes that hold the object, lines that were measured and found in them, the lowest limit and
        sensitivity of all its lines for either extent, and the ``reason`` where nothing is known of it.
        In the order of the objects.
    """
    tests = cubes_by_yso(matched).merge(outcomes, on="obs_id")
    scanned = tests[tests["status"] == Status.SCANNED.value].sort_values("wavelength_um", kind="stable")
    found = detections[detections["line"] != UNIDENTIFIED_LINE].sort_values("wavelength_um", kind="stable")
    found = found.assign(line=found["line"] + " (" + found["kind"] + ")")
    table = ysos[["main_id", "ra", "dec"]].rename_axis("yso_index")
    table = (
        table.join(cubes_by_yso(matched).groupby("yso_index")["obs_id"].nunique().rename("n_cubes"))
        .join(scanned.groupby("yso_index")["obs_id"].nunique().rename("n_cubes_scanned"))
        .join(names_of(scanned, "lines_covered"))
        .join(names_of(found, "lines_found"))
        .join(detections[detections["grade"] != ""].groupby("yso_index")["grade"].first())
    )
    for name, (extent, column) in LIMITS.items():
        table = table.join(lowest(limits[limits["extent"] == extent], column, name))
    table = table.join(reasons(tests, scanned, table.index[table["n_cubes"].notna()]).rename("reason"))
    table["reason"] = table["reason"].where(table["n_cubes"].notna(), "no cube holds it")
    return finished(table.reset_index(), not_searched)


def names_of(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return, by object, the distinct lines of some rows as text, and how many they are."""
    distinct = rows.drop_duplicates(["yso_index", "line"]).groupby("yso_index")["line"]
    return pd.DataFrame({name: distinct.agg("; ".join), f"n_{name}": distinct.size()})


def lowest(limits: pd.DataFrame, column: str, name: str) -> pd.DataFrame:
    """Return, by object, the lowest value of a column, and its line."""
    best = limits.dropna(subset=column).sort_values(column).drop_duplicates("yso_index")
    best = best.set_index("yso_index")[[column, "line"]]
    return best.set_axis([name, f"{name}_line"], axis=1)


def reasons(tests: pd.DataFrame, scanned: pd.DataFrame, inside: pd.Index[int]) -> pd.Series[str]:
    """Say of the objects inside cubes why nothing is known of them; empty where something is."""
    on_data = {int(yso) for objects in scanned["on_data"] for yso in objects}
    statuses = tests.groupby("yso_index")["status"].agg(lambda values: ", ".join(sorted(set(values)))).to_dict()
    has_scans = set(scanned["yso_index"])

    def reason(yso: int) -> str:
        if yso not in statuses:
            return "its cubes have no outcome yet"
        if yso not in has_scans:
            return f"its cubes were not measured: {statuses[yso].replace('_', ' ')}"
        return "" if yso in on_data else "it is on no spaxel with data; the cubes about it were measured"

    return pd.Series([reason(yso) for yso in inside], inside, dtype=str)


def finished(table: pd.DataFrame, not_searched: Iterable[Mapping[str, str]]) -> pd.DataFrame:
    """Add the objects that were not searched for, and fill what is missing."""
    others = pd.DataFrame(list(not_searched), columns=["main_id", "reason"])
    table = pd.concat([table, others], ignore_index=True) if len(others) else table
    table = table.assign(**{name: table[name].fillna(0) for name in COUNTS})
    table = table.assign(**{name: table[name].astype(object).fillna("") for name in TEXTS})
    kinds: dict[str, Any] = dict.fromkeys(COUNTS, np.int64) | dict.fromkeys((*TEXTS, "main_id"), str)
    kinds |= dict.fromkeys(("ra", "dec", *LIMITS), float) | {"yso_index": "Int64"}
    return table.astype(kinds)[SUMMARY_COLUMNS]
