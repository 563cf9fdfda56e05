"""The protocol of an archive of spectral cubes: MAST, IRSA, or a folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pandas as pd

from feii_dask.archives.provenance import QueryRecord

__all__ = ["CubeArchive"]


class CubeArchive(Protocol):
    """Observations of one mission, and the places of their cubes.

    Text is `str` with ``""`` where the archive has nothing, and numbers are float64 with NaN. The order of the rows is
    the same each time.
    """

    @property
    def queries(self) -> Sequence[QueryRecord]:
        """The queries so far."""
        ...

    def observations(self) -> pd.DataFrame:
        """Return all cube observations that were selected, under the archive's own column names and units."""
        ...

    def products(self, observations: pd.DataFrame) -> pd.DataFrame:
        """Return the observations of a single target, one row for each cube that the archive recommends."""
        ...

    def locate(self, observations: pd.DataFrame) -> list[str | None]:
        """Return the place of each observation's cube, in their order; None where there is no copy."""
        ...
