"""The query of a search: which objects and which cubes, of which archives, with which limits."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from feii_dask.archives.selection import Selection
from feii_dask.config.missions import Mission

__all__ = ["ArchiveQuery"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveQuery:
    """What a search asks of a catalogue of objects and of an archive of cubes.

    Attributes
    ----------
    mission : Mission
        Whose cubes.
    archive : str or path
        ``live``, or a folder with tables and cubes.
    selection : Selection
        Which of the mission's cubes.
    fallback : str or None
        ``https`` reads from MAST's own server the cubes that have no cloud copy.
    target : tuple of str
        The names of the only objects to search for.
    targets : path or None
        A table of the user's own objects, or a file of names, in place of the archive's.
    otype : str
        SIMBAD's type of the objects, as in ``Y*O``; with two dots, as in ``Y*O..``, its subtypes too. A folder's
        objects are taken whatever their type. SIMBAD is asked as well for a folder without a table of objects.
    max_rows : int
        Most objects that SIMBAD is asked for; SIMBAD itself allows two million.
    cache_directory, cache_days
        As `feii_dask.archives.cache.QueryCache` takes them; tables of a folder are not cached.
    """

    mission: Mission
    archive: str | os.PathLike[str] = "live"
    selection: Selection = field(default_factory=Selection)
    fallback: str | None = None
    target: tuple[str, ...] = ()
    targets: str | os.PathLike[str] | None = None
    otype: str = "Y*O.."
    max_rows: int = 1_000_000
    cache_directory: str | os.PathLike[str] | None = None
    cache_days: float = 7.0

    @property
    def is_live(self) -> bool:
        """Whether the cubes are those of the mission's archive, and not a folder's."""
        return os.fspath(self.archive) == "live"
