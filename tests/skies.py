"""Small simulated skies that the tests of the whole search share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
from astropy.table import Table

from feii_dask.simulate import make_archive

SHAPE = (15, 15)  # spaxels: the smallest field in which a jet is one


def make_sky(directory: Path, *, n_observed: int = 4) -> Path:
    """Write a sky of a dozen cubes and all planted faults."""
    return make_archive(directory, seed=5, n_ysos=24, n_observed=n_observed, shape=SHAPE)


def name_tmc1a(sky: Path, directory: Path) -> Path:
    """Copy a sky whose first star with a jet is called TMC1A, and in which all stars are young stellar objects."""
    shutil.copytree(sky, directory)
    ysos = Table.read(directory / "ysos.ecsv")
    ysos["otype"] = ["Y*O"] * len(ysos)
    names = list(ysos["main_id"])
    names[names.index(truth_of(sky).query("kind == 'jet'")["main_id"].iloc[0])] = "TMC1A"
    ysos["main_id"] = names
    ysos.write(directory / "ysos.ecsv", overwrite=True)
    return directory


def truth_of(sky: Path) -> pd.DataFrame:
    """Return what was planted."""
    return Table.read(sky / "truth.ecsv").to_pandas()
