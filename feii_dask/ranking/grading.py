"""Grades of objects: joint p-values of all their lines (Simes), and false-discovery rates over all objects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import false_discovery_control

__all__ = ["AGREEMENT_KMS", "benjamini_hochberg", "grade_objects", "simes"]

AGREEMENT_KMS = 60.0  # within which lines have one velocity: half of an ordinary jet's spread, and a plane of any band
MOST_PER_LINE = 6.0  # that one line adds to the score
SURE_Q, PROBABLE_Q, ALONE_Q = 0.01, 0.1, 0.001


def grade_objects(tests: pd.DataFrame, by: str = "yso_index") -> pd.DataFrame:
    """Grade objects by all lines that were looked for in all of their cubes.

    Of the detected lines, those count that agree within `AGREEMENT_KMS` with the most significant one, or with
    another if that makes the joint p-value smaller. All others that were tested count as if they had p = 1. The
    p-value is that of Simes, the q-value that of Benjamini and Hochberg over all objects.

    ===== ==========================================================================================================
    grade what is needed
    ===== ==========================================================================================================
    A     q ≤ 0.01, and two lines agree, or only one line was in the bands that were observed, or q ≤ 0.001
    B     q ≤ 0.1
    C     a detection
    ===== ==========================================================================================================

    Parameters
    ----------
    tests : DataFrame
        One row per object, cube and line with an answer: ``by``, ``line``, ``detected``, ``p_value`` and
        ``velocity_kms``.
    by : str
        Column that names the objects.

    Returns
    -------
    DataFrame
        One row per object: ``lines_tested``, ``lines_agreeing``, ``velocity_kms`` (their mean), ``joint_score`` (the
        sum of -log10 p over them, at most `MOST_PER_LINE` each), ``joint_p``, ``q_value`` and ``grade`` (empty without
        a detection), under the object's name.
    """
    columns = ["line", "detected", "p_value", "velocity_kms"]
    rows = {name: joint_numbers(group) for name, group in tests.dropna(subset="p_value").groupby(by)[columns]}
    joint = pd.DataFrame.from_dict(
        rows, orient="index", columns=["lines_tested", "lines_agreeing", "velocity_kms", "joint_score", "joint_p"]
    ).rename_axis(by)
    joint = joint.astype({"lines_tested": int, "lines_agreeing": int})
    joint["q_value"] = benjamini_hochberg(joint["joint_p"].to_numpy(dtype=float))
    q = joint["q_value"]
    confirmed = (joint["lines_agreeing"] >= 2) | (joint["lines_tested"] == 1) | (q <= ALONE_Q)
    conditions = [joint["lines_agreeing"] == 0, (q <= SURE_Q) & confirmed, q <= PROBABLE_Q]
    joint["grade"] = np.select(conditions, ["", "A", "B"], default="C")
    return joint


def joint_numbers(group: pd.DataFrame) -> tuple[int, int, float, float, float]:
    """Return the numbers of one object, at the velocity at which its lines are most significant together."""
    lines = group["line"].nunique()
    detected = group[group["detected"]]
    best = (lines, 0, np.nan, 0.0, simes(list(group["p_value"])))
    for number, velocity_kms in enumerate(detected["velocity_kms"]):
        agreeing = detected[(detected["velocity_kms"] - velocity_kms).abs() <= AGREEMENT_KMS]
        joint_p = simes([*agreeing["p_value"], *[1.0] * (len(group) - len(agreeing))])
        if number == 0 or joint_p < best[-1]:
            significance = -np.log10(agreeing["p_value"].clip(lower=10**-MOST_PER_LINE))
            score = float(significance.groupby(agreeing["line"]).max().sum())
            mean_kms = float(agreeing["velocity_kms"].mean())
            best = (lines, agreeing["line"].nunique(), mean_kms, score, joint_p)
    return best


def simes(p_values: Sequence[float]) -> float:
    """Return the p-value of the claim that none of several lines is there: the least of n p₍ₖ₎ / k (Simes 1986).

    Examples
    --------
    >>> simes([0.01, 0.5]), simes([0.01, 0.01])
    (0.02, 0.01)
    """
    ordered = np.sort(np.asarray(p_values, dtype=np.float64))
    return float((ordered * ordered.size / np.arange(1, ordered.size + 1)).min())


def benjamini_hochberg(p: ArrayLike) -> NDArray[np.float64]:
    """Return q-values: the share of false ones expected among all that are at least as significant.

    After Benjamini & Hochberg (1995), by SciPy, which takes no NaN; it holds if the p-values are independent, or
    positively dependent as those of lines in one cube are (Benjamini & Yekutieli 2001).

    Parameters
    ----------
    p : (n,) array_like
        p-values; NaN where nothing was tested.

    Returns
    -------
    (n,) float64 ndarray
        q-values, NaN where p is.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.5, float("nan"), 0.02]).round(3).tolist()
    [0.03, 0.5, nan, 0.03]
    """
    p = np.asarray(p, dtype=np.float64)
    q = np.full_like(p, np.nan)
    tested = ~np.isnan(p)
    if tested.any():
        q[tested] = false_discovery_control(p[tested])
    return q
