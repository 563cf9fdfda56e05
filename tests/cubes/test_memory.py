"""Scans of one process share their memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Lock
from time import sleep

import numpy as np

from feii_dask.cubes.memory import MemoryBudget


class Scans:
    """Scans in threads, which note how much they have together at most."""

    def __init__(self, budget: MemoryBudget) -> None:
        self.budget, self.lock, self.taken, self.most, self.order = budget, Lock(), 0, 0, []

    def scan(self, needed: int) -> None:
        with self.budget.take(needed):
            with self.lock:
                self.taken += needed
                self.most = max(self.most, self.taken)
                self.order.append(needed)
            sleep(0.002)
            with self.lock:
                self.taken -= needed


def test_together_they_take_no_more_than_there_is() -> None:
    scans = Scans(MemoryBudget(100, 100))
    sizes = np.random.default_rng(1).integers(1, 60, 200).tolist()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(scans.scan, sizes))
    assert 60 < scans.most <= 100
    assert sorted(scans.order) == sorted(sizes)


def test_one_that_takes_more_than_is_shared_has_it_alone() -> None:
    scans = Scans(MemoryBudget(300, 100))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(scans.scan, [10, 250, 10, 250, 10] * 4))
    assert scans.most == 250


def test_small_ones_do_not_overtake_a_large_one_for_ever() -> None:
    budget, stop = MemoryBudget(100, 100), Event()
    scans, begun = Scans(budget), Barrier(5, timeout=60)

    def scan_small_ones() -> None:
        begun.wait()
        while not stop.is_set():
            scans.scan(20)

    with ThreadPoolExecutor(5) as pool:
        small = [pool.submit(scan_small_ones) for _ in range(4)]
        begun.wait()
        try:
            pool.submit(scans.scan, 100).result(timeout=60)
        finally:
            stop.set()
    assert [future.result() for future in small] == [None] * 4


def test_what_fails_gives_back_what_it_had() -> None:
    budget = MemoryBudget(100, 100)
    for _ in range(3):
        try:
            with budget.take(100):
                raise ValueError
        except ValueError:
            pass
