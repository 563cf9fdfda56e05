"""Cubes without faults of both simulators, with a jet or without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from feii_dask.model import SPEED_OF_LIGHT_KMS, Line
from feii_dask.simulate import Jet, SimulatedCube
from feii_dask.simulate.drizzled import CLEAN
from feii_dask.simulate.sources import mrs_psf_fwhm_arcsec

from .detection_scenes import line_of, simulate
from .light_peers import ResolvedCube
from .light_scenes import one_sided, scene_of, sky_of
from .light_search import Truth, truth_of

__all__ = ["KINDS", "DrawnCube", "draw_cube"]

KINDS = DRIZZLED, NOT_DRIZZLED = "six clean scenes", "not drizzled, clean"
FORMER: dict[str, Any] = {"star": 50.0, "showers": 0, "spikes": 0, "fringes": 0.0}
NO_TRUTH = Truth((), np.zeros((0, 0)), np.zeros((0, 0), dtype=bool))


@dataclass(frozen=True, eq=False)
class DrawnCube:
    """A cube, the line that is looked for, and the truth about its jet."""

    cube: ResolvedCube
    line: Line
    truth: Truth = NO_TRUTH


@dataclass(frozen=True, eq=False)
class FormerCube:
    """A cube that is not drizzled, with what its instrument resolves."""

    sci: NDArray[np.float32]
    wavelength_um: NDArray[np.float64]
    pixel_arcsec: float
    psf_fwhm_arcsec: float
    lsf_fwhm_kms: float


def draw_cube(kind: str, rng: Generator, number: int, velocity_kms: float = 0.0, snr: float = 0.0) -> DrawnCube:
    """Draw a cube of one of `KINDS`, with a jet if it has a S/N."""
    if kind == NOT_DRIZZLED:
        return draw_former(rng, velocity_kms, snr)
    sky = sky_of(scene_of(number), rng, CLEAN)
    if not snr:
        return DrawnCube(sky.cube(), sky.line)
    cube = sky.cube(one_sided(sky, rng, snr, velocity_kms))
    return DrawnCube(cube, sky.line, truth_of(cube.truth[-1:]))


def draw_former(rng: Generator, velocity_kms: float, snr: float) -> DrawnCube:
    """Draw a cube of the simulator that does not know detector pixels."""
    jet = Jet(
        line=line_of("ch1-short"),
        snr=snr,
        velocity_kms=velocity_kms,
        fwhm_kms=float(rng.uniform(50, 200)),
        position_angle_deg=float(rng.uniform(0, 360)),
    )
    cube: SimulatedCube = simulate("ch1-short", seed=rng, jets=(jet,) if snr else (), **FORMER)
    resolved = FormerCube(
        sci=cube.sci,
        wavelength_um=cube.wavelength_um,
        pixel_arcsec=cube.pixel_arcsec,
        psf_fwhm_arcsec=float(mrs_psf_fwhm_arcsec(jet.line.wavelength_um)),
        lsf_fwhm_kms=SPEED_OF_LIGHT_KMS / cube.band.resolving_power,
    )
    if not snr:
        return DrawnCube(resolved, jet.line)
    (true,) = cube.truth
    return DrawnCube(resolved, jet.line, Truth((velocity_kms,), true.flux_map, true.mask))
