"""Detectors that workers import by name, to see what the executor does about them."""

from __future__ import annotations

import os
import time

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors import LineWindow
from feii_dask.model import Detection, Line

# A cube whose pixels all have one of these values
POISON = 666.0  # kills the worker that scans it,
HOG = 777.0  # takes all the memory there is,
TAR = 888.0  # is never done with.


class Mean:
    """Reports the mean of the planes: enough to tell cubes apart."""

    seconds = 0.0

    def plane_range(self, wavelength_um: NDArray[np.float64], line: Line, rv_kms: float = 0.0) -> tuple[int, int]:
        return 0, 1

    def detect(self, window: LineWindow) -> Detection:
        time.sleep(self.seconds)
        mean = float(np.nanmean(window.planes))
        if mean == POISON:
            os._exit(1)
        if mean == HOG:
            self.hog()
        if mean == TAR:
            time.sleep(3600)
        return Detection(line=window.line, statistic=mean)

    def hog(self) -> None:
        taken = []
        while True:
            taken.append(np.ones(2_000_000))  # 16 MB each hundredth of a second: the nanny looks ten times a second
            time.sleep(0.01)


class Broken(Mean):
    """Fails at every cube, each time in other words."""

    def detect(self, window: LineWindow) -> Detection:
        raise RuntimeError(f"no licence for cube {window.planes.mean():.0f}")


class WholeMean(Mean):
    """Wants the whole cube."""

    def plane_range(self, wavelength_um: NDArray[np.float64], line: Line, rv_kms: float = 0.0) -> tuple[int, int]:
        return 0, len(wavelength_um)


class UnhurriedMean(Mean):
    """Takes long enough that a run of hundreds of cubes has a middle."""

    seconds = 0.1


class UnhurriedLastMean(UnhurriedMean):
    """Wants the last plane, so that a cube takes more than one range of bytes."""

    def plane_range(self, wavelength_um: NDArray[np.float64], line: Line, rv_kms: float = 0.0) -> tuple[int, int]:
        return len(wavelength_um) - 1, len(wavelength_um)


class SlowMean(Mean):
    """Takes its time, so that something can happen meanwhile."""

    seconds = 0.2
