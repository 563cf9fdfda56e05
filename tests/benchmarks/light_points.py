"""What is not a jet: point lines, and a star's line that a cavity reflects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from math import nan

import numpy as np

from feii_dask.simulate.drizzled import Cavity, Light, Point, SpectralLine

from .light_figures import NO_GOAL, Goal, Row, found_row
from .light_scenes import FASTEST_KMS, Run, Sky, emission, one_sided, rng_of, scene_of, sky_of
from .light_search import Found, compare, search, truth_of

__all__ = ["measure_embedded", "measure_points"]

POINTS, EMBEDDED = 6, 7
SNR_EDGES = (10.0, 30.0, 100.0, 300.0, 1000.0)
PLACES = ON_STAR, BESIDE, ON_BOTH = "on the star", "beside it", "on two stars"
# Instruments other than the one that a detector expects: width of PSF and LSF, and elongation of the PSF.
INSTRUMENTS: dict[str, dict[str, float]] = {
    "PSF 10 % wider": {"psf_scale": 1.1},
    "PSF 10 % narrower": {"psf_scale": 0.9},
    "PSF elongated by 15 %": {"psf_elongation": 1.15},
    "LSF 10 % wider": {"lsf_scale": 1.1},
}
RARELY = Goal(most=0.02)
JET_SNR = 10.0


@dataclass(frozen=True)
class Said:
    """What was said of a point line."""

    line: bool
    extended: bool
    is_scattered: bool = False
    snr: float = nan


def measure_points(run: Run) -> Iterator[Row]:
    """Count point lines that are called extended: on the star, then beside it and with other instruments."""
    said = run.map(partial(point_line, ON_STAR, {}))
    yield from point_rows("six scenes, on the star", said, RARELY)
    for low, high in pairwise(SNR_EDGES):
        some = [one for one in said if low <= one.snr < high]
        yield from point_rows(f"six scenes, on the star, S/N {low:g} to {high:g}", some)
    part = max(1, run.cubes // 3)
    yield from point_rows("six scenes, beside the star", run.map(partial(point_line, BESIDE, {}), part), RARELY)
    yield from point_rows("two stars, on both", run.map(partial(point_line, ON_BOTH, {}), part), RARELY)
    for name, instrument in INSTRUMENTS.items():
        said = run.map(partial(point_line, ON_STAR, instrument), part)
        yield from point_rows(f"six scenes, on the star, {name}", said, RARELY)


def point_rows(scene: str, said: list[Said], goal: Goal = NO_GOAL) -> Iterator[Row]:
    """Yield how often a point line was called extended, and how often it was seen at all."""
    yield found_row("point lines called extended", scene, [one.extended for one in said], goal)
    yield found_row("point lines found, of any kind", scene, [one.line for one in said])


def point_line(place: str, instrument: dict[str, float], seed: int, number: int) -> Said:
    """Search a point line in one cube."""
    rng = rng_of(seed, POINTS, number, PLACES.index(place), *(round(100 * value) for value in instrument.values()))
    sky = sky_of("two stars" if place == ON_BOTH else scene_of(number), rng)
    snr = float(np.exp(rng.uniform(np.log(SNR_EDGES[0]), np.log(SNR_EDGES[-1]))))
    line = emission(sky.line, snr, float(rng.uniform(-FASTEST_KMS, FASTEST_KMS)), float(rng.uniform(30, 200)))
    if place == BESIDE:
        angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(5, 10) * sky.pixel_arcsec
        offset_arcsec = (float(distance * np.sin(angle)), float(distance * np.cos(angle)))
        cube = sky.cube(Light(Point(offset_arcsec=offset_arcsec), lines=(line,)), **instrument)
    elif place == ON_BOTH:
        cube = with_reflections(sky, line, sky.lights[0].continuum).cube(**instrument)
    else:
        cube = sky.with_lines(0, [line]).cube(**instrument)
    answer = search(cube, sky.line)
    return Said(answer.is_line, answer.is_extended, snr=snr)


def measure_embedded(run: Run) -> Iterator[Row]:
    """Count jets found along a cavity, and lines of a star that a cavity reflects and that are taken for a jet."""
    found = run.map(jet_in_cavity)
    scene = "embedded"
    jets = [one.extended for one in found]
    yield found_row(f"jets of S/N {JET_SNR:g} along the cavity: extended", scene, jets, Goal(least=0.9))
    yield found_row("the same: a line of any kind", scene, [one.line for one in found])
    said = run.map(reflected_line)
    wrong = [one.extended and not one.is_scattered for one in said]
    yield found_row("reflected lines: extended without the flag scattered", scene, wrong, Goal(most=0.05))
    yield found_row("the same: found, of any kind", scene, [one.line for one in said])


def jet_in_cavity(seed: int, number: int) -> Found:
    """Search a jet along the axis of a cavity."""
    rng = rng_of(seed, EMBEDDED, number, 0)
    sky = sky_of("embedded", rng)
    shape = next(light.shape for light in sky.lights if isinstance(light.shape, Cavity))
    cube = sky.cube(one_sided(sky, rng, JET_SNR, position_angle_deg=shape.position_angle_deg))
    return compare(search(cube, sky.line), truth_of(cube.truth[-1:]))


def reflected_line(seed: int, number: int) -> Said:
    """Search a line of the star that all light of the scene carries in one ratio to its continuum."""
    rng = rng_of(seed, EMBEDDED, number, 1)
    sky = sky_of("embedded", rng)
    velocity_kms, fwhm_kms = float(rng.uniform(-100, 100)), float(rng.uniform(50, 200))
    snr = float(np.exp(rng.uniform(np.log(10), np.log(100))))  # of the cavity's brightest voxel
    brightest = next(light.continuum for light in sky.lights if isinstance(light.shape, Cavity))
    sky = with_reflections(sky, emission(sky.line, snr, velocity_kms, fwhm_kms), brightest)
    answer = search(sky.cube(), sky.line)
    return Said(answer.is_line, answer.is_extended, answer.is_scattered)


def with_reflections(sky: Sky, line: SpectralLine, continuum: float) -> Sky:
    """Return a scene with one line on all stars and cavities; its S/N is that where the continuum is so bright."""
    for number, light in enumerate(sky.lights):
        if isinstance(light.shape, (Point, Cavity)) and light.continuum:
            strength = line.snr * light.continuum / continuum
            sky = sky.with_lines(number, [replace(line, snr=strength)])
    return sky
