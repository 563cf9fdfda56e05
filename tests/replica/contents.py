"""The tables and files that the replica serves."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from astropy.table import Table

__all__ = ["Contents"]


class Contents:
    """What a directory holds: tables (``.parquet`` or ``.ecsv``, each optional) and FITS files.

    Attributes
    ----------
    observations, ysos, irsa : DataFrame
        Rows of the archives' tables.
    files : dict
        Path of every FITS file, by its name.
    """

    def __init__(self, directory: Path) -> None:
        self.observations = read_table(directory, "observations")
        self.ysos = read_table(directory, "ysos")
        self.irsa = read_table(directory, "irsa")
        self.files = {path.name: path for path in directory.rglob("*.fits*")}


def read_table(directory: Path, name: str) -> pd.DataFrame:
    """Read a table, empty where there is none."""
    if (path := directory / f"{name}.parquet").is_file():
        return pd.read_parquet(path)
    if (path := directory / f"{name}.ecsv").is_file():
        return Table.read(path, format="ascii.ecsv").to_pandas()
    return pd.DataFrame()


def records(table: pd.DataFrame) -> list[dict[str, object]]:
    """Return the rows as plain Python values, None where there is none."""
    return table.astype(object).where(table.notna(), None).to_dict("records")
