"""A scheduler of another Python, for real, where there is one: it is refused in one line, and lives.

A second interpreter is looked for on the path, or in ``OTHER_PYTHON``; it must have the distributed package.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from distributed import Client

import feii_dask as fd
from feii_dask.engine.preflight import preflight
from feii_dask.errors import ClusterError

NAMES = ("python3.10", "python3.12", "python3.13", "python3.14", "pypy3")
HAS_DISTRIBUTED = "import sys, distributed; print(sys.version_info[:2])"
HERE = str(sys.version_info[:2])
START_S = 120


def other_python() -> str | None:
    """Return an interpreter of another version that has the distributed package."""
    for name in (os.environ.get("OTHER_PYTHON", ""), *NAMES):
        path = shutil.which(name) if name else None
        if path:
            answer = subprocess.run([path, "-c", HAS_DISTRIBUTED], capture_output=True, text=True, check=False)
            if answer.returncode == 0 and answer.stdout.strip() != HERE:
                return path
    return None


@contextmanager
def cluster_of(python: str, directory: Path) -> Iterator[str]:
    """Start a scheduler and a worker of another Python, and yield its address."""
    contact = directory / "scheduler.json"
    place = ["--scheduler-file", str(contact), "--no-dashboard"]
    options = {"scheduler": ["--host", "127.0.0.1", "--port", "0"], "worker": ["--no-nanny", "--nthreads", "1"]}
    started = []
    try:
        for part in ("scheduler", "worker"):
            words = [python, "-m", f"distributed.cli.dask_{part}", *place, *options[part]]
            started.append(subprocess.Popen(words, cwd=directory))
            end = time.monotonic() + START_S
            while not contact.exists() and time.monotonic() < end:
                time.sleep(0.2)
        yield json.loads(contact.read_text())["address"]
        assert [process.poll() for process in started] == [None, None]
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()


PYTHON = other_python()


@pytest.mark.skipif(PYTHON is None, reason="no other Python with the distributed package is installed")
@pytest.mark.filterwarnings("ignore:Mismatched versions found")
def test_a_scheduler_of_another_python_is_refused_and_lives(tmp_path: Path) -> None:
    cubes = pd.DataFrame({"s_ra": [1.0], "s_dec": [0.0], "s_region": ["CIRCLE 1 0 1"]})
    with cluster_of(str(PYTHON), tmp_path) as address, Client(address) as client:
        client.wait_for_workers(1, timeout=START_S)
        for refused in (
            lambda: preflight(client, "notebook"),
            lambda: fd.crossmatch(cubes, pd.DataFrame({"ra": [1.0], "dec": [0.0]}), client),
        ):
            with pytest.raises(ClusterError, match="python .* on the scheduler, .* here") as caught:
                refused()
            assert "\n" not in str(caught.value)
        print(f"refused: {caught.value}")
        assert client.scheduler_info()["workers"]
