"""Cubes drizzled from simulated detector pixels: undersampled stars, correlated noise, and faults where they arise."""

from feii_dask.simulate.drizzled.detector_faults import ALL_FAULTS, CLEAN, Faults
from feii_dask.simulate.drizzled.drizzled_cube import DrizzledCube, make_drizzled_cube
from feii_dask.simulate.drizzled.lights import Light, SpectralLine, reflected, two_sided_jet
from feii_dask.simulate.drizzled.line_light import TrueLine
from feii_dask.simulate.drizzled.shapes_on_sky import Cavity, Field, JetLobe, Nebula, Point, Shape
from feii_dask.simulate.drizzled.sky_scenes import SCENES, scene, unlisted_lines

__all__ = [
    "ALL_FAULTS",
    "CLEAN",
    "SCENES",
    "Cavity",
    "DrizzledCube",
    "Faults",
    "Field",
    "Light",
    "JetLobe",
    "Nebula",
    "Point",
    "Shape",
    "SpectralLine",
    "TrueLine",
    "make_drizzled_cube",
    "reflected",
    "scene",
    "two_sided_jet",
    "unlisted_lines",
]
