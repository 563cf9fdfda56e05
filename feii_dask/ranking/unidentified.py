"""The lines that were met in a run where none was expected."""

from __future__ import annotations

import numpy as np
import pandas as pd

from feii_dask.model import SPEED_OF_LIGHT_KMS

__all__ = ["SAME_LINE_KMS", "unidentified_lines"]

# Within which lines are one: half of the resolution of JWST's spectrographs where it is lowest (R = 1500).
SAME_LINE_KMS = 100.0
COLUMNS = ["wavelength_um", "kind", "statistic"]


def unidentified_lines(outcomes: pd.DataFrame) -> pd.DataFrame:
    """List each unidentified line of each cube once.

    The planes about several of the lines that were looked for overlap, and each detection lists what it met. Of
    entries within `SAME_LINE_KMS`, of one sign, that with the largest statistic stands for the line.

    Parameters
    ----------
    outcomes : DataFrame
        As `RunStore.outcomes` returns them.

    Returns
    -------
    DataFrame
        One row per line: ``obs_id``, ``wavelength_um`` (in vacuum, as observed), ``kind`` and ``statistic`` (negative
        in absorption), sorted by cube and wavelength.
    """
    lists = [f"unidentified_{name}" for name in COLUMNS]
    met = outcomes[outcomes["unidentified_kind"].map(len) > 0]
    rows = met[["obs_id", *lists]].explode(lists).set_axis(["obs_id", *COLUMNS], axis="columns")
    rows = rows.astype({"obs_id": str, "wavelength_um": float, "kind": str, "statistic": float})
    strongest_first = rows.sort_values(["obs_id", "statistic"], key=lambda x: -x.abs() if x.name == "statistic" else x)
    kept = [
        group[is_new(group["wavelength_um"].to_numpy(), group["statistic"].to_numpy() < 0)]
        for _, group in strongest_first.groupby("obs_id")
    ]
    return pd.concat([rows.iloc[:0], *kept]).sort_values(["obs_id", "wavelength_um"], ignore_index=True)


def is_new(wavelength_um: np.ndarray, absorption: np.ndarray) -> np.ndarray:
    """Return which lines are far enough from those before them that are new."""
    new = np.zeros(len(wavelength_um), dtype=bool)
    for place, (at_um, sign) in enumerate(zip(wavelength_um, absorption, strict=True)):
        away_kms = abs(wavelength_um / at_um - 1) * SPEED_OF_LIGHT_KMS
        new[place] = not (new & (absorption == sign) & (away_kms <= SAME_LINE_KMS)).any()
    return new
