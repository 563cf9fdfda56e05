"""Grades of objects: joint p-values of all their lines (Simes), and false-discovery rates over all objects."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from feii_dask.detectors.identification import is_doubtful, joint_identification_p_value, narrowed_p_value
from feii_dask.model import Kind

__all__ = [
    "AGREEMENT_KMS",
    "ALONE_Q",
    "PROBABLE_Q",
    "SURE_Q",
    "adaptive_q_values",
    "benjamini_hochberg",
    "grade_objects",
    "simes",
]

AGREEMENT_KMS = 60.0  # within which lines have one velocity: half of an ordinary jet's spread, and a plane of any band
SIGMAS = 2.0  # of the velocities' errors, by which lines of one velocity may differ as well
MOST_PER_LINE = 6.0  # that one line adds to the score
SURE_Q, PROBABLE_Q, ALONE_Q = 0.01, 0.1, 0.001
NEEDED = ("line", "detected", "p_value", "velocity_kms")
# Where a table lacks one of these, or holds no value, it is not known: no error, no other line in question.
KNOWN_OF_SOME = ("kind", "flags", "velocity_error_kms", "velocity_calibration_kms", "p_identification", "rv_kms")


class Lines(NamedTuple):
    """Lines that were tested, one value each: thousands of objects are quicker without a table for each."""

    line: NDArray[np.object_]
    p_value: NDArray[np.float64]
    velocity_kms: NDArray[np.float64]
    offset_kms: NDArray[np.float64]
    variance: NDArray[np.float64]
    p_identification: NDArray[np.float64]
    flags: NDArray[np.object_]

    @classmethod
    def of(cls, known: pd.DataFrame) -> Lines:
        """Take them out of a table."""
        texts = ("line", "flags")
        columns: Iterator[Any] = (known[name].to_numpy(object if name in texts else float) for name in cls._fields)
        return cls(*columns)

    def at(self, places: NDArray[np.intp]) -> Lines:
        """Return some of them."""
        columns: Iterator[Any] = (values[places] for values in self)
        return Lines(*columns)


class JointNumbers(NamedTuple):
    """What the lines of one object say together."""

    lines_tested: int
    lines_agreeing: int
    velocity_kms: float
    joint_score: float
    joint_p: float
    doubtful: bool


def grade_objects(tests: pd.DataFrame, by: str = "yso_index", sure_q: float = SURE_Q) -> pd.DataFrame:
    """Grade objects by all lines that were looked for in all of their cubes.

    Of the detected lines, those count that agree in velocity with the most significant one, or with another if that
    makes the joint p-value smaller: they differ by no more than `AGREEMENT_KMS` and, added in quadrature, twice the
    statistical errors and calibration uncertainties of both. All others that were tested count as if they had p = 1;
    so does a line that is there but not shown to be extended. The joint p-value is that of Simes, plus the probability
    that unlisted lines of other species agree as well (`feii_dask.detectors.identification`) where the detector says
    how often one line does. The q-value is that of Benjamini and Hochberg over all objects (`adaptive_q_values`).

    ===== ==========================================================================================================
    grade what is needed
    ===== ==========================================================================================================
    A     q ≤ ``sure_q``, and two lines agree, or only one line was in the bands that were observed, or q ≤ 0.001;
          one of them at least neither fills the field nor follows an extended continuum
    B     q ≤ 0.1
    C     a detection
    ===== ==========================================================================================================

    Parameters
    ----------
    tests : DataFrame
        One row per object, cube and line with an answer: ``by``, ``line``, ``detected``, ``p_value`` and
        ``velocity_kms``; where there are any, ``velocity_error_kms``, ``velocity_calibration_kms``,
        ``p_identification``, ``kind``, ``flags``, and ``rv_kms`` of the source.
    by : str
        Column that names the objects.
    sure_q : float
        Largest q-value of grade A.

    Returns
    -------
    DataFrame
        One row per object: ``lines_tested``, ``lines_agreeing``, ``velocity_kms`` (their mean), ``joint_score`` (the
        sum of -log10 p over them, at most `MOST_PER_LINE` each), ``joint_p``, ``q_value`` and ``grade`` (empty without
        a detection), under the object's name.
    """
    known = tests.reindex(columns=[by, *NEEDED, *KNOWN_OF_SOME]).dropna(subset="p_value")
    not_extended = known["kind"].isin([kind.value for kind in Kind if kind.is_line]) & ~known["detected"].astype(bool)
    known = known.assign(
        p_value=known["p_value"].mask(not_extended, 1.0),
        offset_kms=known["velocity_kms"] - known["rv_kms"].astype(float).fillna(0.0),
        variance=known[["velocity_error_kms", "velocity_calibration_kms"]].astype(float).pow(2).sum(axis=1),
    )
    rows = dict(joint_rows(known, by))
    joint = pd.DataFrame.from_dict(rows, orient="index", columns=JointNumbers._fields).rename_axis(by)
    joint = joint.astype({"lines_tested": int, "lines_agreeing": int, "doubtful": bool})
    joint["q_value"] = adaptive_q_values(joint["joint_p"].to_numpy(dtype=float))
    q = joint["q_value"]
    confirmed = (joint["lines_agreeing"] >= 2) | (joint["lines_tested"] == 1) | (q <= ALONE_Q)
    sure = (q <= sure_q) & confirmed & ~joint["doubtful"]
    joint["grade"] = np.select([joint["lines_agreeing"] == 0, sure, q <= PROBABLE_Q], ["", "A", "B"], default="C")
    return joint.drop(columns="doubtful")


def joint_rows(known: pd.DataFrame, by: str) -> Iterator[tuple[Hashable, JointNumbers]]:
    """Yield the name and the numbers of each object; most show nothing, which takes no table to say."""
    lines, found = Lines.of(known), known["detected"].to_numpy(dtype=bool)
    for name, group in known.groupby(by).indices.items():
        places = np.asarray(group, dtype=np.intp)
        tested, shown = len(set(lines.line[places])), places[found[places]]
        if shown.size:
            yield name, joint_numbers(lines.at(shown), len(places), tested)
        else:
            yield name, JointNumbers(tested, 0, np.nan, 0.0, simes(lines.p_value[places]), doubtful=False)


def joint_numbers(detected: Lines, tests: int, lines_tested: int) -> JointNumbers:
    """Return the numbers of one object, at the velocity at which its lines are most significant together.

    Parameters
    ----------
    detected : Lines
        Those of its tests with a detection; one at least.
    tests, lines_tested : int
        How many tests there are, and different lines in them.
    """
    p_value, variance, velocity_kms = detected.p_value, detected.variance, detected.velocity_kms
    allowed_kms = np.sqrt(AGREEMENT_KMS**2 + SIGMAS**2 * np.add.outer(variance, variance))
    nearby = np.abs(np.subtract.outer(velocity_kms, velocity_kms)) <= allowed_kms
    joint_p = [
        min(
            1.0,
            simes([*p_value[near], *[1.0] * (tests - int(near.sum()))])
            + other_lines_p(detected, leading, near, allowed_kms[leading], lines_tested),
        )
        for leading, near in enumerate(nearby)
    ]
    best = int(np.argmin(joint_p))
    near = nearby[best]
    score: dict[str, float] = {}
    for line, p in zip(detected.line[near], p_value[near], strict=True):
        score[line] = max(score.get(line, 0.0), -np.log10(max(p, 10**-MOST_PER_LINE)))
    return JointNumbers(
        lines_tested=lines_tested,
        lines_agreeing=len(score),
        velocity_kms=float(velocity_kms[near].mean()) if near.any() else np.nan,
        joint_score=float(sum(score[line] for line in sorted(score))),
        joint_p=joint_p[best],
        doubtful=all(is_doubtful(flags) for flags in detected.flags[near]),
    )


def other_lines_p(
    detected: Lines, leading: int, near: NDArray[np.bool_], allowed_kms: NDArray[np.float64], tested: int
) -> float:
    """Return how often unlisted lines are where the lines near a leading one are; 0 where the detector does not say.

    In the place of each line that follows may be an unlisted line within the velocities at which it agrees, or noise.
    A line that two cubes show counts once: an unlisted one would be in both.
    """
    p, line, offset_kms = detected.p_identification, detected.line, detected.offset_kms
    if np.isnan(p[leading]):
        return 0.0
    others = np.flatnonzero(near & (line != line[leading]) & ~np.isnan(p))
    chances: dict[str, float] = {}
    for other in others:
        chance = min(1.0, detected.p_value[other] + narrowed_p_value(p[other], offset_kms[other], allowed_kms[other]))
        chances[line[other]] = min(chance, chances.get(line[other], 1.0))
    return joint_identification_p_value(p[leading], list(chances.values()), tested)


def simes(p_values: ArrayLike) -> float:
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

    After Benjamini & Hochberg (1995); it holds if the p-values are independent, or
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
    # `scipy.stats.false_discovery_control` is the same, but takes half a second to import, and no NaN.
    falling = np.argsort(-p)[: np.count_nonzero(~np.isnan(p))]
    ranks = np.arange(falling.size, 0, -1)
    q[falling] = np.minimum.accumulate(p[falling] * (falling.size / ranks))
    return q


def adaptive_q_values(p: ArrayLike) -> NDArray[np.float64]:
    """Return q-values for as many objects without anything as there can be.

    `benjamini_hochberg` takes all m of them for such objects. Of the r whose q-value is at most `PROBABLE_Q`, all but
    that share show something, so that m + 1 - (1 - `PROBABLE_Q`) r are left: the two stages of Benjamini, Krieger &
    Yekutieli (2006), with one more object for where r is small by chance.

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
    >>> adaptive_q_values([0.01, 0.5]).tolist(), adaptive_q_values([0.01] * 9 + [1.0]).round(5).tolist()[0]
    ([0.02, 0.5], 0.00322)
    """
    q = benjamini_hochberg(p)
    tested, found = int(np.count_nonzero(~np.isnan(q))), int(np.count_nonzero(q <= PROBABLE_Q))
    return q * min(1.0, (tested + 1 - (1 - PROBABLE_Q) * found) / max(tested, 1))
