"""The table of objects in a folder, as a catalogue."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from feii_dask.archives.folder import FOLDER_SERVICE, read_table
from feii_dask.archives.named_objects import find_each
from feii_dask.archives.provenance import QueryRecord, QueryTimer
from feii_dask.archives.units import YSO_UNITS
from feii_dask.archives.yso_table import describe_ysos, find_by_name, tidy_ysos, without_repeated
from feii_dask.errors import SettingsError

__all__ = ["FolderCatalogue"]

log = logging.getLogger(__name__)


class FolderCatalogue:
    """The objects of a folder, whatever their type.

    Their table has SIMBAD's column names, and SIMBAD's units where a column declares none.

    Parameters
    ----------
    path : Path
        The folder's table ``ysos`` (``.parquet``, ``.ecsv``, ``.csv``, ``.vot``, ``.xml`` or ``.fits``).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._queries: list[QueryRecord] = []
        self.unresolved: Sequence[Mapping[str, str]] = ()

    @property
    def queries(self) -> Sequence[QueryRecord]:
        """The readings of the table so far."""
        return tuple(self._queries)

    def ysos(self) -> pd.DataFrame:
        """Return the objects of the folder, each of them once.

        Raises
        ------
        SettingsError
            If the table cannot be understood.
        """
        timer = QueryTimer()
        table = read_table(self._path, YSO_UNITS)
        try:
            ysos, repeated = without_repeated(tidy_ysos(table))
        except ValueError as error:
            raise SettingsError(f"{self._path}: {error}") from error
        for note in repeated:
            log.warning("%s: %s", self._path, note)
        notes = (*repeated, *describe_ysos(ysos))
        self._queries.append(timer.record(FOLDER_SERVICE, str(self._path), len(ysos), notes))
        return ysos

    def find_object(self, name: str) -> pd.DataFrame:
        """Return the object of that name, whatever its capitals and spaces.

        Raises
        ------
        TargetError
            If there is none, or it has no coordinates.
        """
        return find_by_name(name, self.ysos(), str(self._path.parent))

    def find_objects(self, names: Sequence[str]) -> pd.DataFrame:
        """Return objects by their names; raises `TargetError` if the folder has none of them."""
        found, self.unresolved = find_each(names, self.find_object)
        return found
