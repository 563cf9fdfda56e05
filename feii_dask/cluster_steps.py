"""The steps of a search that a cluster takes: footprints are matched with objects, and cubes scanned."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from distributed import Client

from feii_dask.archives import CubeArchive
from feii_dask.config.missions import find_mission
from feii_dask.config.settings import Settings
from feii_dask.engine.cluster import connect
from feii_dask.engine.crossmatch import match_at_epochs, match_footprints
from feii_dask.engine.dashboard import PageFeed
from feii_dask.engine.dashboard_url import dashboard_link
from feii_dask.engine.executor import run_scans
from feii_dask.engine.preflight import check_memory, preflight
from feii_dask.engine.scan_memory import largest_scan_bytes
from feii_dask.matching import Found, make_matched
from feii_dask.model import Context, ScanTask
from feii_dask.monitor.log import progress_displays
from feii_dask.monitor.progress import Progress
from feii_dask.store.run_store import RunStore, Tables

__all__ = ["cluster", "match", "scan"]

log = logging.getLogger(__name__)


@contextmanager
def cluster(settings: Settings, client: Client | None) -> Iterator[Client]:
    """Connect to the cluster, say where it can be watched, and check that it can do the work."""
    with connect(settings, client) as connected:
        log.info("dashboard: %s", dashboard_link(connected))
        preflight(connected, settings.detector)
        yield connected


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
