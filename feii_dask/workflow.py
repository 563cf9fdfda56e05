"""The whole search, read from top to bottom."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from feii_dask.archives import ArchiveQuery, Catalogue, CubeArchive, Selection, open_catalogue, open_cube_archive
from feii_dask.concluding import conclude
from feii_dask.config.missions import find_mission
from feii_dask.config.run_places import is_run
from feii_dask.config.settings import Settings
from feii_dask.engine.script_guard import refuse_in_worker_process
from feii_dask.matching import Found, with_band_um
from feii_dask.model import Context, Outcome, ScanTask
from feii_dask.monitor.log import run_log
from feii_dask.planning import count_steps, plan_scans
from feii_dask.ranking.results import RankedRun
from feii_dask.results.search_result import SearchResult
from feii_dask.store.confirmation import validate_uris
from feii_dask.store.manifest import as_context, create_run, resume_run
from feii_dask.store.outcome_table import SCHEMA
from feii_dask.store.run_store import RunStore, Tables
from feii_dask.store.stored_tables import require_scannable

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["archive_query", "query_archives", "search"]

log = logging.getLogger(__name__)


def search(settings: Settings, client: Client | None = None) -> SearchResult:
    """Find the young stellar objects whose cubes show extended line emission.

    Parameters
    ----------
    settings : Settings
        What to search for, where, and with what; see `feii_dask.load_settings`.
    client : distributed.Client, optional
        The cluster to use; by default the one that the settings name is started, and closed at the end.

    Returns
    -------
    SearchResult
        The tables, which are in the run directory as well, with the report.

    Raises
    ------
    SettingsError, LineError, DetectorError, FingerprintError
        If what was asked for does not exist, or the run directory holds another run.
    ArchiveError, ClusterError
        If an archive or the cluster cannot be reached.
    StoreError
        If the results cannot be written.
    """
    refuse_in_worker_process()  # before it asks an archive
    if settings.resume:
        return resume(settings, client)
    return begin(settings, as_context(settings), client)


def begin(settings: Settings, context: Context, client: Client | None) -> SearchResult:
    """Query the archives, match, scan and rank."""
    from feii_dask.cluster_steps import cluster, match, scan  # noqa: PLC0415 - as in `resume`

    query = archive_query(settings)  # before anything is written, so that an archive that does not exist leaves nothing
    archive, catalogue = open_cube_archive(query), open_catalogue(query)
    if settings.dry_run:
        with run_log(None):
            tables = match(query_archives(query, catalogue, archive), archive, context, settings, client)
            return preview(tables, context, settings, SCHEMA.empty_table().to_pandas())
    with new_run(settings, context) as run, run_log(run.directory):
        log.info("run directory: %s", run.directory)
        found = query_archives(query, catalogue, archive)
        with cluster(settings, client) as connected:
            tables = match(found, archive, context, settings, connected)
            queries = [asdict(record) for record in (*catalogue.queries, *archive.queries)]
            with run.locked():
                counts = count_steps(found.objects, tables, context.lines)
                run.update_manifest(queries=queries, counts=counts, not_searched=found.not_searched)
                run.write_tables(**tables._asdict())
            to_scan, settled = plan_scans(tables, context.lines, run.outcomes(), settings)
            settle(run, settled, to_scan)
            scan(run, to_scan, tables, context, settings, connected)
        return conclude(run, settings.include)


@contextmanager
def new_run(settings: Settings, context: Context) -> Iterator[RunStore]:
    """Create the run directory, and take it away again if the search ends before there is anything to resume."""
    named = settings.resume or settings.out
    had_directory = named is not None and Path(named).is_dir()
    had_run = named is not None and is_run(Path(named))  # which another process may be about to fill
    run = create_run(settings, context)
    try:
        with named_in_interrupts(run):
            yield run
    finally:
        if not (run.has_tables or had_run):
            run.remove(keep_directory=had_directory)


@contextmanager
def named_in_interrupts(run: RunStore) -> Iterator[None]:
    """Say by an interruption which run can be resumed."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(shlex.quote(str(run.directory)) if run.has_tables else "") from None


def resume(settings: Settings, client: Client | None) -> SearchResult:
    """Scan what an earlier session did not, without querying the archives again."""
    run, settings, context = resume_run(settings)
    if not run.has_tables:
        return begin(settings, context, client)
    tables, stored = run.read_tables(), run.outcomes()
    require_scannable(tables.observations, tables.matched, run.directory)
    validate_uris(tables.matched["uri"], settings)
    if settings.dry_run:
        with run_log(None):
            return preview(tables, context, settings, stored)
    with named_in_interrupts(run), run_log(run.directory):
        log.info("run directory: %s", run.directory)
        to_scan, settled = plan_scans(tables, context.lines, stored, settings)
        settle(run, settled, to_scan)
        if to_scan:
            # What knows Dask takes seconds to import, which a run that is finished needs not wait for.
            from feii_dask.cluster_steps import cluster, scan  # noqa: PLC0415

            with cluster(settings, client) as connected:
                scan(run, to_scan, tables, context, settings, connected)
        return conclude(run, settings.include, outcomes=None if to_scan or settled else stored)


def archive_query(settings: Settings) -> ArchiveQuery:
    """Return what the settings ask of a catalogue of objects and of an archive of cubes."""
    return ArchiveQuery(
        mission=replace(find_mission(settings.mission), extension=settings.extension),
        archive=settings.archive,
        selection=Selection(
            instrument_name=settings.instrument, filters=settings.filters, proposal_id=settings.proposal_id
        ),
        fallback=settings.fallback,
        target=settings.target,
        targets=settings.targets,
        otype=settings.otype,
        max_rows=settings.max_rows,
        cache_days=settings.cache_days,
    )


def query_archives(query: ArchiveQuery, catalogue: Catalogue, archive: CubeArchive) -> Found:
    """Ask for the objects and for all cubes; raises `SettingsError` if no cube meets a restriction."""
    objects = catalogue.find_objects(query.target) if query.target else catalogue.ysos()
    ysos = objects[objects["ra"].notna() & objects["dec"].notna()].reset_index(drop=True)
    log.info("%d young stellar objects, %d of them with coordinates", len(objects), len(ysos))
    cubes = archive.observations().reset_index(drop=True)
    if cubes.empty and query.selection.criteria():
        every = open_cube_archive(replace(query, selection=Selection())).observations()
        query.selection.require_any(every)
    observations = with_band_um(cubes, query.mission)
    log.info("%d %s cubes", len(observations), query.mission.name)
    nowhere = objects.loc[objects["ra"].isna() | objects["dec"].isna(), "main_id"]
    not_searched = [dict(one) for one in catalogue.unresolved]
    not_searched += [{"main_id": str(name), "reason": "its coordinates are not known"} for name in nowhere]
    return Found(len(objects), ysos, observations, not_searched)


def settle(run: RunStore, settled: list[Outcome], to_scan: list[ScanTask]) -> None:
    """Store the outcomes of cubes that need no scan, and say how many are left."""
    with run.writer() as writer:
        for outcome in settled:
            writer.add(outcome)
    log.info("%d cubes to scan", len(to_scan))


def preview(tables: Tables, context: Context, settings: Settings, outcomes: pd.DataFrame) -> SearchResult:
    """Log how many cubes would be scanned, and return what is known without scanning them."""
    to_scan, _ = plan_scans(tables, context.lines, outcomes, settings)
    log.info("%d cubes would be scanned", len(to_scan))
    return SearchResult(RankedRun.from_outcomes(tables, outcomes, directory=None, include=settings.include))
