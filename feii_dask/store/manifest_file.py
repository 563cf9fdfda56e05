"""Reading of ``run.json``, which somebody else may have written: what it holds is of the kinds that are used."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from feii_dask.config.run_places import RUN_FILE
from feii_dask.errors import StoreError
from feii_dask.store.run_files import read_regular
from feii_dask.store.schema import RUN_SCHEMA

__all__ = ["read_manifest"]

DEEPEST = 20  # levels; our own has five
MOST_BYTES = 32 * 1024**2  # in memory it takes thirty times as much; 70 000 objects that were not searched take 6 MB
LARGEST_COUNT = 2**53


def read_manifest(directory: Path) -> dict[str, Any]:
    """Return the content of a run's ``run.json``.

    Items may be missing, as in a run of another version; those that are there are of the kinds in `ITEMS`.

    Raises
    ------
    StoreError
        If it cannot be read, or holds something else.
    """
    path = directory / RUN_FILE
    try:
        manifest = json.loads(read_regular(path, MOST_BYTES), parse_constant=refuse_constant, parse_int=small_integer)
        check_depth(manifest)
        # Half of a surrogate pair cannot be written again, nor can 1e999, which Python reads as infinite.
        json.dumps(manifest, ensure_ascii=False, allow_nan=False).encode()
        check_items(manifest)
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"cannot read {path}: {error}; restore the file, or begin a new run") from error
    return dict(manifest)


def refuse_constant(name: str) -> float:
    """Refuse what Python's parser takes beyond JSON: NaN and the infinities."""
    raise ValueError(f"{name} is not JSON")


def small_integer(text: str) -> int:
    """Read an integer that a float can hold; Python's parser takes any."""
    number = int(text)
    try:
        float(number)
    except OverflowError:
        raise ValueError(f"{text:.20}… is too large a number") from None
    return number


def check_depth(value: Any, levels: int = DEEPEST) -> None:
    """Refuse what is nested more deeply than anything that is used."""
    if levels == 0:
        raise ValueError(f"it is nested more than {DEEPEST} levels deep")
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            check_depth(item, levels - 1)


def check_items(manifest: Any) -> None:
    """Refuse items of another kind than those that are used."""
    if not isinstance(manifest, dict):
        raise ValueError("it holds no run")  # noqa: TRY004 - one kind of error for all that may be wrong
    if manifest.get("schema") != RUN_SCHEMA:
        return  # `check_schema` says so
    if "fingerprint" not in manifest:
        raise ValueError("it has no fingerprint, and is not a run of this program")
    for name, (is_kind, expected) in ITEMS.items():
        if name in manifest and not is_kind(manifest[name]):
            raise ValueError(f"{name} is {manifest[name]!r:.60}, not {expected}")


def is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def are_mappings(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_mapping, value))


def are_counts(value: Any) -> bool:
    return is_mapping(value) and all(type(count) is int and 0 <= count < LARGEST_COUNT for count in value.values())


def is_text(value: Any) -> bool:
    return isinstance(value, str)


ITEMS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "fingerprint": (is_text, "a text"),
    "targets_sha256": (is_text, "a text"),
    "created": (is_text, "a text"),
    "settings": (is_mapping, "names with values"),
    "lines": (are_mappings, "a list of lines"),
    "versions": (is_mapping, "names with versions"),
    "queries": (are_mappings, "a list of queries"),
    "thresholds": (is_mapping, "names with numbers"),
    "not_searched": (are_mappings, "a list of objects"),
    "counts": (are_counts, "names with numbers"),
}
