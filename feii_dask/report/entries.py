"""Entries of the report: each candidate with its thumbnails, line panels and finding chart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from feii_dask.cubes.lines import ALL_LINES
from feii_dask.errors import StoreError
from feii_dask.model import Cutout, Kind
from feii_dask.ranking.candidates import credited_detections
from feii_dask.ranking.results import RankedRun
from feii_dask.report.finding_chart import FindingChart, draw_finding_chart, outlines_of
from feii_dask.report.line_panels import LinePanel, make_line_panel
from feii_dask.report.links import Link, cube_links, region_file_name, sexagesimal, sky_links, uri_of
from feii_dask.report.thumbnails import png_data_url
from feii_dask.store.cutout_files import cutout_path
from feii_dask.store.run_store import RunStore

__all__ = ["FULL_ENTRIES", "Entry", "Thumbnail", "report_entries"]

FULL_ENTRIES = 100  # candidates with all figures, the others with thumbnails only: 500 of them make 30 MB
MAX_LINES = 8
THUMBNAIL_PX = 48


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small image of one line of a candidate.

    Attributes
    ----------
    line, obs_id : str
        The line, and the cube that shows it best.
    kind : Kind
        What kind of emission it is there.
    source : str or None
        A ``data:`` URL; None where no cutout is stored.
    """

    line: str
    obs_id: str
    kind: Kind
    source: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One candidate.

    Attributes
    ----------
    row : dict
        Its row of the candidates.
    thumbnails : tuple of Thumbnail
        One for each of its lines.
    panels : tuple of LinePanel
        One for each of its lines; only the first `FULL_ENTRIES` candidates have any.
    finding_chart : FindingChart or None
        Its finding chart, likewise.
    sky, cubes : tuple of Link
        Services at its place; its cubes and the files that are cut out of them.
    place : str
        Its coordinates, sexagesimal.
    region_file : str
        Beside the report.
    """

    row: dict[str, Any]
    thumbnails: tuple[Thumbnail, ...]
    sky: tuple[Link, ...] = ()
    cubes: tuple[tuple[Link, ...], ...] = ()
    place: str = ""
    region_file: str = ""
    panels: tuple[LinePanel, ...] = ()
    finding_chart: FindingChart | None = None


def report_entries(result: RankedRun) -> Iterator[Entry]:
    """Yield an entry for each candidate of a run, in order of rank.

    Parameters
    ----------
    result : RankedRun
        The results of a run, whose directory holds the cutouts.
    """
    run, credited = result.run, credited_detections(result.counted, result.matched, result.ysos)
    by_yso = dict(iter(credited.drop_duplicates(["yso_index", "line", "obs_id"]).groupby("yso_index")))
    shown = result.candidates["yso_index"].head(FULL_ENTRIES)
    cubes = credited.loc[credited["yso_index"].isin(shown), "obs_id"]
    outlines = outlines_of(result.matched[result.matched["obs_id"].isin(cubes)])
    best_by_yso: dict[Any, list[dict[Any, Any]]] = {}
    for detection in credited.drop_duplicates(["yso_index", "line"]).to_dict("records"):
        best_by_yso.setdefault(detection["yso_index"], []).append(detection)
    cubes_by_yso, uris = cubes_with_lines(credited), uri_of(result.matched)
    places = sexagesimal(result.candidates["ra"], result.candidates["dec"])
    for position, row in enumerate(result.candidates.to_dict("records")):
        candidate = {str(name): value for name, value in row.items()}
        best = best_by_yso[row["yso_index"]][:MAX_LINES]
        links = links_of_candidate(row, cubes_by_yso[row["yso_index"]], uris) | {"place": places[position]}
        if position >= FULL_ENTRIES:
            yield Entry(candidate, tuple(stored_thumbnail(run, detection) for detection in best), **links)
            continue
        found = by_yso[row["yso_index"]]
        cutouts = [stored_cutout(run, detection) for detection in best]
        footprints = {obs_id: outlines[obs_id] for obs_id in found["obs_id"].unique() if obs_id in outlines}
        others = result.ysos.drop(index=row["yso_index"])
        pairs = list(zip(best, cutouts, strict=True))
        yield Entry(
            candidate,
            tuple(
                make_thumbnail(detection, None if cutout is None else cutout.line_map) for detection, cutout in pairs
            ),
            panels=tuple(
                make_line_panel(cutout, detection, ALL_LINES) for detection, cutout in pairs if cutout is not None
            ),
            finding_chart=draw_finding_chart(row["ra"], row["dec"], footprints, others, found),
            **links,
        )


def cubes_with_lines(credited: pd.DataFrame) -> dict[Any, dict[str, list[str]]]:
    """Return the lines of each cube of each object, without a table for each: there may be thousands of objects."""
    cubes: dict[Any, dict[str, list[str]]] = {}
    different = credited[["yso_index", "obs_id", "line"]].drop_duplicates()
    for yso, obs_id, line in different.itertuples(index=False, name=None):
        cubes.setdefault(yso, {}).setdefault(str(obs_id), []).append(line)
    return cubes


def links_of_candidate(row: dict[Any, Any], cubes: dict[str, list[str]], uris: dict[str, str]) -> dict[str, Any]:
    """Return the links of a candidate: to its place, to its cubes with what is cut out of them, and its region file."""
    return {
        "sky": sky_links(row["main_id"], row["ra"], row["dec"]),
        "cubes": tuple(
            cube_links(
                obs_id,
                uris.get(obs_id, ""),
                [cutout_path(Path("cutouts"), obs_id, line).as_posix() for line in cubes[obs_id]],
            )
            for obs_id in sorted(cubes)
        ),
        "region_file": f"regions/{region_file_name(row['rank'], row['main_id'])}",
    }


def stored_thumbnail(run: RunStore, detection: dict[Any, Any]) -> Thumbnail:
    """Return the thumbnail of a detection, without an image where no cutout can be read."""
    try:
        return make_thumbnail(detection, run.line_map(detection["obs_id"], detection["line"]))
    except StoreError:
        return make_thumbnail(detection, None)


def stored_cutout(run: RunStore, detection: dict[Any, Any]) -> Cutout | None:
    """Return the cutout of a detection, or None where it cannot be read."""
    try:
        return run.cutout(detection["obs_id"], detection["line"])
    except StoreError:
        return None


def make_thumbnail(detection: dict[Any, Any], line_map: NDArray[np.float32] | None) -> Thumbnail:
    """Return the thumbnail of a detection."""
    source = None if line_map is None else png_data_url(line_map, max_side_px=THUMBNAIL_PX)
    return Thumbnail(detection["line"], detection["obs_id"], Kind(detection["kind"]), source)
