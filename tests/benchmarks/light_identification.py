"""Lines that are no [Fe II] line, near the place of one: how often they are taken for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from feii_dask.model import Detection, Line

from .light_figures import Counts, Goal, Row, share_row
from .light_ranking import grades_of, identifications_of
from .light_scenes import Run, line_free, one_sided, rng_of, scene_of, sky_of
from .light_search import detect
from .light_unlisted import add_lines

__all__ = ["bright_jet", "measure_identification", "without_arrays"]

SECTION = 9
COUNTS = (1, 4, 20)
ALPHAS = (0.1, 0.01)
OBJECTS_GOAL = Goal(most=0.01)
JETS = 0.3  # of the objects of a survey


def measure_identification(run: Run) -> Iterator[Row]:
    """Count small probabilities of identification, and good grades, where all lines are unlisted and extended.

    The windows of a cell, and as many of cubes without any unlisted line, are the cubes of one run, in which the
    probability is what such a run makes of it. It is to hold on average over these; of a cube by itself, in each.
    """
    poor = run.map(partial(windows_beside, 0, run.windows))
    for count in COUNTS:
        scene = f"six scenes, {count} extended unlisted lines"
        cubes = run.map(partial(windows_beside, count, run.windows))
        pooled = identifications_by_cube([*cubes, *poor])
        alone = [[window.p_identification for window in some] for some in cubes]
        for alpha in ALPHAS:
            goal, figure = Goal(most=1.2 * alpha), f"p_identification ≤ {alpha:g}"
            yield share_row(figure, f"{scene}, and as many cubes without", small(pooled, alpha), goal)
            yield share_row(figure, f"{scene}, each cube by itself", small(alone, alpha), goal)
            yield share_row(figure, f"{scene}, the cubes that have them", small(pooled[: len(cubes)], alpha))
        if count == 1:
            yield grade_row(scene, cubes, poor, run.map(bright_jet, max(1, run.cubes // 2)))


def small(cubes: list[list[float]], alpha: float) -> list[Counts]:
    """Return how many probabilities of each cube are small; those of windows without a line are not."""
    return [(sum(p <= alpha for p in some), len(some)) for some in cubes]


def identifications_by_cube(cubes: list[list[Detection]]) -> list[list[float]]:
    """Return p_identification of the windows of each cube, where every window is the only one of a cube of a run."""
    values = iter(identifications_of([[window] for some in cubes for window in some]))
    return [[next(values) for _ in some] for some in cubes]


def grade_row(scene: str, cubes: list[list[Detection]], poor: list[list[Detection]], jets: list[Detection]) -> Row:
    """Return how many windows would be objects of grade A, in a survey of which some part are jets.

    Without jets a false-discovery rate would let nothing pass; the jets that were simulated stand for more of them.
    """
    windows, others = ([window for some in cells for window in some] for cells in (cubes, poor))
    copies = round(JETS * (len(windows) + len(others)) / (1 - JETS) / len(jets))
    grades = np.array(grades_of([[one] for one in windows + others + copies * jets])[: len(windows)])
    of_cube = np.split(grades, np.cumsum([len(some) for some in cubes])[:-1])
    in_a = [(int((some == "A").sum()), some.size) for some in of_cube]
    return share_row("objects in grade A", scene, in_a, OBJECTS_GOAL)


def bright_jet(seed: int, number: int) -> Detection:
    """Search a jet of S/N 20."""
    rng = rng_of(seed, SECTION, number)
    sky = sky_of(scene_of(number), rng)
    return without_arrays(detect(sky.cube(one_sided(sky, rng, 20.0)), sky.line))


def windows_beside(count: int, windows: int, seed: int, number: int) -> list[Detection]:
    """Search lines that are not there, at places that do not depend on where the unlisted lines are."""
    rng = rng_of(seed, SECTION, number, count)
    where = ("nebula", "field")[number // 6 % 2]
    sky = sky_of(scene_of(number), rng)
    if count:
        sky = add_lines(sky, count, where, 1, rng, sky.line.wavelength_um, clear_kms=0.0)
    cube = sky.cube()
    shift = float(rng.uniform(-0.5, 0.5))  # of the distance between windows, so that their places are anywhere
    return [without_arrays(detect(cube, line)) for line in shifted(line_free(cube, windows), shift)]


def shifted(lines: list[Line], shift: float) -> list[Line]:
    """Move lines along the spectrum by part of their distance; the names tell them apart."""
    step_um = lines[1].wavelength_um - lines[0].wavelength_um
    return [replace(line, wavelength_um=line.wavelength_um + shift * step_um) for line in lines]


def without_arrays(detection: Detection) -> Detection:
    """Return a detection that is cheap to send."""
    return replace(detection, mask=None, statistic_curve=None)
