"""p-values keep their promise, with many nulls and with few; q-values are those of Benjamini and Hochberg."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from feii_dask.detectors.p_values import KEPT_P, null_p_values, p_value, window_p_value
from feii_dask.ranking.grading import benjamini_hochberg, simes
from feii_dask.ranking.pooling import FEWEST_POOLED, pooled_p_value

TRIALS = 4000


def normal_statistics(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the significance of the best of a hundred places in normal noise."""
    return rng.standard_normal((*shape, 100)).max(axis=-1)


@pytest.mark.parametrize("nulls", [2, 5, 30, 200])
def test_chance_has_a_small_p_value_no_more_often_than_it_says(nulls: int) -> None:
    drawn = normal_statistics((TRIALS, nulls + 1), np.random.default_rng(nulls)) + 2.0
    p = np.array([p_value(row[0], row[1:]) for row in drawn])
    for alpha in (0.1, 0.01, 0.001):
        expected = alpha * TRIALS
        assert np.count_nonzero(p <= alpha) <= 1.2 * expected + 3 * np.sqrt(expected)


@pytest.mark.parametrize("nulls", [2, 5, 30])
def test_a_larger_statistic_is_never_more_probable(nulls: int) -> None:
    known = normal_statistics((1, nulls), np.random.default_rng(1))[0] + 2.0
    p = [p_value(statistic, known) for statistic in np.linspace(0, 30, 300)]
    assert (np.diff(p) <= 1e-12).all()
    assert p[0] == 1
    assert 0 < p[-1] < 1e-4


def test_a_null_that_is_as_large_keeps_the_p_value_up() -> None:
    nulls = np.full(30, 4.0)
    nulls[7] = 20.0
    assert p_value(19.0, nulls) >= 1 / 31
    assert p_value(25.0, np.full(30, 4.0)) < 1e-4


def test_nothing_to_compare_with_is_no_evidence_against_chance_below_the_tail() -> None:
    assert p_value(3.9, []) == 1


def test_what_only_adds_is_compared_with_line_free_windows_only() -> None:
    positive, negative = np.full(30, 4.5), np.full(30, 4.2)
    positive[:3] = 15.0  # remains of cosmic rays
    assert window_p_value(16.0, positive, negative) == pytest.approx(p_value(16.0, positive), abs=0.001)
    assert p_value(16.0, positive) > p_value(16.0, np.concatenate([positive, negative]))


def test_each_null_is_compared_with_the_others_only() -> None:
    positive, negative = np.full(20, 4.5), np.full(20, 4.5)
    positive[3] = 12.0
    p = null_p_values(positive, negative)
    assert p[3] == window_p_value(12.0, np.delete(positive, 3), negative) == p.min()
    assert p.size == 20


def test_a_pool_of_true_p_values_changes_little_and_a_small_pool_nothing() -> None:
    windows = 100 * FEWEST_POOLED
    levels = (np.arange(windows) + 0.5) / windows
    kept = levels[levels <= KEPT_P]
    for p in (0.05, 0.01, 0.001, 1e-6):
        assert pooled_p_value(p, kept, windows) == pytest.approx(p, rel=0.2)
    assert pooled_p_value(0.01, kept[:3], FEWEST_POOLED - 1) == 0.01
    assert pooled_p_value(0.2, kept, windows) == 0.2
    assert np.isnan(pooled_p_value(float("nan"), kept, windows))


def test_a_pool_corrects_what_a_cube_promised() -> None:
    windows = 10 * FEWEST_POOLED
    levels = (np.arange(windows) + 0.5) / windows
    modest, boastful = levels**0.7, levels**1.5
    assert pooled_p_value(0.003, modest[modest <= KEPT_P], windows) < 0.001
    assert pooled_p_value(0.003, boastful[boastful <= KEPT_P], windows) > 0.01
    assert pooled_p_value(1e-9, [1e-10] * 30, windows) >= 30 / (windows + 1)


def test_simes_lies_between_the_smallest_and_its_multiple() -> None:
    rng = np.random.default_rng(5)
    for count in (1, 2, 7):
        p = rng.uniform(size=count)
        assert p.min() <= simes(list(p)) <= count * p.min()
    uniform = rng.uniform(size=(TRIALS, 5))
    assert np.mean([simes(list(row)) <= 0.05 for row in uniform]) == pytest.approx(0.05, abs=0.012)


def test_q_values_are_those_of_scipy() -> None:
    p = np.random.default_rng(6).uniform(size=50) ** 3
    np.testing.assert_allclose(benjamini_hochberg(p), false_discovery_control(p))
    holed = np.insert(p, 10, np.nan)
    np.testing.assert_allclose(np.delete(benjamini_hochberg(holed), 10), false_discovery_control(p))
    assert np.isnan(benjamini_hochberg(holed)[10])
    assert benjamini_hochberg([]).size == 0
