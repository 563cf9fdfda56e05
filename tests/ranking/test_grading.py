"""An object's grade: what several lines say together, and what one line alone may say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from feii_dask.ranking.grading import AGREEMENT_KMS, grade_objects

QUIET = [0.3, 0.5, 0.8]


def searched(name: int, line: str, p: float, velocity_kms: float = np.nan) -> dict[str, Any]:
    """Return one test; it is a detection if it has a velocity."""
    return {
        "yso_index": name,
        "line": line,
        "detected": np.isfinite(velocity_kms),
        "p_value": p,
        "velocity_kms": velocity_kms,
    }


def crowd(*rows: dict[str, Any], others: int = 99) -> pd.DataFrame:
    """Grade objects among many in which nothing was found."""
    quiet = [searched(1000 + number, "a", QUIET[number % 3]) for number in range(others)]
    return grade_objects(pd.DataFrame([*rows, *quiet]))


@pytest.mark.parametrize(
    ("p", "others", "grade"),
    [(1e-6, 99, "A"), (1e-6, 0, "A"), (5e-4, 99, "B"), (5e-3, 99, "C")],
    ids=["among many", "alone in its run", "less sure", "unsure"],
)
def test_a_star_seen_in_one_band_is_graded_by_that(p: float, others: int, grade: str) -> None:
    answer = crowd(searched(1, "a", p, 100.0), others=others).loc[1]
    assert (answer["grade"], answer["lines_tested"], answer["lines_agreeing"]) == (grade, 1, 1)


def test_one_line_of_several_must_be_very_sure() -> None:
    silent = [searched(1, line, 0.9) for line in "bc"]
    assert crowd(searched(1, "a", 2e-5, 100.0), *silent).loc[1, "grade"] == "B"
    assert crowd(searched(1, "a", 1e-8, 100.0), *silent).loc[1, "grade"] == "A"


def test_two_lines_count_together_where_their_velocities_agree() -> None:
    near, far = 100.0 + 0.9 * AGREEMENT_KMS, 100.0 + 1.1 * AGREEMENT_KMS
    agreeing = crowd(searched(1, "a", 4e-5, 100.0), searched(1, "b", 4e-5, near)).loc[1]
    apart = crowd(searched(1, "a", 4e-5, 100.0), searched(1, "b", 4e-5, far)).loc[1]
    assert (agreeing["grade"], agreeing["lines_agreeing"]) == ("A", 2)
    assert (apart["grade"], apart["lines_agreeing"]) == ("B", 1)
    assert agreeing["joint_p"] < apart["joint_p"]
    assert agreeing["joint_score"] > apart["joint_score"]
    assert agreeing["velocity_kms"] == pytest.approx((100 + near) / 2)


def test_a_line_seen_in_two_cubes_is_one_line() -> None:
    twice = crowd(searched(1, "a", 1e-7, 100.0), searched(1, "a", 1e-6, 110.0)).loc[1]
    assert (twice["lines_tested"], twice["lines_agreeing"]) == (1, 1)
    assert twice["joint_score"] == pytest.approx(6)  # one line says no more


def test_the_velocity_that_says_most_is_chosen() -> None:
    lines = [searched(1, "a", 1e-4, -200.0), searched(1, "b", 1e-4, 50.0), searched(1, "c", 1e-4, 60.0)]
    assert crowd(*lines).loc[1, "velocity_kms"] == pytest.approx(55)


def test_silence_is_no_grade_and_what_was_not_tested_no_row() -> None:
    graded = crowd(searched(1, "a", 0.4), searched(2, "a", np.nan))
    assert graded.loc[1, "grade"] == ""
    assert 2 not in graded.index
    assert (graded["q_value"].between(0, 1)).all()


def test_an_empty_run_can_be_graded() -> None:
    empty = pd.DataFrame([searched(1, "a", 0.5)]).iloc[:0]
    assert grade_objects(empty).empty


def test_by_any_name() -> None:
    rows = pd.DataFrame([searched(1, "a", 1e-6, 10.0)]).rename(columns={"yso_index": "star"})
    assert grade_objects(rows, by="star").index.name == "star"
    assert grade_objects(rows, by="star")["grade"].tolist() == ["A"]


def test_few_of_many_objects_without_a_line_earn_a_grade() -> None:
    rng = np.random.default_rng(8)
    rows = [searched(name, line, p) for name in range(400) for line, p in zip("abc", rng.uniform(size=3), strict=True)]
    table = pd.DataFrame(rows)
    table["detected"] = table["p_value"] <= 0.0075
    table["velocity_kms"] = np.where(table["detected"], rng.uniform(-300, 300, len(table)), np.nan)
    grades = grade_objects(table)["grade"]
    assert (grades == "A").sum() <= 1
    assert (grades == "C").any()
