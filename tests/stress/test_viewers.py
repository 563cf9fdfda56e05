"""The stress run of the viewers in small: the programs that are here open what a run leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stress.viewers import make_small_run, on_this_machine


@pytest.mark.filterwarnings("ignore")  # of the import of specutils' dependencies
def test_what_is_here_opens_the_files(tmp_path: Path) -> None:
    rows = on_this_machine(make_small_run(tmp_path))
    assert rows[0]["what"] == "481 Jy" or str(rows[0]["what"]).endswith(" Jy")
    assert all(row["opened"] is not False for row in rows)
