"""The archives themselves, over the network."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from feii_dask.archives.base import Query
from feii_dask.archives.cache import QueryCache
from feii_dask.archives.irsa import IrsaService
from feii_dask.archives.mast import MastService
from feii_dask.archives.session import Policy
from feii_dask.archives.simbad import SimbadService
from feii_dask.archives.tables import Selection
from feii_dask.config.missions import Mission

__all__ = ["LiveArchive"]


class LiveArchive:
    """Objects from SIMBAD, cubes from the mission's own archive.

    Parameters
    ----------
    mission : Mission
        Whose cubes.
    cache : QueryCache
        Where answers are kept; it also holds the provenance.
    otype : str
        Which objects, as SIMBAD's type.
    selection : Selection
        Which cubes.
    fallback : str or None
        ``https`` reads from MAST's own server what the cloud has no copy of.
    policy : Policy
        How patient we are.
    max_rows : int
        Most objects that SIMBAD is asked for.
    """

    def __init__(
        self,
        mission: Mission,
        cache: QueryCache,
        *,
        otype: str = "Y*O..",
        selection: Selection | None = None,
        fallback: str | None = None,
        policy: Policy | None = None,
        max_rows: int = 1_000_000,
    ) -> None:
        policy, selection = policy or Policy(), selection or Selection()
        self._cache = cache
        self._otype = otype
        self._objects = SimbadService(cache, policy, max_rows)
        self._cubes: MastService | IrsaService
        if mission.archive == "mast":
            self._cubes = MastService(cache, policy, mission, selection, fallback)
        else:
            self._cubes = IrsaService(cache, policy, mission, selection)

    @property
    def queries(self) -> Sequence[Query]:
        """What was asked so far."""
        return tuple(self._cache.queries)

    def ysos(self) -> pd.DataFrame:
        """Return SIMBAD's objects of the type that was asked for."""
        return self._objects.ysos(self._otype)

    def find_object(self, name: str) -> pd.DataFrame:
        """Return the object that SIMBAD knows under a name."""
        return self._objects.find_object(name)

    def observations(self) -> pd.DataFrame:
        """Return the mission's cubes."""
        return self._cubes.observations()

    def products(self, observations: pd.DataFrame) -> pd.DataFrame:
        """Return one row for each cube that the archive recommends."""
        return self._cubes.products(observations)

    def locate(self, observations: pd.DataFrame) -> list[str | None]:
        """Return where the cubes are, None where there is no copy."""
        return self._cubes.locate(observations)
