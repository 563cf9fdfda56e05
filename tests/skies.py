"""Small simulated skies that the tests of the whole search share."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.io import fits
from astropy.table import Table

from feii_dask.simulate import make_archive

UNIFORM = fits.Header({"CTYPE3": "WAVE", "CUNIT3": "um", "CRVAL3": 5.3, "CDELT3": 0.0008, "CRPIX3": 1.0})
BLOCK = 2880  # of a FITS file
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


def write_uniform_cube(path: Path, value: float, shape: tuple[int, int, int] = (60, 3, 3)) -> Path:
    """Write a cube all of whose spaxels have one value, in place of another if there is one."""
    sci = fits.ImageHDU(np.full(shape, value, dtype=np.float32), UNIFORM, name="SCI")
    fits.HDUList([fits.PrimaryHDU(), sci]).writeto(path, overwrite=True)
    return path


def write_hollow_cube(path: Path, value: float, shape: tuple[int, int, int]) -> Path:
    """Write a cube whose last plane has one value, and all others 0, which take no room on a disk."""
    sci = fits.ImageHDU(np.full((1, *shape[1:]), value, dtype=np.float32), UNIFORM, name="SCI")
    sci.header["NAXIS3"] = shape[0]
    headers = (fits.PrimaryHDU().header.tostring() + sci.header.tostring()).encode()
    stop = len(headers) + 4 * shape[0] * shape[1] * shape[2]
    with path.open("wb") as file:
        file.write(headers)
        file.seek(stop - sci.data.nbytes)
        file.write(sci.data.astype(">f4").tobytes())
        file.truncate(len(headers) + -(-(stop - len(headers)) // BLOCK) * BLOCK)
    return path


def truth_of(sky: Path) -> pd.DataFrame:
    """Return what was planted."""
    return Table.read(sky / "truth.ecsv").to_pandas()
