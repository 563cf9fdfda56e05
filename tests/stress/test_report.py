"""The stress run of the report's speed in small: it measures what it says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.browser import find_chromium
from tests.stress.report import measure


@pytest.mark.skipif(find_chromium() is None and os.environ.get("CI") != "true", reason="no chromium here")
def test_each_step_is_measured(tmp_path: Path) -> None:
    rows = measure(tmp_path, candidates=4, rounds=1)
    assert [row["what"] for row in rows] == ["open", "sort by name", "sort by lines", "filter"]
    assert all(float(str(row["median s"])) > 0 for row in rows)
