"""How dense unlisted lines are in the cubes of a run, and what that says of the identification of its lines."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from math import lgamma

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from feii_dask.detectors.identification import (
    LineDensity,
    count_alike,
    counted_offset_kms,
    identification_p_value,
    is_doubtful,
)
from feii_dask.model import Kind, Status
from feii_dask.ranking.unidentified import lists_of

__all__ = ["fit_line_density", "pooled_identification"]

SHAPES = 41  # that are tried
BISECTIONS, FARTHEST = 40, 30.0  # of the logarithm of β, which is within so much of those of the stretches
TINY = 1e-9
log_gamma = np.vectorize(lgamma, otypes=[float])  # `scipy.special` takes a tenth of a second to import
MET = ("unidentified_wavelength_um", "unidentified_kind", "unidentified_statistic", "unidentified_flags")
NEEDED = ("obs_id", "status", "kind", "flags", "velocity_kms", "p_identification", "searched_kms", *MET)


def pooled_identification(outcomes: pd.DataFrame, matched: pd.DataFrame) -> NDArray[np.float64]:
    """Return how often an unlisted line falls as near, given the lines that were met in all cubes of a run.

    What is known beforehand of the density of such lines is what the cubes of the run show together: of each the
    longest stretch, since those of several lines overlap. To that comes what was met in the stretch about the line
    itself, so that in a cube full of lines it stays large however few other cubes have. This takes the lines of one
    cube to be independent of each other once their density is known, and cubes to be drawn from one population.

    Parameters
    ----------
    outcomes : DataFrame
        As `RunStore.outcomes` returns them.
    matched : DataFrame
        One row per cube: ``obs_id``, and ``rv_kms`` of its source where it is known.

    Returns
    -------
    (n,) float64 ndarray
        For each row; what the detector says where it does not say how much it searched.
    """
    rows = outcomes.reindex(columns=list(NEEDED)).reset_index(drop=True)
    pooled: NDArray[np.float64] = rows["p_identification"].to_numpy(dtype=np.float64, copy=True)
    rows = rows[(rows["status"] == Status.SCANNED.value) & (rows["searched_kms"].astype(float) > 0)]
    rv_kms = matched.reindex(columns=["obs_id", "rv_kms"]).drop_duplicates("obs_id").set_index("obs_id")["rv_kms"]
    offset_kms = rows["velocity_kms"].astype(float) - rows["obs_id"].map(rv_kms).astype(float).fillna(0.0)
    found = rows.assign(offset_kms=offset_kms, doubtful=rows["flags"].map(is_doubtful)).dropna(subset="offset_kms")
    longest = rows.sort_values("searched_kms", ascending=False, kind="stable").drop_duplicates("obs_id")
    for (kind, doubtful), some in found.groupby(["kind", "doubtful"]):
        like = Kind(str(kind)), ("fills_field",) * bool(doubtful)
        density = fit_line_density(list(counts_of(longest, *like)), longest["searched_kms"])
        pooled[some.index] = [
            identification_p_value(counted_offset_kms(float(near), *like), lines, float(searched), density)
            for near, searched, lines in zip(
                some["offset_kms"], some["searched_kms"], counts_of(some, *like), strict=True
            )
        ]
    return pooled


def counts_of(rows: pd.DataFrame, kind: Kind, flags: Collection[str]) -> Iterator[int]:
    """Yield how many lines were met, in each row, that could be taken for one of some kind."""
    for met in lists_of(rows):
        yield count_alike(met, kind, flags)


def fit_line_density(counts: ArrayLike, searched_kms: ArrayLike) -> LineDensity:
    """Fit the distribution of the density of lines over cubes, of which each shows a number of lines.

    With a Gamma distribution of the density (shape k, scale 1/β), the number n in a stretch of B km/s follows a
    negative binomial distribution (Greenwood & Yule 1920). k and β maximize the likelihood of all cubes, times the mean
    density k / β, as if one line more had been seen. k is between 1/m and m for m cubes. One cube has the flat prior,
    k = 1 and β = 0, and m cubes that show no line are expected to hold one in m stretches.

    Parameters
    ----------
    counts : (m,) array_like of int
        n of each cube.
    searched_kms : (m,) array_like
        B of each, km/s, positive.

    Examples
    --------
    >>> fit_line_density([3], [20_000.0])
    LineDensity(shape=1.0, searched_kms=0.0)
    >>> few = fit_line_density([0] * 99 + [20], [20_000.0] * 100)
    >>> 0.001 < few.shape / (few.searched_kms / 20_000 + 1) < 0.02
    True
    """
    pairs = np.stack([np.asarray(counts, dtype=np.float64), np.asarray(searched_kms, dtype=np.float64)])
    (lines, stretch_kms), cubes = np.unique(pairs.round(), axis=1, return_counts=True)
    total = int(cubes.sum())
    shape = np.geomspace(1 / total, total, SHAPES)[:, None]
    beta_kms = scale_of(shape, lines, stretch_kms, cubes)
    each = log_gamma(lines + shape) - log_gamma(shape) - (lines + shape) * np.log(beta_kms + stretch_kms)
    # Where β is 0 its exponent is 0 but for rounding, and the two are 1.
    prior = (shape * total - 1) * np.log(np.where(beta_kms > 0, beta_kms, 1.0)) + np.log(shape)
    likelihood = (cubes * each).sum(axis=1, keepdims=True) + prior
    best = int(likelihood.argmax())
    return LineDensity(float(shape[best, 0]), float(beta_kms[best, 0]))


def scale_of(
    shape: NDArray[np.float64], lines: NDArray[np.float64], stretch_kms: NDArray[np.float64], cubes: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the most likely β of each shape, (k, 1): where Σ (n + k) β / (β + B) = k m - 1, by bisection."""
    wanted = shape * cubes.sum() - 1
    low = np.full_like(shape, np.log(stretch_kms.min()) - FARTHEST)
    high = np.full_like(shape, np.log(stretch_kms.max()) + FARTHEST)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        reached = (cubes * (lines + shape) / (1 + stretch_kms * np.exp(-middle))).sum(axis=1, keepdims=True)
        low, high = np.where(reached < wanted, middle, low), np.where(reached < wanted, high, middle)
    return np.where(wanted > TINY, np.exp(low), 0.0)
