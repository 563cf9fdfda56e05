"""Jets of all strengths and shapes: what is found of them, and their flux, area and velocities."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from numpy.random import Generator

from feii_dask.simulate.drizzled import Light, two_sided_jet

from .light_figures import NO_GOAL, Goal, Row, clipped_rms_row, found_row, median_row, share_row
from .light_scenes import FASTEST_KMS, SIX, Run, Sky, jet_shape, one_sided, rng_of, scene_of, sky_of
from .light_search import Found, compare, search, truth_of

__all__ = ["SHAPES", "measure_completeness", "measure_shapes", "measure_strengths"]

COMPLETENESS, STRENGTHS, SHAPED = 3, 4, 5
ORDINARY_SNR = 5.0
SNRS = (3.0, 5.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
VELOCITY_SNRS = (3.0, 100.0)  # the range of S/N in which errors of velocities are held against their scatter
RATIO, FLUX, MOST_COMPACT, PULL = (
    Goal(least=0.95, most=1.05),
    Goal(least=0.9, most=1.1),
    Goal(most=0.02),
    Goal(least=0.85, most=1.15),
)
# S/N of the two lobes of a jet; a jet of one lobe has one.
SHAPES: dict[str, tuple[float, ...]] = {
    "two lobes, S/N 10 both": (10.0, 10.0),
    "two lobes, S/N 10 and 2": (10.0, 2.0),
    "two lobes, S/N 50 and 10": (50.0, 10.0),
    "velocity gradient, S/N 10": (10.0,),
    "knots and bow shock, S/N 10": (10.0,),
}
SLOWEST_KMS = 50.0


def measure_completeness(run: Run) -> Iterator[Row]:
    """Count what is found at S/N 5, at any velocity to ±250 km/s, in each scene."""
    for scene in SIX:
        found = run.map(partial(jet_in, scene, ORDINARY_SNR, COMPLETENESS))
        lines, extended = [one.line for one in found], [one.extended for one in found]
        yield found_row(f"a line of any kind at S/N {ORDINARY_SNR:g}", scene, lines, Goal(least=0.95))
        yield found_row(f"extended at S/N {ORDINARY_SNR:g}", scene, extended, Goal(least=0.9))
        yield found_row("extended emission elsewhere", scene, [one.alarm for one in found])


def measure_strengths(run: Run) -> Iterator[Row]:
    """Measure flux, mask, kind and velocity of jets from the faintest to the brightest."""
    for snr in SNRS:
        found = run.map(partial(jet_in, "", snr, STRENGTHS))
        yield from strength_rows(f"six scenes, S/N {snr:g}", snr, found)
        for number, scene in enumerate(SIX):
            some = found[number :: len(SIX)]
            yield median_row("flux over truth in the mask", f"{scene}, S/N {snr:g}", [one.flux_ratio for one in some])


def strength_rows(scene: str, snr: float, found: list[Found]) -> Iterator[Row]:
    """Yield the figures of jets of one strength."""
    lines = [one for one in found if one.line]
    yield found_row("a line of any kind", scene, [one.line for one in found])
    yield found_row("extended", scene, [one.extended for one in found])
    ratio_goal = RATIO if snr >= ORDINARY_SNR else NO_GOAL
    share_goal = Goal(least=0.9) if snr >= 10 else NO_GOAL
    compact_goal = MOST_COMPACT if snr >= ORDINARY_SNR else NO_GOAL
    pull_goal = PULL if VELOCITY_SNRS[0] <= snr <= VELOCITY_SNRS[1] else NO_GOAL
    yield median_row("flux over truth in the mask", scene, [one.flux_ratio for one in lines], ratio_goal)
    yield median_row("flux over all of the true flux", scene, [one.total_ratio for one in lines])
    yield median_row("share of the jet in the mask", scene, [one.mask_share for one in lines], share_goal)
    yield found_row("called compact", scene, [one.compact for one in lines], compact_goal)
    yield median_row("velocity less the truth, km/s", scene, [one.off_kms for one in lines])
    yield clipped_rms_row("rms of velocity pulls within 5", scene, [one.pull for one in lines], pull_goal)
    yield found_row("velocity pulls beyond 5", scene, [not abs(one.pull) <= 5 for one in lines])


def jet_in(scene: str, snr: float, section: int, seed: int, number: int) -> Found:
    """Search a jet with one lobe in one cube; of any of the six scenes in turn if none is named."""
    rng = rng_of(seed, section, number, SIX.index(scene) if scene else len(SIX), round(snr))
    sky = sky_of(scene or scene_of(number), rng)
    cube = sky.cube(one_sided(sky, rng, snr))
    return compare(search(cube, sky.line), truth_of(cube.truth[-1:]))


def measure_shapes(run: Run) -> Iterator[Row]:
    """Measure jets with two lobes, velocity gradients, knots and bow shocks."""
    for shape in SHAPES:
        found = run.map(partial(shaped_jet, shape))
        lines = [one for one in found if one.line]
        yield found_row("extended", shape, [one.extended for one in found], Goal(least=0.95))
        yield found_row("a line of any kind", shape, [one.line for one in found])
        yield median_row("flux over all of the true flux", shape, [one.total_ratio for one in lines], FLUX)
        yield median_row("share of the jet in the mask", shape, [one.mask_share for one in lines])
        right = [one.lobes_right for one in found]
        yield share_row("velocities of lobes within 15 km/s", shape, right, Goal(least=0.9))


def shaped_jet(shape: str, seed: int, number: int) -> Found:
    """Search a jet of some shape in one cube."""
    rng = rng_of(seed, SHAPED, number, list(SHAPES).index(shape))
    sky = sky_of(scene_of(number), rng)
    lights = draw_shape(shape, sky, rng)
    cube = sky.cube(*lights)
    return compare(search(cube, sky.line), truth_of(cube.truth[-len(lights) :]))


def draw_shape(shape: str, sky: Sky, rng: Generator) -> tuple[Light, ...]:
    """Draw the lights of a jet of some shape."""
    snr, *fainter = SHAPES[shape]
    velocity_kms = float(rng.uniform(SLOWEST_KMS, FASTEST_KMS) * rng.choice([-1, 1]))
    lobe = jet_shape(sky, rng)
    if fainter:
        fwhm_kms, ratio = float(rng.uniform(50, 150)), snr / fainter[0]
        return two_sided_jet(
            sky.line, snr=snr, velocity_kms=velocity_kms, ratio=ratio, fwhm_kms=fwhm_kms, lobe=lobe
        )  # fmt: skip
    if shape.startswith("velocity gradient"):  # from one end to the other half of its speed
        gradient = velocity_kms / 2 / lobe.length_arcsec
        return (one_sided(sky, rng, snr, velocity_kms / 2, gradient_kms_per_arcsec=gradient),)
    return (one_sided(sky, rng, snr, velocity_kms, knots=int(rng.integers(2, 5)), bow=True),)
