"""The stress run of the dashboard's cost in small: it measures what it says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.browser import find_chromium
from tests.stress.dashboard import WATCHED, measure


@pytest.mark.skipif(find_chromium() is None and os.environ.get("CI") != "true", reason="no chromium here")
def test_each_way_of_looking_is_measured(tmp_path: Path) -> None:
    rows = measure(tmp_path, seconds=0.5, rounds=1, settle_s=0.5)
    assert [row["page"] for row in rows] == list(WATCHED)
    assert all(float(str(row["% CPU"])) >= 0 for row in rows)
