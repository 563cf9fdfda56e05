"""The run directory: manifest, tables, outcomes and cutouts of a search.

::

    run.json                 settings, lines, queries, versions: enough to explain the run and to resume it
    tables/*.parquet         ysos, observations, matched: a run that is resumed does not query again
    outcomes/*.parquet       what the scans returned
    cutouts/*.fits           maps and spectra of each detection
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from feii_dask.config.run_places import RUN_FILE
from feii_dask.errors import FingerprintError, SettingsError, StoreError
from feii_dask.model import Cutout
from feii_dask.store.atomic import make_directory, write_atomically
from feii_dask.store.cutout_files import cutout_path, read_cutout, read_line_map
from feii_dask.store.described_parquet import parquet_bytes
from feii_dask.store.manifest_file import read_manifest
from feii_dask.store.outcome_table import BOOKKEEPING_COLUMNS, SCIENCE_COLUMNS, latest_attempts
from feii_dask.store.outcome_writer import OutcomeWriter, exclusive_lock, open_writer, read_parts
from feii_dask.store.run_files import refuse_links
from feii_dask.store.schema import RUN_SCHEMA, check_schema
from feii_dask.store.stored_columns import STORED_TABLES
from feii_dask.store.stored_tables import read_tables

__all__ = ["BOOKKEEPING_COLUMNS", "SCIENCE_COLUMNS", "RunStore", "Tables"]

# What may be in a directory before a run begins there: a simulated sky, and the log of the command itself.
ALLOWED_BEFORE = {"sky", "log.txt"}


class Tables(NamedTuple):
    """What a run knows before the first scan.

    Attributes
    ----------
    ysos, observations, matched : DataFrame
        The objects, the archive's cubes, and the cubes with objects inside.
    """

    ysos: pd.DataFrame
    observations: pd.DataFrame
    matched: pd.DataFrame


class RunStore:
    """A run directory; it keeps nothing in memory, so that what it returns is what is on disk.

    Attributes
    ----------
    directory : Path
        Where it is.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def create(cls, directory: Path, manifest: Mapping[str, Any]) -> RunStore:
        """Begin a run, or resume the same run if the directory holds it already.

        Parameters
        ----------
        directory : Path
            A directory that is empty or does not exist; it may hold a simulated ``sky``.
        manifest : mapping
            What becomes ``run.json``, beside the schema; its ``fingerprint`` identifies the run.

        Raises
        ------
        FingerprintError
            If the directory holds a run with another fingerprint.
        SettingsError
            If it holds something else, or a run in another schema, or is a file.
        StoreError
            If it cannot be written to, or something in it leads elsewhere.
        """
        directory = Path(directory)
        store = cls(directory)
        refuse_links(directory)
        if (directory / RUN_FILE).exists():
            check_schema(store.manifest, directory)
            store.refuse_other_run(manifest["fingerprint"])
            return store
        refuse_other_files(directory)
        make_directory(directory)
        store._write_manifest({"schema": RUN_SCHEMA, **manifest})
        return store

    @classmethod
    def open(cls, directory: Path) -> RunStore:
        """Open the run that a directory holds.

        Raises
        ------
        SettingsError
            If it holds none, or one that another version of the program wrote in another schema.
        StoreError
            If its ``run.json`` cannot be read, or something in it leads elsewhere.
        """
        store = cls(Path(directory))
        refuse_links(store.directory)
        if not (store.directory / RUN_FILE).is_file():
            raise SettingsError(
                f"{directory} holds no run (it has no {RUN_FILE}): name a directory that a search wrote"
            )
        check_schema(store.manifest, store.directory)
        return store

    @property
    def manifest(self) -> dict[str, Any]:
        """The content of ``run.json``."""
        return read_manifest(self.directory)

    def update_manifest(self, **items: Any) -> None:
        """Set items of ``run.json``; the file is replaced at once or not at all."""
        self._write_manifest({**self.manifest, **items})

    def _write_manifest(self, manifest: Mapping[str, Any]) -> None:
        text = json.dumps(dict(manifest), indent=2, ensure_ascii=False) + "\n"
        write_atomically(self.directory / RUN_FILE, text.encode())

    def refuse_other_run(self, fingerprint: str) -> None:
        """Refuse to go on if the run has another fingerprint.

        Raises
        ------
        FingerprintError
            With both.
        """
        stored = self.manifest.get("fingerprint")
        if stored != fingerprint:
            raise FingerprintError(
                f"{self.directory} holds a run with other settings, or with another detector or "
                f"target file of the same name (fingerprint {stored}, not {fingerprint}): "
                f"choose another --out, or resume that run by --resume {self.directory}"
            )

    @property
    def has_tables(self) -> bool:
        """Whether the archives' answers are stored, so that they need not be queried again."""
        return self._table("matched").is_file()  # written last

    def write_tables(self, *, ysos: pd.DataFrame, observations: pd.DataFrame, matched: pd.DataFrame) -> None:
        """Store what is known before the first scan.

        Raises
        ------
        StoreError
            If a table cannot be written: the disk is full, or a column holds values of several kinds.
        """
        for folder in ("tables", "outcomes", "cutouts"):
            make_directory(self.directory / folder)
        for name, table in (("ysos", ysos), ("observations", observations), ("matched", matched)):
            try:
                content = parquet_bytes(table, STORED_TABLES[name])
            except (pa.ArrowException, UnicodeError) as error:
                raise StoreError(f"cannot store the table of {name}: {error}") from error
            write_atomically(self._table(name), content)

    def read_tables(self) -> Tables:
        """Return the stored tables, with the labels that they had; lists come back as arrays.

        Raises
        ------
        StoreError
            If they were not stored, cannot be read, or are not tables of a run.
        """
        return Tables(*read_tables(self.directory / "tables"))

    def _table(self, name: str) -> Path:
        return self.directory / "tables" / f"{name}.parquet"

    def locked(self) -> AbstractContextManager[None]:
        """Keep other processes from writing into this run while a ``with`` statement lasts.

        Raises
        ------
        StoreError
            On entering, if one is doing so.
        """
        return exclusive_lock(self.directory)

    def remove(self, *, keep_directory: bool) -> None:
        """Remove a run that has no tables yet; whatever else is in its directory stays."""
        tables = (f"tables/{name}.parquet" for name in Tables._fields)
        for name in (RUN_FILE, "log.txt", "run.lock", *tables):
            (self.directory / name).unlink(missing_ok=True)
        for folder in ("tables", "outcomes", "cutouts", *(() if keep_directory else (".",))):
            with suppress(OSError):  # it is not there, or not empty
                (self.directory / folder).rmdir()

    def writer(self) -> AbstractContextManager[OutcomeWriter]:
        """Return what stores outcomes while its ``with`` statement lasts.

        Raises
        ------
        StoreError
            If the tables are not stored yet, which say what the outcomes belong to; or, on entering, if another
            process is writing into the same run.
        """
        if not self.has_tables:
            raise StoreError(f"{self.directory} has no tables yet: they are stored before the first outcome")
        return open_writer(self.directory)

    def outcomes(self) -> pd.DataFrame:
        """Return one row per cube and line: `SCIENCE_COLUMNS`, then `BOOKKEEPING_COLUMNS`.

        The latest attempt of each cube counts. Rows are sorted by ``obs_id`` and wavelength, so that equal runs have
        equal science columns.
        """
        return latest_attempts(read_parts(self.directory / "outcomes"))

    @property
    def n_parts(self) -> int:
        """Number of the files that hold the outcomes; what a search adds are further ones."""
        return sum(1 for _ in (self.directory / "outcomes").glob("*.parquet"))

    def cutout(self, obs_id: str, line: str) -> Cutout:
        """Return the cutout of one line in one observation.

        Raises
        ------
        StoreError
            If it was not stored, or cannot be read.
        """
        return read_cutout(self._cutout_path(obs_id, line))

    def line_map(self, obs_id: str, line: str) -> NDArray[np.float32]:
        """Return the line's plane of a cutout, without reading the rest; raises what `cutout` does."""
        return read_line_map(self._cutout_path(obs_id, line))

    def _cutout_path(self, obs_id: str, line: str) -> Path:
        return cutout_path(self.directory / "cutouts", obs_id, line)


def refuse_other_files(directory: Path) -> None:
    """Refuse to begin a run among files that do not belong to it."""
    if not directory.exists():
        return
    if not directory.is_dir():
        raise SettingsError(f"{directory} is a file: choose another --out")
    others = sorted(path.name for path in directory.iterdir() if not is_allowed_before(path.name))
    if others:
        raise SettingsError(
            f"{directory} is not empty and holds no run (there is {others[0]!r}): choose another --out, or empty it"
        )


def is_allowed_before(name: str) -> bool:
    """Whether a file may be there before a run begins; an interrupted write of the manifest may."""
    return name in ALLOWED_BEFORE or (name.startswith(f".{RUN_FILE}.") and name.endswith(".tmp"))
