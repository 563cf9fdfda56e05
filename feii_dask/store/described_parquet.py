"""Parquet files that say what their columns are, in the metadata that astropy reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as pat

from feii_dask.store.stored_columns import Column

__all__ = ["described_file", "parquet_bytes"]

# Keys of VOParquet 1.0, an IVOA note of 2025.
VOPARQUET_CONTENT = "IVOA.VOTable-Parquet.content"
VOPARQUET = {"IVOA.VOTable-Parquet.version": "1.0"}
TEXT_LENGTH = "table::len::"  # under which astropy keeps how long the texts of a column are at most


def parquet_bytes(
    frame: pd.DataFrame,
    columns: Mapping[str, Column],
    meta: Mapping[str, str] | None = None,
    votable: bytes | None = None,
) -> bytes:
    """Return a table as a parquet file, which pandas reads as it was and astropy with units.

    Parameters
    ----------
    frame : DataFrame
        The table.
    columns : mapping
        What is known of its columns; others have no unit.
    meta : mapping, optional
        Remarks on the whole table.
    votable : bytes, optional
        The same as a VOTable without rows, which is kept in the file for readers that know VOParquet.

    Raises
    ------
    pyarrow.ArrowException
        If a column holds values of several kinds.

    Examples
    --------
    >>> from astropy.table import QTable
    >>> file = parquet_bytes(pd.DataFrame({"ra": [69.9]}), {"ra": Column("Right ascension", "deg")})
    >>> QTable.read(BytesIO(file), format="parquet")["ra"].unit
    Unit("deg")
    """
    table = pa.Table.from_pandas(frame)
    if votable is not None:
        table = table.replace_schema_metadata({**table.schema.metadata, **VOPARQUET, VOPARQUET_CONTENT: votable})
    return described_file(table, columns, meta)


def described_file(
    table: pa.Table, columns: Mapping[str, Column], meta: Mapping[str, str] | None = None, **options: Any
) -> bytes:
    """Return an arrow table as a parquet file; see `parquet_bytes`. Options are those of pyarrow's writer."""
    # Without the lengths of texts astropy warns.
    lengths = {f"{TEXT_LENGTH}{name}": str(longest_text(table[name])) for name in table.column_names}
    known = {"table_meta_yaml": astropy_header(table.schema, columns, meta or {}), **lengths}
    content = BytesIO()
    with pq.ParquetWriter(content, table.schema, store_schema=False, **options) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({**(table.schema.metadata or {}), **known})
    return content.getvalue()


def astropy_header(schema: pa.Schema, columns: Mapping[str, Column], meta: Mapping[str, str]) -> str:
    """Return what astropy keeps of a table: YAML, of which JSON is a part."""
    entries = [
        astropy_entry(name, columns.get(name, Column("")), kind)
        for name, kind in zip(schema.names, schema.types, strict=True)
    ]
    return json.dumps({"datatype": entries, "meta": dict(meta)}, separators=(",", ":"))


def astropy_entry(name: str, column: Column, kind: pa.DataType) -> dict[str, Any]:
    """Return what astropy keeps of a column; the type is the file's. Its quantities cannot hold lists."""
    if pat.is_list(kind) and column.unit:
        column = replace(column, description=f"{column.description}, {column.unit}", unit="")
    known: dict[str, Any] = {"name": name, "unit": column.unit, "description": column.description}
    if column.ucd:
        known["meta"] = {"ucd": column.ucd}
    return {key: value for key, value in known.items() if value}


def longest_text(column: pa.ChunkedArray) -> int:
    """Return how many characters the longest text of a column, or of its lists, has; at least 1."""
    while pat.is_list(column.type):
        column = pc.list_flatten(column)
    if not (pat.is_string(column.type) or pat.is_large_string(column.type)):
        return 1
    return max(pc.max(pc.utf8_length(column)).as_py() or 1, 1)
