"""Catalogues of objects and archives of cubes, as tables."""

from __future__ import annotations

import logging

from feii_dask.archives.catalogue import Catalogue
from feii_dask.archives.cube_archive import CubeArchive
from feii_dask.archives.query import ArchiveQuery
from feii_dask.archives.selection import Selection

__all__ = ["ArchiveQuery", "Catalogue", "CubeArchive", "Selection", "open_catalogue", "open_cube_archive"]

log = logging.getLogger(__name__)

# Modules are imported once they are chosen: astroquery takes a second to import, astropy's tables half of one.


def open_catalogue(query: ArchiveQuery) -> Catalogue:
    """Return the catalogue of objects that a query names; nothing has been asked of it yet.

    Returns
    -------
    Catalogue
        The user's table, if there is one, or SIMBAD for the names in it; else the folder's; else SIMBAD.

    Raises
    ------
    SettingsError
        If there is no such folder.
    TargetError
        If the user's table cannot be used.
    """
    if query.targets:
        from feii_dask.archives.named_objects import NameList  # noqa: PLC0415
        from feii_dask.archives.simbad import SimbadCatalogue  # noqa: PLC0415
        from feii_dask.archives.target_list import TargetList, names_alone  # noqa: PLC0415

        if names := names_alone(query.targets):
            return NameList(query.targets, names, SimbadCatalogue(query))
        return TargetList(query.targets)
    if not query.is_live:
        from feii_dask.archives.folder import find_table, open_folder  # noqa: PLC0415
        from feii_dask.archives.folder_catalogue import FolderCatalogue  # noqa: PLC0415

        directory = open_folder(query.archive)
        path = find_table(directory, "ysos")
        if path is not None:
            return FolderCatalogue(path)
        log.info("%s holds no table of objects: SIMBAD is asked; --targets FILE would name your own", directory)
    from feii_dask.archives.simbad import SimbadCatalogue  # noqa: PLC0415

    return SimbadCatalogue(query)


def open_cube_archive(query: ArchiveQuery) -> CubeArchive:
    """Return the archive of cubes that a query names; nothing has been asked of it yet.

    Raises
    ------
    SettingsError
        If there is no such folder.
    """
    if not query.is_live:
        from feii_dask.archives.folder_archive import FolderArchive  # noqa: PLC0415

        return FolderArchive(query)
    if query.mission.archive == "mast":
        from feii_dask.archives.mast import MastArchive  # noqa: PLC0415

        return MastArchive(query)
    from feii_dask.archives.irsa import IrsaArchive  # noqa: PLC0415

    return IrsaArchive(query)
