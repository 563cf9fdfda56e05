"""Memory that is freed is used again, even where the environment says otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# Page faults that ten arrays of 8 MB cost, one after the other.
FAULTS = """
import resource, sys
import numpy as np
from feii_dask.engine.malloc import keep_freed_memory
if sys.argv[1] == "kept":
    print(keep_freed_memory(), end=" ")
np.ones(2**20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    np.ones(2**20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_arrays_get_pages_that_are_there_already() -> None:
    """As Dask's nannies start workers: with MALLOC_TRIM_THRESHOLD_ at 64 KiB."""
    environment = os.environ | {"MALLOC_TRIM_THRESHOLD_": "65536"}
    said = {
        kind: subprocess.run(
            [sys.executable, "-c", FAULTS, kind], env=environment, capture_output=True, text=True, check=True
        ).stdout.split()
        for kind in ("given back", "kept")
    }
    worked, faults = said["kept"]
    assert worked == "True"
    assert int(faults) < int(said["given back"][-1]) / 5
