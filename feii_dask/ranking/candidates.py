"""Candidates, failures and the funnel of a run, from its outcomes."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from feii_dask.model import Status
from feii_dask.ranking.line_density import pooled_identification
from feii_dask.ranking.pooling import grade_pooled
from feii_dask.ranking.shared_light import credit_leaders, without_followers
from feii_dask.ranking.thresholds import DEFAULT_THRESHOLDS, Thresholds
from feii_dask.store.outcome_table import deciding_rows

__all__ = [
    "count_failed",
    "credited_detections",
    "cubes_by_yso",
    "describe_candidates",
    "detections_by_yso",
    "failed_share",
    "failures",
    "funnel",
    "including",
    "rank",
]

CANDIDATE_COLUMNS = [
    *("rank", "grade", "main_id", "yso_index", "ra", "dec"),
    *("n_lines", "lines", "kinds", "n_cubes", "n_cubes_detected", "on_data"),
    *("lines_tested", "lines_agreeing", "velocity_kms", "joint_score", "joint_p", "q_value"),
    *("statistic", "snr", "p_value", "p_identification", "separation_arcsec", "obs_ids", "shares_light_with"),
]
GRADE_NUMBERS = ("velocity_kms", "joint_score", "joint_p", "q_value")  # NaN where there is no grade
FAILURE_COLUMNS = ["obs_id", "status", "counts_as_failed", "reason", "uri", "attempt"]
# Steps of the funnel that are known before the first scan.
COUNTED_BEFORE = ("ysos", "with_coordinates", "cubes", "matched", "to_scan")


def including(outcomes: pd.DataFrame, kinds: Collection[str]) -> pd.DataFrame:
    """Count lines of some kinds as detections, beside those that are extended.

    Parameters
    ----------
    outcomes : DataFrame
        As `RunStore.outcomes` returns them.
    kinds : collection of str
        ``compact`` and ``undecided``, one, both or none of them.

    Returns
    -------
    DataFrame
        The same, but that such lines have ``detected`` as well.
    """
    return outcomes.assign(detected=outcomes["detected"] | outcomes["kind"].isin(list(kinds)))


def detections_by_yso(outcomes: pd.DataFrame, matched: pd.DataFrame) -> pd.DataFrame:
    """Join each detection to the objects inside its cube's footprint.

    Parameters
    ----------
    outcomes : DataFrame
        As `RunStore.outcomes` returns them.
    matched : DataFrame
        One row per cube, with the lists ``yso_index`` and ``separation_arcsec``.

    Returns
    -------
    DataFrame
        One row per object, cube and detected line: ``yso_index``, ``separation_arcsec``, and the outcome's columns, of
        which ``on_data`` becomes whether this object is on spaxels with data. Sorted by object and wavelength; of the
        cubes that show a line, that with the best statistic comes first.
    """
    detected = outcomes[outcomes["detected"] & (outcomes["status"] == Status.SCANNED.value)]
    pairs = cubes_by_yso(matched).merge(detected, on="obs_id")
    has_data = [yso in on_data for yso, on_data in zip(pairs["yso_index"], pairs["on_data"], strict=True)]
    return pairs.assign(on_data=np.array(has_data, dtype=bool)).sort_values(
        ["yso_index", "wavelength_um", "line", "statistic", "obs_id"],
        ascending=[True, True, True, False, True],
        ignore_index=True,
    )


def credited_detections(outcomes: pd.DataFrame, matched: pd.DataFrame, ysos: pd.DataFrame) -> pd.DataFrame:
    """Join each detection to one of the objects inside its cube's footprint.

    Parameters
    ----------
    outcomes, matched, ysos : DataFrame
        See `rank`.

    Returns
    -------
    DataFrame
        The rows of `detections_by_yso` that `feii_dask.ranking.shared_light.credit_leaders` keeps.
    """
    return credit_leaders(detections_by_yso(outcomes, matched), ysos)


def rank(
    outcomes: pd.DataFrame, matched: pd.DataFrame, ysos: pd.DataFrame, thresholds: Thresholds = DEFAULT_THRESHOLDS
) -> pd.DataFrame:
    """List the objects that show lines, best first.

    What a cube shows is credited to one of the objects inside its footprint; a line that two cubes show counts once. A
    detector with p-values earns an object a grade, and any detection makes a candidate, so that one that was observed
    in a single line's band can be one. Without p-values it takes three distinct lines.

    Parameters
    ----------
    outcomes, matched : DataFrame
        See `detections_by_yso`.
    ysos : DataFrame
        ``main_id``, ``ra`` and ``dec`` (degrees), under the labels that ``yso_index`` refers to.
    thresholds : Thresholds
        What it takes to be a candidate, and one of grade A.

    Returns
    -------
    DataFrame
        One row per candidate: ``rank`` from 1, ``grade``, ``main_id``, ``yso_index``, ``ra``, ``dec``, ``n_lines``,
        ``lines`` by wavelength and their ``kinds``, ``n_cubes`` scanned and ``n_cubes_detected`` among them,
        ``on_data`` (whether the object itself is on spaxels with data in one of the latter), what
        `feii_dask.ranking.grading.grade_objects` returns for its lines together, the best ``statistic``, ``snr``,
        ``p_value`` and ``p_identification`` of its detections, the latter after the lines that were met in all cubes
        (`feii_dask.ranking.line_density`), the least ``separation_arcsec`` from the centre of such a cube, ``obs_ids``
        of these cubes, and ``shares_light_with``, the names of other objects inside them. Sorted by grade, joint score,
        number of lines, statistic and index.
    """
    outcomes = outcomes.assign(p_identification=pooled_identification(outcomes, matched))
    credited = credited_detections(outcomes, matched, ysos)
    tests = cubes_by_yso(matched).merge(outcomes[outcomes["status"] == Status.SCANNED.value], on="obs_id")
    table = (
        summarize(credited, ysos)
        .join(tests.groupby("yso_index")["obs_id"].nunique().rename("n_cubes"))
        .join(grade_pooled(without_followers(tests, credited), thresholds.grade_a_q))
        .fillna({"grade": "", "lines_tested": 0, "lines_agreeing": 0, "joint_score": 0.0})
    )
    needed = np.where(table["grade"] != "", thresholds.lines_with_grade, thresholds.lines_without_grade)
    table = (
        table[table["n_lines"] >= needed]
        .astype({"lines_tested": int, "lines_agreeing": int, "shares_light_with": str})
        .astype(dict.fromkeys(GRADE_NUMBERS, float))
        .join(ysos[["main_id", "ra", "dec"]])
        .reset_index()
        .assign(graded_first=lambda rows: rows["grade"].replace("", "~"))
        .sort_values(
            ["graded_first", "joint_score", "n_lines", "statistic", "yso_index"],
            ascending=[True, False, False, False, True],
            ignore_index=True,
        )
    )
    return table.assign(rank=table.index + 1)[CANDIDATE_COLUMNS]


def summarize(credited: pd.DataFrame, ysos: pd.DataFrame) -> pd.DataFrame:
    """Return one row per object that is credited with a line, of columns of `rank`."""
    best = credited.drop_duplicates(["yso_index", "line"]).groupby("yso_index")
    names = ysos["main_id"].astype(str)
    return (
        credited.groupby("yso_index")
        .agg(
            n_lines=("line", "nunique"),
            n_cubes_detected=("obs_id", "nunique"),
            on_data=("on_data", "any"),
            statistic=("statistic", "max"),
            snr=("snr", "max"),
            p_value=("p_value", "min"),
            p_identification=("p_identification", "min"),
            separation_arcsec=("separation_arcsec", "min"),
            obs_ids=("obs_id", lambda obs_ids: "; ".join(sorted(obs_ids.unique()))),
            shares_light_with=("sharing", lambda others: "; ".join(names[sorted(set().union(*others))])),
        )
        .join(best.agg(lines=("line", "; ".join), kinds=("kind", "; ".join)))
    )


def cubes_by_yso(matched: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cube and object inside it, with the radial velocity that was expected, if one is known."""
    columns = ["obs_id", "rv_kms", "yso_index", "separation_arcsec"]
    pairs = matched.reindex(columns=columns).explode(["yso_index", "separation_arcsec"])
    pairs = pairs.dropna(subset="yso_index")  # which an empty list leaves
    return pairs.astype({"obs_id": str, "yso_index": "int64", "separation_arcsec": "float64"})


def scanned_cubes(outcomes: pd.DataFrame) -> pd.Series[str]:
    return outcomes.loc[outcomes["status"] == Status.SCANNED.value, "obs_id"].drop_duplicates()


def describe_candidates(candidates: pd.DataFrame) -> str:
    """Say how many candidates there are, by grade.

    Examples
    --------
    >>> describe_candidates(pd.DataFrame({"grade": ["A", "A", "C"]}))
    '3 candidates (2 of grade A, 1 of grade C)'
    >>> describe_candidates(pd.DataFrame({"grade": [""]}))
    '1 candidate'
    """
    grades = [
        f"{number} of grade {grade}" for grade, number in candidates["grade"].value_counts(sort=False).items() if grade
    ]
    return f"{len(candidates)} candidate{'s' * (len(candidates) != 1)}" + (f" ({', '.join(grades)})" if grades else "")


def failures(outcomes: pd.DataFrame, matched: pd.DataFrame) -> pd.DataFrame:
    """List what could not be scanned, or not all of it, and why; cubes without a line in their band are not among it.

    Returns
    -------
    DataFrame
        One row per cube, or observation whose region cannot be parsed: ``obs_id``, ``status``, ``counts_as_failed``
        (whether it should have worked), ``reason``, ``uri`` (empty where there is none) and ``attempt``.
    """
    rows = deciding_rows(outcomes)
    rows = rows[~rows["status"].isin([Status.SCANNED.value, Status.NO_LINE_IN_BAND.value])]
    uris = matched.set_index("obs_id")["uri"].dropna().to_dict()
    return rows.assign(
        counts_as_failed=[Status(status).failed for status in rows["status"]],
        uri=[uris.get(obs_id, "") for obs_id in rows["obs_id"]],
    ).astype({"counts_as_failed": bool, "uri": str})[FAILURE_COLUMNS]


def failed_share(outcomes: pd.DataFrame) -> float:
    """Return the share of cubes that failed, among those that should have worked; 0 if there are none."""
    failed, expected = count_failed(outcomes)
    return failed / expected if failed else 0.0


def count_failed(outcomes: pd.DataFrame) -> tuple[int, int]:
    """Return how many cubes failed, and how many should have worked: those without data or a line are not among."""
    statuses = [Status(status) for status in deciding_rows(outcomes)["status"]]
    failed = sum(status.failed for status in statuses)
    return failed, failed + statuses.count(Status.SCANNED)


def funnel(counts: Mapping[str, int], outcomes: pd.DataFrame, candidates: pd.DataFrame) -> dict[str, int]:
    """Count what is left at each step of a search, in the order of the steps.

    Parameters
    ----------
    counts : mapping
        What was counted before the first scan: ``ysos``, ``with_coordinates``, ``cubes``, ``matched`` and ``to_scan``;
        steps that are not there are left out.
    outcomes, candidates : DataFrame
        See `rank`.

    Examples
    --------
    >>> from feii_dask.store.outcome_table import SCHEMA
    >>> nothing = SCHEMA.empty_table().to_pandas()
    >>> funnel({"ysos": 3, "cubes": 7}, nothing, nothing)
    {'ysos': 3, 'cubes': 7, 'scanned': 0, 'with_detections': 0, 'candidates': 0}
    """
    return {
        **{step: counts[step] for step in COUNTED_BEFORE if step in counts},
        "scanned": len(scanned_cubes(outcomes)),
        "with_detections": outcomes.loc[outcomes["detected"], "obs_id"].nunique(),
        "candidates": len(candidates),
    }
