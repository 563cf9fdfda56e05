"""Limits: errors of fluxes where no line is, and how often lines as bright as the sensitivity are found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.random import Generator
from scipy.ndimage import binary_erosion

from feii_dask.detectors.flux_sigma import POSITION_ANGLES_DEG, aperture_spectrum, flux_sigmas, line_fluxes
from feii_dask.detectors.flux_units import JET_BEAMS, LIMIT_WIDTH_KMS, watt_per_unit
from feii_dask.detectors.line_window import LineWindow
from feii_dask.detectors.matched.matched_filter import MatchedFilter
from feii_dask.detectors.matched.resolution import resolution_at
from feii_dask.simulate.drizzled import DrizzledCube, JetLobe, Light, Point, Shape

from .light_figures import Goal, Row, clipped_rms_row, found_row
from .light_scenes import FASTEST_KMS, SIX, Run, Sky, emission, rng_of, sky_of
from .light_search import compare, detect, search, truth_of

__all__ = ["measure_limits"]

SECTION = 11
EXTENTS = ("beam", "3x1 beams")
UNIT = Goal(least=0.9, most=1.1)
PLACES = 6  # in each cube
PULL_KMS = (-250.0, 0.0, 250.0)  # within 400 km/s of the line no plane takes part in the error

LINES = 3  # of either extent, that are put into a cube one by one
SNR = 10.0  # with which they are simulated, before they get their flux
FAINTER = 0.5
NARROW = 0.1  # width of what is elongated before the telescope, spaxels
CALIBRATED = Goal(least=0.92, most=0.98)

Pulls = list[tuple[float, float]]
Injected = list[tuple[str, bool, bool]]  # extent, and whether it is found, and at half of the flux


def measure_limits(run: Run) -> Iterator[Row]:
    """Measure fluxes over their errors where no line is, and injected lines, in each scene and either extent."""
    for scene in SIX:
        yield from sensitivity_rows(run, scene)
        pulls = [pull for cube in run.map(partial(pulls_in, scene)) for pull in cube]
        for extent, values in zip(EXTENTS, zip(*pulls, strict=True), strict=True):
            where = f"{scene}, {extent}"
            yield clipped_rms_row("rms of flux pulls within 5, where no line is", where, values, UNIT)
            yield found_row("flux pulls beyond 5", where, [abs(pull) > 5 for pull in values if np.isfinite(pull)])


def sensitivity_rows(run: Run, scene: str) -> Iterator[Row]:
    """Count what is found of lines with the flux at which 95 % should be, and with half of it."""
    injected = [line for cube in run.map(partial(injected_into, scene)) for line in cube]
    for extent in EXTENTS:
        where = f"{scene}, {extent}"
        lines = [line for line in injected if line[0] == extent]
        yield found_row("found with the flux of flux_sensitivity_95", where, [line[1] for line in lines], CALIBRATED)
        yield found_row("found with half of it", where, [line[2] for line in lines], Goal(most=0.8))


def injected_into(scene: str, seed: int, number: int) -> Injected:
    """Put lines of 0.95 to 1.05 times the sensitivity into a cube, at random places, velocities and angles."""
    rng = rng_of(seed, SECTION, number, SIX.index(scene), LINES)
    sky = sky_of(scene, rng)
    cube = sky.cube()
    plain = detect(cube, sky.line)
    injected: Injected = []
    for _ in range(LINES):
        for extent, flux in zip(EXTENTS, (plain.flux_sensitivity_beam, plain.flux_sensitivity_jet), strict=True):
            lit = cube_with_line(sky, cube, extent, rng)
            truth = truth_of(lit.truth[-1:])
            ratio = flux * rng.uniform(0.95, 1.05) / truth.flux_map.sum()
            light = lit.sci - cube.sci
            found = [
                compare(search(replace(lit, sci=cube.sci + np.float32(part * ratio) * light), sky.line), truth).line
                for part in (1, FAINTER)
            ]
            injected.append((extent, found[0], found[1]))
    return injected


def cube_with_line(sky: Sky, cube: DrizzledCube, extent: str, rng: Generator) -> DrizzledCube:
    """Simulate a cube again with one more line, whose middle is not at the border of the data."""
    has_data = np.isfinite(cube.sci).mean(axis=0) > 0.5
    inner = np.argwhere(binary_erosion(has_data, np.ones((3, 3))))
    height, width = has_data.shape
    y, x = rng.choice(inner) + rng.uniform(-0.5, 0.5, 2)
    offset_arcsec = (y - (height - 1) / 2) * sky.pixel_arcsec, (x - (width - 1) / 2) * sky.pixel_arcsec
    shape: Shape = Point(offset_arcsec=offset_arcsec)
    if extent != EXTENTS[0]:
        beam_arcsec = resolution_at(cube.wavelength_um, len(cube.wavelength_um) // 2, sky.pixel_arcsec).psf_px
        length_arcsec = JET_BEAMS * beam_arcsec * sky.pixel_arcsec
        shape = JetLobe(
            offset_arcsec=offset_arcsec,
            position_angle_deg=float(rng.uniform(0, 360)),
            start_arcsec=-length_arcsec / 2,
            length_arcsec=length_arcsec,
            width_arcsec=NARROW * sky.pixel_arcsec,
        )
    line = emission(sky.line, SNR, float(rng.uniform(-FASTEST_KMS, FASTEST_KMS)), LIMIT_WIDTH_KMS)
    return sky.cube(Light(shape, lines=(line,)))


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
