"""Who knows what: the objects, the cubes, and where they are, as tables."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

from feii_dask.archives.base import Archive, Query
from feii_dask.archives.combined import Combined
from feii_dask.archives.tables import Selection
from feii_dask.config.missions import Mission

__all__ = ["Archive", "Query", "open_archive"]

log = logging.getLogger(__name__)


def open_archive(
    archive: str | os.PathLike[str],
    mission: Mission,
    *,
    targets: str | os.PathLike[str] | None = None,
    otype: str = "Y*O..",
    instrument: Sequence[str] = (),
    filters: Sequence[str] = (),
    proposal_id: Sequence[str] = (),
    fallback: str | None = None,
    max_rows: int = 1_000_000,
    cache_directory: str | os.PathLike[str] | None = None,
    cache_days: float = 7.0,
) -> Archive:
    """Return an archive that is ready to be asked.

    Parameters
    ----------
    archive : str or path
        ``live``, or a directory with tables and cubes.
    mission : Mission
        Whose cubes.
    targets : path, optional
        A table of the user's own objects, in place of the archive's.
    otype : str
        SIMBAD's type of the objects; a directory's objects are taken whatever their type. SIMBAD is asked as well for
        a directory without a table of objects.
    instrument, filters, proposal_id : sequence of str
        Only cubes with one of these values; ``*`` stands for anything.
    fallback : str or None
        ``https`` reads from MAST's own server what has no cloud copy.
    max_rows : int
        Most objects that SIMBAD is asked for.
    cache_directory, cache_days
        As `feii_dask.archives.cache.QueryCache` takes them; a directory needs no cache.

    Returns
    -------
    Archive
        Nothing has been asked yet.

    Raises
    ------
    SettingsError
        If there is no such directory, a selection cannot be understood, or the table of targets cannot be used.
    """
    selection = Selection(
        instrument_name=tuple(instrument), filters=tuple(filters), proposal_id=tuple(map(str, proposal_id))
    )
    # astroquery takes a second to import, and astropy half of one; neither is needed before an archive is chosen.

    def live() -> Archive:
        from feii_dask.archives.cache import QueryCache  # noqa: PLC0415
        from feii_dask.archives.live import LiveArchive  # noqa: PLC0415

        cache = QueryCache(cache_directory, cache_days)
        return LiveArchive(mission, cache, otype=otype, selection=selection, fallback=fallback, max_rows=max_rows)

    def own_objects(path: str | os.PathLike[str], cubes: Archive) -> Archive:
        from feii_dask.archives.target_list import TargetList  # noqa: PLC0415

        return Combined(TargetList(path), cubes)

    if os.fspath(archive) == "live":
        return own_objects(targets, live()) if targets else live()
    from feii_dask.archives.folder import FolderArchive  # noqa: PLC0415

    folder = FolderArchive(archive, mission, selection=selection)
    if targets:
        return own_objects(targets, folder)
    if folder.has_objects:
        return folder
    log.info("%s holds no table of objects: SIMBAD is asked; --targets FILE would name your own", folder.directory)
    return Combined(live(), folder)
