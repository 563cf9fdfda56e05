"""Several runs as one: a run directory of its own, which is ranked and opened like any other."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from feii_dask.config.run_places import is_run
from feii_dask.errors import SettingsError
from feii_dask.store.atomic import write_atomically
from feii_dask.store.cutout_files import cutout_path
from feii_dask.store.merged_tables import merge_outcomes, merge_tables
from feii_dask.store.outcome_writer import write_rows
from feii_dask.store.run_files import read_regular, real_path
from feii_dask.store.run_store import RunStore

__all__ = ["merge_runs"]

log = logging.getLogger(__name__)

COUNTED = {"ysos": "ysos", "with_coordinates": "ysos", "cubes": "observations", "matched": "matched"}
NAMED = 3  # lines that a message names
EQUAL = ("mission", "detector", "extension")
OF_THE_FIRST = ("schema", "lines", "thresholds")  # of which the lines are those of all


def merge_runs(directories: Sequence[Path], out: Path) -> RunStore:
    """Merge runs that looked for the same lines with the same detector; they stay as they are.

    Parameters
    ----------
    directories : sequence of path
        The runs; the new one is ranked with the kinds of lines and the thresholds of the first.
    out : path
        The new run: a directory that is empty or does not exist.

    Returns
    -------
    RunStore
        The new run, which is not ranked yet.

    Raises
    ------
    SettingsError
        If there are not two different runs, if one holds no tables yet, if their lines, detectors, missions or
        extensions differ, or if ``out`` is one of them or not empty.
    StoreError
        If one cannot be read, or the new one cannot be written.
    """
    runs = [RunStore.open(Path(directory)) for directory in directories]
    refuse_repeated(runs, Path(out))
    manifests = [run.manifest for run in runs]
    refuse_different(runs, manifests)
    each = [run.read_tables() for run in runs]
    tables, labels = merge_tables(each)
    outcomes = [run.outcomes() for run in runs]
    merged = merge_outcomes(outcomes, labels)
    counts = {name: len(getattr(tables, table)) for name, table in COUNTED.items()}
    planned = sum(manifest.get("counts", {}).get("to_scan", 0) for manifest in manifests)
    counts["to_scan"] = min(planned - sum(map(scanned_cubes, outcomes)) + scanned_cubes(merged), counts["matched"])
    repeated = in_several(one.matched["obs_id"] for one in each)
    new = RunStore.create(Path(out), merged_manifest(runs, manifests, counts, repeated))
    new.write_tables(**tables._asdict())
    copy_cutouts(runs, new, merged)
    write_rows(new.directory, merged.drop(columns="run"))
    log.info("%d runs merged: %d cubes, %d in more than one of them", len(runs), counts["matched"], repeated)
    return new


def scanned_cubes(outcomes: pd.DataFrame) -> int:
    """Count the cubes that a worker scanned."""
    return int(outcomes.loc[outcomes["worker"] != "", "obs_id"].nunique())


def in_several(names: Iterable[pd.Series]) -> int:
    """Count the names that stand in more than one column."""
    return sum(number > 1 for number in Counter(chain.from_iterable(column.unique() for column in names)).values())


def refuse_repeated(runs: Sequence[RunStore], out: Path) -> None:
    """Refuse one run twice, the new one among them, and runs without tables."""
    places = [real_path(run.directory) for run in runs]
    if len(places) < 2:
        raise SettingsError("merge takes two runs or more, and --out for the new one")
    if len(set(places)) < len(places):
        raise SettingsError("merge takes different runs; one is named twice")
    if real_path(out) in places:
        raise SettingsError(f"{out} is one of the runs to merge: choose another --out")
    if is_run(out):
        raise SettingsError(f"{out} holds a run already: choose another --out")
    for run in runs:
        if not run.has_tables:
            raise SettingsError(f"{run.directory} has no tables yet: its search ended before it matched cubes")


def refuse_different(runs: Sequence[RunStore], manifests: Sequence[Mapping[str, Any]]) -> None:
    """Refuse runs that are not of the same lines, detector, mission and extension, and name both."""
    first = manifests[0]
    for run, manifest in zip(runs[1:], manifests[1:], strict=True):
        for name in EQUAL:
            one, other = (str(each.get("settings", {}).get(name, "")) for each in (first, manifest))
            if one != other:
                raise differing(runs[0], run, name, one, other)
        lines, other_lines = (line_names(each) for each in (first, manifest))
        if lines != other_lines:
            one, other = (those_beyond(*pair) for pair in ((lines, other_lines), (other_lines, lines)))
            raise differing(runs[0], run, "lines", one, other)


def differing(run: RunStore, other_run: RunStore, what: str, one: str, other: str) -> SettingsError:
    return SettingsError(
        f"runs of different {what} cannot be merged: {run.directory} has {one!r:.300}, {other_run.directory} "
        f"{other!r:.300}"
    )


def line_names(manifest: Mapping[str, Any]) -> list[str]:
    """Return the lines of a run as text, in order of wavelength."""
    with suppress(KeyError, TypeError, ValueError, OverflowError):
        lines = sorted((float(line["wavelength_um"]), str(line["species"])) for line in manifest["lines"])
        return [f"{species} {wavelength_um:.6g}" for wavelength_um, species in lines]
    return []


def those_beyond(lines: Sequence[str], others: Sequence[str]) -> str:
    """Return in a few words how many lines there are, and which of them the others have not.

    Examples
    --------
    >>> those_beyond(["Fe II 1.257", "Fe II 1.644"], ["Fe II 1.644"])
    '2 lines, of its own Fe II 1.257'
    """
    beyond = [line for line in lines if line not in others]
    more = f" and {len(beyond) - NAMED} more" if len(beyond) > NAMED else ""
    return (
        f"{len(lines)} lines, {'of its own' if beyond else 'none of its own'} {', '.join(beyond[:NAMED])}{more}".strip()
    )


def merged_manifest(
    runs: Sequence[RunStore], manifests: Sequence[Mapping[str, Any]], counts: Mapping[str, int], repeated: int
) -> dict[str, Any]:
    """Return the ``run.json`` of the new run: what all have in common, and where it is from.

    No signature of the user's is in it, nor anything else of one run that would speak for the others.
    """
    fingerprints = [str(manifest.get("fingerprint", "")) for manifest in manifests]
    not_searched = {str(one.get("main_id")): one for each in manifests for one in each.get("not_searched", ())}
    return {
        **{name: manifests[0][name] for name in OF_THE_FIRST if name in manifests[0]},
        "settings": common_settings([manifest.get("settings", {}) for manifest in manifests]),
        "fingerprint": hashlib.sha256("\n".join(fingerprints).encode()).hexdigest()[:16],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "merged": [
            {"run": run.directory.name, "fingerprint": fingerprint, "cubes": len(run.read_tables().matched)}
            for run, fingerprint in zip(runs, fingerprints, strict=True)
        ],
        "queries": [query for manifest in manifests for query in manifest.get("queries", ())],
        "not_searched": list(not_searched.values()),
        "counts": dict(counts) | {"in_several_runs": repeated},
    }


def common_settings(each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the settings that all runs had, and which kinds of lines the first included."""
    first = each[0]
    equal = {name: first[name] for name in first if all(name in one and one[name] == first[name] for one in each)}
    if not {"archive", "targets"} <= set(equal):  # together they say what the objects are from
        equal = {name: value for name, value in equal.items() if name not in ("archive", "targets")}
    return equal | ({"include": first["include"]} if "include" in first else {})


def copy_cutouts(runs: Sequence[RunStore], new: RunStore, outcomes: pd.DataFrame) -> None:
    """Copy the cutouts of the outcomes that were chosen, each from its run; one that is missing there is left out."""
    found = outcomes[outcomes["detected"] | outcomes["kind"].isin(["extended", "compact", "undecided"])]
    for obs_id, line, number in zip(found["obs_id"], found["line"], found["run"], strict=True):
        try:
            content = read_regular(cutout_path(runs[number].directory / "cutouts", obs_id, line))
        except OSError:
            log.warning("%s has no cutout of %s in %s", runs[number].directory, line, obs_id)
            continue
        write_atomically(cutout_path(new.directory / "cutouts", obs_id, line), content)
