"""IRSA: which spectral cubes of a mission there are, and where."""

from __future__ import annotations

import json
import warnings

import pandas as pd
from astroquery.ipac.irsa import IrsaClass
from pyvo.dal.exceptions import DALOverflowWarning

from feii_dask.archives.cache import Answer, QueryCache
from feii_dask.archives.session import Policy, apply_policy, asking
from feii_dask.archives.tables import Selection, tidy
from feii_dask.config.missions import Mission
from feii_dask.errors import TruncatedError

__all__ = ["IrsaService"]

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


class IrsaService:
    """Asks IRSA's image service (SIA, version 2) for the cubes of one mission, through astroquery.

    Parameters
    ----------
    cache : QueryCache
        Where answers are kept.
    policy : Policy
        How patient we are.
    mission : Mission
        Whose cubes.
    selection : Selection
        Which of them. IRSA cannot be asked by filter or programme: all is fetched, and chosen here.
    """

    def __init__(self, cache: QueryCache, policy: Policy, mission: Mission, selection: Selection) -> None:
        self.cache = cache
        self.mission = mission
        self.selection = selection
        self.client = IrsaClass()
        apply_policy(self.client, policy)

    def observations(self) -> pd.DataFrame:
        """Return the mission's calibrated cubes that have an outline.

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
        terms = ", ".join(f"{name}={value!r}" for name, value in self.mission.query.items())
        return self.selection.of(self.cache.ask(SERVICE, f"Irsa.query_sia({terms})", self._fetch))

    def _fetch(self) -> Answer:
        with asking(SERVICE), warnings.catch_warnings():
            warnings.simplefilter("error", DALOverflowWarning)
            try:
                found = self.client.query_sia(**self.mission.query)
            except DALOverflowWarning as warning:
                raise TruncatedError(f"{SERVICE} cut its answer short ({warning}); try again later") from warning
            table = tidy(found.to_pandas().reindex(columns=[*TEXT, *NUMBERS]), text=TEXT, numbers=NUMBERS)
        table = table.rename(columns={"energy_bandpassname": "filters"}).sort_values(["obs_id", "access_url"])
        outlined = table["s_region"].str.contains("POLYGON", case=False)
        notes = (f"{(~outlined).sum()} without an outline left out",) if not outlined.all() else ()
        return table[outlined].reset_index(drop=True), notes

    def products(self, observations: pd.DataFrame) -> pd.DataFrame:
        """Return the observations as they are: each is one cube."""
        return observations

    def locate(self, observations: pd.DataFrame) -> list[str | None]:
        """Return where the cubes are: in the cloud if IRSA says so, on its own server otherwise."""
        places = zip(observations["cloud_access"], observations[self.mission.cube_column], strict=True)
        return [_cloud_uri(access) or url or None for access, url in places]


def _cloud_uri(cloud_access: str) -> str | None:
    """Read IRSA's note on cloud copies, as in ``{"aws": {"bucket_name": "…", "key": "…", "region": "…"}}``."""
    try:
        copy = json.loads(cloud_access)["aws"]
        return f"s3://{copy['bucket_name']}/{copy['key'].lstrip('/')}"
    except (ValueError, LookupError, TypeError, AttributeError):  # empty, for SOFIA as of 2025
        return None
