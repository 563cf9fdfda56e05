"""Atomic writes: a reader, or a crash, finds the old file or the new one, whole."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from feii_dask.errors import StoreError
from feii_dask.store.run_files import open_regular

__all__ = ["make_directory", "remove_leftovers", "remove_others", "write_atomically"]

LEFTOVER = re.compile(r"\..+\.(json|parquet|fits|ecsv|vot|reg|html)\.\d+\.tmp", re.DOTALL)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, finds the old file or the new one, whole.

    The bytes go to a hidden name in the same directory, reach the disk, and then take the file's name.

    Raises
    ------
    StoreError
        If the disk is full, or the directory cannot be written to.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.unlink(missing_ok=True)  # of an earlier process of this number, or a link that somebody planted
        with open_regular(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror}; what was stored before is intact: "
            "make room, or mend the permissions, and go on with --resume"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def make_directory(path: Path) -> None:
    """Make a directory, and those above it, where they are missing.

    Raises
    ------
    StoreError
        If that is not possible.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the directory {path}: {error.strerror}; choose another one") from error


def remove_leftovers(directory: Path) -> None:
    """Remove what a process that was killed in the middle of `write_atomically` left in a directory, and no other file.

    Nothing is removed from a directory that is a link.
    """
    if directory.is_symlink():
        return
    for temporary in directory.glob(".*.tmp"):
        if LEFTOVER.fullmatch(temporary.name) and stat.S_ISREG(temporary.lstat().st_mode):
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def remove_others(directory: Path, pattern: str, kept: set[str]) -> None:
    """Remove the files of an earlier ranking that have no place in this one; a directory that is a link stays whole."""
    if directory.is_symlink():
        return
    for path in directory.glob(pattern):
        if path.name not in kept and stat.S_ISREG(path.lstat().st_mode):
            with suppress(OSError):
                path.unlink(missing_ok=True)
