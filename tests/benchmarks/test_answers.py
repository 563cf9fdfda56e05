"""Answers to all digits: what is the same is said to be, and what differs is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from .answers import KEY, answers, differing, main, read_answers, write_answers
from .detection_tables import RESULTS


def test_the_same_code_gives_the_same_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--cubes", "0", "--far-infrared", "1"]
    main([*given, "--write", str(tmp_path / "answers.csv.gz")])
    main([*given, "--compare", str(tmp_path / "answers.csv.gz")])
    assert capsys.readouterr().out == "all 60 answers are the same\n"


def test_an_answer_that_differs_is_named(tmp_path: Path) -> None:
    rows = list(answers(0, 1, None))
    write_answers(tmp_path / "answers.csv.gz", rows)
    written = read_answers(tmp_path / "answers.csv.gz")
    assert written == rows
    written[3]["p_value"] = "0.25"
    (said,) = differing(rows, written)
    assert said == f"{', '.join(rows[3][name] for name in KEY)}: p_value 0.25 -> {rows[3]['p_value']}"
    assert differing(rows, written[:3] + rows[4:]) == [said.partition(":")[0] + ": is new"]


def test_the_answers_of_before_are_there() -> None:
    rows = read_answers(RESULTS / "answers.csv.gz")
    assert len({row["cube"] for row in rows}) == 50 + 20 + 4
    assert {row["detected"] for row in rows} == {"True", "False"}
