"""Speed: what it costs that the processes of a cluster on one machine encrypt what they say to each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from distributed import Client

import feii_dask as fd
from feii_dask.config.cluster_settings import ClusterSettings
from feii_dask.cubes.lines import NOTEBOOK_LINES
from feii_dask.model import Context, MatchedCube
from feii_dask.simulate import make_archive

from .speed_rows import Amount, Row
from .speed_start import run_ours
from .speed_world import Sizes

__all__ = ["measure_security"]

WORKERS = 2
NOTE = "beside the same without security, in turn"
Spent = tuple[float, float]


def measure_security(sizes: Sizes) -> Iterator[Row]:
    """Compare the start of a cluster, scans that have nothing to do, and a search, with and without ``security``.

    Processor time is that of all processes together, which depends less on what else the machine does.
    """
    tasks = sizes.tasks // 20
    works = (f"{WORKERS} workers start", f"{tasks} trivial scans", "a search of the demo's sky")
    spent: dict[bool, list[list[Spent]]] = {False: [], True: []}
    with TemporaryDirectory() as name:
        make_archive(Path(name) / "sky", seed=1)
        use_cluster(False, Path(name), tasks, "warm")
        for turn in range(2 * sizes.repeats):
            for security in (False, True)[:: -1 if turn % 2 else 1]:
                spent[security].append(use_cluster(security, Path(name), tasks, f"{turn}-{security}"))
    for kind, unit in enumerate(("s", "s of a processor")):
        for number, work in enumerate(works):
            bare, ours = (Amount(tuple(one[number][kind] for one in spent[security])) for security in (False, True))
            yield Row(f"{work}, encrypted", ours, bare, unit=unit, note=NOTE)


def use_cluster(security: bool, directory: Path, tasks: int, out: str) -> list[Spent]:
    """Start a cluster, let it do nothing and then search, and return the time and processor time that each took, s."""
    cluster = ClusterSettings(kind="local", workers=WORKERS, dashboard="127.0.0.1:0", security=security)
    settings = fd.load_settings(archive=directory / "sky", out=str(directory / out))
    settings = replace(settings, clusters={settings.cluster: cluster})
    matched = [MatchedCube(obs_id=f"obs-{n}", uri=None, em_min_um=4.9, em_max_um=5.74) for n in range(tasks)]
    moments = [(perf_counter(), process_time())]
    with fd.connect(settings) as client:
        client.wait_for_workers(WORKERS)
        moments.append(moment(client))
        run_ours(client, matched, Context(lines=NOTEBOOK_LINES))
        moments.append(moment(client))
        fd.search(settings, client)
        moments.append(moment(client))
    return [(later[0] - earlier[0], later[1] - earlier[1]) for earlier, later in pairwise(moments)]


def moment(client: Client) -> Spent:
    """Return the time, and the processor time of this process and the workers so far, s."""
    return perf_counter(), process_time() + sum(client.run(process_time).values())
