"""The tables and outcomes of several runs as those of one: objects and cubes that they share stand once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from feii_dask.model import Status
from feii_dask.store.run_store import Tables

__all__ = ["merge_outcomes", "merge_tables"]

Labels = Mapping[int, int]

LISTS = ("yso_index", "yso_names", "yso_ra", "yso_dec", "separation_arcsec", "edge_arcsec")
AT_OBJECTS = ("on_data", "flux_sigma_beam", "flux_sigma_jet")


def merge_tables(runs: Sequence[Tables]) -> tuple[Tables, list[Labels]]:
    """Return the tables of all runs as one, and the new label of each object by its old one, for each run.

    Objects are one if name and coordinates are equal, cubes if their ``obs_id`` is; such a cube has the objects of all.
    """
    ysos = pd.concat([run.ysos for run in runs], ignore_index=True)
    keys = pd.MultiIndex.from_frame(ysos[["main_id", "ra", "dec"]].round({"ra": 6, "dec": 6}))
    kept = ysos[~keys.duplicated()]
    new_labels = pd.factorize(keys)[0]
    counts = np.cumsum([0, *(len(run.ysos) for run in runs)])
    labels: list[Labels] = [
        dict(zip(run.ysos.index, new_labels[start:stop].tolist(), strict=True))
        for run, start, stop in zip(runs, counts[:-1], counts[1:], strict=True)
    ]
    observations = pd.concat([run.observations for run in runs], ignore_index=True)
    observations = observations.drop_duplicates("obs_id", ignore_index=True)
    place = dict(zip(observations["obs_id"], observations.index, strict=True))
    matched = merge_matched([relabelled(run, own, place) for run, own in zip(runs, labels, strict=True)])
    return Tables(kept.reset_index(drop=True), observations, matched), labels


def relabelled(run: Tables, labels: Labels, place: Mapping[str, int]) -> pd.DataFrame:
    """Return the matched cubes of one run with the labels of the merged tables."""
    inside = [[labels[old] for old in objects] for objects in run.matched["yso_index"]]
    matched = run.matched.assign(yso_index=pd.Series(inside, run.matched.index, dtype=object))
    if "nearest_yso" in matched:
        matched["nearest_yso"] = [labels.get(old, -1) for old in matched["nearest_yso"]]
    if "obs_index" in matched:
        names = run.observations["obs_id"]
        matched["obs_index"] = [place[names[old]] if old in names.index else -1 for old in matched["obs_index"]]
    return matched


def merge_matched(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return one row for each cube: of one that several runs have, the first with a place, and the objects of all."""
    rows = pd.concat(parts, ignore_index=True)
    rows = rows.drop(columns=[name for name in LISTS if name in rows and not all(name in part for part in parts)])
    rows = rows.iloc[rows["uri"].isna().argsort(kind="stable")]
    names = [name for name in LISTS if name in rows]
    merged = []
    for _, group in rows.groupby("obs_id", sort=False):
        row = group.iloc[0].to_dict()
        if len(group) > 1:
            objects: dict[int, tuple[Any, ...]] = {}
            for one in group[names].to_dict("records"):
                for values in zip(*(one[name] for name in names), strict=True):
                    objects.setdefault(values[0], values)
            row |= dict(zip(names, map(list, zip(*objects.values(), strict=True)), strict=True))
        merged.append(row)
    return pd.DataFrame(merged, columns=rows.columns).astype({"obs_id": str})


def merge_outcomes(runs: Sequence[pd.DataFrame], labels: Sequence[Labels]) -> pd.DataFrame:
    """Return one outcome for each cube, and from which run it is, as ``run``.

    Of a cube that several runs have, what was measured beats what failed, and then what was stored later; what was
    measured at objects that the other run did not know is taken from there.
    """
    parts = []
    for number, rows in enumerate(runs):
        places = [[labels[number].get(old, -1) for old in objects] for objects in rows["on_data"]]
        parts.append(rows.assign(run=number, on_data=pd.Series(places, rows.index, dtype=object)))
    rows = pd.concat(parts, ignore_index=True)
    quality = rows.assign(is_scanned=rows["status"] == Status.SCANNED.value).groupby(["obs_id", "run"])
    best = quality.agg(is_scanned=("is_scanned", "any"), stored_at=("stored_at", "max")).reset_index()
    best = best.sort_values(["is_scanned", "stored_at"], ascending=False, kind="stable").drop_duplicates("obs_id")
    chosen = rows["obs_id"].map(best.set_index("obs_id")["run"]).eq(rows["run"])
    return with_other_objects(rows[chosen], rows[~chosen]).sort_values(
        ["obs_id", "wavelength_um", "line"], kind="stable", ignore_index=True
    )


def with_other_objects(chosen: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Add to chosen rows the objects on data that only other rows of the same cube and line have."""
    by_line: dict[tuple[str, str], list[Any]] = {}
    for row in others[others["status"] == Status.SCANNED.value].to_dict("records"):
        by_line.setdefault((row["obs_id"], row["line"]), []).append(row)
    lists: dict[str, list[list[Any]]] = {name: [] for name in AT_OBJECTS}
    for row in chosen.to_dict("records"):
        known: dict[int, tuple[Any, ...]] = {}
        for one in (row, *by_line.get((row["obs_id"], row["line"]), ())):
            for values in zip(*(one[name] for name in AT_OBJECTS), strict=True):
                known.setdefault(values[0], values)
        for position, name in enumerate(AT_OBJECTS):
            lists[name].append([values[position] for values in known.values()])
    return chosen.assign(**{name: pd.Series(values, chosen.index, dtype=object) for name, values in lists.items()})
