"""Spectral cubes of a mission, and their places in the cloud, from MAST."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pandas as pd
from astroquery.mast import ObservationsClass

from feii_dask.archives.cache import AnnotatedTable, QueryCache
from feii_dask.archives.observation_table import OBSERVATION_NUMBERS, OBSERVATION_TEXT, without_moving
from feii_dask.archives.provenance import QueryRecord
from feii_dask.archives.query import ArchiveQuery
from feii_dask.archives.session import DEFAULT_POLICY, RequestPolicy, apply_policy, archive_errors, new_session
from feii_dask.archives.tidying import tidy
from feii_dask.errors import TruncatedError

__all__ = ["MastArchive"]

SERVICE = "MAST"
BUCKET = "s3://stpubdata/"
PATH_LOOKUP_URL = "https://mast.stsci.edu/api/v0.1/path_lookup/"
DOWNLOAD_URL = "https://mast.stsci.edu/api/v0.1/Download/file?uri="
COLUMNS = (*OBSERVATION_TEXT, *OBSERVATION_NUMBERS)
SLICE_ROWS = 5_000  # some 16 MB of JSON where footprints have a hundred vertices
DECLINATIONS_DEG = (-90.1, 90.07)  # limits whose halves, and theirs, are no observation's declination
NARROWEST_DEG = 0.001
PATHS_PER_REQUEST = 40  # MAST answers 414 to longer addresses; astroquery 0.4.12.dev sends as many
THREADS = 8

Criteria = dict[str, Any]


class MastArchive:
    """MAST, asked through astroquery for the cubes of one mission.

    Parameters
    ----------
    query : ArchiveQuery
        Its `mission` says whose cubes, its `selection` which of them, and its `fallback` whether those without a cloud
        copy are read from MAST's own server.
    policy : RequestPolicy
        Time-outs and retries.
    """

    def __init__(self, query: ArchiveQuery, policy: RequestPolicy = DEFAULT_POLICY) -> None:
        self._cache = QueryCache(query.cache_directory, query.cache_days)
        self._cube_column = query.mission.cube_column
        self._criteria: Criteria = {**query.mission.query, **query.selection.criteria()}
        self._fallback = query.fallback
        self._client = ObservationsClass()
        apply_policy(self._client, policy)
        self._session = new_session(policy)

    @property
    def queries(self) -> Sequence[QueryRecord]:
        """The queries so far."""
        return tuple(self._cache.queries)

    def observations(self) -> pd.DataFrame:
        """Return the mission's public cubes, but those of moving targets.

        Returns
        -------
        DataFrame
            MAST's own column names; ``em_min`` and ``em_max`` in nm.

        Raises
        ------
        TruncatedError
            If MAST counts more observations than it returned.
        ArchiveError
            If MAST cannot be asked.
        """
        terms = ", ".join(f"{name}={value!r}" for name, value in self._criteria.items())
        return self._cache.table(SERVICE, f"Observations.query_criteria({terms})", self._fetch_observations)

    def _fetch_observations(self) -> AnnotatedTable:
        """Fetch slice by slice: the peak of memory is that of one slice, plus the rows that are kept."""
        with archive_errors(SERVICE):
            total = self._count(self._criteria)
            slices = self._plan_slices(total)
            table = self._fetch_slices(slices)
            repeated = 0
            if not table["obsid"].is_unique:  # only then: a copy of the footprints takes as much memory as they do
                # Pages that shifted while they were read repeat one row and lack another; the next reading has it.
                table = pd.concat([table, self._fetch_slices(slices)]).drop_duplicates(ignore_index=True)
                repeated = max(0, total - len(table))
                table = table.drop_duplicates("obsid", ignore_index=True)
        check_complete(len(table), total - repeated)
        table, moving = without_moving(table)
        return table, (
            *((f"{repeated} repeated rows taken once",) if repeated else ()),
            *moving,
            *((f"{len(slices)} slices",) if len(slices) > 1 else ()),
        )

    def _fetch_slices(self, slices: Sequence[tuple[Criteria, int]]) -> pd.DataFrame:
        parts = [self._fetch_slice(criteria, count) for criteria, count in slices]
        return pd.concat([as_table([]), *parts], ignore_index=True)

    def _count(self, criteria: Criteria) -> int:
        return int(self._client.query_criteria_count(**criteria))

    def _plan_slices(self, total: int) -> list[tuple[Criteria, int]]:
        """Return criteria that divide the observations into slices, and the count of each."""
        if total > SLICE_ROWS and self._count(self._between(DECLINATIONS_DEG)) == total:
            return list(self._slices(total, DECLINATIONS_DEG))
        return [(self._criteria, total)] if total else []  # few, or some of them without a declination

    def _slices(self, count: int, bounds: tuple[float, float]) -> Iterator[tuple[Criteria, int]]:
        """Halve a zone of declination until each part has few enough rows."""
        low, high = bounds
        if count > SLICE_ROWS and high - low > NARROWEST_DEG:
            middle = (low + high) / 2
            below = self._count(self._between((low, middle)))
            yield from self._slices(below, (low, middle))
            yield from self._slices(count - below, (middle, high))
        elif count > 0:
            yield self._between(bounds), count

    def _between(self, bounds: tuple[float, float]) -> Criteria:
        return {**self._criteria, "s_dec": list(bounds)}

    def _fetch_slice(self, criteria: Criteria, count: int) -> pd.DataFrame:
        """Read the answer page by page, as it came: astroquery's own table has strings of one width, the longest."""
        pages = self._client.query_criteria_async(**criteria)
        frames: list[pd.DataFrame] = []
        while pages:
            page = pages.pop(0).json()
            if page.get("status") != "COMPLETE":
                raise TruncatedError(
                    f"{SERVICE} did not complete page {len(frames) + 1} of its answer "
                    f"({page.get('status')}: {page.get('msg') or 'no reason given'}); try again later"
                )
            frames.append(as_table(page["data"]))
        rows = pd.concat(frames).sort_values(["obs_id", "obsid"], ignore_index=True)
        check_complete(len(rows), count)
        return rows

    def products(self, observations: pd.DataFrame) -> pd.DataFrame:
        """Return the cubes that MAST recommends for each observation (its minimum recommended S3D products).

        One query for all of them: meant for the observations of a single target.

        Parameters
        ----------
        observations : DataFrame
            Rows of `observations`.

        Returns
        -------
        DataFrame
            The same columns, a row for each cube, its file in ``dataURL`` and that file's stem in ``obs_id``. An
            observation without such a product keeps its own.
        """
        if observations.empty:
            return observations
        obsids = list(dict.fromkeys(observations["obsid"]))
        products = self._cache.table(
            SERVICE, f"Observations.get_product_list({','.join(obsids)})", lambda: self._fetch_products(obsids)
        )
        joined = observations.merge(products, how="left", left_on="obsid", right_on="parent_obsid")
        listed = joined["dataURI"].notna()
        joined.loc[listed, "dataURL"] = joined["dataURI"]
        joined.loc[listed, "obs_id"] = joined["dataURI"].str.rpartition("/")[2].str.removesuffix("_s3d.fits")
        return joined[observations.columns].drop_duplicates(["obs_id", "dataURL"], ignore_index=True)

    def _fetch_products(self, obsids: list[str]) -> AnnotatedTable:
        with archive_errors(SERVICE):
            listed = self._client.get_product_list(obsids)
            cubes = self._client.filter_products(listed, mrp_only=True, productSubGroupDescription="S3D")
            table = cubes["parent_obsid", "dataURI"].to_pandas()
        return tidy(table, text=table.columns).drop_duplicates("dataURI", ignore_index=True), ()

    def locate(self, observations: pd.DataFrame) -> list[str | None]:
        """Return the place of each observation's cube in the cloud.

        MAST's ``path_lookup`` is asked directly, several chunks at a time. ``Observations.get_cloud_uris`` asks it
        too, one chunk after the other, and then sends one HEAD per product to the bucket, also in turn: 3 minutes
        for 5 000 products at 30 ms, and all is lost if a single one is answered with anything but 200 or 404. For
        products that are in the bucket both give the same. One that MAST has a path for but the bucket lacks is
        None there; here reading the cube shows that.

        Raises
        ------
        ArchiveError
            If MAST cannot be asked.
        """
        uris = list(observations[self._cube_column])
        asked = sorted({uri for uri in uris if uri})
        if not asked:
            return [None] * len(uris)
        digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]
        paths = self._cache.table(
            SERVICE, f"path_lookup of {len(asked)} products, SHA-256 {digest}", lambda: self._fetch_paths(asked)
        )
        cloud = {uri: BUCKET + path.lstrip("/") for uri, path in zip(paths["uri"], paths["path"], strict=True) if path}
        return [cloud.get(uri) or self._fall_back(uri) for uri in uris]

    def _fetch_paths(self, uris: list[str]) -> AnnotatedTable:
        chunks = [uris[start : start + PATHS_PER_REQUEST] for start in range(0, len(uris), PATHS_PER_REQUEST)]
        with archive_errors(SERVICE), ThreadPoolExecutor(THREADS) as threads:
            paths = [path for found in threads.map(self._look_up, chunks) for path in found]
        missing = paths.count("")
        return pd.DataFrame({"uri": uris, "path": paths}), (f"{missing} without a cloud copy",) if missing else ()

    def _look_up(self, uris: list[str]) -> list[str]:
        params: dict[str, Any] = {"uri": uris, "use_cloud_path": True}
        answer = self._session.get(PATH_LOOKUP_URL, params=params)
        answer.raise_for_status()
        found = answer.json()
        return [found[uri]["path"] or "" for uri in uris]

    def _fall_back(self, uri: str) -> str | None:
        return DOWNLOAD_URL + quote(uri, safe=":/") if uri and self._fallback == "https" else None


def as_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the columns that a search needs of a page's rows."""
    frame = pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in COLUMNS})
    return tidy(frame, text=OBSERVATION_TEXT, numbers=OBSERVATION_NUMBERS)


def check_complete(rows: int, expected: int) -> None:
    """Refuse a table that has fewer rows than MAST counted."""
    if rows < expected:
        raise TruncatedError(
            f"{SERVICE} says that there are {expected} observations, and returned {rows}; "
            f"try again later, or ask for less with --instrument, --filters or --proposal-id"
        )
