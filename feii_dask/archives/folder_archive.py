"""The cubes of a folder: a user's own downloads or reductions, or a simulated sky."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pandas as pd
from astropy import units as u

from feii_dask.archives.folder import FOLDER_SERVICE, find_table, open_folder, read_table
from feii_dask.archives.from_headers import describe_cubes
from feii_dask.archives.observation_table import OBSERVATION_NUMBERS, OBSERVATION_TEXT, without_moving
from feii_dask.archives.provenance import QueryRecord, QueryTimer
from feii_dask.archives.query import ArchiveQuery
from feii_dask.archives.tidying import tidy
from feii_dask.cubes.storage import is_special
from feii_dask.errors import SettingsError

__all__ = ["FolderArchive"]

log = logging.getLogger(__name__)

FITS_SUFFIXES = (".fits", ".fit", ".fits.gz")


class FolderArchive:
    """The observations and cubes of a folder; nothing outside of it is read.

    It holds a table ``observations`` (``.parquet``, ``.ecsv``, ``.csv``, ``.vot``, ``.xml`` or ``.fits``) with the
    archives' own column names, and their units where a column declares none; and cubes anywhere below. Without that
    table, the observations are described by the headers of the cubes.

    Parameters
    ----------
    query : ArchiveQuery
        Its `archive` is the folder; its `mission` says which column names the cubes, its `selection` which to take.

    Raises
    ------
    SettingsError
        If there is no such folder.
    """

    def __init__(self, query: ArchiveQuery) -> None:
        self._directory = open_folder(query.archive)
        self._mission = query.mission
        self._selection = query.selection
        self._queries: list[QueryRecord] = []

    @property
    def queries(self) -> Sequence[QueryRecord]:
        """The readings of tables and headers so far."""
        return tuple(self._queries)

    def observations(self) -> pd.DataFrame:
        """Return the observations of the folder that were selected.

        Raises
        ------
        SettingsError
            If there is neither such a table nor a cube, or the table lacks a column that a search needs.
        """
        timer = QueryTimer()
        path = find_table(self._directory, "observations")
        table, notes = self._read_headers() if path is None else (self._read_observations(path), ())
        path = path or self._directory
        table, moving = without_moving(self._tidy_observations(table, path))
        selected = self._selection.of(table)
        left_out = len(table) - len(selected)
        notes = (*notes, *moving, *((f"{left_out} not selected",) if left_out else ()))
        self._queries.append(timer.record(FOLDER_SERVICE, str(path), len(selected), notes))
        return selected

    def _read_observations(self, path: Path) -> pd.DataFrame:
        """Return the table of observations; its bands in the unit of the mission's archive."""
        em_unit = u.Unit(self._mission.micron_per_em_unit * u.um)
        return read_table(path, {"s_ra": u.deg, "s_dec": u.deg, "em_min": em_unit, "em_max": em_unit})

    def _read_headers(self) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """Return a table of observations made from the headers of all cubes, and notes on it."""
        paths = self._fits_files()
        inside = [path for path in paths if self._holds(path)]
        table, notes = describe_cubes(self._directory, inside, self._mission)
        if left_out := len(paths) - len(inside) + self._count_outside_folders():
            notes = (*notes, f"{left_out} links that lead out of the directory are left out: copy what they lead to")
        if table.empty:
            reasons = f" ({'; '.join(notes)})" if notes else ""
            raise SettingsError(
                f"{self._directory} holds neither a table 'observations' nor a {self._mission.name} cube, a FITS file "
                f"with a spectral cube in {self._mission.extension}{reasons}"
            )
        for note in notes:
            log.warning("%s", note)
        return table, notes

    def _tidy_observations(self, table: pd.DataFrame, path: Path) -> pd.DataFrame:
        """Return the table with text and numbers in their types, after checking that it has what a search needs."""
        needed = ["obs_id", "s_ra", "s_dec", "s_region", self._mission.cube_column]
        missing = [name for name in needed if name not in table]
        if missing:
            raise SettingsError(f"{path} lacks {', '.join(missing)}; a {self._mission.name} search needs them")
        table = table.reindex(columns=table.columns.union(["em_min", "em_max"], sort=False))
        try:
            return tidy(table, text=(*OBSERVATION_TEXT, self._mission.cube_column), numbers=OBSERVATION_NUMBERS)
        except ValueError as error:
            raise SettingsError(f"{path}: {error}") from error

    def products(self, observations: pd.DataFrame) -> pd.DataFrame:
        """Return the observations as they are: each is one cube."""
        return observations

    def locate(self, observations: pd.DataFrame) -> list[str | None]:
        """Return the path of each cube, found by its name among the files of the folder.

        A cube that is not there gets the path where it should be: reading it says what is missing. None is for an
        observation that names no cube, or one outside of the folder.
        """
        timer = QueryTimer()
        files = {path.name: path for path in reversed(self._fits_files())}
        names = [str(name) for name in observations[self._mission.cube_column]]
        places = [self._place(name, files) for name in names]
        refused = [name for name, place in zip(names, places, strict=True) if name and place is None]
        notes = (f"{len(refused)} lead out of the directory and were refused: {refused[0]}",) if refused else ()
        self._queries.append(timer.record(FOLDER_SERVICE, str(self._directory), len(observations), notes))
        return places

    def _place(self, name: str, files: dict[str, Path]) -> str | None:
        """Return the path of the cube that an observation names; see `locate`."""
        relative = PurePosixPath(name)
        is_there = name in files or (self._directory / relative).is_file()
        if "\\" in name and not is_there:  # a table that was written on Windows
            relative = PurePosixPath(name.replace("\\", "/"))
        if ":" in name and not is_there:  # an archive's address, as in mast:JWST/product/name.fits
            relative = PurePosixPath(name.rpartition(":")[2].rpartition("/")[2])
        if not relative.name or relative.is_absolute() or ".." in relative.parts:
            return None
        expected = self._directory / relative
        found = expected if expected.is_file() else files.get(relative.name, expected)
        return str(found) if self._holds(found) else None

    def _holds(self, path: Path) -> bool:
        """Whether a path stays within the folder, links followed."""
        return Path(os.path.realpath(path)).is_relative_to(self._directory)  # Path.resolve() fails for a loop of links

    def _count_outside_folders(self) -> int:
        """Count the links to folders outside of this one."""
        folders = (Path(parent) / name for parent, names, _ in os.walk(self._directory) for name in names)
        return sum(not self._holds(folder) for folder in folders)

    def _fits_files(self) -> list[Path]:
        """Return every FITS file of the folder, in order; pipes and devices are none."""
        paths = sorted(Path(parent) / name for parent, _, names in os.walk(self._directory) for name in names)
        return [path for path in paths if path.name.lower().endswith(FITS_SUFFIXES) and not is_special(str(path))]
