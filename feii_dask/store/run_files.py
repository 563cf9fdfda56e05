"""Files of a run directory, which somebody else may have made: none is opened through a link, or is not a file."""

from __future__ import annotations

import os
import stat
from errno import ELOOP
from pathlib import Path
from typing import BinaryIO, Literal

from feii_dask.errors import StoreError

__all__ = ["open_regular", "read_regular", "real_path", "refuse_links"]

FOLDERS = ("tables", "outcomes", "cutouts", "regions")
FILES = ("run.json", "run.lock", "log.txt")
# One that becomes a link meanwhile is not followed either; Windows, where few may make links, has none of these flags.
NOT_FOLLOWING = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY"))
MOST_BYTES = 256 * 1024**2  # of a file that is read whole: a part of 20 rows has some 20 kB


def open_regular(path: Path, mode: Literal["rb", "ab", "xb"] = "rb") -> BinaryIO:
    """Open a regular file, without following a link and without waiting for a pipe.

    Raises
    ------
    OSError
        If there is none, or something else, or one to append to that has other names elsewhere.
    """
    file: BinaryIO = open(path, mode, opener=open_without_following)  # noqa: SIM115 - it is returned
    found = os.fstat(file.fileno())
    problem = "" if stat.S_ISREG(found.st_mode) else "it is no regular file"
    if mode == "ab" and found.st_nlink > 1:
        problem = "it is a hard link, and what is written to it would be in another file"
    if problem:
        file.close()
        raise OSError(0, problem)
    return file


def open_without_following(name: str, flags: int) -> int:
    """Open as ``open`` would, but neither a link nor, and wait for it, a pipe."""
    if Path(name).is_symlink():
        raise OSError(ELOOP, "it is a link")
    return os.open(name, flags | NOT_FOLLOWING, 0o666)


def read_regular(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """Return what a regular file holds, if it is not larger than anything that belongs there.

    Raises
    ------
    OSError
        If there is none, or something else, or too much.
    """
    with open_regular(path) as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OSError(0, f"it is larger than {most_bytes // 1024**2} MB")
    return content


def real_path(path: str | os.PathLike[str]) -> Path:
    """Return a path with its links followed; of a loop of links, which `Path.resolve` refuses, the path itself."""
    return Path(os.path.realpath(path))


def refuse_links(directory: Path) -> None:
    """Refuse a run directory in which something that is written or read leads elsewhere, or is of another kind.

    Raises
    ------
    StoreError
        With the path, and what to do.
    """
    for names, is_kind, kind in ((FOLDERS, stat.S_ISDIR, "a directory"), (FILES, stat.S_ISREG, "a regular file")):
        for name in names:
            path = directory / name
            try:
                mode = path.lstat().st_mode
            except OSError:
                continue  # what cannot be seen cannot be opened either, and whoever needs it says so
            if not is_kind(mode):
                found = "a link" if stat.S_ISLNK(mode) else "something else"
                raise StoreError(f"{path} must be {kind} and is {found}: put {kind} there, or begin a new run")
