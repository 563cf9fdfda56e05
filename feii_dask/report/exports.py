"""The tables of a run as ECSV, VOTable and parquet, with units, UCDs and descriptions, and as DS9 regions."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd

from feii_dask._version import __version__
from feii_dask.plain_text import plain_text
from feii_dask.ranking.results import RankedRun
from feii_dask.report.columns import CANDIDATES, DETECTIONS, FAILURES, LIMITS, SUMMARY, UNIDENTIFIED, shown_failures
from feii_dask.report.finding_chart import outlines_of
from feii_dask.report.links import region_file_name
from feii_dask.report.region_file import ds9_regions
from feii_dask.report.table_files import (
    TEXTS,
    described_table,
    votable_head,
    write_ecsv,
    write_readable,
    write_votable,
)
from feii_dask.store.atomic import make_directory, remove_others, write_atomically
from feii_dask.store.described_parquet import parquet_bytes
from feii_dask.store.signature import is_sealed, seal
from feii_dask.store.stored_columns import Column

__all__ = ["exported_paths", "write_exports"]

# Tables of a ranked run that are written in all formats.
EXPORTED = {"candidates": CANDIDATES, "detections": DETECTIONS, "limits": LIMITS, "summary": SUMMARY}

FORMATS = ("ecsv", "vot", "parquet")
WRITERS = 8  # threads that wait for the disk

# Most characters of a cell: readers of CSV take 131 072 (Python's csv.field_size_limit).
LONGEST = {"main_id": 300, "obs_id": 300, "reason": 2_000, "uri": 2_000}
LONGEST_CELL = 100_000


def write_exports(result: RankedRun) -> dict[str, str]:
    """Write what a run found into its directory, in the formats of other programs.

    The candidates, detections, limits and the summary of objects are each in ``.ecsv``, ``.vot`` and ``.parquet``,
    which hold the same; ``unidentified.ecsv`` lists the lines that were met where none was expected, ``failures.ecsv``
    what was not scanned; ``footprints.reg`` outlines the cubes and marks the candidates,
    ``regions/*.reg`` those of one candidate.

    A table whose files hold these rows already is left as it is: limits, which are most of the rows, do not depend on
    what the candidates are ranked with.

    Returns
    -------
    dict of str to str
        The user's signature (`feii_dask.store.signature.seal`) of each file of a table by its name, for the ``seals``
        of the run's manifest: what bears no such signature is written.

    Raises
    ------
    StoreError
        If the disk is full, or the directory cannot be written to.
    """
    directory = result.run.directory
    meta = {
        "fingerprint": plain_text(str(result.run.manifest.get("fingerprint", "")), LONGEST_CELL),
        "feii_dask": __version__,
    }
    known = result.run.manifest.get("seals")
    known = known if isinstance(known, dict) else {}
    seals: dict[str, str] = {}
    for name, columns in EXPORTED.items():
        seals |= write_formats(directory / name, plain(getattr(result, name)), columns, meta, known)
    for name, frame, columns in (
        ("unidentified", result.unidentified, UNIDENTIFIED),
        ("failures", shown_failures(result.failures), FAILURES),
    ):
        write_ecsv(directory / f"{name}.ecsv", described_table(plain(frame), columns, meta))
    write_region_files(result)
    return seals


def exported_paths(directory: Path) -> list[Path]:
    """Return the files that `write_exports` writes, but for those of single candidates."""
    tables = [f"{name}.{ending}" for name in EXPORTED for ending in FORMATS]
    return [directory / name for name in (*tables, "unidentified.ecsv", "failures.ecsv", "footprints.reg")]


def write_region_files(result: RankedRun) -> None:
    """Write a region file of everything, and one for each candidate: itself and its cubes with detections."""
    directory = result.run.directory / "regions"
    make_directory(directory)
    candidates, outlines = plain(result.candidates), outlines_of(result.matched)
    names = [region_file_name(rank, name) for rank, name in zip(candidates["rank"], candidates["main_id"], strict=True)]
    marks = list(candidates[["ra", "dec", "main_id"]].itertuples(index=False, name=None))
    order = {obs_id: number for number, obs_id in enumerate(outlines)}
    files = {directory.parent / "footprints.reg": ds9_regions(outlines, marks).encode()}
    for name, mark, obs_ids in zip(names, marks, result.candidates["obs_ids"], strict=True):
        cubes = sorted((obs_id for obs_id in obs_ids.split("; ") if obs_id in order), key=order.__getitem__)
        files[directory / name] = ds9_regions({obs_id: outlines[obs_id] for obs_id in cubes}, [mark]).encode()
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write_atomically, files.keys(), files.values()))
    remove_others(directory, "*.reg", set(names))


def write_formats(
    stem: Path, frame: pd.DataFrame, columns: Mapping[str, Column], meta: Mapping[str, str], known: Mapping[str, Any]
) -> dict[str, str]:
    """Write a table as ECSV, VOTable and parquet, unless all three hold it already; return their seals."""
    ecsv, vot, parquet = (stem.with_name(f"{stem.name}.{ending}") for ending in FORMATS)
    content = parquet_bytes(frame, columns, meta, votable_head(frame, columns, meta, stem.name))
    kept = {path.name: str(known.get(path.name, "")) for path in (ecsv, vot, parquet)}
    if kept[parquet.name] == seal(content) and all(is_sealed(path, kept[path.name]) for path in (ecsv, vot, parquet)):
        return kept
    table = described_table(frame, columns, meta)
    return {
        ecsv.name: write_ecsv(ecsv, table),
        vot.name: write_votable(vot, table),
        parquet.name: write_readable(parquet, content, frame, pd.read_parquet),
    }


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose texts any program can read: in one line, without control characters, not without end."""
    cells = {}
    for name in TEXTS:
        if name in frame:
            known = {text: plain_cell(text, LONGEST.get(name, LONGEST_CELL)) for text in frame[name].unique()}
            cells[name] = frame[name].map(known)
    return frame.assign(**cells).astype(dict.fromkeys(cells, str))


def plain_cell(text: str, longest: int) -> str:
    """Return the text of a cell.

    Spaces around it would be lost to readers of text, and a line that begins with the sign of a comment is one.
    """
    text = plain_text(str(text).strip(), longest)
    return f"\\{text}" if text.startswith("#") else text
