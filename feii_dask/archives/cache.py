"""Answers of the archives, kept on disk for a while, and the provenance of each."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from feii_dask._version import __version__
from feii_dask.archives.base import Query

__all__ = ["Answer", "QueryCache"]

log = logging.getLogger(__name__)

Answer = tuple[pd.DataFrame, tuple[str, ...]]
"""A table, and notes on it."""

METADATA_KEY = b"feii_dask"
ROWS_AT_ONCE = 5_000  # bounds the memory that writing takes


class QueryCache:
    """Puts questions to archives, and remembers the answers.

    An answer is one parquet file with its provenance inside; it is written whole or not at all. A file that is
    damaged, or written by another version of this package, counts as none.

    Parameters
    ----------
    directory : path, optional
        Where answers are kept; ``feii_dask`` below ``$XDG_CACHE_HOME`` or ``~/.cache`` by default.
    days : float
        How long an answer stays good; 0 asks each time.

    Attributes
    ----------
    queries : list of Query
        What was asked so far, of the archives or of the cache.
    """

    def __init__(self, directory: str | os.PathLike[str] | None = None, days: float = 7.0) -> None:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self.directory = Path(directory) if directory is not None else base / "feii_dask"
        self.expiry = timedelta(days=days)
        self.queries: list[Query] = []

    def ask(self, service: str, text: str, fetch: Callable[[], Answer]) -> pd.DataFrame:
        """Return the answer to a question, from the cache or else from `fetch`.

        Parameters
        ----------
        service, text : str
            Who is asked, and what; together they identify the question.
        fetch : callable
            Returns the table and the notes on it; called only if there is no good answer at hand.
        """
        path = self.directory / f"{_digest(service, text)}.parquet"
        kept = self._read(path)
        if kept is not None:
            table, query = kept
            self.queries.append(query)
            return table
        asked, start = datetime.now(UTC), time.perf_counter()
        table, notes = fetch()
        query = Query(
            service=service,
            text=text,
            utc=asked.isoformat(timespec="seconds"),
            rows=len(table),
            seconds=round(time.perf_counter() - start, 3),
            notes=notes,
        )
        self._write(path, table, query)
        self.queries.append(query)
        return table

    def _read(self, path: Path) -> tuple[pd.DataFrame, Query] | None:
        try:
            table = pq.read_table(path, page_checksum_verification=True)
            kept = json.loads(table.schema.metadata[METADATA_KEY])
            query = Query(**{**kept, "notes": tuple(kept["notes"]), "from_cache": True})
            age = datetime.now(UTC) - datetime.fromisoformat(query.utc)
            if not timedelta(0) <= age < self.expiry:
                return None
            return table.to_pandas(), query
        except FileNotFoundError:
            return None
        except (OSError, pa.ArrowException, ValueError, KeyError, TypeError) as error:
            log.warning("the kept answer %s is of no use and is asked for again: %s", path, error)
            return None

    def _write(self, path: Path, frame: pd.DataFrame, query: Query) -> None:
        table = pa.Table.from_pandas(frame, preserve_index=False)
        provenance = {METADATA_KEY: json.dumps(asdict(query)).encode()}
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), **provenance})
        temporary = path.with_suffix(f".{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, temporary, compression="zstd", write_page_checksum=True, row_group_size=ROWS_AT_ONCE)
            temporary.replace(path)
        except OSError as error:
            log.warning("the answer of %s cannot be kept in %s: %s", query.service, path.parent, error)
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _digest(service: str, text: str) -> str:
    return hashlib.sha256("\0".join((service, text, __version__)).encode()).hexdigest()[:32]
