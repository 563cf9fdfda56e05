"""Real cubes: their lines, what is reported beside them or with the sign turned, and lines put into their noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator

from feii_dask.detectors.matched.matched_filter import MatchedFilter
from feii_dask.errors import DetectorError
from feii_dask.model import SPEED_OF_LIGHT_KMS, Line

from .light_airglow import airglow_near
from .light_figures import NO_GOAL, Goal, Row, found_row, share_row
from .light_real_cubes import RealCube, RealPixels, find_real_cubes, read_real_cube
from .light_scenes import EDGE_PLANES, Run, rng_of
from .light_search import Answer, Found, Truth, compare, search

__all__ = ["detector_of", "measure_real_light"]

SECTION = 12
STEP_PLANES = 4  # between the places at which a real cube is searched
REAL_KMS = 200.0  # within which an answer is the line that was asked for: objects move
CLEAR_KMS = 350.0  # of a real line, where nothing is looked for
PARTS = 8  # pieces of work that a cube is cut into
SNRS = (3.0, 5.0, 10.0)
JET_KMS = 80.0  # FWHM of what is injected
FALSE = Goal(most=0.02)


@dataclass(frozen=True)
class Window:
    """What was said at one place of a real cube."""

    answer: Answer
    wavelength_um: float  # of what was found


def measure_real_light(run: Run) -> Iterator[Row]:
    """Measure every known cube that is at hand."""
    for cube, path in find_real_cubes(run.real):
        yield from line_rows(cube, path)
        for sign, name in ((1, "beside them"), (-1, "sign turned")):
            parts = run.pool.map(partial(search_places, cube, path, sign, least_step(run)), range(PARTS))
            yield from window_rows(cube, name, [window for part in parts for window in part], sign)
        for snr in SNRS:
            found = run.map(partial(injected, cube, path, snr))
            yield found_row(f"injected, S/N {snr:g}: a line of any kind", cube.name, [one.line for one in found])
            yield found_row(f"injected, S/N {snr:g}: extended", cube.name, [one.extended for one in found])


def least_step(run: Run) -> int:
    """Return the planes between places; few cubes per cell mean that little is to be measured."""
    return STEP_PLANES if run.cubes >= 10 else 10 * STEP_PLANES


def detector_of(cube: RealCube) -> MatchedFilter:
    """Return the detector for an instrument, where it can be told of it."""
    options: dict[str, Any] = {"psf_arcsec": cube.psf_arcsec, "lsf_kms": cube.lsf_kms}
    try:
        return MatchedFilter(**options)
    except TypeError:  # of a detector that takes them from the wavelength
        return MatchedFilter()


def line_rows(cube: RealCube, path: Path) -> Iterator[Row]:
    """Yield how many of a cube's lines are found."""
    if not cube.lines_um:
        return
    pixels, detector = read_real_cube(path), detector_of(cube)
    answers = [at_place(pixels, detector, wavelength_um).answer for wavelength_um in cube.lines_um]
    found = [one.is_line and abs(one.velocity_kms) <= REAL_KMS for one in answers]
    missed = [wavelength_um for wavelength_um, one in zip(cube.lines_um, found, strict=True) if not one]
    goal = Goal(least=cube.least / len(found)) if cube.least else NO_GOAL
    row = share_row("real lines found, of any kind", cube.name, [(sum(found), len(found))], goal)
    yield row | {"note": f"{row['note']}{'; missed ' if missed else ''}{' '.join(f'{one:.4f}' for one in missed)}"}
    extended = sum(one.is_extended and right for one, right in zip(answers, found, strict=True))
    yield share_row("real lines found as extended", cube.name, [(extended, len(found))])


def window_rows(cube: RealCube, name: str, windows: list[Window], sign: int) -> Iterator[Row]:
    """Yield what is reported where there is no line of the object; airglow is counted apart."""
    said = [window for window in windows if window.answer.is_line]
    airglow = [window for window in said if airglow_near(window.wavelength_um)]
    false = [window for window in said if window not in airglow]
    extended = [window for window in false if window.answer.is_extended]
    places = ", ".join(sorted({f"{window.wavelength_um:.4f}" for window in false}))
    for figure, some, goal in (
        (f"false, of any kind, {name}", false, FALSE if sign > 0 and cube.least else NO_GOAL),
        (f"false, extended, {name}", extended, NO_GOAL),
        (f"airglow reported, {name}", airglow, NO_GOAL),
    ):
        row = share_row(figure, cube.name, [(len(some), len(windows))], goal)
        yield row | {"note": f"{row['note']}: {places}"} if some is false and places else row


def search_places(cube: RealCube, path: Path, sign: int, step: int, part: int) -> list[Window]:
    """Search one part of the places of a cube that are far from its lines."""
    pixels, detector = read_real_cube(path), detector_of(cube)
    pixels = replace(pixels, sci=sign * pixels.sci)
    places = [
        float(pixels.wavelength_um[plane])
        for plane in range(EDGE_PLANES, len(pixels.wavelength_um) - EDGE_PLANES, step)
        if sign < 0 or is_free(cube, float(pixels.wavelength_um[plane]), CLEAR_KMS)
    ]
    windows = [at_place(pixels, detector, wavelength_um) for wavelength_um in places[part::PARTS]]
    return [stripped(window) for window in windows if sign < 0 or is_free(cube, window.wavelength_um, REAL_KMS)]


def at_place(pixels: RealPixels, detector: MatchedFilter, wavelength_um: float) -> Window:
    """Search one place."""
    try:
        answer = search(pixels, Line("real", wavelength_um), detector)
    except DetectorError:
        answer = Answer(False, False, "none")
    shift = answer.velocity_kms / SPEED_OF_LIGHT_KMS if answer.is_line else 0.0
    return Window(answer, wavelength_um * (1 + shift))


def stripped(window: Window) -> Window:
    """Return a window that is cheap to send."""
    return replace(window, answer=replace(window.answer, mask=None))


def is_free(cube: RealCube, wavelength_um: float, clear_kms: float) -> bool:
    """Whether a wavelength is so far from all lines of a cube."""
    lines_um = np.array([*cube.lines_um, *cube.faint_um])
    return not bool((abs(lines_um / wavelength_um - 1) * SPEED_OF_LIGHT_KMS < clear_kms).any())


def injected(cube: RealCube, path: Path, snr: float, seed: int, number: int) -> Found:
    """Inject one jet into a real cube, and search it."""
    rng = rng_of(seed, SECTION, number, round(snr))
    pixels = read_real_cube(path)
    free = [
        plane
        for plane in range(3 * EDGE_PLANES, len(pixels.wavelength_um) - 3 * EDGE_PLANES)
        if is_free(cube, float(pixels.wavelength_um[plane]), CLEAR_KMS)
        and not airglow_near(float(pixels.wavelength_um[plane]))
    ]
    line = Line("injected", float(pixels.wavelength_um[int(rng.choice(free))]))
    velocity_kms = float(rng.uniform(-100, 100))
    light, truth = jet_light(cube, pixels, line, velocity_kms, snr, rng)
    answer = search(replace(pixels, sci=pixels.sci + light), line, detector_of(cube))
    return compare(answer, truth)


def jet_light(
    cube: RealCube, pixels: RealPixels, line: Line, velocity_kms: float, snr: float, rng: Generator
) -> tuple[np.ndarray, Truth]:
    """Return the light of a straight jet, Gaussian across and in velocity, and the truth about it."""
    _, height, width = pixels.sci.shape
    centre_um = line.wavelength_um * (1 + velocity_kms / SPEED_OF_LIGHT_KMS)
    sigma_um = centre_um * np.hypot(JET_KMS, cube.lsf_kms) / SPEED_OF_LIGHT_KMS / 2.3548
    profile = np.exp(-0.5 * ((pixels.wavelength_um - centre_um) / sigma_um) ** 2)
    y, x = np.mgrid[:height, :width]
    angle = rng.uniform(0, np.pi)
    middle = rng.uniform(0.35, 0.65, 2) * (height - 1, width - 1)
    along = (y - middle[0]) * np.cos(angle) + (x - middle[1]) * np.sin(angle)
    across = (x - middle[1]) * np.cos(angle) - (y - middle[0]) * np.sin(angle)
    psf_px = max(cube.psf_arcsec / pixels.pixel_arcsec, 1.0) / 2.3548
    image = np.exp(-0.5 * ((across / psf_px) ** 2 + (along / max(3 * psf_px, min(height, width) / 6)) ** 2))
    near = slice(*np.clip(np.searchsorted(pixels.wavelength_um, centre_um) + np.array([-20, 21]), 0, len(profile)))
    steps = np.diff(pixels.sci[near], axis=0)
    noise = 1.4826 * float(np.nanmedian(abs(steps - np.nanmedian(steps)))) / np.sqrt(2)
    light = (snr * noise * profile[:, None, None] * image).astype(np.float32)
    return light, Truth((velocity_kms,), image, image >= 0.1 * image.max())
