"""Memory that is freed is used again, even where the environment says otherwise."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import pytest

from feii_dask.engine.worker_task import has_ample_memory

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


# Memory of the process, MB, that an array of many small objects took: when they are there, when they are gone, and
# when what they took is given back. The last of them stays, so that the heap cannot shrink by itself.
GIVEN_BACK = """
import psutil
from feii_dask.engine.malloc import give_back_freed_memory, keep_freed_memory
keep_freed_memory()
def resident():
    return psutil.Process().memory_info().rss // 10**6
objects = [b"1" * 100_000 for _ in range(1000)]
last = objects[-1]
print(resident())
del objects
print(resident())
give_back_freed_memory()
print(resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="malloc_trim is glibc's")
def test_freed_memory_is_given_back_when_asked_for() -> None:
    command = [sys.executable, "-c", GIVEN_BACK]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    full, freed, given_back = map(int, said.split())
    assert full - freed < 20
    assert full - given_back > 50


@pytest.mark.parametrize(
    ("limit_bytes", "threads", "ample"), [(6e8, 8, False), (1e9, 8, False), (4e9, 8, True), (2e9, 2, True)]
)
def test_freed_memory_is_kept_where_all_threads_may(limit_bytes: float, threads: int, ample: bool) -> None:
    assert has_ample_memory(limit_bytes, threads) is ample


def test_freed_memory_is_kept_where_nothing_limits_it() -> None:
    assert has_ample_memory(math.inf, 64)
