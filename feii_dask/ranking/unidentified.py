"""The lines that were met in a run where none was expected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict

import numpy as np
import pandas as pd

from feii_dask.model import SPEED_OF_LIGHT_KMS, Kind, UnidentifiedLine

__all__ = ["SAME_LINE_KMS", "distinct_lines", "lists_of", "records_of", "unidentified_lines"]

# Within which lines are one: half of the resolution of JWST's spectrographs where it is lowest (R = 1500).
SAME_LINE_KMS = 100.0
FIELDS = {"wavelength_um": float, "kind": str, "statistic": float}  # of the table


def distinct_lines(met: Iterable[UnidentifiedLine]) -> list[UnidentifiedLine]:
    """Return each line once, by wavelength: of those within `SAME_LINE_KMS`, of one sign, the most significant.

    Parameters
    ----------
    met : iterable of UnidentifiedLine
        What the detections in one cube list: the planes about several lines overlap.

    Examples
    --------
    >>> met = [UnidentifiedLine(wavelength_um=5.3, kind=Kind.COMPACT, statistic=s) for s in (7.0, 9.0, -6.0)]
    >>> [line.statistic for line in distinct_lines(met)]
    [9.0, -6.0]
    """
    kept: list[UnidentifiedLine] = []
    for line in sorted(met, key=lambda line: -abs(line.statistic)):
        if not any(is_same(line, other) for other in kept):
            kept.append(line)
    return sorted(kept, key=lambda line: line.wavelength_um)


def is_same(line: UnidentifiedLine, other: UnidentifiedLine) -> bool:
    """Return whether two entries are one line."""
    apart_kms = abs(line.wavelength_um / other.wavelength_um - 1) * SPEED_OF_LIGHT_KMS
    return apart_kms <= SAME_LINE_KMS and (line.statistic < 0) == (other.statistic < 0)


def unidentified_lines(outcomes: pd.DataFrame) -> pd.DataFrame:
    """List each unidentified line of each cube once.

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
    met = outcomes[outcomes["unidentified_kind"].notna()]
    rows = [
        {"obs_id": obs_id, **asdict(line)}
        for obs_id, cube in met.groupby("obs_id")
        for line in distinct_lines(records_of(cube))
    ]
    return pd.DataFrame(rows, columns=["obs_id", *FIELDS]).astype({"obs_id": str, **FIELDS})


def records_of(rows: pd.DataFrame) -> Iterator[UnidentifiedLine]:
    """Yield what rows of a table of outcomes list."""
    for listed in lists_of(rows):
        yield from listed


def lists_of(rows: pd.DataFrame) -> Iterator[list[UnidentifiedLine]]:
    """Yield what each row of a table of outcomes lists, which may be nothing."""
    for lists in zip(*(rows[f"unidentified_{name}"] for name in (*FIELDS, "flags")), strict=True):
        yield (
            [
                UnidentifiedLine(wavelength_um=wavelength_um, kind=Kind(kind), statistic=statistic, flags=tuple(flags))
                for wavelength_um, kind, statistic, flags in zip(*lists, strict=True)
            ]
            if np.iterable(lists[0])
            else []
        )
