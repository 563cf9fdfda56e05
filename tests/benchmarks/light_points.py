"""What is not a jet: point lines, and a star's line that a cavity reflects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from feii_dask.simulate.drizzled import Cavity, Light, Point, SpectralLine

from .light_figures import Goal, Row, found_row
from .light_scenes import FASTEST_KMS, Run, Sky, emission, one_sided, rng_of, scene_of, sky_of
from .light_search import Found, compare, search, truth_of

__all__ = ["measure_embedded", "measure_points"]

POINTS, EMBEDDED = 6, 7
SNRS = (10.0, 30.0, 100.0, 300.0, 1000.0)
# Instruments other than the one that a detector expects: width of PSF and LSF, and elongation of the PSF.
INSTRUMENTS = {
    "as expected": {},
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


def measure_points(run: Run) -> Iterator[Row]:
    """Count point lines that are called extended: on the star, of every strength, then with other instruments."""
    everything: list[Said] = []
    for snr in SNRS:
        said = run.map(partial(point_line, snr, "as expected", True))
        everything += said
        yield from point_rows(f"six scenes, on the star, S/N {snr:g}", said)
    yield from point_rows("six scenes, on the star, S/N 10 to 1000", everything, RARELY)
    said = [one for snr in SNRS for one in run.map(partial(point_line, snr, "as expected", False), run.cubes // 4)]
    yield from point_rows("six scenes, beside the star, S/N 10 to 1000", said, RARELY)
    said = [one for snr in SNRS for one in run.map(partial(binary_line, snr), run.cubes // 4)]
    yield from point_rows("two stars, on both, S/N 10 to 1000", said, RARELY)
    for name in list(INSTRUMENTS)[1:]:
        said = [one for snr in SNRS for one in run.map(partial(point_line, snr, name, True), run.cubes // 4)]
        yield from point_rows(f"six scenes, {name}", said, RARELY)


def point_rows(scene: str, said: list[Said], goal: Goal | None = None) -> Iterator[Row]:
    """Yield how often a point line was called extended, and how often it was seen at all."""
    yield found_row("point lines called extended", scene, [one.extended for one in said], goal or Goal())
    yield found_row("point lines found, of any kind", scene, [one.line for one in said])


def point_line(snr: float, instrument: str, on_star: bool, seed: int, number: int) -> Said:
    """Search a point line in one cube."""
    rng = rng_of(seed, POINTS, number, round(snr), list(INSTRUMENTS).index(instrument), on_star)
    sky = sky_of(scene_of(number), rng)
    line = emission(sky.line, snr, float(rng.uniform(-FASTEST_KMS, FASTEST_KMS)), float(rng.uniform(30, 200)))
    if on_star:
        cube = sky.with_lines(0, [line]).cube(**INSTRUMENTS[instrument])
    else:
        angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(5, 11)
        y, x = distance * sky.pixel_arcsec * np.array([np.sin(angle), np.cos(angle)])
        place = Point(offset_arcsec=(float(y), float(x)))
        cube = sky.cube(Light(place, lines=(line,)), **INSTRUMENTS[instrument])
    answer = search(cube, sky.line)
    return Said(answer.is_line, answer.is_extended)


def binary_line(snr: float, seed: int, number: int) -> Said:
    """Search a line that two stars have in one proportion to their continua, with that S/N on the first."""
    rng = rng_of(seed, POINTS, number, round(snr), len(INSTRUMENTS))
    sky = sky_of("two stars", rng)
    line = emission(sky.line, snr, float(rng.uniform(-FASTEST_KMS, FASTEST_KMS)), float(rng.uniform(30, 200)))
    answer = search(with_reflections(sky, line, sky.lights[0].continuum).cube(), sky.line)
    return Said(answer.is_line, answer.is_extended)


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
