"""Speed: bytes, places and scans of the cubes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from distributed import Client

from feii_dask.config.loading import load_settings
from feii_dask.cubes.lines import NOTEBOOK_LINES
from feii_dask.detectors import load_detector
from feii_dask.engine.cluster import connect
from feii_dask.engine.executor import run_scans
from feii_dask.engine.malloc import keep_freed_memory
from feii_dask.errors import DetectorError
from feii_dask.model import Context, MatchedCube, Outcome
from feii_dask.scan import ScanTask, scan_cube
from feii_dask.simulate.s3d import write_cube
from feii_dask.simulate.scene import make_cube

from . import speed_notebook
from .speed_rows import Amount, Row, timed
from .speed_store import ObjectStore
from .speed_world import Cubes, Sizes, make_cubes, make_observations, make_ysos

__all__ = ["measure_bytes", "measure_rendering", "measure_scan", "measure_shapes"]

ORIGINAL_S = (0.3, 0.4)  # a cube of 1050 × 45 × 45 in the notebook, on one core
LATENCY_S, BYTES_PER_S = 0.05, 50e6
CONNECTIONS = 64
GOALS = {"notebook": 28.0, "matched": 5.0}
LINES_UM = [line.wavelength_um for line in NOTEBOOK_LINES]


def detectors() -> Iterator[str]:
    """Yield the built-in detectors that there are."""
    for name in GOALS:
        try:
            load_detector(name)
        except DetectorError:
            continue
        yield name


@contextmanager
def served(sizes: Sizes) -> Iterator[tuple[Cubes, ObjectStore]]:
    """Simulate the cubes that are to be scanned, and serve them."""
    with TemporaryDirectory() as scratch, ExitStack() as stack:
        rng = np.random.default_rng(5)
        observations = make_observations(sizes.cubes, sizes.cubes, make_ysos(sizes.ysos, rng), rng)
        cubes = make_cubes(observations, Path(scratch), sizes.shape)
        store = stack.enter_context(ObjectStore(cubes.directory))
        stack.enter_context(store.found())
        yield cubes, store


def measure_rendering(sizes: Sizes) -> Iterator[Row]:
    """Say what a cube costs in the notebook's way: the two must agree, or no ratio means anything."""
    sci = make_cube(shape=(45, 45)).sci
    _, _, cpu = timed(lambda: speed_notebook.extension_vs_wavebin(sci), 2 + sizes.repeats)
    note = f"of this CPU; {cpu.median / np.mean(ORIGINAL_S):.2f} × the original's 0.35 s"
    yield Row("the rendering itself: one cube of 1050 × 45 × 45", cpu, within=ORIGINAL_S, note=note)


def measure_bytes(sizes: Sizes) -> Iterator[Row]:
    """Count what is transferred for one line in one cube of the usual size."""
    del sizes
    with TemporaryDirectory() as scratch:
        path = write_cube(Path(scratch) / "jw01000-o100_t001_miri_ch1-short_s3d.fits", make_cube(shape=(45, 45)))
        with ObjectStore(path.parent) as store, store.found():
            address = f"s3://stpubdata/{path.name}"
            speed_notebook.read_cube(address)
            whole = store.counted()
            for name in detectors():
                scan_cube(MatchedCube(obs_id="one", uri=address), Context(lines=NOTEBOOK_LINES[3:4], detector=name))
                counted = store.counted()
                note = f"1050 × 45 × 45, SCI ERR DQ WMAP; {counted['requests']} requests, notebook {whole['requests']}"
                read, all_of_it = (Amount.of(count["bytes"] / 1e6) for count in (counted, whole))
                least = {"notebook": 60.0, "matched": 4.0}[name]
                yield Row(f"bytes of a cube, {name}, one line", read, all_of_it, "MB", least, note=note)


def measure_scan(sizes: Sizes) -> Iterator[Row]:
    """Compare scans of all cubes at a distance, and say how near ours is to what is possible."""
    with served(sizes) as (cubes, store):
        store.network(LATENCY_S, BYTES_PER_S)
        part = cubes.matched[: sizes.cubes_in_part]
        addresses = [str(matched.uri) for matched in part]
        detected, there, _ = timed(lambda: speed_notebook.search_all(addresses, LINES_UM))
        share = len(cubes.matched) / len(part)
        for name in detectors():
            context = Context(lines=NOTEBOOK_LINES, detector=name)
            with two_workers() as client:
                scan_all(client, cubes, context)  # imports, and the first connections
                outcomes, here, _ = timed(partial(scan_all, client, cubes, context), sizes.repeats)
            if name == "notebook":
                assert [lines_of(outcomes[matched.obs_id]) for matched in part] == detected
            megabytes = sum(outcome.bytes_read for outcome in outcomes.values()) / 1e6
            size = f"{len(cubes.matched)} cubes of {cubes.size / 1e6:.0f} MB, {megabytes:.0f} MB of them read"
            note = f"{size}; the notebook's way on {len(part)} cubes, scaled"
            yield Row(f"scan at 50 ms and 50 MB/s, {name}", here, there * share, least_ratio=GOALS[name], note=note)
            limit, what = lower_limit(cubes, context, list(outcomes.values()))
            yield Row(f"share of the limit reached, {name}", here, Amount.of(limit), least_ratio=0.6, note=what)


@contextmanager
def two_workers(threads: int | None = None) -> Iterator[Client]:
    """Yield a client of a local cluster of two processes, each with as many threads as are the default."""
    settings = load_settings()
    local = replace(settings.clusters["local"], workers=2, dashboard=None)
    local = replace(local, threads=threads or local.threads)
    with connect(replace(settings, clusters={**settings.clusters, "local": local}, cluster="local")) as client:
        yield client


def scan_all(client: Client, cubes: Cubes, context: Context) -> dict[str, Outcome]:
    """Scan every cube on the cluster."""
    jobs = [ScanTask(matched) for matched in cubes.matched]
    outcomes = {outcome.obs_id: outcome for some in run_scans(client, jobs, context) for outcome in some}
    assert len(outcomes) == len(jobs)
    return outcomes


def lines_of(outcome: Outcome) -> list[float]:
    """Return what was detected, as the notebook's way does."""
    return [detection.line.wavelength_um for detection in outcome.detections if detection.detected]


def lower_limit(cubes: Cubes, context: Context, outcomes: list[Outcome]) -> tuple[float, str]:
    """Return the least time that the scans can take, s, and what it consists of.

    The kernel is the whole of `scan_cube` on files of this machine, in a process that keeps what it frees, as workers
    do: nothing but network and Dask is left out.
    """
    keep_freed_memory()
    some = cubes.matched[:18]
    at_hand = [MatchedCube(obs_id=t.obs_id, uri=str(cubes.directory / str(t.uri).rpartition("/")[2])) for t in some]
    for matched in at_hand[:3]:
        scan_cube(matched, context)
    _, _, cpu = timed(lambda: [scan_cube(matched, context) for matched in at_hand], 3)
    limits = {
        "kernel / cores": min(cpu.values) / len(some) * len(outcomes) / (os.cpu_count() or 1),
        "bytes / bandwidth": sum(outcome.bytes_read for outcome in outcomes) / BYTES_PER_S / CONNECTIONS,
        "requests × latency / 64": sum(outcome.requests for outcome in outcomes) * LATENCY_S / CONNECTIONS,
    }
    return max(limits.values()), "limit = max(" + ", ".join(f"{name} {s:.2g} s" for name, s in limits.items()) + ")"


def measure_shapes(sizes: Sizes) -> Iterator[Row]:
    """Compare numbers of threads per process, at three distances."""
    context = Context(lines=NOTEBOOK_LINES, detector="notebook")
    with served(sizes) as (cubes, store):
        for threads in sizes.threads:
            with two_workers(threads) as client:
                scan_all(client, cubes, context)
                for latency_s in (0.01, 0.05, 0.2):
                    store.network(latency_s, BYTES_PER_S)
                    _, wall, _ = timed(partial(scan_all, client, cubes, context))
                    work = f"scan at {1e3 * latency_s:.0f} ms, 2 processes × {threads} threads"
                    yield Row(work, wall, note=f"{len(cubes.matched)} cubes, notebook detector")
                store.network()
