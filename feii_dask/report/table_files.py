"""Files of one table for other programs: ECSV and VOTable, read again before they are there."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO, StringIO
from math import isfinite, isnan
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pandas as pd
from astropy.io.votable import from_table, writeto
from astropy.io.votable.tree import CooSys, VOTableFile
from astropy.table import Column as TableColumn
from astropy.table import Table

from feii_dask.errors import StoreError
from feii_dask.store.atomic import write_atomically
from feii_dask.store.signature import seal
from feii_dask.store.stored_columns import Column

__all__ = ["TEXTS", "described_table", "votable_head", "write_ecsv", "write_readable", "write_votable"]

# XML has no way to write these (XML 1.0, 2.2); an archive's text may hold them all the same.
NOT_IN_XML = dict.fromkeys({*range(32), 0xFFFE, 0xFFFF} - {9, 10, 13}, "\N{REPLACEMENT CHARACTER}")

# The columns with texts of archives and users.
TEXTS = (
    *("main_id", "obs_id", "obs_ids", "shares_light_with", "line", "lines", "kind", "kinds", "flags"),
    *("lines_covered", "lines_found", "object_velocity_source", "velocity_frame", "extent"),
    *("status", "reason", "uri", "cutout"),
)


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
    """Write a table as text with its units and descriptions, and return its seal.

    The header is astropy's; the rows are written by the csv module, which takes a tenth of the time.
    """
    text = StringIO()
    table[:0].write(text, format="ascii.ecsv")
    rows = csv.writer(text, delimiter=" ", lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    rows.writerows(zip(*(column.tolist() for column in table.itercols()), strict=True))
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
    """Write a table as a VOTable, its positions in ICRS, and return its seal.

    All but the rows is astropy's. Its way to write these in C goes beyond the end of a buffer in rows of some lengths
    (astropy 8), the other one takes five times as long as this; and it writes no DATA for a table without rows, which
    STIL takes for no table then.
    """
    content = xml_bytes(votable(table[:0], path.stem))
    written = content.replace(b" </TABLE>", table_data(table).encode() + b" </TABLE>", 1)
    return write_readable(path, written, table, lambda file: Table.read(file, format="votable"))


def table_data(table: Table) -> str:
    """Return the rows of a table as the DATA of a VOTable."""
    rows = zip(*map(votable_cells, table.itercols()), strict=True)
    lines = (f"     <TR><TD>{'</TD><TD>'.join(cells)}</TD></TR>\n" for cells in rows)
    return f"  <DATA>\n    <TABLEDATA>\n{''.join(lines)}    </TABLEDATA>\n   </DATA>\n "


def votable_cells(column: TableColumn) -> Iterator[str]:
    """Yield the cells of a column as a VOTable has them (VOTable 1.4, section 6); empty where nothing is known."""
    if column.dtype.kind in "OU":
        return (escape(text.translate(NOT_IN_XML)) for text in texts_of(column))
    as_cell = {"b": lambda value: "01"[value], "f": votable_number}.get(column.dtype.kind, str)
    return ("" if value is None else as_cell(value) for value in column.tolist())


def votable_number(value: float) -> str:
    """Return a number as a VOTable has it."""
    if isfinite(value):
        return str(value)
    return "NaN" if isnan(value) else "+InF" if value > 0 else "-InF"


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
    writeto(document, content)
    return content.getvalue()
