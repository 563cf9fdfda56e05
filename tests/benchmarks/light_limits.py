"""Limits and sensitivities: how many jets are found of the flux that a cube promises, and pulls where no line is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import cos, radians, sin

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from feii_dask.detectors.flux_sigma import (
    JET_BEAMS,
    LIMIT_WIDTH_KMS,
    aperture_spectrum,
    flux_sigmas,
    line_fluxes,
)
from feii_dask.detectors.line_window import LineWindow
from feii_dask.detectors.matched.matched_filter import MatchedFilter
from feii_dask.detectors.matched.resolution import Resolution, resolution_at
from feii_dask.model import SPEED_OF_LIGHT_KMS, Detection
from feii_dask.simulate.drizzled import DrizzledCube, JetLobe, Light, Point, Shape, TrueLine
from feii_dask.simulate.drizzled.combination import Combination
from feii_dask.simulate.drizzled.detector_faults import good_pixels
from feii_dask.simulate.drizzled.drizzle import drizzle_of
from feii_dask.simulate.drizzled.line_light import add_line
from feii_dask.simulate.drizzled.optics import Optics

from .light_figures import NO_GOAL, Counts, Goal, Row, clipped_rms_row, share_row, statistic_row
from .light_scenes import SIX, Run, Sky, emission, rng_of, sky_of
from .light_search import compare, detect, search, truth_of

__all__ = ["measure_limits"]

SECTION = 11
JETS = 3  # of either extent, each in a copy of the cube, that are looked for at its sensitivity and at half of it
BEAM, JET = EXTENTS = ("one beam", "3 x 1 beams")
AT_SENSITIVITY, HALF = (0.95, 1.05), 0.5  # flux of jets over the sensitivity
FOUND, RARELY, UNIT = Goal(least=0.92, most=0.98), Goal(most=0.8), Goal(least=0.9, most=1.1)
PLACES = 6  # without a line, at which fluxes are measured
PULL_KMS = (-250.0, 0.0, 250.0)  # within 400 km/s of the line no plane takes part in the error
NARROW = 0.05  # beams, across: the telescope makes one of it
