"""Simulated cubes and archives, with the lines, jets and faults that were put into them."""

from feii_dask.simulate.archive import make_archive
from feii_dask.simulate.bands import BANDS, Band
from feii_dask.simulate.jets import InjectedLine, Jet
from feii_dask.simulate.s3d import write_cube
from feii_dask.simulate.scene import SimulatedCube, make_cube

__all__ = [
    "BANDS",
    "Band",
    "InjectedLine",
    "Jet",
    "SimulatedCube",
    "make_archive",
    "make_cube",
    "write_cube",
]
