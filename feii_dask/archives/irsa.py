"""Spectral cubes of a mission, and their places, from IRSA."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence

import pandas as pd
from astroquery.ipac.irsa import IrsaClass
from pyvo.dal.exceptions import DALOverflowWarning

from feii_dask.archives.cache import AnnotatedTable, QueryCache
from feii_dask.archives.provenance import QueryRecord
from feii_dask.archives.query import ArchiveQuery
from feii_dask.archives.session import DEFAULT_POLICY, RequestPolicy, apply_policy, archive_errors
from feii_dask.archives.tidying import tidy
from feii_dask.errors import TruncatedError

__all__ = ["IrsaArchive"]

SERVICE = "IRSA"
TEXT = (
    "obs_id",
    "obs_collection",
    "instrument_name",
    "energy_bandpassname",
    "target_name",
    "proposal_id",
    "proposal_pi",
    "proposal_title",
    "s_region",
    "access_url",
    "cloud_access",
    "obs_publisher_did",
)
NUMBERS = ("s_ra", "s_dec", "em_min", "em_max", "t_min", "t_exptime", "calib_level")


class IrsaArchive:
    """IRSA, asked by its image service (SIA, version 2) through astroquery.

    Parameters
    ----------
    query : ArchiveQuery
        Its `mission` says whose cubes, its `selection` which of them. IRSA cannot be asked by filter or programme: all
        are fetched, and selected here.
    policy : RequestPolicy
        Time-outs and retries.
    """

    def __init__(self, query: ArchiveQuery, policy: RequestPolicy = DEFAULT_POLICY) -> None:
        self._cache = QueryCache(query.cache_directory, query.cache_days)
        self._mission = query.mission
        self._selection = query.selection
        self._client = IrsaClass()
        apply_policy(self._client, policy)

    @property
    def queries(self) -> Sequence[QueryRecord]:
        """The queries so far."""
        return tuple(self._cache.queries)

    def observations(self) -> pd.DataFrame:
        """Return the mission's calibrated cubes that have a footprint.

        Returns
        -------
        DataFrame
            IRSA's own column names, and ``filters`` for its ``energy_bandpassname``; ``em_min`` and ``em_max`` in m.

        Raises
        ------
        TruncatedError
            If IRSA has more than it returned.
        ArchiveError
            If IRSA cannot be asked.
        """
        terms = ", ".join(f"{name}={value!r}" for name, value in self._mission.query.items())
        return self._selection.of(self._cache.table(SERVICE, f"Irsa.query_sia({terms})", self._fetch))

    def _fetch(self) -> AnnotatedTable:
        with archive_errors(SERVICE), warnings.catch_warnings():
            warnings.simplefilter("error", DALOverflowWarning)
            try:
                found = self._client.query_sia(**self._mission.query)
            except DALOverflowWarning as warning:
                raise TruncatedError(f"{SERVICE} cut its answer short ({warning}); try again later") from warning
            table = tidy(found.to_pandas().reindex(columns=[*TEXT, *NUMBERS]), text=TEXT, numbers=NUMBERS)
        table = table.rename(columns={"energy_bandpassname": "filters"}).sort_values(["obs_id", "access_url"])
        has_footprint = table["s_region"].str.strip() != ""
        notes = (f"{(~has_footprint).sum()} without a footprint left out",) if not has_footprint.all() else ()
        return table[has_footprint].reset_index(drop=True), notes

    def products(self, observations: pd.DataFrame) -> pd.DataFrame:
        """Return the observations as they are: each is one cube."""
        return observations

    def locate(self, observations: pd.DataFrame) -> list[str | None]:
        """Return the place of each cube: in the cloud if IRSA names a copy there, on its own server otherwise."""
        places = zip(observations["cloud_access"], observations[self._mission.cube_column], strict=True)
        return [cloud_uri(access) or url or None for access, url in places]


def cloud_uri(cloud_access: str) -> str | None:
    """Return the address in IRSA's ``cloud_access``: ``{"aws": {"bucket_name": "…", "key": "…", "region": "…"}}``."""
    try:
        copy = json.loads(cloud_access)["aws"]
        return f"s3://{copy['bucket_name']}/{copy['key'].lstrip('/')}"
    except (ValueError, LookupError, TypeError, AttributeError):  # empty, for SOFIA as of 2025
        return None
