"""The stress run of memory in small: what is finished is forgotten."""

from __future__ import annotations

from pathlib import Path

from tests.stress.memory import measure_trivial_outcomes


def test_client_and_scheduler_do_not_grow(tmp_path: Path) -> None:
    rows = {row["process"]: row for row in measure_trivial_outcomes(tmp_path, 3_000, 1_000)}
    assert set(rows) == {"client", "scheduler", "worker 0", "worker 1"}
    for process in ("client", "scheduler"):
        assert rows[process]["growth MB"] < 30
        assert rows[process]["outcomes per second"] > 0
