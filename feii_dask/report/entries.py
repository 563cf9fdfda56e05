"""The candidates as the report lists them, each with its figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from feii_dask.cubes.lines import ALL_LINES
from feii_dask.errors import StoreError
from feii_dask.model import Cutout
from feii_dask.report.finding_chart import FindingChart, draw_finding_chart, regions_of
from feii_dask.report.line_panels import LinePanel, make_line_panel
from feii_dask.report.thumbnails import thumbnail
from feii_dask.store.run_store import RunStore, Tables

__all__ = ["FULL_ENTRIES", "Entry", "Thumbnail", "entries"]

FULL_ENTRIES = 100  # candidates with all figures; 500 candidates, most of them with thumbnails only, make 30 MB
LINES_EACH = 8
THUMBNAIL_PX = 48


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """One line of a candidate, small.

    Attributes
    ----------
    line, obs_id : str
        The line, and the cube that shows it best.
    source : str or None
        A ``data:`` address; None where no cutout is stored.
    """

    line: str
    obs_id: str
    source: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One candidate.

    Attributes
    ----------
    row : dict
        Its row of the candidates.
    thumbnails : tuple of Thumbnail
        Its lines, small.
    panels : tuple of LinePanel
        Its lines with all that belongs to them; none but for the best candidates.
    finding_chart : FindingChart or None
        Its surroundings, likewise.
    """

    row: dict[str, Any]
    thumbnails: tuple[Thumbnail, ...]
    panels: tuple[LinePanel, ...] = ()
    finding_chart: FindingChart | None = None


def entries(store: RunStore, tables: Tables, candidates: pd.DataFrame, detections: pd.DataFrame) -> Iterator[Entry]:
    """Yield the candidates in their order.

    Parameters
    ----------
    store : RunStore
        Holds the cutouts.
    tables : Tables
        Its tables.
    candidates, detections : DataFrame
        As `feii_dask.ranking.candidates.rank` and `feii_dask.ranking.candidates.detections_by_yso` return them.
    """
    regions = regions_of(tables.matched)
    by_yso = dict(iter(detections.groupby("yso_index")))
    for place, row in enumerate(candidates.to_dict("records")):
        own = by_yso[row["yso_index"]]
        named = {str(name): value for name, value in row.items()}
        best = own.drop_duplicates("line").head(LINES_EACH).to_dict("records")
        if place >= FULL_ENTRIES:
            yield Entry(named, tuple(_small(store, detection) for detection in best))
            continue
        cutouts = [_cutout(store, detection) for detection in best]
        footprints = {obs_id: regions[obs_id] for obs_id in own["obs_id"].unique() if obs_id in regions}
        others = tables.ysos.drop(index=row["yso_index"])
        pairs = list(zip(best, cutouts, strict=True))
        yield Entry(
            named,
            tuple(_glance(detection, None if cutout is None else cutout.line_map) for detection, cutout in pairs),
            tuple(make_line_panel(cutout, detection, ALL_LINES) for detection, cutout in pairs if cutout is not None),
            draw_finding_chart(row["ra"], row["dec"], footprints, others, own.drop_duplicates(["line", "obs_id"])),
        )


def _small(store: RunStore, detection: dict[Any, Any]) -> Thumbnail:
    try:
        return _glance(detection, store.line_map(detection["obs_id"], detection["line"]))
    except StoreError:
        return _glance(detection, None)  # the page says that there is no image


def _cutout(store: RunStore, detection: dict[Any, Any]) -> Cutout | None:
    try:
        return store.cutout(detection["obs_id"], detection["line"])
    except StoreError:
        return None


def _glance(detection: dict[Any, Any], line_map: NDArray[np.float32] | None) -> Thumbnail:
    source = None if line_map is None else thumbnail(line_map, side_px=THUMBNAIL_PX)
    return Thumbnail(detection["line"], detection["obs_id"], source)
