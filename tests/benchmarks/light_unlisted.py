"""Jets beside lines that no catalogue lists, and what such lines are taken for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import product

from numpy.random import Generator

from feii_dask.model import SPEED_OF_LIGHT_KMS
from feii_dask.simulate.drizzled import unlisted_lines

from .light_figures import Goal, Row, found_row
from .light_scenes import FASTEST_KMS, Run, Sky, one_sided, rng_of, scene_of, seed_of, sky_of
from .light_search import Found, compare, search, truth_of

__all__ = ["PLACES", "add_lines", "add_unlisted", "measure_unlisted"]

SECTION = 2
COUNTS = (1, 4, 20, 60)
SNRS = {10.0: Goal(least=0.95), 5.0: Goal(least=0.9)}
STRENGTHS = (3.0, 100.0)
CLEAR_KMS = 300.0
# Where the lines are, and whether in emission (1), absorption (-1) or both (0).
PLACES = (("star", 1), ("star", -1), ("nebula", 1), ("field", 1), ("field", 0), ("star", 0))


def measure_unlisted(run: Run) -> Iterator[Row]:
    """Count jets found beside more and more unlisted lines."""
    for count, (snr, goal) in product(COUNTS, SNRS.items()):
        found = run.map(partial(jet_beside, count, snr))
        scene = f"six scenes, {count} unlisted lines"
        yield found_row(f"extended at S/N {snr:g}", scene, [one.extended for one in found], goal)
        yield found_row(f"a line of any kind at S/N {snr:g}", scene, [one.line for one in found], goal)
        for number, (where, sign) in enumerate(PLACES):
            some = [one.extended for cube, one in enumerate(found) if place_of(cube) == number]
            kind = {1: "emission", -1: "absorption", 0: "emission and absorption"}[sign]
            here = f"{count} unlisted lines, {kind}, {where}"
            yield found_row(f"extended at S/N {snr:g}", here, some)


def place_of(number: int) -> int:
    """Return which of `PLACES` a cube has; scenes and places take turns so that each meets each."""
    return (number + number // len(PLACES)) % len(PLACES)


def add_unlisted(sky: Sky, count: int, number: int, rng: Generator, velocity_kms: float = 0.0) -> Sky:
    """Return a scene with unlisted lines on its star, nebula or field, none within 300 km/s of the line.

    That is of the line at rest and with a velocity, and in between.
    """
    where, sign = PLACES[place_of(number)]
    centre_um = sky.line.wavelength_um * (1 + velocity_kms / 2 / SPEED_OF_LIGHT_KMS)
    return add_lines(sky, count, where, sign, rng, centre_um, CLEAR_KMS + abs(velocity_kms) / 2)


def add_lines(sky: Sky, count: int, where: str, sign: int, rng: Generator, centre_um: float, clear_kms: float) -> Sky:
    """Return a scene with unlisted lines of one kind, none of them near a wavelength."""
    keywords = unlisted_lines(
        sky.keywords,
        count=count,
        snr_range=STRENGTHS,
        seed=seed_of(rng),
        line_um=centre_um,
        clear_kms=clear_kms,
        where=where,
        sign=sign,
    )
    return replace(sky, keywords=keywords)


def jet_beside(count: int, snr: float, seed: int, number: int) -> Found:
    """Search a jet in one cube."""
    rng = rng_of(seed, SECTION, number, count, round(snr))
    velocity_kms = float(rng.uniform(-FASTEST_KMS, FASTEST_KMS))
    sky = add_unlisted(sky_of(scene_of(number), rng), count, number, rng, velocity_kms)
    cube = sky.cube(one_sided(sky, rng, snr, velocity_kms))
    return compare(search(cube, sky.line), truth_of(cube.truth[-1:]))
