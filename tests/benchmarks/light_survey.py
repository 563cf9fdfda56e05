"""Whole surveys of cubes with faults and unlisted lines, and one jet among several objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from feii_dask.model import Detection

from .light_figures import Goal, Row, found_row, plain_row
from .light_identification import bright_jet, without_arrays
from .light_ranking import candidates_of, grades_of
from .light_scenes import Run, one_sided, rng_of, scene_of, sky_of
from .light_search import Found, answer_of, compare, detect, truth_of
from .light_unlisted import add_unlisted

__all__ = ["measure_group", "measure_surveys"]

SECTION = 10
JETS = 0.3  # of the cubes
FAINTEST, BRIGHTEST, BRIGHT = 3.0, 30.0, 5.0  # S/N of jets, and of those that a survey should not miss
MOST_UNLISTED = 60
OBJECTS = 5


@dataclass(frozen=True)
class Observed:
    """One cube of a survey: the S/N of its jet (0 if there is none), what was found, and whether that is the jet."""

    snr: float
    detection: Detection
    found: Found | None


def measure_surveys(run: Run) -> Iterator[Row]:
    """Measure purity and completeness of grade A in two surveys, and in both together."""
    purity: list[bool] = []
    completeness: list[bool] = []
    for survey in range(2):
        cubes = run.map(partial(observe, survey))
        grades = grades_of([[cube.detection] for cube in cubes])
        chosen = [cube for cube, grade in zip(cubes, grades, strict=True) if grade == "A"]
        bright = [(cube, grade) for cube, grade in zip(cubes, grades, strict=True) if cube.snr >= BRIGHT]
        pure = [is_right(cube) for cube in chosen]
        complete = [grade == "A" and is_right(cube) for cube, grade in bright]
        purity, completeness = purity + pure, completeness + complete
        yield from survey_rows(f"survey {survey + 1} of {len(cubes)} cubes", pure, complete)
    yield from survey_rows("both surveys", purity, completeness)


def survey_rows(scene: str, pure: list[bool], complete: list[bool]) -> Iterator[Row]:
    """Yield purity and completeness."""
    yield found_row("purity of grade A", scene, pure, Goal(least=0.98))
    yield found_row(f"completeness of grade A, S/N ≥ {BRIGHT:g}", scene, complete, Goal(least=0.9))


def is_right(cube: Observed) -> bool:
    """Whether what was found is the jet."""
    return cube.found is not None and cube.found.line


def observe(survey: int, seed: int, number: int) -> Observed:
    """Simulate and search one cube: any scene, unlisted lines or none, and a jet in some of them."""
    rng = rng_of(seed, SECTION, number, survey)
    sky = sky_of(scene_of(number), rng)
    unlisted = int(np.exp(rng.uniform(0, np.log(MOST_UNLISTED + 1)))) - 1
    has_jet = rng.random() < JETS
    snr = float(np.exp(rng.uniform(np.log(FAINTEST), np.log(BRIGHTEST)))) if has_jet else 0.0
    if unlisted:
        sky = add_unlisted(sky, unlisted, number, rng)
    cube = sky.cube(one_sided(sky, rng, snr)) if has_jet else sky.cube()
    detection = detect(cube, sky.line)
    found = compare(answer_of(detection), truth_of(cube.truth[-1:])) if has_jet else None
    return Observed(snr, without_arrays(detection), found)


def measure_group(run: Run) -> Iterator[Row]:
    """Count the groups that a cluster of objects in the footprint of one cube with one jet becomes."""
    detections = [detection for detection in run.map(bright_jet) if detection.detected]
    if not detections:
        return
    counts = [groups_of(detection) for detection in detections]
    scene = f"{OBJECTS} objects in one footprint with one jet"
    yield plain_row("groups, at most", scene, max(counts), Goal(least=1, most=1), f"{len(counts)} cubes")


def groups_of(detection: Detection) -> int:
    """Count groups of candidates: those that share light with another are one."""
    candidates = candidates_of([[detection]], [list(range(OBJECTS))])
    if "shares_light_with" not in candidates:
        return len(candidates)
    group = {name: name for name in candidates["main_id"]}
    for name, shared in zip(candidates["main_id"], candidates["shares_light_with"], strict=True):
        for other in str(shared).split("; "):
            if other in group:
                old, new = group[other], group[name]
                group = {member: new if its == old else its for member, its in group.items()}
    return len(set(group.values()))
