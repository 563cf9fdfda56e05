"""The density of unlisted lines in the cubes of a run, and what it makes of the identification of a line."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from numpy.random import Generator
from numpy.typing import NDArray

from feii_dask.detectors.identification import NEAREST_KMS, LineDensity, identification_p_value
from feii_dask.model import Detection, Kind, Line, Outcome, Status, UnidentifiedLine
from feii_dask.ranking.line_density import fit_line_density, pooled_identification
from feii_dask.store.run_store import RunStore

SEARCHED_KMS = 16_000.0
REACH_KMS = 300.0
NO_SOURCE = pd.DataFrame({"obs_id": [], "rv_kms": []})
EXTENDED, FILLING, COMPACT, ABSORPTION = (
    UnidentifiedLine(wavelength_um=5.3, kind=Kind.EXTENDED, statistic=20.0),
    UnidentifiedLine(wavelength_um=5.31, kind=Kind.EXTENDED, statistic=20.0, flags=("fills_field",)),
    UnidentifiedLine(wavelength_um=5.32, kind=Kind.COMPACT, statistic=20.0),
    UnidentifiedLine(wavelength_um=5.33, kind=Kind.EXTENDED, statistic=-20.0),
)

# Lines in as many km/s as are searched in a cube: alike, few cubes that are full, and any number.
DENSITIES: dict[str, Callable[[Generator, int], NDArray[np.float64]]] = {
    "one in each": lambda rng, cubes: np.ones(cubes),
    "half have one": lambda rng, cubes: rng.choice([0.0, 1.0], cubes),
    "twenty in each": lambda rng, cubes: np.full(cubes, 20.0),
    "twenty in one of ten": lambda rng, cubes: rng.choice([0.0, 20.0], cubes, p=[0.9, 0.1]),
    "any number to sixty": lambda rng, cubes: np.exp(rng.uniform(0, np.log(61), cubes)) - 1,
}


@pytest.mark.parametrize("lines", [0, 1, 30])
def test_a_run_of_one_cube_knows_no_more_than_the_cube(lines: int) -> None:
    assert fit_line_density([lines], [SEARCHED_KMS]) == LineDensity() == LineDensity(1.0, 0.0)


@pytest.mark.parametrize("cubes", [2, 10, 1000])
def test_cubes_without_a_line_are_expected_to_hold_one_in_all(cubes: int) -> None:
    shape, beta_kms = fit_line_density([0] * cubes, [SEARCHED_KMS] * cubes)
    assert shape / (beta_kms + SEARCHED_KMS) == pytest.approx(1 / (cubes * SEARCHED_KMS), rel=0.01)


@pytest.mark.parametrize("cubes", [48, 49, 98, 103, 1000])
def test_cubes_that_are_alike_have_one_density(cubes: int) -> None:
    """Of 49 cubes 49 · (1/49) is a little less than 1, which once made the widest distribution the likeliest."""
    shape, beta_kms = fit_line_density([1] * cubes, [SEARCHED_KMS] * cubes)
    assert (shape, beta_kms) == pytest.approx((cubes, (cubes - 1) * SEARCHED_KMS), rel=0.05)


def test_the_fit_depends_on_neither_order_nor_unit() -> None:
    rng = np.random.default_rng(4)
    counts, searched_kms = rng.poisson(rng.gamma(0.5, 4.0, 60)), rng.uniform(8_000, 20_000, 60).round()
    fitted, order = fit_line_density(counts, searched_kms), rng.permutation(60)
    assert fit_line_density(counts[order], searched_kms[order]) == pytest.approx(fitted)
    assert fit_line_density(counts, 7 * searched_kms) == pytest.approx((fitted.shape, 7 * fitted.searched_kms))


def test_a_gamma_distribution_is_found_again() -> None:
    rng = np.random.default_rng(5)
    shape, beta_kms = 0.5, 4_000.0
    counts = rng.poisson(rng.gamma(shape, SEARCHED_KMS / beta_kms, 5_000))
    found = fit_line_density(counts, [SEARCHED_KMS] * 5_000)
    assert found == pytest.approx((shape, beta_kms), rel=0.15)


@pytest.mark.parametrize("name", DENSITIES)
@pytest.mark.parametrize("cubes", [3, 200])
def test_lines_are_as_near_by_chance_as_promised(name: str, cubes: int) -> None:
    """Over all cubes of a run, that is: the nearest line of another species is taken for the one in question."""
    rng = np.random.default_rng([len(name), cubes])
    p: list[float] = []
    for _ in range(2_400 // cubes):
        expected = DENSITIES[name](rng, cubes)
        seen = rng.poisson(expected)
        density = fit_line_density(seen, [SEARCHED_KMS] * cubes)
        nearest_kms = rng.exponential(SEARCHED_KMS / np.maximum(2 * expected, 1e-9))
        p += [
            identification_p_value(x, n, SEARCHED_KMS, density) if x <= REACH_KMS else 1.0
            for x, n in zip(nearest_kms.tolist(), seen.tolist(), strict=True)
        ]
    for level in (0.1, 0.01):
        assert np.mean(np.array(p) <= level) <= 1.2 * level + 3 * np.sqrt(level / len(p)), level


def test_a_cube_full_of_lines_stays_so_among_empty_ones() -> None:
    full, empty = (
        identification_p_value(100.0, lines, SEARCHED_KMS, fit_line_density([0] * 99 + [20], [SEARCHED_KMS] * 100))
        for lines in (20, 0)
    )
    assert full > 0.9 * identification_p_value(100.0, 19, SEARCHED_KMS)
    assert empty < 0.05 * identification_p_value(100.0, 0, SEARCHED_KMS)


def test_the_farther_and_the_denser_the_likelier() -> None:
    priors = [LineDensity(0.1, 20_000.0), LineDensity(0.1, 5_000.0), LineDensity(0.5, 5_000.0)]
    for by in (
        [identification_p_value(x, 2, SEARCHED_KMS, priors[0]) for x in (NEAREST_KMS, -60.0, 120.0, 300.0)],
        [identification_p_value(100.0, lines, SEARCHED_KMS, priors[0]) for lines in (0, 1, 5, 60)],
        [identification_p_value(100.0, 2, SEARCHED_KMS, prior) for prior in priors],
    ):
        assert (np.diff(by) > 0).all()
        assert 0 < by[0] < by[-1] < 1


def outcomes_of(store: RunStore, *cubes: dict[str, object]) -> pd.DataFrame:
    """Store one line of each cube, with some fields of its detection, and read them again."""
    with store.writer() as writer:
        for number, known in enumerate(cubes):
            fields = {"searched_kms": SEARCHED_KMS, **known}
            detection = Detection(line=Line("Fe II", 5.34), **fields)  # type: ignore[arg-type]
            writer.add(Outcome(obs_id=f"obs{number}", status=Status.SCANNED, detections=(detection,)))
    return store.outcomes()


FOUND = {"detected": True, "kind": Kind.EXTENDED, "velocity_kms": 100.0, "p_identification": 0.5}


def test_a_stored_cube_by_itself_has_its_own_probability(store: RunStore) -> None:
    outcomes = outcomes_of(store, FOUND | {"unidentified": (EXTENDED, FILLING, COMPACT, ABSORPTION)})
    expected = identification_p_value(100.0, 1, SEARCHED_KMS)
    assert pooled_identification(outcomes, NO_SOURCE) == pytest.approx([expected])
    source = pd.DataFrame({"obs_id": ["obs0"], "rv_kms": [80.0]})
    assert pooled_identification(outcomes, source) == pytest.approx([identification_p_value(20.0, 1, SEARCHED_KMS)])


@pytest.mark.parametrize(
    ("line", "alike"),
    [
        ({"kind": Kind.EXTENDED, "flags": ("cut",)}, (1, 100.0)),
        ({"kind": Kind.EXTENDED, "flags": ("scattered",)}, (2, REACH_KMS)),
        ({"kind": Kind.COMPACT}, (3, REACH_KMS)),
    ],
)
def test_like_is_counted_against_like(store: RunStore, line: dict[str, object], alike: tuple[int, float]) -> None:
    """What is less convincing than a line that is extended and the object's own counts as one at the end."""
    lines, offset_kms = alike
    outcomes = outcomes_of(store, FOUND | line | {"unidentified": (EXTENDED, FILLING, COMPACT, ABSORPTION)})
    expected = identification_p_value(offset_kms, lines, SEARCHED_KMS)
    assert pooled_identification(outcomes, NO_SOURCE) == pytest.approx([expected])


def test_cubes_without_lines_make_a_line_surer(store: RunStore) -> None:
    outcomes = outcomes_of(store, FOUND, FOUND | {"unidentified": (EXTENDED,) * 9}, *[{}] * 48)
    p = pooled_identification(outcomes, NO_SOURCE)
    assert p[0] < 0.1 * identification_p_value(100.0, 0, SEARCHED_KMS)
    assert p[1] > 0.5 * identification_p_value(100.0, 9, SEARCHED_KMS)
    assert np.isnan(p[2:]).all()


def test_a_detector_that_counts_no_lines_is_left_as_it_is(store: RunStore) -> None:
    uncounted: dict[str, object] = {"searched_kms": float("nan")}
    known, unknown = FOUND | uncounted, FOUND | uncounted | {"p_identification": float("nan")}
    p = pooled_identification(outcomes_of(store, known, unknown, FOUND | {"searched_kms": 0.0}), NO_SOURCE)
    np.testing.assert_array_equal(p, [0.5, np.nan, 0.5])
    assert pooled_identification(pd.DataFrame({"obs_id": ["a"]}), NO_SOURCE).tolist() == pytest.approx(
        [np.nan], nan_ok=True
    )
