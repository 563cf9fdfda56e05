"""The tables of a run as ECSV, VOTable and parquet, with units, UCDs and descriptions, and as DS9 regions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pandas as pd
from astropy.io.votable import from_table, writeto
from astropy.io.votable.tree import CooSys, VOTableFile
from astropy.table import Table

from feii_dask._version import __version__
from feii_dask.errors import StoreError
from feii_dask.plain_text import plain_text
from feii_dask.ranking.results import RankedRun
from feii_dask.report.columns import CANDIDATES, DETECTIONS, FAILURES, LIMITS, SUMMARY, UNIDENTIFIED, shown_failures
from feii_dask.report.finding_chart import regions_of
from feii_dask.report.links import region_file_name
from feii_dask.report.region_file import ds9_regions
from feii_dask.store.atomic import make_directory, remove_others, write_atomically
from feii_dask.store.described_parquet import parquet_bytes
from feii_dask.store.signature import is_sealed, seal
from feii_dask.store.stored_columns import Column

__all__ = ["described_table", "exported_paths", "write_ecsv", "write_exports"]

# Tables of a ranked run that are written in all formats.
EXPORTED = {"candidates": CANDIDATES, "detections": DETECTIONS, "limits": LIMITS, "summary": SUMMARY}

FORMATS = ("ecsv", "vot", "parquet")
WRITERS = 8  # threads that wait for the disk

# XML has no way to write these (XML 1.0, 2.2); an archive's text may hold them all the same.
NOT_IN_XML = dict.fromkeys({*range(32), 0xFFFE, 0xFFFF} - {9, 10, 13}, "\N{REPLACEMENT CHARACTER}")

NO_ROWS = b" <DATA>\n    <TABLEDATA>\n    </TABLEDATA>\n   </DATA>\n  </TABLE>"

# Most characters of a cell: readers of CSV take 131 072 (Python's csv.field_size_limit).
LONGEST = {"main_id": 300, "obs_id": 300, "reason": 2_000, "uri": 2_000}
LONGEST_CELL = 100_000
TEXTS = (
    *("main_id", "obs_id", "obs_ids", "shares_light_with", "line", "lines", "kind", "kinds", "flags"),
    *("lines_covered", "lines_found", "object_velocity_source", "velocity_frame", "extent"),
    *("status", "reason", "uri", "cutout"),
)


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
    candidates, regions = plain(result.candidates), regions_of(result.matched)
    names = [region_file_name(rank, name) for rank, name in zip(candidates["rank"], candidates["main_id"], strict=True)]
    marks = list(candidates[["ra", "dec", "main_id"]].itertuples(index=False, name=None))
    order = {obs_id: number for number, obs_id in enumerate(regions)}
    files = {directory.parent / "footprints.reg": ds9_regions(regions, marks).encode()}
    for name, mark, obs_ids in zip(names, marks, result.candidates["obs_ids"], strict=True):
        cubes = sorted((obs_id for obs_id in obs_ids.split("; ") if obs_id in order), key=order.__getitem__)
        files[directory / name] = ds9_regions({obs_id: regions[obs_id] for obs_id in cubes}, [mark]).encode()
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
    cells = {
        name: [plain_cell(text, LONGEST.get(name, LONGEST_CELL)) for text in frame[name]]
        for name in TEXTS
        if name in frame
    }
    return frame.assign(**cells).astype(dict.fromkeys(cells, str))


def plain_cell(text: str, longest: int) -> str:
    """Return the text of a cell.

    Spaces around it would be lost to readers of text, and a line that begins with the sign of a comment is one.
    """
    text = plain_text(str(text).strip(), longest)
    return f"\\{text}" if text.startswith("#") else text


def described_table(frame: pd.DataFrame, columns: Mapping[str, Column], meta: Mapping[str, Any]) -> Table:
    """Return a table whose columns have units, descriptions and UCDs."""
    table = Table.from_pandas(frame)
    table.meta.update(meta)
    for name in table.colnames:
        if not len(table) and pd.api.types.is_string_dtype(frame[name]):
            table[name] = table[name].astype(str)  # without rows, astropy takes text for numbers
        column = columns.get(name, Column(""))
        table[name].description = column.description
        table[name].unit = column.unit or None
        if column.ucd:
            table[name].info.meta = {"ucd": column.ucd}
    return table


def write_ecsv(path: Path, table: Table) -> str:
    """Write a table as text with its units and descriptions, and return its seal."""
    text = StringIO()
    table.write(text, format="ascii.ecsv")
    return write_readable(path, text.getvalue().encode(), table, read_ecsv)


def read_ecsv(file: BytesIO) -> Table:
    """Read what `write_ecsv` writes."""
    return Table.read(file.read().decode(), format="ascii.ecsv")


def write_readable(path: Path, content: bytes, table: Any, read: Callable[[BytesIO], Any]) -> str:
    """Write a file if what it holds can be read again, with as many rows and the same texts, and return its seal.

    Raises
    ------
    StoreError
        If it cannot, or the file cannot be written.
    """
    try:
        back = read(BytesIO(content))
        texts = [name for name in TEXTS if name in list(table.columns)]
        is_same = len(back) == len(table) and all(texts_of(back[name]) == texts_of(table[name]) for name in texts)
    except Exception as error:  # every reader has its own
        raise StoreError(f"cannot write {path}, it could not be read again: {error}; please report this") from error
    if not is_same:
        raise StoreError(f"cannot write {path}: read again, it would hold other texts; please report this")
    write_atomically(path, content)
    return seal(content)


def texts_of(column: Any) -> list[str]:
    """Return the texts of a column of any table; a missing one is empty."""
    return ["" if text is None else str(text) for text in column.tolist()]  # of a masked one, where it is masked


def write_votable(path: Path, table: Table) -> str:
    """Write a table as a VOTable, its positions in ICRS, and return its seal."""
    written = xml_bytes(votable(table, path.stem))
    if not len(table):  # STIL takes a table without DATA for none, and astropy writes none without rows
        written = written.replace(b"</TABLE>", NO_ROWS)
    return write_readable(path, written, table, lambda file: Table.read(file, format="votable"))


def votable_head(frame: pd.DataFrame, columns: Mapping[str, Column], meta: Mapping[str, Any], name: str) -> bytes:
    """Return the VOTable of a table without its rows.

    Astropy's reader of VOParquet takes texts of limited lengths only, and a description in two lines for another one.
    """
    document = votable(described_table(frame[:0], columns, meta), name)
    for field in document.get_first_table().fields:
        if field.datatype == "unicodeChar":
            field.arraysize = f"{max([1, *frame[field.name].str.len()])}*"
    return re.sub(rb"(?<=[^>])\n\s*(?=[^<\s])", b" ", xml_bytes(document))


def votable(table: Table, name: str) -> VOTableFile:
    """Return a table as a VOTable, its positions in ICRS."""
    table = table.copy()
    for column in table.itercols():
        if column.dtype.kind in "OU":
            column[:] = [text.translate(NOT_IN_XML) for text in column]
    document = from_table(table, table_id=name)
    document.resources[0].coordinate_systems.append(CooSys(ID="icrs", system="ICRS"))
    for field in document.get_first_table().fields:
        if field.name in ("ra", "dec"):
            field.ref = "icrs"
        if field.datatype == "unicodeChar":
            field.arraysize = "*"  # of any length; one letter that may be missing is no text to `stilts votlint`
    return document


def xml_bytes(document: VOTableFile) -> bytes:
    content = BytesIO()
    writeto(document, content)  # to_xml() writes in C, beyond the end of its buffer in rows of some lengths (astropy 8)
    return content.getvalue()
