"""What a command does not use it does not wait for: imports of seconds are made where they are needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"distributed", "bokeh", "s3fs", "scipy.signal", "scipy.stats", "matplotlib.axes", "astroquery"}


@pytest.mark.parametrize("module", ["feii_dask.workflow", "feii_dask.concluding", "feii_dask.results.search_result"])
def test_a_finished_run_is_ranked_and_resumed_without_what_scans_take(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert HEAVY.isdisjoint(loaded)


@pytest.mark.parametrize("package", ["feii_dask.figures", "feii_dask.detectors"])
def test_packages_that_load_late_offer_what_they_list(package: str) -> None:
    code = f"import {package} as it; assert all(hasattr(it, name) for name in it.__all__); it.serach"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert f"AttributeError: {package} has no attribute 'serach'" in done.stderr
