"""What a run, which may be somebody else's, may have imported and read, and what its user has to repeat first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from feii_dask.config.settings import Settings
from feii_dask.errors import SettingsError
from feii_dask.store.run_files import real_path
from feii_dask.store.signature import is_signed

__all__ = ["refuse_unconfirmed", "validate_uris"]

ARCHIVE_SERVERS = re.compile(
    r"s3://(stpubdata|irsa-[\w.-]+|nasa-irsa-[\w.-]+)/|https://(mast\.stsci\.edu|irsa\.ipac\.caltech\.edu)/"
)


def refuse_unconfirmed(
    manifest: Mapping[str, Any], stored: Mapping[str, Any], asked: Mapping[str, Any], directory: Path
) -> None:
    """Refuse what a run, which may be somebody else's, would have imported or read, until the user repeats it.

    Raises
    ------
    SettingsError
        With the option that repeats it.
    """
    for name in ("mission", "detector"):
        if ":" in stored[name] and name not in asked:
            raise SettingsError(
                f"the run in {str(directory)!r} was made with code, {name} {stored[name]!r}, which may be somebody "
                f"else's: if you trust it, repeat it, --{name} {stored[name]}"
            )
    archive = str(stored["archive"])
    is_elsewhere = archive != "live" and not real_path(archive).is_relative_to(real_path(directory))
    if is_elsewhere and "archive" not in asked and not is_signed(manifest, archive):
        raise SettingsError(
            f"the run in {str(directory)!r} was not begun by you and searches cubes outside of it: if they are those "
            f"that you mean, repeat where they are, --archive {archive}"
        )


def validate_uris(uris: pd.Series[Any], settings: Settings) -> None:
    """Refuse matched cubes that are not where their archive keeps its cubes.

    A run directory may come from somebody else; resuming it must not read other files of its new owner.

    Parameters
    ----------
    uris : Series
        Where the cubes are; missing values are skipped.
    settings : Settings
        With the run's archive: ``live``, or a directory.

    Raises
    ------
    SettingsError
        If one of them is on this machine and not inside the directory; or neither on S3 nor served by https; or there,
        but not with MAST or IRSA, unless the command repeats ``--archive live``.
    """
    for uri in uris.dropna():
        if settings.archive == "live":
            is_allowed = uri.startswith(("s3://", "https://"))
        else:
            folder = real_path(settings.archive)
            is_allowed = "://" not in uri and "\0" not in uri and real_path(uri).is_relative_to(folder)
        if not is_allowed:
            raise SettingsError(
                f"a matched cube of the run is outside of its archive, {settings.archive}: {uri}; "
                f"begin a new run with --out"
            )
        is_confirmed = settings.archive != "live" or settings.sources.get("archive") == "command line"
        if not (is_confirmed or ARCHIVE_SERVERS.match(uri)):
            raise SettingsError(
                f"a matched cube of the run is neither with MAST nor with IRSA: {uri}; if you trust the run, "
                f"add --archive live"
            )
