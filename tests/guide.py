"""What the guide finds in the directory where it runs: a run, cubes without a table, a table of stars."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from astropy.table import Table
from distributed import Client, LocalCluster

import feii_dask as fd
from tests.skies import truth_of

__all__ = ["finished_run", "use_cluster", "write_inputs"]


@pytest.fixture(scope="session")
def finished_run(sky: Path, cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over the small sky; tests must not change it."""
    directory = tmp_path_factory.mktemp("guide") / "jets"
    with Client(cluster) as client:
        fd.search(fd.load_settings(archive=sky, lines=["notebook"], out=directory), client)
    return directory


def use_cluster(cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let searches that are given no client, in this process and those it starts, use a cluster that runs already."""
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTER", "shared")
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__SHARED__KIND", "address")
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__SHARED__ADDRESS", cluster.scheduler_address)


def write_inputs(sky: Path, run: Path) -> None:
    """Put into the working directory what the pages name, from ``jets`` to ``my_protostars.ecsv``."""
    shutil.copytree(run, "jets")
    Path("sky").symlink_to(sky)
    bright = truth_of(sky).query("kind == 'jet'")["obs_id"].unique()[:2]
    Path("my_reductions").mkdir()
    for obs_id in bright:
        (cube,) = sky.glob(f"cubes/{obs_id}*.fits")
        shutil.copy(cube, "my_reductions")
    names = truth_of(sky).query("obs_id in @bright")["main_id"].unique()
    stars = Table.read(sky / "ysos.ecsv")
    stars[[name in names for name in stars["main_id"]]]["main_id", "ra", "dec"].write("my_protostars.ecsv")
