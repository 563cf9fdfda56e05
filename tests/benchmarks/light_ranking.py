"""From detections in cubes to graded objects, as `feii-dask rank` makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from feii_dask.model import Detection, Outcome, Status
from feii_dask.ranking.candidates import rank
from feii_dask.ranking.line_density import pooled_identification
from feii_dask.store.outcome_table import SCHEMA, latest_attempts, to_frame, to_rows

__all__ = ["candidates_of", "grades_of", "identifications_of"]

RA_DEG, DEC_DEG = 70.0, 25.0  # of all emission, and of the first object


def grades_of(cubes: Sequence[Sequence[Detection]]) -> list[str]:
    """Return the grade of the one object in each cube; empty where it is no candidate."""
    candidates = candidates_of(cubes, [[number] for number in range(len(cubes))])
    grades = dict(zip(candidates["yso_index"], candidates["grade"], strict=True))
    return [str(grades.get(number, "")) for number in range(len(cubes))]


def candidates_of(cubes: Sequence[Sequence[Detection]], objects: Sequence[Sequence[int]]) -> pd.DataFrame:
    """Rank the objects in the footprints of some cubes.

    Parameters
    ----------
    cubes : sequence of sequence of Detection
        What was found in each cube.
    objects : sequence of sequence of int
        The objects inside each cube's footprint; each is at a place of its own, an arcsecond of right ascension
        from the next, the first where the emission peaks.
    """
    outcomes, matched = tables_of(cubes, objects)
    known = sorted({one for inside in objects for one in inside})
    ysos = pd.DataFrame(
        {
            "main_id": [f"object {one}" for one in known],
            "ra": RA_DEG + np.array(known) / 3600,
            "dec": np.full(len(known), DEC_DEG),
        },
        index=known,
    )
    return rank(outcomes, matched, ysos)


def identifications_of(cubes: Sequence[Sequence[Detection]]) -> list[float]:
    """Return p_identification of the first detection in each cube, with the density of lines in all of them."""
    outcomes, matched = tables_of(cubes, [[number] for number in range(len(cubes))])
    of_cube = outcomes.assign(p_identification=pooled_identification(outcomes, matched)).groupby("obs_id")
    first = of_cube["p_identification"].first(skipna=False)
    return [float(first[name_of(number)]) for number in range(len(cubes))]


def tables_of(
    cubes: Sequence[Sequence[Detection]], objects: Sequence[Sequence[int]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return outcomes and matched cubes as a run has them; see `candidates_of`."""
    stored_at = datetime(2026, 1, 1, tzinfo=UTC)
    rows = []
    for number, (detections, inside) in enumerate(zip(cubes, objects, strict=True)):
        place: dict[str, Any] = {
            "peak_ra_deg": RA_DEG,
            "peak_dec_deg": DEC_DEG,
            "on_data": tuple(inside),
            "status": Status.SCANNED,
        }
        seen = tuple(replace(one, **place) for one in detections)
        outcome = Outcome(obs_id=name_of(number), status=Status.SCANNED, detections=seen)
        rows += to_rows(outcome, stored_at)
    outcomes = latest_attempts(to_frame(pa.Table.from_pylist(rows, schema=SCHEMA)))
    matched = pd.DataFrame(
        {
            "obs_id": [name_of(number) for number in range(len(cubes))],
            "yso_index": [list(inside) for inside in objects],
            "separation_arcsec": [[float(place) for place, _ in enumerate(inside)] for inside in objects],
        }
    )
    return outcomes, matched


def name_of(number: int) -> str:
    """Return the identifier of a cube."""
    return f"jw{number:05}-o001_t001_miri_ch1-short"
