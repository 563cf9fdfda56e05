"""Detectors that workers import by name, to have time to look."""

from __future__ import annotations

import os
import time
from pathlib import Path

from feii_dask.detectors.line_window import LineWindow
from feii_dask.detectors.matched.matched_filter import MatchedFilter
from feii_dask.model import Detection

__all__ = ["GATE", "GatedFilter"]

GATE = "FEII_DASK_TESTS_GATE"  # the variable that names the file to wait for


class GatedFilter(MatchedFilter):
    """The matched filter, unhurried, and not before somebody has opened the gate."""

    def detect(self, window: LineWindow) -> Detection:
        deadline = time.monotonic() + 120
        while not Path(os.environ[GATE]).exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.1)
        return super().detect(window)
