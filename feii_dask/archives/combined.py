"""Objects from one archive, cubes from another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from feii_dask.archives.base import Archive, Query

__all__ = ["Combined", "Objects"]


class Objects(Protocol):
    """What knows objects."""

    @property
    def queries(self) -> Sequence[Query]:
        """What was asked so far."""
        ...

    def ysos(self) -> pd.DataFrame:
        """Return the objects; see `feii_dask.archives.base.Archive`."""
        ...

    def find_object(self, name: str) -> pd.DataFrame:
        """Return one object by its name."""
        ...


@dataclass(frozen=True)
class Combined:
    """An `Archive` whose objects come from somewhere else.

    Attributes
    ----------
    objects : Objects
        Asked for the objects.
    cubes : Archive
        Asked for everything else.
    """

    objects: Objects
    cubes: Archive

    @property
    def queries(self) -> Sequence[Query]:
        """What was asked so far."""
        return (*self.objects.queries, *self.cubes.queries)

    def ysos(self) -> pd.DataFrame:
        """Return the objects."""
        return self.objects.ysos()

    def find_object(self, name: str) -> pd.DataFrame:
        """Return one object by its name."""
        return self.objects.find_object(name)

    def observations(self) -> pd.DataFrame:
        """Return the cubes."""
        return self.cubes.observations()

    def products(self, observations: pd.DataFrame) -> pd.DataFrame:
        """Return one row for each cube that the archive recommends."""
        return self.cubes.products(observations)

    def locate(self, observations: pd.DataFrame) -> list[str | None]:
        """Return where the cubes are."""
        return self.cubes.locate(observations)
