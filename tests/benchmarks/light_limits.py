"""Errors of fluxes at places without a line, held against the fluxes that are measured there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from scipy.ndimage import binary_erosion

from feii_dask.detectors.flux_sigma import POSITION_ANGLES_DEG, aperture_spectrum, flux_sigmas, line_fluxes
from feii_dask.detectors.flux_units import JET_BEAMS, watt_per_unit
from feii_dask.detectors.line_window import LineWindow
from feii_dask.detectors.matched.matched_filter import MatchedFilter
from feii_dask.detectors.matched.resolution import resolution_at

from .light_figures import Goal, Row, clipped_rms_row, found_row
from .light_scenes import SIX, Run, rng_of, sky_of

__all__ = ["measure_limits"]

SECTION = 11
EXTENTS = ("beam", "3x1 beams")
UNIT = Goal(least=0.9, most=1.1)
PLACES = 6  # in each cube
PULL_KMS = (-250.0, 0.0, 250.0)  # within 400 km/s of the line no plane takes part in the error

Pulls = list[tuple[float, float]]


def measure_limits(run: Run) -> Iterator[Row]:
    """Measure fluxes over their errors where no line is, in each scene and either extent."""
    for scene in SIX:
        pulls = [pull for cube in run.map(partial(pulls_in, scene)) for pull in cube]
        for extent, values in zip(EXTENTS, zip(*pulls, strict=True), strict=True):
            where = f"{scene}, {extent}"
            yield clipped_rms_row("rms of flux pulls within 5, where no line is", where, values, UNIT)
            yield found_row("flux pulls beyond 5", where, [abs(pull) > 5 for pull in values if np.isfinite(pull)])


def pulls_in(scene: str, seed: int, number: int) -> Pulls:
    """Return fluxes over their errors, in one beam and in three by one, at some places and velocities of one cube."""
    rng = rng_of(seed, SECTION, number, SIX.index(scene))
    sky = sky_of(scene, rng)
    cube = sky.cube()
    start, stop = MatchedFilter().plane_range(cube.wavelength_um, sky.line) or (0, 0)
    planes, wavelength_um = cube.sci[start:stop], cube.wavelength_um[start:stop]
    window = LineWindow(planes, wavelength_um, sky.line, pixel_arcsec=cube.pixel_arcsec, start=start)
    resolution = resolution_at(wavelength_um, window.nearest_plane, cube.pixel_arcsec)
    unit, beam = watt_per_unit(window, resolution.step_um), resolution.psf_px
    inner = np.argwhere(binary_erosion(np.isfinite(planes).mean(axis=0) > 0.5, np.ones((3, 3))))
    places = [(float(y), float(x)) for y, x in rng.choice(inner, PLACES)]
    at = [int(abs(window.velocity_kms - velocity_kms).argmin()) for velocity_kms in PULL_KMS]
    pulls: Pulls = []
    for place, sigmas in zip(places, flux_sigmas(window, places), strict=True):
        shapes = (0.0, beam, 0.0), (JET_BEAMS * beam, beam, float(rng.choice(POSITION_ANGLES_DEG)))
        fluxes = [line_fluxes(aperture_spectrum(planes, place, shape), resolution)[at] * unit for shape in shapes]
        pulls += [(float(one / sigmas[0]), float(other / sigmas[1])) for one, other in zip(*fluxes, strict=True)]
    return pulls
