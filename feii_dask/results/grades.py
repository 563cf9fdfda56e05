"""How sure a run is of each object: p-values pooled over its cubes, and grades from all lines of an object."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from feii_dask.detectors.calibration import pooled_p_value
from feii_dask.detectors.grading import grade_objects
from feii_dask.results.outcomes import separated

__all__ = ["grade", "pooled_p_values"]


def grade(tests: pd.DataFrame) -> pd.DataFrame:
    """Grade the objects of a run; those that no detector with p-values looked at have no row.

    Parameters
    ----------
    tests : DataFrame
        One row per object, cube and line that was scanned: ``yso_index`` and the outcome's columns.

    Returns
    -------
    DataFrame
        What `feii_dask.detectors.grading.grade_objects` says of each ``yso_index``.
    """
    return grade_objects(tests.assign(p_value=pooled_p_values(tests)))


def pooled_p_values(tests: pd.DataFrame) -> NDArray[np.float64]:
    """Return the p-value of each row after the windows without a line of all cubes in which that line was tested.

    Each line stands in one band, or in two that overlap, so that its cubes have one kind of noise.
    """
    pooled = np.full(len(tests), np.nan)
    for places in tests.groupby("line").indices.values():
        rows = tests.iloc[places]
        cubes = rows.drop_duplicates("obs_id")
        kept = [float(p) for cell in cubes["null_p_values"] for p in separated(cell)]
        windows = int(cubes["null_windows"].sum())
        pooled[places] = [pooled_p_value(p, kept, windows) for p in rows["p_value"]]
    return pooled
