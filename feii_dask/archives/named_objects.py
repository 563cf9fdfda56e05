"""Objects that are asked for by their names: those that a catalogue knows, and those that it does not."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from feii_dask.archives.catalogue import Catalogue
from feii_dask.archives.provenance import QueryRecord
from feii_dask.errors import TargetError

__all__ = ["NameList", "find_each", "names_in_text", "require_any"]

log = logging.getLogger(__name__)

LONGEST_NAME = 100
SEPARATORS = ",;|\t"  # what a line of names does not have


class NameList:
    """Objects of a file that has their names alone, looked up in another catalogue, in one query.

    Parameters
    ----------
    path : path
        The file.
    names : sequence of str
        What stands in it.
    catalogue : Catalogue
        Knows them.
    """

    def __init__(self, path: str | os.PathLike[str], names: Sequence[str], catalogue: Catalogue) -> None:
        self._path, self._names, self._catalogue = Path(path), tuple(names), catalogue

    @property
    def queries(self) -> Sequence[QueryRecord]:
        """The queries so far."""
        return self._catalogue.queries

    @property
    def unresolved(self) -> Sequence[Mapping[str, str]]:
        """The names that are not known, as ``main_id`` and ``reason``."""
        return self._catalogue.unresolved

    def ysos(self) -> pd.DataFrame:
        """Return the objects whose names are known; raises `TargetError` if there is none."""
        log.info("%s has %d names without coordinates, which SIMBAD is asked for", self._path, len(self._names))
        return self._catalogue.find_objects(self._names)

    def find_object(self, name: str) -> pd.DataFrame:
        """Return one object by its name, of the file or not."""
        return self._catalogue.find_object(name)

    def find_objects(self, names: Sequence[str]) -> pd.DataFrame:
        """Return objects by their names, of the file or not."""
        return self._catalogue.find_objects(names)


def find_each(
    names: Sequence[str], find_object: Callable[[str], pd.DataFrame]
) -> tuple[pd.DataFrame, list[Mapping[str, str]]]:
    """Return the objects that a catalogue knows, each once, and the names that it does not, with the reason.

    Raises
    ------
    TargetError
        If it knows none of them.
    """
    found: list[pd.DataFrame] = []
    unresolved: list[Mapping[str, str]] = []
    for name in dict.fromkeys(names):
        try:
            found.append(find_object(name))
        except TargetError as error:
            unresolved.append({"main_id": name, "reason": str(error)})
    require_any(found, unresolved)
    return pd.concat(found, ignore_index=True).drop_duplicates("main_id", ignore_index=True), unresolved


def require_any(found: Sequence[object] | pd.DataFrame, unresolved: Sequence[Mapping[str, str]]) -> None:
    """Name what is not known; refuse names of which none is.

    Raises
    ------
    TargetError
        With the reason, or all names if there are several.
    """
    if len(found):
        for one in unresolved:
            log.warning("not searched: %s", one["reason"])
        return
    if len(unresolved) == 1:
        raise TargetError(unresolved[0]["reason"])
    names = ", ".join(repr(one["main_id"]) for one in unresolved)
    raise TargetError(f"none of these {len(unresolved)} names is known: {names}; check their spelling")


def names_in_text(path: Path) -> list[str]:
    """Return the lines of a text file that can be names; nothing where it looks like a table, or is no text.

    Empty lines, and those that begin with ``#``, are left out.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return []
    lines = [line.strip() for line in text.splitlines()]
    names = [line for line in lines if line and not line.startswith("#")]
    is_table = any(len(name) > LONGEST_NAME or not name.isprintable() or set(name) & set(SEPARATORS) for name in names)
    return [] if is_table else names
