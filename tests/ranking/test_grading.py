"""An object's grade: what several lines say together, and what one line alone may say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from feii_dask.detectors.identification import identification_p_value
from feii_dask.ranking.grading import AGREEMENT_KMS, adaptive_q_values, benjamini_hochberg, grade_objects

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


def with_errors(row: dict[str, Any], statistical: float, calibration: float) -> dict[str, Any]:
    return row | {"velocity_error_kms": statistical, "velocity_calibration_kms": calibration}


def test_lines_of_uncertain_velocity_agree_over_a_wider_range() -> None:
    apart = (searched(1, "a", 4e-5, 100.0), searched(1, "b", 4e-5, 100.0 + 1.5 * AGREEMENT_KMS))
    for errors, agreeing in [((5.0, 5.0), 1), ((30.0, 5.0), 2), ((5.0, 30.0), 2), ((np.nan, 30.0), 2)]:
        answer = crowd(*(with_errors(row, *errors) for row in apart)).loc[1]
        assert answer["lines_agreeing"] == agreeing, errors


def test_a_line_that_may_be_another_is_no_grade_a_by_itself() -> None:
    line = searched(1, "a", 1e-8, 100.0)
    assert crowd(line).loc[1, "grade"] == "A"
    unsure = crowd(line | {"p_identification": 0.01, "rv_kms": 0.0}).loc[1]
    assert unsure["joint_p"] == pytest.approx(0.01)
    assert unsure["grade"] == "C"


def test_lines_that_agree_identify_each_other() -> None:
    lines = [searched(1, name, 1e-8, 100.0) | {"p_identification": 0.01, "rv_kms": 0.0} for name in "abc"]
    joint_p = [crowd(*lines[:number]).loc[1, "joint_p"] for number in (1, 2, 3)]
    narrowed = -np.expm1(0.6 * np.log1p(-0.01))  # ±60 km/s in place of ±100
    assert joint_p[1] == pytest.approx(2 * 0.01 * narrowed, rel=1e-3)
    assert joint_p[2] == pytest.approx(3 * 0.01 * narrowed**2, rel=1e-2)
    assert crowd(*lines).loc[1, "grade"] == "A"
    elsewhere = [lines[0], lines[1] | {"velocity_kms": -100.0}]
    assert crowd(*elsewhere).loc[1, "joint_p"] == pytest.approx(2 * 0.01, rel=1e-3)


def test_a_line_seen_in_two_cubes_does_not_identify_itself() -> None:
    line = searched(1, "a", 1e-8, 100.0) | {"p_identification": 0.01}
    assert crowd(line, line).loc[1, "joint_p"] == pytest.approx(crowd(line).loc[1, "joint_p"], rel=1e-3)


def test_the_source_of_the_velocity_counts() -> None:
    """A follower 10 km/s from its source has as narrow a window as its p-value has; none can be narrower."""
    lines = [searched(1, name, 1e-8, 100.0) | {"p_identification": 0.01, "rv_kms": 90.0} for name in "ab"]
    assert crowd(*lines).loc[1, "joint_p"] == pytest.approx(2 * 0.01**2, rel=1e-2)


def test_without_other_lines_in_question_nothing_changes() -> None:
    rows = [searched(1, "a", 4e-5, 100.0), searched(1, "b", 4e-3, 90.0), searched(1, "c", 0.5)]
    unknown = {"p_identification": np.nan, "velocity_error_kms": np.nan, "velocity_calibration_kms": np.nan}
    named = crowd(*(row | unknown | {"kind": "unjudged", "rv_kms": 7.0, "flags": ["blended"]} for row in rows))
    pd.testing.assert_frame_equal(named, crowd(*rows))


@pytest.mark.parametrize("flag", ["fills_field", "scattered"])
def test_light_that_may_not_be_the_objects_is_no_grade_a_by_itself(flag: str) -> None:
    lines = [searched(1, name, 1e-8, 100.0) | {"flags": [flag, "blended"]} for name in "ab"]
    assert crowd(*lines).loc[1, "grade"] == "B"
    own = lines[1] | {"flags": ["blended"]}
    assert crowd(lines[0], own).loc[1, "grade"] == "A"
    assert crowd(lines[0], own | {"velocity_kms": -100.0}).loc[1, "grade"] == "B"


@pytest.mark.parametrize("kind", ["compact", "undecided"])
def test_a_line_that_is_not_extended_says_nothing_of_the_object(kind: str) -> None:
    """Neither does its small p-value make the q-values of others smaller."""
    weak = searched(2, "a", 5e-3, 50.0) | {"kind": "extended"}
    with_line = crowd(searched(1, "a", 1e-9) | {"kind": kind}, weak)
    without = crowd(searched(1, "a", 1.0) | {"kind": "none"}, weak)
    pd.testing.assert_frame_equal(with_line, without)
    assert with_line.loc[1, "grade"] == ""


def test_unlisted_lines_are_seldom_grade_a() -> None:
    """Objects whose cubes hold lines of another species, as many in every one: none shows one of ours."""
    rng = np.random.default_rng(12)
    searched_kms, rows = 30_000.0, []
    for name in range(600):
        seen = rng.poisson(rng.choice([0.2, 1, 5, 20]), 3)
        for line, number in zip("abc", seen, strict=True):
            velocity = (
                rng.uniform(-300, 300) if rng.random() < 1 - np.exp(-600 * (number + 1) / searched_kms) else np.nan
            )
            p = identification_p_value(velocity, int(number), searched_kms)
            rows.append(
                searched(name, line, 1e-8 if np.isfinite(velocity) else 0.5, velocity) | {"p_identification": p}
            )
    grades = grade_objects(pd.DataFrame(rows))["grade"]
    assert (grades != "").sum() > 100
    assert (grades == "A").sum() <= 1


def test_objects_without_anything_are_rarely_found_however_few() -> None:
    """The share of false ones is kept where no object shows a line, and where half of them do."""
    rng = np.random.default_rng(21)
    for objects, trials in ((1, 4000), (2, 2000), (5, 1000), (40, 300)):
        for jets in (0, objects // 2):
            p = rng.random((trials, objects))
            p[:, :jets] = 1e-9
            found = np.array([adaptive_q_values(some) <= 0.01 for some in p])
            false = found[:, jets:].sum(axis=1) / np.maximum(found.sum(axis=1), 1)
            assert false.mean() <= 0.01 + 3 * np.sqrt(0.01 / trials), (objects, jets)
    assert (adaptive_q_values(p[0]) <= benjamini_hochberg(p[0])).all()
