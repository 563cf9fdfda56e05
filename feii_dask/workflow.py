"""The whole search, read from top to bottom."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from distributed import Client

from feii_dask.archives import ArchiveQuery, Catalogue, CubeArchive, Selection, open_catalogue, open_cube_archive
from feii_dask.concluding import conclude
from feii_dask.config.missions import find_mission
from feii_dask.config.run_places import is_run
from feii_dask.config.settings import Settings
from feii_dask.engine.cluster import connect, refuse_in_worker_process
from feii_dask.engine.crossmatch import match_at_epochs, match_footprints
from feii_dask.engine.dashboard import PageFeed
from feii_dask.engine.dashboard_url import dashboard_link
from feii_dask.engine.executor import run_scans
from feii_dask.engine.preflight import check_memory, preflight
from feii_dask.engine.scan_memory import largest_scan_bytes
from feii_dask.matching import make_matched, with_band_um
from feii_dask.model import Context
from feii_dask.monitor.log import progress_displays, run_log
from feii_dask.monitor.progress import Progress
from feii_dask.planning import count_steps, plan_scans
from feii_dask.ranking.results import RankedRun
from feii_dask.results.search_result import SearchResult
from feii_dask.scan import ScanTask
from feii_dask.store.manifest import as_context, create_run, resume_run, validate_uris
from feii_dask.store.outcome_table import SCHEMA
from feii_dask.store.run_store import RunStore, Tables
from feii_dask.store.stored_tables import require_scannable

__all__ = ["archive_query", "cluster", "match", "query_archives", "search"]

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
            scan(run, settle(run, tables, context, settings), tables, context, settings, connected)
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
    tables = run.read_tables()
    require_scannable(tables.observations, tables.matched, run.directory)
    validate_uris(tables.matched["uri"], settings.archive)
    if settings.dry_run:
        with run_log(None):
            return preview(tables, context, settings, run.outcomes())
    with named_in_interrupts(run), run_log(run.directory):
        log.info("run directory: %s", run.directory)
        if to_scan := settle(run, tables, context, settings):
            with cluster(settings, client) as connected:
                scan(run, to_scan, tables, context, settings, connected)
        return conclude(run, settings.include)


@contextmanager
def cluster(settings: Settings, client: Client | None) -> Iterator[Client]:
    """Connect to the cluster, say where it can be watched, and check that it can do the work."""
    with connect(settings, client) as connected:
        log.info("dashboard: %s", dashboard_link(connected))
        preflight(connected, settings.detector)
        yield connected


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


class Found(NamedTuple):
    """The tables of the archives, before they are matched."""

    objects: int  # those without coordinates included
    ysos: pd.DataFrame
    observations: pd.DataFrame
    not_searched: list[dict[str, str]]  # the others, with the reason


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


def match(found: Found, archive: CubeArchive, context: Context, settings: Settings, client: Client | None) -> Tables:
    """Find the cubes with objects inside their footprints, and where these cubes are."""
    footprints = match_at_epochs if settings.proper_motion else match_footprints
    matches, bad_regions = footprints(found.observations, found.ysos, client, settings.pad_arcsec)
    reasons = bad_regions.set_index("obs_index")["region_error"]
    observations = found.observations.assign(region_error=reasons.reindex(found.observations.index).fillna(""))
    single = bool(settings.target)
    matched = make_matched(observations, found.ysos, matches, context.lines, archive, products=single)
    log.info("%d cubes hold young stellar objects; %d footprints cannot be read", len(matched), len(bad_regions))
    if matched.empty:
        log.info("no cube holds any of these objects: there is nothing to scan")
    return Tables(found.ysos, observations, matched)


def settle(run: RunStore, tables: Tables, context: Context, settings: Settings) -> list[ScanTask]:
    """Store the outcomes of cubes that need no scan, and return the scans of those that have no outcome yet."""
    to_scan, settled = plan_scans(tables, context.lines, run.outcomes(), settings)
    with run.writer() as writer:
        for outcome in settled:
            writer.add(outcome)
    log.info("%d cubes to scan", len(to_scan))
    return to_scan


def scan(
    run: RunStore, to_scan: list[ScanTask], tables: Tables, context: Context, settings: Settings, client: Client
) -> None:
    """Scan cubes, and store each outcome as it comes."""
    footprints = tables.matched.set_index("obs_id")["s_region"].reindex([task.matched.obs_id for task in to_scan])
    check_memory(client, largest_scan_bytes(footprints, context, find_mission(settings.mission).spaxel_arcsec))
    context = replace(context, fingerprint=str(run.manifest.get("fingerprint", "")))
    page = PageFeed(client)
    displays = [page, *progress_displays(page.describe_workers, page.tell_address)]
    with run.writer() as writer, Progress(len(to_scan), displays) as progress:
        for outcomes in run_scans(client, to_scan, context, settings.stall_after_s):
            for outcome in outcomes:
                writer.add(outcome)
            writer.tick()
            progress.update(outcomes)


def preview(tables: Tables, context: Context, settings: Settings, outcomes: pd.DataFrame) -> SearchResult:
    """Log how many cubes would be scanned, and return what is known without scanning them."""
    to_scan, _ = plan_scans(tables, context.lines, outcomes, settings)
    log.info("%d cubes would be scanned", len(to_scan))
    return SearchResult(RankedRun.from_outcomes(tables, outcomes, directory=None, include=settings.include))
