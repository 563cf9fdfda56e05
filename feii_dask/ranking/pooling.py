"""Pooled p-values: the calibration of each line by the line-free windows of all cubes of a run."""

from __future__ import annotations

from math import log

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from feii_dask.detectors.p_values import KEPT_P, exponential_tail
from feii_dask.ranking.grading import SURE_Q, grade_objects

__all__ = ["FEWEST_POOLED", "grade_pooled", "pooled_p_value", "pooled_p_values"]

FEWEST_POOLED = 300  # line-free windows that make a pool


def grade_pooled(tests: pd.DataFrame, sure_q: float = SURE_Q) -> pd.DataFrame:
    """Grade the objects of a run; those that no detector with p-values looked at have no row.

    Parameters
    ----------
    tests : DataFrame
        One row per object, cube and line that was scanned: ``yso_index`` and the outcome's columns.
    sure_q : float
        Largest q-value of grade A.

    Returns
    -------
    DataFrame
        What `feii_dask.ranking.grading.grade_objects` returns for each ``yso_index``.
    """
    return grade_objects(tests.assign(p_value=pooled_p_values(tests)), sure_q=sure_q)


def pooled_p_value(p: float, kept: ArrayLike, windows: int) -> float:
    """Return how often, over all cubes of a band in a run, a line-free window has a p-value as small.

    A cube has some thirty such windows, too few to calibrate small p-values; the cubes of a run together have more.
    The logarithm of a true p-value is exponential, with scale 1; see `exponential_tail`.

    Parameters
    ----------
    p : float
        Of a line in a cube.
    kept : (k,) array_like
        The p-values up to `KEPT_P` of all line-free windows of the band.
    windows : int
        How many there are, the others included.

    Returns
    -------
    float
        ``p`` itself where there are fewer than `FEWEST_POOLED` windows, or it exceeds `KEPT_P`.
    """
    if windows < FEWEST_POOLED or not p <= KEPT_P:
        return p
    nulls = -np.log(np.asarray(kept, dtype=np.float64))
    return exponential_tail(-log(p), nulls, windows, -log(KEPT_P), 1.0) if p > 0 else 0.0


def pooled_p_values(tests: pd.DataFrame) -> NDArray[np.float64]:
    """Return the p-value of each row after the windows without a line of all cubes in which that line was tested.

    Each line is in one band, or in two that overlap, so that its cubes have one kind of noise.
    """
    pooled = np.full(len(tests), np.nan)
    for places in tests.groupby("line").indices.values():
        rows = tests.iloc[places]
        cubes = rows.drop_duplicates("obs_id")
        kept = np.concatenate(cubes["null_p_values"].tolist())
        windows = int(cubes["null_windows"].sum())
        pooled[places] = [pooled_p_value(p, kept, windows) for p in rows["p_value"]]
    return pooled
