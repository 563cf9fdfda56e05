"""VOTables as the Virtual Observatory's services answer with them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.io.votable import from_table, writeto
from astropy.io.votable.tree import Info
from astropy.table import MaskedColumn, Table

from .sites import Answer

__all__ = ["votable", "votable_error", "write_table"]

CONTENT_TYPE = "application/x-votable+xml"


def votable(frame: pd.DataFrame, *, overflow: bool = False, serialization: str = "tabledata") -> Answer:
    """Return a table, with its status; ``binary2`` is the serialization that SIMBAD may choose instead."""
    columns = {}
    for name, values in frame.items():
        missing = values.isna().to_numpy()
        if pd.api.types.is_numeric_dtype(values):
            data = values.to_numpy(dtype=np.float64 if missing.any() else None)
        else:
            data = np.where(missing, "", values.astype(object)).astype(str)
        columns[name] = MaskedColumn(data, mask=missing)
    document = from_table(Table(columns, names=list(columns)))
    document.resources[0].type = "results"
    document.resources[0].infos.append(Info(name="QUERY_STATUS", value="OVERFLOW" if overflow else "OK"))
    file = BytesIO()
    writeto(document, file, tabledata_format=serialization)  # as to why, see `write_table`
    return Answer(file.getvalue(), content_type=CONTENT_TYPE)


def write_table(table: Table, path: Path) -> None:
    """Write a VOTable; `Table.write` does it in C, beyond the end of a buffer in rows of some lengths (astropy 8)."""
    writeto(from_table(table), str(path))


def votable_error(message: str, status: int = 400) -> Answer:
    """Return the document in which such a service says that it could not answer."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">'
        f'<INFO name="QUERY_STATUS" value="ERROR">{message}</INFO></RESOURCE></VOTABLE>'
    )
    return Answer(body.encode(), status, CONTENT_TYPE)
