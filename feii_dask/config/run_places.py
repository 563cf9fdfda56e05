"""Where runs are: somebody else may have made them, and no code and no settings are taken from there unasked."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from feii_dask.errors import SettingsError

__all__ = ["RUN_FILE", "is_in_run", "is_run", "refuse_foreign_style"]

RUN_FILE = "run.json"
STYLE_FILE = "matplotlibrc"
MOST_BYTES = 10_000_000


def is_run(directory: Path) -> bool:
    """Whether a directory holds a run of ours, or something that cannot be told from one.

    Other programs write a ``run.json`` too. Ours has a fingerprint, and is no run for any command without one.
    """
    path = directory / RUN_FILE
    if os.path.isfile(path):  # noqa: PTH113 - False, in place of an error, where it may not be looked at
        with suppress(OSError, ValueError, RecursionError), path.open("rb") as file:
            content = json.loads(file.read(MOST_BYTES))
            return isinstance(content, dict) and "fingerprint" in content
    return os.path.lexists(path)


def is_in_run(path: Path) -> bool:
    """Whether a path is, or lies in, a run directory."""
    return any(map(is_run, (path, *path.parents)))


def refuse_foreign_style() -> None:
    """Refuse to work in a run directory that has a style of figures, which matplotlib takes from there unasked.

    It may name code as ``backend``, have LaTeX run, or be a pipe.

    Raises
    ------
    SettingsError
        With what to do.
    """
    here = Path.cwd()
    if os.path.lexists(here / STYLE_FILE) and is_in_run(here):
        raise SettingsError(
            f"{here / STYLE_FILE} lies in a run directory, which may be somebody else's, and matplotlib would take it: "
            "work in another directory"
        )
