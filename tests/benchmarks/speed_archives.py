"""Speed: what asks the archives, and the search as a whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from astroquery.mast import ObservationsClass

import feii_dask as fd
from feii_dask.archives import ArchiveQuery, open_catalogue, open_cube_archive
from feii_dask.config.loading import load_settings
from feii_dask.config.missions import find_mission
from feii_dask.workflow import SearchResult
from tests.replica import Replica

from . import speed_notebook
from .speed_cubes import BYTES_PER_S, LATENCY_S, LINES_UM, detectors
from .speed_rows import Amount, Row, in_new_process, peak_megabytes, timed
from .speed_store import ObjectStore
from .speed_world import Sizes, make_cubes, make_observations, make_ysos

__all__ = ["measure_places", "measure_search", "measure_table"]

CACHE = "XDG_CACHE_HOME"
VERTICES = 100  # of the footprints of the long table: 2.5 kB each
SMALL = (9, 9)  # spaxels of cubes that nobody reads


@contextmanager
def replica_of(observations: pd.DataFrame, scratch: Path, ysos: pd.DataFrame | None = None) -> Iterator[Replica]:
    """Serve tables as the archives would, and lead this process and those that it starts there."""
    tables = scratch / "tables"
    tables.mkdir()
    observations.to_parquet(tables / "observations.parquet")
    if ysos is not None:
        ysos.to_parquet(tables / "ysos.parquet")
    before = dict(os.environ)
    with Replica(tables, scratch) as replica:
        os.environ.update({**replica.environment(), CACHE: str(scratch / "cache")})
        try:
            yield replica
        finally:
            os.environ.clear()
            os.environ.update(before)


def measure_places(sizes: Sizes) -> Iterator[Row]:
    """Compare how long it takes to learn where cubes are in the cloud, at 30 ms."""
    rng = np.random.default_rng(5)
    table = make_observations(sizes.products, 0, make_ysos(sizes.products, rng), rng)
    some = list(table["dataURL"].iloc[: sizes.products_in_part])
    with TemporaryDirectory() as scratch, replica_of(table, Path(scratch)) as replica:
        cubes = make_cubes(table, Path(scratch) / "cubes", SMALL)
        with ObjectStore(cubes.directory) as store, store.found():
            replica.slow_down(0.03)
            store.network(0.03)
            expected, there, _ = timed(lambda: speed_notebook.cloud_addresses(some))
            archive = open_cube_archive(ArchiveQuery(mission=find_mission("jwst"), cache_days=0))
            found, here, _ = timed(lambda: archive.locate(table), sizes.repeats)
    assert found[: len(some)] == [expected[uri] for uri in some]
    note = f"{len(table)} products at 30 ms; the notebook's way on {len(some)} of them, scaled"
    yield Row("cloud addresses", here, there * (len(table) / len(some)), least_ratio=15, note=note)


def measure_search(sizes: Sizes) -> Iterator[Row]:
    """Compare all that comes after the archives' tables: match, places, scans, candidates; ours with its report."""
    rng = np.random.default_rng(5)
    ysos = make_ysos(sizes.ysos, rng)
    table = make_observations(sizes.footprints, sizes.cubes, ysos, rng)
    matched = table.loc[fd.crossmatch(table, ysos)["obs_index"].unique()]  # one or two by chance
    with TemporaryDirectory() as directory, replica_of(table, Path(directory), ysos) as replica:
        scratch = Path(directory)
        query = ArchiveQuery(mission=find_mission("jwst"))
        open_catalogue(query).ysos(), open_cube_archive(query).observations()  # now they are in the cache: in hand
        cubes = make_cubes(matched, scratch / "cubes", sizes.shape)
        with ObjectStore(cubes.directory) as store, store.found():
            replica.slow_down(LATENCY_S)
            store.network(LATENCY_S, BYTES_PER_S)
            there = search_as_the_notebook(table, matched, ysos, sizes, scratch)
            for name in detectors():
                results, walls = [], []
                for number in range(sizes.repeats):
                    run = scratch / f"{name}-{number}"
                    shutil.copytree(scratch / "cache", run / "cache")
                    os.environ[CACHE] = str(run / "cache")
                    result, wall, _ = timed(lambda run=run, name=name: search(run / "run", name))
                    results.append(result)
                    walls.append(wall.median)
                assert set(results[-1].matched["obs_id"]) == set(matched["obs_id"])
                if name == "notebook":
                    check_candidates(results[-1], matched, ysos)
                note = (
                    f"{len(table)} observations, {len(ysos)} objects, {len(matched)} matched; cluster started, report "
                    f"written; {len(results[-1].candidates)} candidates; the notebook's steps on parts, scaled"
                )
                work = f"from tables to candidates at 50 ms, {name}"
                yield Row(work, Amount(tuple(walls)), there, least_ratio=20, note=note)


def search_as_the_notebook(
    table: pd.DataFrame, matched: pd.DataFrame, ysos: pd.DataFrame, sizes: Sizes, scratch: Path
) -> Amount:
    """Return how long the notebook's three long steps take, each measured on a part and scaled."""
    coordinates = ysos[["ra", "dec"]].to_numpy()
    footprints = table.iloc[:: max(1, len(table) // (2 * sizes.footprints_in_part))]
    places = matched["dataURL"].iloc[: sizes.products_in_part]
    scans = matched["dataURL"].iloc[: sizes.cubes_in_part]
    _, match, _ = timed(lambda: speed_notebook.match_all(footprints, coordinates, scratch))
    found, place, _ = timed(lambda: speed_notebook.cloud_addresses(list(places)))
    addresses = [str(found[uri]) for uri in scans]
    _, scan, _ = timed(lambda: speed_notebook.search_all(addresses, LINES_UM))
    return (
        match * (len(table) / len(footprints))
        + place * (len(matched) / len(places))
        + scan * (len(matched) / len(scans))
    )


def search(directory: Path, detector: str) -> SearchResult:
    """Search with the default cluster, from its start to the report."""
    settings = load_settings(out=str(directory), detector=detector, lines=("notebook",))
    return fd.search(settings)


def check_candidates(result: SearchResult, matched: pd.DataFrame, ysos: pd.DataFrame) -> None:
    """Rank our detections as the notebook does, and hold our candidates against that."""
    hits = result.outcomes[result.outcomes["detected"]]
    lines = hits.groupby("obs_id")["line"].agg(list).reindex(matched["obs_id"])
    detected = [found if isinstance(found, list) else [] for found in lines]
    expected = ysos["main_id"].iloc[speed_notebook.rank_all(matched, detected, ysos)]
    assert set(result.candidates["main_id"]) == set(expected), "the two ways rank different objects"


def measure_table(sizes: Sizes) -> Iterator[Row]:
    """Compare the memory that reading a long table with long footprints takes."""
    rng = np.random.default_rng(5)
    table = make_observations(sizes.table_rows, 0, make_ysos(sizes.table_rows, rng), rng)
    angles = np.linspace(0, 2 * np.pi, VERTICES, endpoint=False)
    ring = np.column_stack([np.cos(angles), np.sin(angles)]) / 3600
    centres = table[["s_ra", "s_dec"]].to_numpy()
    table["s_region"] = ["POLYGON ICRS " + " ".join(f"{x:.9f}" for x in (c + ring).ravel()) for c in centres]
    with TemporaryDirectory() as directory, replica_of(table, Path(directory)):
        there = [in_new_process(read_as_the_notebook) for _ in range(sizes.repeats)]
        here = [in_new_process(read_table) for _ in range(sizes.repeats)]
    assert {rows for rows, _, _ in there + here} == {len(table)}
    note = f"{len(table)} rows with regions of {len(table['s_region'].iloc[0]) / 1e3:.1f} kB"
    megabytes = [Amount(tuple(peak for _, peak, _ in each)) for each in (here, there)]
    seconds = [Amount(tuple(wall for _, _, wall in each)) for each in (here, there)]
    yield Row("peak memory reading MAST's table", *megabytes, unit="MB", most=700, note=note)
    yield Row("time of it", *seconds)


def read_as_the_notebook() -> tuple[int, float, float]:
    """Ask for the table as the notebook does; return rows, peak MB and seconds."""
    criteria = {"dataproduct_type": "cube", "obs_collection": "JWST", "dataRights": "PUBLIC"}
    levels = [0, 1, 2, 3, 4]
    table, wall, _ = timed(lambda: ObservationsClass().query_criteria(calib_level=levels, **criteria))
    return len(table), peak_megabytes(), wall.median


def read_table() -> tuple[int, float, float]:
    """Ask for the table as a search does; return the same."""
    archive = open_cube_archive(ArchiveQuery(mission=find_mission("jwst"), cache_days=0))
    table, wall, _ = timed(archive.observations)
    return len(table), peak_megabytes(), wall.median
