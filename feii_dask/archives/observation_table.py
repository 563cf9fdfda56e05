"""Columns of a table of observations, and its rows of moving targets."""

from __future__ import annotations

import pandas as pd

__all__ = ["OBSERVATION_NUMBERS", "OBSERVATION_TEXT", "without_moving"]

OBSERVATION_TEXT = (
    "obs_id",
    "obsid",
    "obs_collection",
    "instrument_name",
    "filters",
    "target_name",
    "proposal_id",
    "proposal_pi",
    "obs_title",
    "s_region",
    "dataURL",
    "dataRights",
    "mtFlag",
)
OBSERVATION_NUMBERS = ("s_ra", "s_dec", "em_min", "em_max", "t_min", "t_exptime", "t_obs_release", "calib_level")


def without_moving(observations: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Leave out observations of moving targets, which no young star is, and say how many they were.

    Examples
    --------
    >>> table, notes = without_moving(pd.DataFrame({"obs_id": ["a", "b"], "mtFlag": ["True", "False"]}))
    >>> list(table["obs_id"]), notes
    (['b'], ('1 of moving targets left out',))
    """
    if "mtFlag" not in observations:
        return observations, ()
    moving = observations["mtFlag"].str.lower().isin(["true", "1", "t"])
    if not moving.any():
        return observations, ()
    return observations[~moving].reset_index(drop=True), (f"{moving.sum()} of moving targets left out",)
