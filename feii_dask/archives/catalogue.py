"""The protocol of a catalogue of objects: SIMBAD, a table file, or the table in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import pandas as pd

from feii_dask.archives.provenance import QueryRecord

__all__ = ["Catalogue"]


class Catalogue(Protocol):
    """Young stellar objects, and objects by name.

    Text is `str` with ``""`` where the catalogue has nothing, and numbers are float64 with NaN. The order of the rows
    is the same each time.
    """

    @property
    def queries(self) -> Sequence[QueryRecord]:
        """The queries so far."""
        ...

    def ysos(self) -> pd.DataFrame:
        """Return the young stellar objects, those without coordinates included.

        Returns
        -------
        DataFrame
            ``main_id``, ``otype``, ``ra`` and ``dec`` (deg, ICRS), ``rvz_radvel`` (km/s), ``pmra`` and ``pmdec``
            (mas/yr, the first times the cosine of the declination), ``ref_epoch`` (Julian year of the coordinates).
        """
        ...

    def find_object(self, name: str) -> pd.DataFrame:
        """Return one object by its name, with the columns of `ysos`.

        Raises
        ------
        TargetError
            If the catalogue has no such object, or no coordinates of it.
        """
        ...

    def find_objects(self, names: Sequence[str]) -> pd.DataFrame:
        """Return objects by their names, each once, with the columns of `ysos`; those not known are in `unresolved`.

        Raises
        ------
        TargetError
            If the catalogue knows none of them.
        """
        ...

    @property
    def unresolved(self) -> Sequence[Mapping[str, str]]:
        """The names that `find_objects` did not find, as ``main_id`` and ``reason``."""
        ...
