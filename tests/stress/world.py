"""A world of many tiny cubes behind the archives' own protocols, for runs that are to be disturbed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import dask.config
import numpy as np
import pandas as pd
from distributed import Client, LocalCluster

import feii_dask as fd
from feii_dask.store.outcome_table import SCHEMA, SCIENCE_COLUMNS
from feii_dask.store.outcome_writer import read_parts
from feii_dask.store.run_store import RunStore
from tests.clusters import start_cluster
from tests.gateway import GatewayServer
from tests.gateway.server import ROOT
from tests.replica import Replica
from tests.skies import write_hollow_cube, write_uniform_cube
from tests.stress.processes import processes

__all__ = ["DETECTOR", "LINE", "World", "difference", "make_cubes"]

DETECTOR, LINE = "tests.engine.detectors:UnhurriedLastMean", "Fe II 5.340"
MEMORY_GB = 0.6
SLOW_START_S = 20
SLEEPER = """
import pathlib, time
if pathlib.Path({path!r}).exists():
    time.sleep({seconds})
"""
THREADS, MANY_THREADS = 2, 32
SHAPE = (120, 20, 20)  # 192 kB: a cube takes two ranges of bytes
LARGE = {4: (900, 92, 92), 1: (1500, 1000, 1000)}  # how many of 30 MB, and of 6 GB


def make_cubes(directory: Path, number: int, seed: int) -> list[str]:
    """Write small cubes around one star, and the archives' tables of them; return their names in the table's order.

    A few are large, and hollow; they come before the last ones.
    """
    rng = np.random.default_rng(seed)
    names = [f"jw01290-o{index:04d}_t001_miri_ch1-short" for index in range(number)]
    (directory / "cubes").mkdir(parents=True)
    for name in names:
        write_uniform_cube(directory / "cubes" / f"{name}_s3d.fits", rng.uniform(1, 2), SHAPE)
    large = [shape for times, shape in LARGE.items() for _ in range(times)]
    for name, shape in zip(names[-10:], large, strict=False):
        write_hollow_cube(directory / "cubes" / f"{name}_s3d.fits", rng.uniform(1, 2), shape)
    pd.DataFrame(
        {"main_id": ["V* T Tau"], "ra": [65.4976], "dec": [19.5351], "otype": ["Y*O"], "rvz_radvel": [19.2]}
    ).to_parquet(directory / "ysos.parquet")
    pd.DataFrame(
        {
            "obs_id": names,
            "obsid": [str(91_000_000 + index) for index in range(number)],
            "instrument_name": "MIRI/IFU",
            "filters": "CH1-SHORT",
            "proposal_id": "1290",
            "s_ra": 65.4976,
            "s_dec": 19.5351,
            "s_region": "CIRCLE ICRS 65.4976 19.5351 0.001",
            "em_min": 4900.0,
            "em_max": 5740.0,
            "obs_collection": "JWST",
            "dataRights": "PUBLIC",
            "dataproduct_type": "cube",
            "calib_level": 3,
            "dataURL": [f"mast:JWST/product/{name}_s3d.fits" for name in names],
        }
    ).to_parquet(directory / "observations.parquet")
    return names


@dataclass
class World:
    """The archives, a gateway, and where runs are kept.

    Attributes
    ----------
    directory : Path
        Holds ``sky``, the runs, and one gateway after the other.
    cubes : list of str
        Names of the cubes, in the order in which they are scanned.
    replica : Replica
        Serves them.
    gateway : GatewayServer
        The gateway of the moment; a killed one is replaced.
    scheduler_pid : int
        Of the last cluster that is reached by its address.
    """

    directory: Path
    cubes: list[str]
    replica: Replica
    gateway: GatewayServer
    scheduler_pid: int = 0

    @classmethod
    @contextmanager
    def create(cls, directory: Path, number: int, seed: int) -> Iterator[World]:
        """Make the world, and lead this process to it."""
        cubes = make_cubes(directory / "sky", number, seed)
        with ExitStack() as stack:
            replica = stack.enter_context(Replica(directory / "sky", directory))
            before = dict(os.environ)
            stack.callback(lambda: (os.environ.clear(), os.environ.update(before)))
            world = cls(directory, cubes, replica, gateway=None)  # type: ignore[arg-type]
            os.environ |= world.environment()
            for kind in ("CACHE", "CONFIG"):
                (directory / kind / "astropy").mkdir(parents=True)
            world.start_gateway()
            stack.callback(lambda: world.gateway.__exit__(None, None, None))
            yield world

    def environment(self) -> dict[str, str]:
        """Return the variables that lead a process to this world."""
        homes = {f"XDG_{kind}_HOME": str(self.directory / kind) for kind in ("CACHE", "CONFIG")}
        return self.replica.environment() | homes

    def start_gateway(self) -> None:
        """Start a gateway, in a directory of its own."""
        place = self.directory / f"gateway-{len(list(self.directory.glob('gateway-*')))}"
        place.mkdir()
        self.gateway = GatewayServer(place).__enter__()

    @property
    def slow_start(self) -> Path:
        """A file: while it is there, the workers of a local cluster take `SLOW_START_S` to start."""
        return self.directory / "slow-start"

    def cube_path(self, name: str) -> Path:
        return self.directory / "sky" / "cubes" / f"{name}_s3d.fits"

    def settings(self, kind: str, out: str, **options: object) -> fd.Settings:
        """Return the settings of a run on a cluster of two workers with two threads each."""
        path = self.directory / f"{kind}.yaml"
        environment = {"PYTHONPATH": str(ROOT)} | self.replica.environment()
        size = {"worker_cores": THREADS, "worker_memory": MEMORY_GB}
        self.gateway.write_settings(path, workers=2, options=size, environment=environment)
        run = self.directory / out
        shape = {"resume": str(run)} if run.exists() else {"out": str(run), "lines": [LINE]}
        cluster = "gateway" if kind == "gateway" else "local"  # of which any client is used
        return fd.load_settings(path, cluster=cluster, detector=DETECTOR, **shape, **options)

    @contextmanager
    def client(self, kind: str) -> Iterator[Client]:
        """Yield a client of a new cluster: of a ``gateway``, by its ``address``, a ``local`` one, or a ``wide`` one."""
        if kind == "gateway":
            with fd.connect(self.settings(kind, "unused")) as client:
                client.wait_for_workers(2, timeout=300)
                yield client
            return
        if kind == "address":
            place = self.directory / f"processes-{len(list(self.directory.glob('processes-*')))}"
            place.mkdir()
            with processes(place, workers=2, threads=THREADS, memory=f"{MEMORY_GB}GB") as (client, pids):
                self.scheduler_pid = pids["scheduler"]
                yield client
            return
        with self.local_cluster(MANY_THREADS if kind == "wide" else THREADS) as cluster, Client(cluster) as client:
            yield client

    @contextmanager
    def local_cluster(self, threads: int) -> Iterator[LocalCluster]:
        """Start a cluster whose workers are slow to start as long as there is the file `slow_start`."""
        script = self.directory / "preload.py"
        script.write_text(SLEEPER.format(path=str(self.slow_start), seconds=SLOW_START_S))
        preload = [*dask.config.get("distributed.worker.preload"), str(script)]
        with (
            dask.config.set({"distributed.worker.preload": preload}),
            start_cluster(threads=threads, memory_limit=f"{MEMORY_GB * threads / THREADS}GB") as cluster,
        ):
            yield cluster

    def scheduler_pids(self, kind: str) -> list[int]:
        """Return the processes that the scheduler of the last cluster of a kind is in."""
        return self.gateway.processes("dask_scheduler") if kind == "gateway" else [self.scheduler_pid]


def difference(run: Path, reference: pd.DataFrame, but: set[str]) -> dict[str, int]:
    """Count what a run lost, doubled or measured differently; `but` names the cubes that a fault belongs to."""
    outcomes = RunStore(run).outcomes()
    stored = read_parts(run / "outcomes")
    rows, expected = (science(table, but) for table in (outcomes, reference))
    unequal = rows.merge(expected, how="outer", indicator=True)["_merge"] != "both"
    doubled = stored.duplicated(["obs_id", "line", "attempt"]).sum() + outcomes.duplicated(["obs_id", "line"]).sum()
    return {
        "lost": len(set(reference["obs_id"]) - set(outcomes["obs_id"])),
        "doubled": int(doubled),
        "different": 0 if rows.equals(expected) else max(1, int(unequal.sum())),
    }


def science(outcomes: pd.DataFrame, but: set[str]) -> pd.DataFrame:
    """Return the science columns of all other cubes; lists as text, which can be compared and merged."""
    rows = outcomes.loc[~outcomes["obs_id"].isin(but), list(SCIENCE_COLUMNS)].reset_index(drop=True)
    lists = [name for name in rows if SCHEMA.field(name).type.num_fields]
    return rows.assign(**{name: rows[name].map(shown) for name in lists})


def shown(cell: np.ndarray | None) -> str:
    """Return a list as text, with all digits; it may be missing."""
    return repr(None if cell is None else cell.tolist())
