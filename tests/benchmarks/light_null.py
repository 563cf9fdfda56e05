"""Where there is no line: extended emission that is reported, and how often p-values are small."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from feii_dask.model import Line
from feii_dask.simulate.drizzled import ALL_FAULTS, Faults

from .detection_scenes import SCENES, simulate
from .light_figures import NO_GOAL, Counts, Goal, Row, share_row
from .light_scenes import SIX, Run, line_free, rng_of, scene_of, seed_of, sky_of
from .light_search import CubeLike, search
from .light_unlisted import add_unlisted

__all__ = ["count_windows", "measure_false_alarms", "measure_former_scenes", "measure_showers"]

SECTION = 1
ALPHAS = (0.1, 0.01, 0.001)
FEW = Goal(most=0.005, bound=0.01)
SHOWERS = {2: Goal(most=0.005), 15: Goal(most=0.01)}
BESIDE = 20  # unlisted lines in cubes whose line-free windows are searched as well


def measure_false_alarms(run: Run) -> Iterator[Row]:
    """Count what is reported in windows without a line, scene by scene, and small p-values in all of them."""
    everything: list[Counter[str]] = []
    for scene in SIX:
        cubes = run.map(partial(drizzled_windows, scene, ALL_FAULTS, 0, run.windows))
        everything += cubes
        yield from alarm_rows(scene, cubes, FEW)
    for alpha in ALPHAS:
        name = promise(alpha)
        yield share_row(name, "six scenes", pairs(everything, name), Goal(most=1.2 * alpha))
    cubes = run.map(partial(drizzled_windows, "", ALL_FAULTS, BESIDE, run.windows))
    yield from alarm_rows(f"six scenes, beside {BESIDE} unlisted lines", cubes, FEW)


def measure_showers(run: Run) -> Iterator[Row]:
    """Count the same where cosmic-ray showers are as usual, and where they are many."""
    for showers, goal in SHOWERS.items():
        faults = replace(ALL_FAULTS, showers_per_exposure=showers)
        cubes = run.map(partial(drizzled_windows, "", faults, 0, run.windows))
        yield from alarm_rows(f"six scenes, {showers} showers an exposure", cubes, goal)


def measure_former_scenes(run: Run) -> Iterator[Row]:
    """Count the same in the scenes of the simulator that does not know detector pixels."""
    everything: list[Counter[str]] = []
    for scene in SCENES:
        cubes = run.map(partial(former_windows, scene, run.windows))
        everything += cubes
        yield from alarm_rows(f"not drizzled: {scene}", cubes, Goal(most=0.005))
    for alpha in ALPHAS:
        yield share_row(promise(alpha), "not drizzled: all", pairs(everything, promise(alpha)))


def alarm_rows(scene: str, cubes: list[Counter[str]], goal: Goal) -> Iterator[Row]:
    """Yield how often extended emission, and how often a line of any kind, was reported."""
    yield share_row("extended emission in line-free windows", scene, pairs(cubes, "extended"), goal)
    yield share_row("a line of any kind in line-free windows", scene, pairs(cubes, "line"), NO_GOAL)


def pairs(cubes: Iterable[Counter[str]], name: str) -> list[Counts]:
    """Return the counts of one kind, and windows, of each cube."""
    return [(cube[name], cube["windows"]) for cube in cubes]


def promise(alpha: float) -> str:
    """Name the figure of small p-values."""
    return f"p ≤ {alpha:g} in line-free windows"


def drizzled_windows(scene: str, faults: Faults, unlisted: int, windows: int, seed: int, number: int) -> Counter[str]:
    """Search the windows of one drizzled cube; of any of the six scenes in turn if none is named."""
    showers = round(10 * faults.showers_per_exposure)
    rng = rng_of(seed, SECTION, number, SIX.index(scene) if scene else len(SIX), unlisted, showers)
    sky = sky_of(scene or scene_of(number), rng, faults)
    if unlisted:
        sky = add_unlisted(sky, unlisted, number, rng)
    cube = sky.cube()
    observed_um = [truth.line.observed_um for truth in cube.truth]
    return count_windows(cube, line_free(cube, windows, observed_um))


def former_windows(scene: str, windows: int, seed: int, number: int) -> Counter[str]:
    """Search the windows of one cube that is not drizzled."""
    rng = rng_of(seed, SECTION, number, list(SCENES).index(scene), 99)
    cube = simulate("ch1-short", seed=np.random.default_rng(seed_of(rng)), **SCENES[scene])
    return count_windows(cube, line_free(cube, windows))


def count_windows(cube: CubeLike, lines: Iterable[Line]) -> Counter[str]:
    """Count what is reported at lines that are not there."""
    counts: Counter[str] = Counter()
    for line in lines:
        answer = search(cube, line)
        counts["windows"] += 1
        counts["extended"] += answer.is_extended
        counts["line"] += answer.is_line
        counts.update(promise(alpha) for alpha in ALPHAS if answer.p_value <= alpha)
    return counts
