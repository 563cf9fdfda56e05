"""Young stellar objects, and objects by name, from SIMBAD."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence

import pandas as pd
from astropy.table import Table
from astroquery.exceptions import NoResultsWarning
from astroquery.simbad import SimbadClass
from pyvo.dal.exceptions import DALOverflowWarning

from feii_dask.archives.cache import AnnotatedTable, QueryCache
from feii_dask.archives.named_objects import find_each, require_any
from feii_dask.archives.provenance import QueryRecord
from feii_dask.archives.query import ArchiveQuery
from feii_dask.archives.session import DEFAULT_POLICY, RequestPolicy, apply_policy, archive_errors
from feii_dask.archives.yso_table import describe_ysos, tidy_ysos
from feii_dask.errors import ArchiveError, SettingsError, TargetError, TruncatedError

__all__ = ["SimbadCatalogue"]

SERVICE = "SIMBAD"
COLUMNS = "main_id, ra, dec, otype, rvz_radvel, pmra, pmdec"
# astroquery's own `query_objects`, with these columns: it asks for names of columns by another query.
NAMED_QUERY = (
    f"SELECT {COLUMNS}, names.asked FROM TAP_UPLOAD.names AS names "  # noqa: S608 - no text of a user
    "LEFT JOIN ident ON names.asked = ident.id LEFT JOIN basic ON ident.oidref = basic.oid"
)
OTYPE = re.compile(r"[A-Za-z0-9*?.+-]+")


class SimbadCatalogue:
    """SIMBAD, asked by its TAP service through astroquery.

    Parameters
    ----------
    query : ArchiveQuery
        Its `otype` says which objects, its `max_rows` how many at most.
    policy : RequestPolicy
        Time-outs and retries.
    """

    def __init__(self, query: ArchiveQuery, policy: RequestPolicy = DEFAULT_POLICY) -> None:
        self._cache = QueryCache(query.cache_directory, query.cache_days)
        self._otype = query.otype
        self._max_rows = query.max_rows
        self.unresolved: Sequence[Mapping[str, str]] = ()
        self._client = SimbadClass()
        apply_policy(self._client, policy)

    @property
    def queries(self) -> Sequence[QueryRecord]:
        """The queries so far."""
        return tuple(self._cache.queries)

    def ysos(self) -> pd.DataFrame:
        """Return all objects of the type that is asked for.

        Raises
        ------
        SettingsError
            If there can be no such object type.
        TruncatedError
            If SIMBAD has more objects than it returned.
        ArchiveError
            If SIMBAD cannot be asked.
        """
        if not OTYPE.fullmatch(self._otype):
            raise SettingsError(f"{self._otype!r} cannot be an object type of SIMBAD; they look like Y*O, TT* or Y*O..")
        query = f"SELECT {COLUMNS} FROM basic WHERE otype='{self._otype}'"  # noqa: S608 - checked just above

        def fetch() -> AnnotatedTable:
            table = self._query(query)
            with archive_errors(SERVICE):
                ysos = tidy_ysos(table.to_pandas()).sort_values("main_id", ignore_index=True)
            return ysos, describe_ysos(ysos)

        return self._cache.table(SERVICE, f"{query} [MAXREC {self._max_rows}]", fetch)

    def _query(self, query: str, **uploads: Table) -> Table:
        with archive_errors(SERVICE):
            most = min(self._max_rows, self._client.hardlimit)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error", DALOverflowWarning)
                    table = self._client.query_tap(query, maxrec=most, **uploads)
            except DALOverflowWarning as warning:
                raise TruncatedError(
                    f"{SERVICE} cut its answer short: {warning}; ask for less with --otype, TT* for example"
                ) from warning
        if len(table) >= most:  # exactly as many as asked for: pyvo does not warn in this case
            raise TruncatedError(
                f"{SERVICE} returned {len(table)} rows, which is all it was asked for, and may have more; "
                f"raise max-rows above {most} (SIMBAD itself stops at {self._client.hardlimit}), "
                f"or ask for less with --otype"
            )
        return table

    def find_object(self, name: str) -> pd.DataFrame:
        """Return the object of a name that SIMBAD knows.

        Raises
        ------
        TargetError
            If SIMBAD knows no such name, or no coordinates of it.
        ArchiveError
            If SIMBAD cannot be asked.
        """
        return self._cache.table(SERVICE, f"query_object({name!r})", lambda: self._fetch_object(name))

    def find_objects(self, names: Sequence[str]) -> pd.DataFrame:
        """Return the objects of names that SIMBAD knows, each once, by one query.

        Raises
        ------
        TargetError
            If SIMBAD knows none of them, or no coordinates.
        ArchiveError
            If SIMBAD cannot be asked.
        """
        names = tuple(dict.fromkeys(names))
        if len(names) == 1:
            found, self.unresolved = find_each(names, self.find_object)
            return found
        answers = self._cache.table(SERVICE, f"{NAMED_QUERY} {names!r}", lambda: self._fetch_objects(names))
        known = answers.dropna(subset=["ra", "dec"])
        has_entry = set(answers.loc[answers["main_id"] != "", "asked"])
        self.unresolved = [
            {
                "main_id": name,
                "reason": f"SIMBAD {'has no coordinates of' if name in has_entry else 'does not know'} {name!r}",
            }
            for name in names
            if name not in set(known["asked"])
        ]
        require_any(known, self.unresolved)
        return tidy_ysos(known).drop_duplicates("main_id", ignore_index=True)

    def _fetch_objects(self, names: tuple[str, ...]) -> AnnotatedTable:
        """Return what SIMBAD has of each name, ``asked``; without a ``main_id`` where it has nothing."""
        table = self._query(NAMED_QUERY, names=Table({"asked": list(names)}))
        with archive_errors(SERVICE):
            answers = table.to_pandas()
            ysos = tidy_ysos(answers).assign(asked=answers["asked"].astype(str))
        return ysos, ()

    def _fetch_object(self, name: str) -> AnnotatedTable:
        with archive_errors(SERVICE), warnings.catch_warnings():
            warnings.simplefilter("ignore", NoResultsWarning)
            found = tidy_ysos(self._client.query_object(name).to_pandas()).head(1)
        if found.empty:
            raise TargetError(f"SIMBAD knows no object called {name!r}; check the spelling at simbad.cds.unistra.fr")
        if found[["ra", "dec"]].isna().to_numpy().any():
            raise TargetError(f"SIMBAD has no coordinates of {name!r}, so no footprint can be compared with it")
        # query_object returns neither type nor velocity. They are worth one more query, whose failure is no error.
        quoted = str(found["main_id"].iloc[0]).replace("'", "''")
        try:
            table = self._query(f"SELECT {COLUMNS} FROM basic WHERE main_id='{quoted}'")  # noqa: S608 - quoted
        except ArchiveError as error:
            return found, (f"type and radial velocity unknown: {error}",)
        return (tidy_ysos(table.to_pandas()), ()) if len(table) else (found, ("type and radial velocity unknown",))
