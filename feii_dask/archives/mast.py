"""MAST: which spectral cubes there are, and where in the cloud."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pandas as pd
from astroquery.mast import ObservationsClass

from feii_dask.archives.cache import Answer, QueryCache
from feii_dask.archives.session import Policy, apply_policy, asking, new_session
from feii_dask.archives.tables import OBSERVATION_NUMBERS, OBSERVATION_TEXT, Selection, tidy, without_moving
from feii_dask.config.missions import Mission
from feii_dask.errors import TruncatedError

__all__ = ["MastService"]

SERVICE = "MAST"
BUCKET = "s3://stpubdata/"
PATH_LOOKUP_URL = "https://mast.stsci.edu/api/v0.1/path_lookup/"
DOWNLOAD_URL = "https://mast.stsci.edu/api/v0.1/Download/file?uri="
COLUMNS = (*OBSERVATION_TEXT, *OBSERVATION_NUMBERS)
SLICE_ROWS = 5_000  # some 16 MB of JSON where footprints have a hundred vertices
DECLINATIONS_DEG = (-90.1, 90.07)  # its halves, and theirs, fall on declinations that nothing has
NARROWEST_DEG = 0.001
PATHS_PER_REQUEST = 50  # MAST refuses longer addresses; astroquery sends as many
THREADS = 8

Criteria = dict[str, Any]


class MastService:
    """Asks MAST for the cubes of one mission, through astroquery.

    Parameters
    ----------
    cache : QueryCache
        Where answers are kept.
    policy : Policy
        How patient we are.
    mission : Mission
        Whose cubes.
    selection : Selection
        Which of them.
    fallback : str or None
        ``https`` gives the address of MAST's own server where the cloud has no copy.
    """

    def __init__(
        self, cache: QueryCache, policy: Policy, mission: Mission, selection: Selection, fallback: str | None = None
    ) -> None:
        self.cache = cache
        self.mission = mission
        self.criteria: Criteria = {**mission.query, **selection.criteria()}
        self.fallback = fallback
        self.client = ObservationsClass()
        apply_policy(self.client, policy)
        self.session = new_session(policy)

    def observations(self) -> pd.DataFrame:
        """Return the mission's public cubes of what stays where it is.

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
        terms = ", ".join(f"{name}={value!r}" for name, value in self.criteria.items())
        return self.cache.ask(SERVICE, f"Observations.query_criteria({terms})", self._fetch_observations)

    def _fetch_observations(self) -> Answer:
        """Fetch slice by slice: the peak of memory is that of one slice, beside the rows that are kept."""
        with asking(SERVICE):
            total = self._count(self.criteria)
            slices = self._plan(total)
            parts = [self._fetch_slice(criteria, count) for criteria, count in slices]
        table = pd.concat([_frame([]), *parts], ignore_index=True)
        if not table["obsid"].is_unique:  # only then: a copy of the footprints takes as much memory as they do
            table = table.drop_duplicates("obsid", ignore_index=True)
        _check_complete(len(table), total)
        table, notes = without_moving(table)
        return table, (*notes, f"{len(slices)} slices") if len(slices) > 1 else notes

    def _count(self, criteria: Criteria) -> int:
        return int(self.client.query_criteria_count(**criteria))

    def _plan(self, total: int) -> list[tuple[Criteria, int]]:
        """Return criteria that part the observations, and the count of each."""
        if total > SLICE_ROWS and self._count(self._between(DECLINATIONS_DEG)) == total:
            return list(self._slices(total, DECLINATIONS_DEG))
        return [(self.criteria, total)] if total else []  # few, or some of them without a declination

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
        return {**self.criteria, "s_dec": list(bounds)}

    def _fetch_slice(self, criteria: Criteria, count: int) -> pd.DataFrame:
        """Read the answer page by page, as it came: astroquery's own table has strings of one width, the longest."""
        pages = self.client.query_criteria_async(**criteria)
        frames: list[pd.DataFrame] = []
        while pages:
            page = pages.pop(0).json()
            if page.get("status") != "COMPLETE":
                raise TruncatedError(
                    f"{SERVICE} did not complete page {len(frames) + 1} of its answer "
                    f"({page.get('status')}: {page.get('msg') or 'no reason given'}); try again later"
                )
            frames.append(_frame(page["data"]))
        rows = pd.concat(frames).sort_values(["obs_id", "obsid"], ignore_index=True)
        _check_complete(len(rows), count)
        return rows

    def products(self, observations: pd.DataFrame) -> pd.DataFrame:
        """Return the cubes that MAST recommends for each observation (its minimum recommended S3D products).

        One question for all of them: meant for the observations of a single target.

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
        products = self.cache.ask(
            SERVICE, f"Observations.get_product_list({','.join(obsids)})", lambda: self._fetch_products(obsids)
        )
        joined = observations.merge(products, how="left", left_on="obsid", right_on="parent_obsid")
        listed = joined["dataURI"].notna()
        joined.loc[listed, "dataURL"] = joined["dataURI"]
        joined.loc[listed, "obs_id"] = joined["dataURI"].str.rpartition("/")[2].str.removesuffix("_s3d.fits")
        return joined[observations.columns].drop_duplicates(["obs_id", "dataURL"], ignore_index=True)

    def _fetch_products(self, obsids: list[str]) -> Answer:
        with asking(SERVICE):
            listed = self.client.get_product_list(obsids)
            cubes = self.client.filter_products(listed, mrp_only=True, productSubGroupDescription="S3D")
            table = cubes["parent_obsid", "dataURI"].to_pandas()
        return tidy(table, text=table.columns).drop_duplicates("dataURI", ignore_index=True), ()

    def locate(self, observations: pd.DataFrame) -> list[str | None]:
        """Return where in the cloud the cube of each observation is.

        MAST's ``path_lookup`` is asked directly, several chunks at a time. ``Observations.get_cloud_uris`` asks it
        too, one chunk after the other, and then sends one HEAD per product to the bucket, also in turn: 3 minutes
        for 5 000 products at 30 ms, and all is lost if a single one is answered with anything but 200 or 404. For
        products that are in the bucket both give the same. One that MAST has a path for but the bucket lacks is
        None there; here it is found out when the cube is read, which has to ask in any case.

        Raises
        ------
        ArchiveError
            If MAST cannot be asked.
        """
        uris = list(observations[self.mission.cube_column])
        asked = sorted({uri for uri in uris if uri})
        if not asked:
            return [None] * len(uris)
        digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]
        paths = self.cache.ask(
            SERVICE, f"path_lookup of {len(asked)} products, SHA-256 {digest}", lambda: self._fetch_paths(asked)
        )
        cloud = {uri: BUCKET + path.lstrip("/") for uri, path in zip(paths["uri"], paths["path"], strict=True) if path}
        return [cloud.get(uri) or self._fall_back(uri) for uri in uris]

    def _fetch_paths(self, uris: list[str]) -> Answer:
        chunks = [uris[start : start + PATHS_PER_REQUEST] for start in range(0, len(uris), PATHS_PER_REQUEST)]
        with asking(SERVICE), ThreadPoolExecutor(THREADS) as threads:
            paths = [path for found in threads.map(self._look_up, chunks) for path in found]
        missing = paths.count("")
        return pd.DataFrame({"uri": uris, "path": paths}), (f"{missing} without a cloud copy",) if missing else ()

    def _look_up(self, uris: list[str]) -> list[str]:
        answer = self.session.get(PATH_LOOKUP_URL, params={"uri": uris})
        answer.raise_for_status()
        found = answer.json()
        return [found[uri]["path"] or "" for uri in uris]

    def _fall_back(self, uri: str) -> str | None:
        return DOWNLOAD_URL + quote(uri, safe=":/") if uri and self.fallback == "https" else None


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Keep what is needed of a page."""
    frame = pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in COLUMNS})
    return tidy(frame, text=OBSERVATION_TEXT, numbers=OBSERVATION_NUMBERS)


def _check_complete(rows: int, expected: int) -> None:
    if rows < expected:
        raise TruncatedError(
            f"{SERVICE} says that there are {expected} observations, and returned {rows}; "
            f"try again later, or ask for less with --instrument, --filters or --proposal-id"
        )
