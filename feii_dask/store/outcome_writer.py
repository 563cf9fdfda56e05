"""Outcomes on disk: a search writes them in batches, one parquet file each; readers take all of them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from feii_dask.errors import StoreError
from feii_dask.model import Cutout, Outcome
from feii_dask.store.atomic import make_directory, remove_leftovers, write_atomically
from feii_dask.store.cutout_files import cutout_path, write_cutout
from feii_dask.store.described_parquet import described_file
from feii_dask.store.outcome_table import SCHEMA, check_rows, to_frame, to_rows, without_missing_lists
from feii_dask.store.run_files import open_regular, read_regular
from feii_dask.store.stored_columns import OUTCOMES, Column

__all__ = ["OutcomeWriter", "exclusive_lock", "open_writer", "read_parts", "write_rows"]

log = logging.getLogger(__name__)

# Of a part, which has few rows, the file says the units only: `OUTCOMES` has the rest.
UNITS = {name: Column("", column.unit) for name, column in OUTCOMES.items()}
MAX_ROWS = 20  # a crash costs what is pending: this many rows,
ROWS_AT_ONCE = 10_000  # of a part that is written at once
MOST_ROWS = 100_000  # of a part that is read: a file of a few kilobytes can say a thousand million times the same
PARTS_AT_ONCE = 200  # that are read before they become one piece
MAX_AGE_S = 2.0  # or what finished in the last two seconds
DAMAGE = (OSError, ValueError, MemoryError, pa.ArrowException)
LEFT_OUT = "%s is damaged, its cubes count as not scanned: %s"
READERS = 8  # parts at a time: a disk elsewhere is not waited for one by one
WRITERS = 8  # cutouts at a time; a batch of usual lines has about as many


@contextmanager
def open_writer(directory: Path) -> Iterator[OutcomeWriter]:
    """Let this process, and no other, store outcomes in a run; what is pending at the end is written.

    Raises
    ------
    StoreError
        If another process is writing into the same run, or the directory cannot be written to.
    """
    with exclusive_lock(directory):
        for name in (".", "tables", "outcomes", "cutouts"):
            make_directory(directory / name)
            remove_leftovers(directory / name)
        with ThreadPoolExecutor(WRITERS, thread_name_prefix="cutouts") as pool:
            writer = OutcomeWriter(directory, pool)
            try:
                yield writer
            except StoreError:
                with suppress(StoreError):  # the first error is the one to report
                    writer.flush()
                raise
            except BaseException:
                writer.flush()
                raise
            writer.flush()


class OutcomeWriter:
    """Collects outcomes into batches.

    Each batch becomes one file, ``outcomes/part-<number>.parquet``, which is there whole or not at all. What an outcome
    detected is in ``cutouts`` before the batch that mentions it; it is written while other outcomes are taken. Nothing
    but the pending batch is held in memory.

    Parameters
    ----------
    directory : Path
        The run directory.
    pool : ThreadPoolExecutor
        Writes the cutouts: a disk that takes several files at a time is not waited for one by one.

    Raises
    ------
    StoreError
        If the disk is full, or the directory cannot be written to.
    """

    def __init__(self, directory: Path, pool: ThreadPoolExecutor) -> None:
        self._directory = directory
        self._pool = pool
        self._pending: list[PendingOutcome] = []
        self._rows = 0
        self._oldest = 0.0
        self._next_part = 1 + last_part(directory / "outcomes")

    def add(self, outcome: Outcome) -> None:
        """Take an outcome, and write what is due; all rows of one outcome go into the same file."""
        rows = to_rows(outcome, datetime.now(UTC))
        if self._rows + len(rows) > MAX_ROWS:
            self.flush()
        if not self._pending:
            self._oldest = monotonic()
        self._pending.append(PendingOutcome(rows, [self._write(outcome.obs_id, cutout) for cutout in outcome.cutouts]))
        self._rows += len(rows)
        self.tick()

    def _write(self, obs_id: str, cutout: Cutout) -> Future[None]:
        path = cutout_path(self._directory / "cutouts", obs_id, cutout.line.name)
        return self._pool.submit(write_cutout, path, obs_id, cutout)

    def tick(self) -> None:
        """Write the pending batch if it is full or old; to be called while no outcome comes."""
        if self._rows >= MAX_ROWS or monotonic() - self._oldest >= MAX_AGE_S:
            self.flush()

    def flush(self) -> None:
        """Write the pending batch now, without the outcomes whose cutouts could not be written."""
        pending, self._pending, self._rows = self._pending, [], 0
        failures = [error for outcome in pending for cutout in outcome.cutouts if (error := cutout.exception())]
        rows = [row for outcome in pending if outcome.has_cutouts for row in outcome.rows]
        if rows:
            write_part(self._directory, self._next_part, pa.Table.from_pylist(rows, schema=SCHEMA))
            self._next_part += 1
        if failures:
            raise failures[0]


class PendingOutcome(NamedTuple):
    """The rows of an outcome, and its cutouts on their way to the disk."""

    rows: list[dict[str, Any]]
    cutouts: list[Future[None]]

    @property
    def has_cutouts(self) -> bool:
        """Whether all its cutouts are there."""
        return all(cutout.exception() is None for cutout in self.cutouts)


def write_part(directory: Path, number: int, rows: pa.Table) -> None:
    """Write one part, whole or not at all."""
    # Small parts are quickest to write and to read without statistics and dictionaries; checksums reveal damage.
    rows = without_missing_lists(rows)
    content = described_file(rows, UNITS, use_dictionary=False, write_statistics=False, write_page_checksum=True)
    write_atomically(directory / "outcomes" / f"part-{number:08d}.parquet", content)


def write_rows(directory: Path, rows: pd.DataFrame) -> None:
    """Write rows of `SCHEMA`, as `read_parts` returns them, into a run that has none.

    Raises
    ------
    StoreError
        If the disk is full, or the directory cannot be written to.
    """
    table = pa.Table.from_pandas(rows, schema=SCHEMA, preserve_index=False).replace_schema_metadata(None)
    for number, start in enumerate(range(0, len(rows), ROWS_AT_ONCE), start=1):
        write_part(directory, number, table.slice(start, ROWS_AT_ONCE))


@contextmanager
def exclusive_lock(directory: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, in whatever way it ends."""
    lock = FileLock(directory / "run.lock", blocking=False)
    try:
        open_regular(directory / "run.lock", "ab").close()  # no link, which the lock would follow
        lock.acquire()
    except Timeout as error:
        raise StoreError(
            f"another process is writing into {directory}: wait until it is done, end it, or choose another --out"
        ) from error
    except OSError as error:
        raise StoreError(f"cannot write into {directory}: {error.strerror}; mend its permissions") from error
    try:
        yield
    finally:
        lock.release()


def last_part(directory: Path) -> int:
    """Return the largest number of a part, or 0."""
    numbers = (re.fullmatch(r"part-(\d+)\.parquet", path.name) for path in directory.iterdir())
    return max((int(number[1]) for number in numbers if number), default=0)


def read_parts(directory: Path, columns: Sequence[str] = SCHEMA.names) -> pd.DataFrame:
    """Return these columns of all rows, in the order in which they were stored.

    A part that is damaged is left out, with a warning: its cubes count as not scanned, and a search that is resumed
    scans them again.
    """
    paths = sorted(directory.glob("*.parquet"))
    some = (paths[start : start + PARTS_AT_ONCE] for start in range(0, len(paths), PARTS_AT_ONCE))
    blocks = [read_block(each, columns) for each in some]
    return to_frame(pa.concat_tables([SCHEMA.empty_table().select(columns), *blocks]))


def read_block(paths: Sequence[Path], columns: Sequence[str]) -> pa.Table:
    """Read some parts into one piece: each by itself takes ten times the memory of its rows, and the time to check."""
    with ThreadPoolExecutor(READERS) as pool:
        parts = {path: part for path, part in zip(paths, pool.map(read_part, paths), strict=True) if part is not None}
    whole = in_one_piece(parts.values())
    try:
        check_rows(whole)
    except DAMAGE:
        whole = in_one_piece(part for path, part in parts.items() if is_sound(path, part))
    return whole.select(columns)


def in_one_piece(parts: Iterable[pa.Table]) -> pa.Table:
    """Join parts, of which there may be none."""
    return pa.concat_tables([SCHEMA.empty_table(), *parts]).combine_chunks()


def read_part(path: Path) -> pa.Table | None:
    """Read one part, or return None if it is damaged; for many small ones this is as quick as `pyarrow.dataset`."""
    try:
        source = pa.BufferReader(read_regular(path))
        with pq.ParquetFile(source, pre_buffer=False, page_checksum_verification=True) as file:
            if not file.schema_arrow.equals(SCHEMA):
                raise pa.ArrowInvalid("its columns are not those of an outcome")
            if file.metadata.num_rows > MOST_ROWS:
                raise pa.ArrowInvalid(f"it has more than {MOST_ROWS} rows")
            rows = file.read(use_threads=False)
            rows.validate()
            return rows.replace_schema_metadata(None)
    except DAMAGE as error:
        log.warning(LEFT_OUT, path, error)
        return None


def is_sound(path: Path, part: pa.Table) -> bool:
    """Whether a part holds what scans return."""
    try:
        check_rows(part)
    except DAMAGE as error:
        log.warning(LEFT_OUT, path, error)
        return False
    return True
