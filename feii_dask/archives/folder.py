"""A directory as an archive: a user's own downloads or reductions, or a simulated sky."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pandas as pd
from astropy import units as u
from astropy.table import Table

from feii_dask.archives.base import Query
from feii_dask.archives.from_headers import describe_cubes
from feii_dask.archives.tables import (
    OBSERVATION_NUMBERS,
    OBSERVATION_TEXT,
    Selection,
    describe_ysos,
    object_called,
    tidy,
    tidy_ysos,
    without_moving,
    without_repeated,
)
from feii_dask.archives.units import YSO_UNITS, factor_to
from feii_dask.config.missions import Mission
from feii_dask.errors import SettingsError

__all__ = ["FolderArchive"]

log = logging.getLogger(__name__)

SUFFIXES = (".parquet", ".ecsv", ".csv", ".vot", ".xml", ".fits")
ASTROPY_FORMATS = {".ecsv": "ascii.ecsv", ".vot": "votable", ".xml": "votable", ".fits": "fits"}
FITS_SUFFIXES = (".fits", ".fit", ".fits.gz")


class FolderArchive:
    """Tables and cubes of one directory; nothing outside of it is read.

    It holds ``observations`` and ``ysos`` (``.parquet``, ``.ecsv``, ``.csv``, ``.vot``, ``.xml`` or ``.fits``) with
    the archives' own column names, and their units where a column declares none; and cubes anywhere below. All of its
    objects are taken, whatever their type. Without a table of observations, what the headers of its cubes say takes
    its place.

    Parameters
    ----------
    directory : path
        Where it is.
    mission : Mission
        Whose cubes: says which column names them.
    selection : Selection
        Which of them.

    Raises
    ------
    SettingsError
        If there is no such directory.
    """

    def __init__(
        self, directory: str | os.PathLike[str], mission: Mission, *, selection: Selection | None = None
    ) -> None:
        self.directory = Path(directory).resolve()
        if not self.directory.is_dir():
            raise SettingsError(f"--archive {os.fspath(directory)!r} is no directory, and not 'live' either")
        self.mission = mission
        self.selection = selection or Selection()
        self._queries: list[Query] = []

    @property
    def queries(self) -> Sequence[Query]:
        """What was read so far."""
        return tuple(self._queries)

    @property
    def has_objects(self) -> bool:
        """Whether there is a table of objects."""
        return self._find_table("ysos") is not None

    def ysos(self) -> pd.DataFrame:
        """Return the objects of the directory.

        Raises
        ------
        SettingsError
            If there is no such table, or it cannot be understood.
        """
        start = time.perf_counter()
        path = self._find_table("ysos")
        if path is None:
            wanted = ", ".join(f"ysos{suffix}" for suffix in SUFFIXES)
            raise SettingsError(f"{self.directory} holds no table of objects ({wanted}); name one with --targets FILE")
        table = _read(path, YSO_UNITS)
        try:
            ysos, repeated = without_repeated(tidy_ysos(table))
        except ValueError as error:
            raise SettingsError(f"{path}: {error}") from error
        for note in repeated:
            log.warning("%s: %s", path, note)
        self._record(path, ysos, start, (*repeated, *describe_ysos(ysos)))
        return ysos

    def find_object(self, name: str) -> pd.DataFrame:
        """Return the object of that name, whatever its capitals and spaces.

        Raises
        ------
        TargetError
            If there is none, or it has no coordinates.
        """
        return object_called(name, self.ysos(), str(self.directory))

    def observations(self) -> pd.DataFrame:
        """Return the observations of the directory that were selected.

        Raises
        ------
        SettingsError
            If there is neither such a table nor a cube, or the table lacks a column that a search needs.
        """
        start = time.perf_counter()
        path = self._find_table("observations")
        table, notes = self._bare_cubes() if path is None else (self._read_observations(path), ())
        path = path or self.directory
        needed = ["obs_id", "s_ra", "s_dec", "s_region", self.mission.cube_column]
        missing = [name for name in needed if name not in table]
        if missing:
            raise SettingsError(f"{path} lacks {', '.join(missing)}; a {self.mission.name} search needs them")
        table = table.reindex(columns=table.columns.union(["em_min", "em_max"], sort=False))
        try:
            table = tidy(table, text=(*OBSERVATION_TEXT, self.mission.cube_column), numbers=OBSERVATION_NUMBERS)
        except ValueError as error:
            raise SettingsError(f"{path}: {error}") from error
        table, moving = without_moving(table)
        selected = self.selection.of(table)
        left_out = len(table) - len(selected)
        notes = (*notes, *moving, *((f"{left_out} not selected",) if left_out else ()))
        self._record(path, selected, start, notes)
        return selected

    def _read_observations(self, path: Path) -> pd.DataFrame:
        """Return the table of observations; its bands in the unit of the mission's archive."""
        em_unit = u.Unit(self.mission.micron_per_em_unit * u.um)
        return _read(path, {"s_ra": u.deg, "s_dec": u.deg, "em_min": em_unit, "em_max": em_unit})

    def _bare_cubes(self) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """Return a table made from the headers of all cubes."""
        paths = self._fits_files()
        inside = [path for path in paths if self._holds(path)]
        table, notes = describe_cubes(self.directory, inside, self.mission)
        if left_out := len(paths) - len(inside) + self._folders_elsewhere():
            notes = (*notes, f"{left_out} links that lead out of the directory are left out: copy what they lead to")
        if table.empty:
            said = f" ({'; '.join(notes)})" if notes else ""
            raise SettingsError(
                f"{self.directory} holds neither a table 'observations' nor a {self.mission.name} cube, a FITS file "
                f"with a spectral cube in {self.mission.extension}{said}"
            )
        for note in notes:
            log.warning("%s", note)
        return table, notes

    def products(self, observations: pd.DataFrame) -> pd.DataFrame:
        """Return the observations as they are: each is one cube."""
        return observations

    def locate(self, observations: pd.DataFrame) -> list[str | None]:
        """Return the path of each cube, found by its name among the files of the directory.

        A cube that is not there gets the path where it should be: reading it says what is missing. None is for an
        observation that names no cube, or one outside of the directory.
        """
        start = time.perf_counter()
        files = {path.name: path for path in reversed(self._fits_files())}
        names = [str(name) for name in observations[self.mission.cube_column]]
        places = [self._place(name, files) for name in names]
        refused = [name for name, place in zip(names, places, strict=True) if name and place is None]
        notes = (f"{len(refused)} lead out of the directory and were refused: {refused[0]}",) if refused else ()
        self._record(self.directory, observations, start, notes)
        return places

    def _place(self, name: str, files: dict[str, Path]) -> str | None:
        relative = PurePosixPath(name)
        is_there = name in files or (self.directory / relative).is_file()
        if ":" in name and not is_there:  # an archive's address, as in mast:JWST/product/name.fits
            relative = PurePosixPath(name.rpartition(":")[2].rpartition("/")[2])
        if not relative.name or relative.is_absolute() or ".." in relative.parts:
            return None
        expected = self.directory / relative
        found = expected if expected.is_file() else files.get(relative.name, expected)
        return str(found) if self._holds(found) else None

    def _holds(self, path: Path) -> bool:
        """Whether a path stays within the directory, links followed."""
        return path.resolve().is_relative_to(self.directory)

    def _folders_elsewhere(self) -> int:
        """Count the links to folders outside of the directory."""
        folders = (Path(parent) / name for parent, names, _ in os.walk(self.directory) for name in names)
        return sum(not self._holds(folder) for folder in folders)

    def _fits_files(self) -> list[Path]:
        """Return every FITS file below the directory, in order."""
        paths = sorted(Path(parent) / name for parent, _, names in os.walk(self.directory) for name in names)
        return [path for path in paths if path.name.lower().endswith(FITS_SUFFIXES)]

    def _find_table(self, name: str) -> Path | None:
        paths = (self.directory / f"{name}{suffix}" for suffix in SUFFIXES)
        return next((path for path in paths if path.is_file()), None)

    def _record(self, path: Path, table: pd.DataFrame, start: float, notes: tuple[str, ...]) -> None:
        self._queries.append(
            Query(
                service="folder",
                text=str(path),
                utc=datetime.now(UTC).isoformat(timespec="seconds"),
                rows=len(table),
                seconds=round(time.perf_counter() - start, 3),
                notes=notes,
            )
        )


def _read(path: Path, units: Mapping[str, u.UnitBase]) -> pd.DataFrame:
    """Read a table, its columns in these units; what kind of thing a column holds is for `tidy` to say."""
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        if path.suffix == ".csv":  # as text: programme 01290 is not the number 1290
            return pd.read_csv(path, dtype=str, keep_default_na=False)
        table = Table.read(path, format=ASTROPY_FORMATS[path.suffix])
        table.convert_bytestring_to_unicode()
        frame = pd.DataFrame(table.to_pandas())
    # Every reader has its own kind of error; all of them mean that the file is not what its name says.
    except Exception as error:
        raise SettingsError(f"{path} cannot be read as a table: {type(error).__name__}: {error}") from error
    try:
        return _converted(frame, table, units)
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from error


def _converted(frame: pd.DataFrame, table: Table, units: Mapping[str, u.UnitBase]) -> pd.DataFrame:
    """Return the numbers in these units where a column of the table declares another."""
    declared = [name for name in units if name in frame and table[name].info.unit is not None]
    frame = tidy(frame, numbers=declared)
    factors = {name: factor_to(units[name], table[name], is_ra=name in {"ra", "s_ra"}) for name in declared}
    return frame.assign(**{name: frame[name] * factor for name, factor in factors.items()})
