"""Speed: which footprints hold which objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import pandas as pd
from astropy import units as u
from astropy.coordinates import SkyCoord
from distributed import Client, LocalCluster

from feii_dask.engine.crossmatch import crossmatch

from . import speed_notebook
from .speed_rows import Amount, Row, in_new_process, peak_megabytes, timed
from .speed_world import Sizes, isotropic, make_observations, make_ysos

__all__ = ["measure_crossmatch", "measure_million"]

ORIGINAL_MS = (13.0, 17.0)  # a footprint in the notebook, with 60 000 to 70 000 objects, on one core
WIDTH_ARCSEC = 60.0  # of the footprints of the million


def measure_crossmatch(sizes: Sizes) -> Iterator[Row]:
    """Compare the projection of all points with ours, here and on a cluster, and with two libraries."""
    rng = np.random.default_rng(5)
    ysos = make_ysos(sizes.ysos, rng)
    table = make_observations(sizes.footprints, sizes.footprints // 5, ysos, rng)
    coordinates = ysos[["ra", "dec"]].to_numpy()
    part = table.iloc[:: max(1, len(table) // sizes.footprints_in_part)]
    share = len(table) / len(part)
    note = f"{len(table)} footprints × {len(ysos)} objects; the notebook's way on {len(part)} footprints, scaled"

    def project() -> list[bool]:
        return [speed_notebook.holds_any(row, coordinates) for _, row in part.iterrows()]

    held, _, there = timed(project, sizes.repeats)
    each = there * (1e3 / len(part))
    note_each = f"of this CPU; {each.median / np.mean(ORIGINAL_MS):.2f} × the original's 15 ms"
    yield Row("the rendering itself: one footprint", each, unit="ms", within=ORIGINAL_MS, note=note_each)
    ours, wall, here = timed(lambda: crossmatch(table, ysos), sizes.repeats)
    check(part, held, ours)
    yield Row("crossmatch in one process", here, there * share, "s CPU", least_ratio=1000, note=note)
    yield from others(table, coordinates, here, sizes)

    more = table.iloc[:: max(1, len(table) // (4 * sizes.footprints_in_part))]
    with TemporaryDirectory() as scratch:
        held_in_pool, pool, _ = timed(lambda: speed_notebook.match_all(more, coordinates, Path(scratch)))
    check(more, list(held_in_pool), ours)
    with LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None) as cluster, Client(cluster) as client:
        crossmatch(table, ysos, client)
        mapped, on_cluster, _ = timed(lambda: crossmatch(table, ysos, client), sizes.repeats)
    pd.testing.assert_frame_equal(mapped, ours)
    note = f"two workers that are up, against multiprocessing.Pool(2) on {len(more)} footprints, scaled"
    yield Row(
        "the same through map_partitions", on_cluster, pool * (len(table) / len(more)), least_ratio=200, note=note
    )
    yield Row("its time over the kernel's", Amount.of(on_cluster.median - wall.median), most=2.0)


def check(part: pd.DataFrame, held: list[bool], ours: pd.DataFrame) -> None:
    """Hold both ways to the same answer."""
    assert list(part.index.isin(ours["obs_index"])) == held, "the two ways find different footprints"


def others(table: pd.DataFrame, coordinates: np.ndarray, here: Amount, sizes: Sizes) -> Iterator[Row]:
    """Compare with what a user could pick instead."""
    _, _, tree = timed(lambda: match_with_shapely(table["s_region"], coordinates), sizes.repeats)
    note = "beside shapely's STRtree on plain ra and dec, parsing included in both; it is wrong at the poles and at 0 h"
    yield Row("crossmatch in one process", here, tree, "s CPU", least_ratio=1 / 3, note=note)
    some = table["s_region"].iloc[:: max(1, len(table) // (sizes.footprints_in_part // 2))]
    _, _, moc = timed(lambda: match_with_mocpy(some, coordinates))
    note = f"beside mocpy (depth 20) on {len(some)} footprints, scaled"
    yield Row("crossmatch in one process", here, moc * (len(table) / len(some)), "s CPU", note=note)


def match_with_shapely(regions: pd.Series, coordinates: np.ndarray) -> np.ndarray:
    """Return pairs of footprint and object, as if the sky were a plane."""
    import shapely

    corners = np.array([text.split()[2:] for text in regions], dtype=float).reshape(len(regions), -1, 2)
    points = shapely.points(coordinates)
    return shapely.STRtree(points).query(shapely.polygons(corners), predicate="contains")


def match_with_mocpy(regions: pd.Series, coordinates: np.ndarray) -> list[np.ndarray]:
    """Return for each footprint which objects its cells hold."""
    from mocpy import MOC

    lon, lat = coordinates.T * u.deg
    found = []
    for text in regions:
        ra, dec = np.array(text.split()[2:], dtype=float).reshape(-1, 2).T
        outline = MOC.from_polygon_skycoord(SkyCoord(ra, dec, unit="deg"), max_depth=20)
        found.append(np.flatnonzero(outline.contains_lonlat(lon, lat)))
    return found


def measure_million(sizes: Sizes) -> Iterator[Row]:
    """Match a million footprints with a million points, and a tenth of both."""
    count = sizes.million
    small = Amount.of(*(in_new_process(match_uniform, count // 10)[0] for _ in range(sizes.repeats)))
    seconds, peak, pairs = in_new_process(match_uniform, count)
    note = f"uniform on the sky, four vertices each; {pairs} pairs"
    yield Row(f"{count} footprints × {count} points", Amount.of(seconds), most=120.0, note=note)
    yield Row("its peak resident memory, the tables included", Amount.of(peak / 1e3), unit="GB", most=4.0)
    growth = Amount.of(seconds / small.median)
    yield Row("its time over that of a tenth of both", growth, unit="×", most=13.0, note=f"a tenth takes {small} s")


def match_uniform(count: int) -> tuple[float, float, int]:
    """Match as many footprints as points; return seconds, megabytes and pairs."""
    rng = np.random.default_rng(7)
    points, centres = isotropic(count, rng), isotropic(count, rng)
    half = WIDTH_ARCSEC / 3600 / 2
    wide = half / np.cos(np.radians(centres[:, 1]))
    corners = [(centres[:, 0] + east * wide, centres[:, 1] + north * half) for east, north in SQUARE]
    numbers = np.column_stack([column for corner in corners for column in corner])
    regions = ["POLYGON ICRS  " + " ".join(f"{number:.9f}" for number in row) for row in numbers]
    observations = pd.DataFrame({"s_ra": centres[:, 0], "s_dec": centres[:, 1], "s_region": regions})
    ysos = pd.DataFrame(points, columns=["ra", "dec"])
    start = perf_counter()
    matches = crossmatch(observations, ysos)
    return perf_counter() - start, peak_megabytes(), len(matches)


SQUARE = ((-1, -1), (1, -1), (1, 1), (-1, 1))
