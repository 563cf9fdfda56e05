"""Cache of the archives' tables on disk, with their provenance and an expiry."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from feii_dask._version import __version__
from feii_dask.archives.provenance import QueryRecord, QueryTimer

__all__ = ["AnnotatedTable", "QueryCache"]

log = logging.getLogger(__name__)

AnnotatedTable = tuple[pd.DataFrame, tuple[str, ...]]
"""A table, and the notes on it."""

METADATA_KEY = b"feii_dask"
GROUP_ROWS = 5_000  # bounds the memory that writing takes


class QueryCache:
    """Tables that were fetched from one service, or are cached from earlier runs.

    A table is one parquet file with its provenance inside; it is written whole or not at all. A file that is damaged,
    or written by another version of this package, counts as none.

    Parameters
    ----------
    directory : path, optional
        Where the tables are; ``feii_dask`` below ``$XDG_CACHE_HOME`` or ``~/.cache`` by default.
    days : float
        How long a table is used; 0 fetches it each time.

    Attributes
    ----------
    queries : list of QueryRecord
        The provenance of the tables so far, fetched or cached.
    """

    def __init__(self, directory: str | os.PathLike[str] | None = None, days: float = 7.0) -> None:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self._directory = Path(directory) if directory is not None else base / "feii_dask"
        self._expiry = timedelta(days=days)
        self.queries: list[QueryRecord] = []

    def table(self, service: str, text: str, fetch: Callable[[], AnnotatedTable]) -> pd.DataFrame:
        """Return the table of a query, from the cache or else from `fetch`.

        Parameters
        ----------
        service, text : str
            Who is asked, and what; together they identify the query.
        fetch : callable
            Returns the table and the notes on it; called only if the cache has none that can be used.
        """
        path = self._directory / f"{digest(service, text)}.parquet"
        cached = self._read(path)
        if cached is not None:
            table, record = cached
            self.queries.append(record)
            return table
        timer = QueryTimer()
        table, notes = fetch()
        record = timer.record(service, text, len(table), notes)
        self._write(path, table, record)
        self.queries.append(record)
        return table

    def _read(self, path: Path) -> tuple[pd.DataFrame, QueryRecord] | None:
        try:
            table = pq.read_table(path, page_checksum_verification=True)
            stored = json.loads(table.schema.metadata[METADATA_KEY])
            record = QueryRecord(**{**stored, "notes": tuple(stored["notes"]), "from_cache": True})
            age = datetime.now(UTC) - datetime.fromisoformat(record.utc)
            if not timedelta(0) <= age < self._expiry:
                return None
            return table.to_pandas(), record
        except FileNotFoundError:
            return None
        except (OSError, pa.ArrowException, ValueError, KeyError, TypeError) as error:
            log.warning("the kept answer %s is of no use and is asked for again: %s", path, error)
            return None

    def _write(self, path: Path, frame: pd.DataFrame, record: QueryRecord) -> None:
        table = pa.Table.from_pandas(frame, preserve_index=False)
        provenance = {METADATA_KEY: json.dumps(asdict(record)).encode()}
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), **provenance})
        temporary = path.with_suffix(f".{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, temporary, compression="zstd", write_page_checksum=True, row_group_size=GROUP_ROWS)
            temporary.replace(path)
        except OSError as error:
            log.warning("the answer of %s cannot be kept in %s: %s", record.service, path.parent, error)
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def digest(service: str, text: str) -> str:
    """Return the file name's stem for a query of this version of the package."""
    return hashlib.sha256("\0".join((service, text, __version__)).encode()).hexdigest()[:32]
