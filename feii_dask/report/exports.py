"""The tables of a run as ECSV, VOTable and parquet, with units, UCDs and descriptions, and as DS9 regions."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pandas as pd
from astropy.io.votable import from_table, writeto
from astropy.io.votable.tree import CooSys
from astropy.table import Table

from feii_dask._version import __version__
from feii_dask.ranking.results import SearchResult
from feii_dask.report.columns import CANDIDATES, FAILURES, UNIDENTIFIED, Column, shown_failures
from feii_dask.report.region_file import ds9_regions
from feii_dask.store.atomic import write_atomically

__all__ = ["write_exports"]

# XML has no way to write these (XML 1.0, 2.2); an archive's text may hold them all the same.
NOT_IN_XML = dict.fromkeys({*range(32), 0xFFFE, 0xFFFF} - {9, 10, 13}, "\N{REPLACEMENT CHARACTER}")


def write_exports(result: SearchResult) -> None:
    """Write what a run found into its directory, in the formats of other programs.

    ``candidates.ecsv``, ``candidates.vot`` and ``candidates.parquet`` hold the same; ``unidentified.ecsv`` lists the
    lines that were met where none was expected, ``failures.ecsv`` what was not scanned; ``footprints.reg`` outlines the
    cubes and marks the candidates.

    Raises
    ------
    StoreError
        If the disk is full, or the directory cannot be written to.
    """
    run, candidates = result.run, result.candidates
    meta = {"fingerprint": str(run.manifest.get("fingerprint", "")), "feii_dask": __version__}
    table = described_table(candidates, CANDIDATES, meta)
    write_ecsv(run.directory / "candidates.ecsv", table)
    write_votable(run.directory / "candidates.vot", table)
    write_ecsv(run.directory / "unidentified.ecsv", described_table(result.unidentified, UNIDENTIFIED, meta))
    write_ecsv(run.directory / "failures.ecsv", described_table(shown_failures(result.failures), FAILURES, meta))
    content = BytesIO()
    candidates.to_parquet(content, engine="pyarrow", index=False)
    write_atomically(run.directory / "candidates.parquet", content.getvalue())
    write_atomically(run.directory / "footprints.reg", ds9_regions(result.matched, candidates).encode())


def described_table(frame: pd.DataFrame, columns: Mapping[str, Column], meta: Mapping[str, Any]) -> Table:
    """Return a table whose columns have units, descriptions and UCDs."""
    table = Table.from_pandas(frame)
    table.meta.update(meta)
    for name in table.colnames:
        column = columns.get(name, Column(""))
        table[name].description = column.description
        table[name].unit = column.unit or None
        if column.ucd:
            table[name].info.meta = {"ucd": column.ucd}
    return table


def write_ecsv(path: Path, table: Table) -> None:
    """Write a table as text with its units and descriptions."""
    text = StringIO()
    table.write(text, format="ascii.ecsv")
    write_atomically(path, text.getvalue().encode())


def write_votable(path: Path, table: Table) -> None:
    """Write candidates as a VOTable, their positions in ICRS."""
    table = table.copy()
    for column in table.itercols():
        if column.dtype.kind in "OU":
            column[:] = [text.translate(NOT_IN_XML) for text in column]
    document = from_table(table, table_id="candidates")
    document.resources[0].coordinate_systems.append(CooSys(ID="icrs", system="ICRS"))
    for field in document.get_first_table().fields:
        if field.name in ("ra", "dec"):
            field.ref = "icrs"
    content = BytesIO()
    writeto(document, content)  # to_xml() writes in C, beyond the end of its buffer in rows of some lengths (astropy 8)
    write_atomically(path, content.getvalue())
