"""SIMBAD: which young stellar objects there are, and where."""

from __future__ import annotations

import re
import warnings

import pandas as pd
from astropy.table import Table
from astroquery.exceptions import NoResultsWarning
from astroquery.simbad import SimbadClass
from pyvo.dal.exceptions import DALOverflowWarning

from feii_dask.archives.cache import Answer, QueryCache
from feii_dask.archives.session import Policy, apply_policy, asking
from feii_dask.archives.tables import describe_ysos, tidy_ysos
from feii_dask.errors import ArchiveError, SettingsError, TargetError, TruncatedError

__all__ = ["SimbadService"]

SERVICE = "SIMBAD"
COLUMNS = "main_id, ra, dec, otype, rvz_radvel, pmra, pmdec"
OTYPE = re.compile(r"[A-Za-z0-9*?.+-]+")


class SimbadService:
    """Asks SIMBAD's TAP service, through astroquery.

    Parameters
    ----------
    cache : QueryCache
        Where answers are kept.
    policy : Policy
        How patient we are.
    max_rows : int
        Most rows that an answer may have; SIMBAD itself allows two million.
    """

    def __init__(self, cache: QueryCache, policy: Policy, max_rows: int = 1_000_000) -> None:
        self.cache = cache
        self.max_rows = max_rows
        self.client = SimbadClass()
        apply_policy(self.client, policy)

    def ysos(self, otype: str) -> pd.DataFrame:
        """Return all objects of a type.

        Parameters
        ----------
        otype : str
            SIMBAD's object type, as in ``Y*O``; with two dots, as in ``Y*O..``, its subtypes too.

        Raises
        ------
        SettingsError
            If that cannot be an object type.
        TruncatedError
            If SIMBAD has more objects than it returned.
        ArchiveError
            If SIMBAD cannot be asked.
        """
        if not OTYPE.fullmatch(otype):
            raise SettingsError(f"{otype!r} cannot be an object type of SIMBAD; they look like Y*O, TT* or Y*O..")
        query = f"SELECT {COLUMNS} FROM basic WHERE otype='{otype}'"  # noqa: S608 - checked just above

        def fetch() -> Answer:
            table = self._query(query)
            with asking(SERVICE):
                ysos = tidy_ysos(table.to_pandas()).sort_values("main_id", ignore_index=True)
            return ysos, describe_ysos(ysos)

        return self.cache.ask(SERVICE, f"{query} [MAXREC {self.max_rows}]", fetch)

    def _query(self, query: str) -> Table:
        with asking(SERVICE):
            most = min(self.max_rows, self.client.hardlimit)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error", DALOverflowWarning)
                    table = self.client.query_tap(query, maxrec=most)
            except DALOverflowWarning as warning:
                raise TruncatedError(
                    f"{SERVICE} cut its answer short: {warning}; ask for less with --otype, TT* for example"
                ) from warning
        if len(table) >= most:  # exactly as many as asked for: pyvo says nothing in this case
            raise TruncatedError(
                f"{SERVICE} returned {len(table)} rows, which is all it was asked for, and may have more; "
                f"raise max-rows above {most} (SIMBAD itself stops at {self.client.hardlimit}), "
                f"or ask for less with --otype"
            )
        return table

    def find_object(self, name: str) -> pd.DataFrame:
        """Return the object that SIMBAD knows under a name.

        Raises
        ------
        TargetError
            If SIMBAD knows no such name, or no coordinates of it.
        ArchiveError
            If SIMBAD cannot be asked.
        """
        return self.cache.ask(SERVICE, f"query_object({name!r})", lambda: self._fetch_object(name))

    def _fetch_object(self, name: str) -> Answer:
        with asking(SERVICE), warnings.catch_warnings():
            warnings.simplefilter("ignore", NoResultsWarning)
            found = tidy_ysos(self.client.query_object(name).to_pandas()).head(1)
        if found.empty:
            raise TargetError(f"SIMBAD knows no object called {name!r}; check the spelling at simbad.cds.unistra.fr")
        if found[["ra", "dec"]].isna().to_numpy().any():
            raise TargetError(f"SIMBAD has no coordinates of {name!r}, so no footprint can be compared with it")
        # The answer has neither type nor velocity. They are worth one more question, but no failure.
        quoted = str(found["main_id"].iloc[0]).replace("'", "''")
        try:
            table = self._query(f"SELECT {COLUMNS} FROM basic WHERE main_id='{quoted}'")  # noqa: S608 - quoted
        except ArchiveError as error:
            return found, (f"type and radial velocity unknown: {error}",)
        return (tidy_ysos(table.to_pandas()), ()) if len(table) else (found, ("type and radial velocity unknown",))
