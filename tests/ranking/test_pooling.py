"""p-values are pooled by line and over cubes, and objects are graded by all their lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from feii_dask.model import Line, Status
from feii_dask.ranking.candidates import rank
from feii_dask.ranking.pooling import FEWEST_POOLED, grade_pooled, pooled_p_values
from feii_dask.store.outcome_table import SCHEMA, latest_attempts, to_frame


def row(obs_id: str, line: str, p_value: float, detected: bool = False, **others: Any) -> dict[str, Any]:
    return {
        "yso_index": 0,
        "obs_id": obs_id,
        "line": line,
        "wavelength_um": 5.34,
        "status": Status.SCANNED.value,
        "reason": "",
        "detected": detected,
        "kind": "extended" if detected else "none",
        "p_value": p_value,
        "velocity_kms": -90.0 if detected else np.nan,
        "null_windows": 30,
        "null_p_values": [],
        "flags": [],
        "on_data": [],
        "attempt": 1,
        **others,
    }


def cubes(number: int, worst: float) -> list[dict[str, Any]]:
    """Cubes without a line, whose windows have uniform p-values, but none below `worst`."""
    levels = np.linspace(worst, 1, 30 * number)
    kept = [levels[n::number][levels[n::number] <= 0.1] for n in range(number)]
    return [row(f"null{n}", "a", 0.5, null_p_values=some.tolist()) for n, some in enumerate(kept)]


def test_many_cubes_correct_a_p_value_in_either_direction() -> None:
    careful = pd.DataFrame([row("jet", "a", 0.004), *cubes(40, worst=0.02)])
    assert pooled_p_values(careful)[0] < 0.002  # chance never came below 0.02
    careless = careful.assign(
        null_p_values=[[0.0001 if p < 0.025 else p for p in kept] for kept in careful["null_p_values"]]
    )
    assert pooled_p_values(careless)[0] > 0.003


def test_few_windows_or_another_line_say_nothing() -> None:
    few = FEWEST_POOLED // 30 - 2
    rows = [row("jet", "a", 0.004), row("other", "b", 0.004), *cubes(few, worst=0.02)]
    np.testing.assert_array_equal(pooled_p_values(pd.DataFrame(rows))[:2], 0.004)
    many = pooled_p_values(pd.DataFrame(rows[:2] + cubes(40, worst=0.02)))
    assert many[0] < many[1] == 0.004


def test_a_cube_with_several_objects_counts_once_in_the_pool() -> None:
    rows = [row("jet", "a", 0.004), *cubes(FEWEST_POOLED // 30 - 2, worst=0.02)]
    doubled = rows + [{**some, "yso_index": 1} for some in rows]
    assert set(pooled_p_values(pd.DataFrame(doubled))[[0, len(rows)]]) == {0.004}


def test_an_order_of_rows_changes_nothing() -> None:
    tests = pd.DataFrame([row("jet", "a", 0.004, detected=True), row("c", "b", 0.3), *cubes(40, worst=0.02)])
    shuffled = tests.sample(frac=1, random_state=3)
    np.testing.assert_array_equal(
        pd.Series(pooled_p_values(shuffled), shuffled.index).sort_index(), pooled_p_values(tests)
    )
    pd.testing.assert_frame_equal(grade_pooled(shuffled), grade_pooled(tests))


@pytest.mark.parametrize("detector_has_p_values", [True, False])
def test_one_line_makes_a_candidate_only_where_its_chance_is_known(
    detector_has_p_values: bool, matched_of: Any, ysos_of: Any
) -> None:
    line = Line("Fe II", 5.340169).name
    jet = row("a", line, 1e-6 if detector_has_p_values else np.nan, detected=True, on_data=[3, 5])
    none = row("b", line, 0.4 if detector_has_p_values else np.nan)
    outcomes = latest_attempts(
        pd.concat([to_frame(SCHEMA.empty_table()), pd.DataFrame([jet, none])], ignore_index=True)
    )
    candidates = rank(outcomes.drop(columns="yso_index"), matched_of({"a": [4, 3], "b": [5]}), ysos_of(range(9)))
    if not detector_has_p_values:
        assert candidates.empty
        return
    (candidate,) = candidates.to_dict("records")
    assert (candidate["yso_index"], candidate["shares_light_with"]) == (3, "YSO 4")
    assert (candidate["grade"], candidate["on_data"], candidate["lines_tested"]) == ("A", True, 1)
    assert candidate["q_value"] < 0.001
