"""Detectors that workers import by name, to see what the campaign does about them."""

from __future__ import annotations

import os
import time

import numpy as np
from numpy.typing import NDArray

from feii_dask.model import Detection, Line

POISON = 666.0  # a cube whose pixels all have this value kills the worker that scans it


class Mean:
    """Reports the mean of the planes: enough to tell cubes apart."""

    seconds = 0.0

    def plane_range(self, wavelength_um: NDArray[np.float64], line: Line, rv_kms: float = 0.0) -> tuple[int, int]:
        return 0, 1

    def measure(
        self,
        sci: NDArray[np.float32],
        wavelength_um: NDArray[np.float64],
        line: Line,
        err: NDArray[np.float32] | None = None,
        rv_kms: float = 0.0,
        pixel_arcsec: float = 0.13,
    ) -> Detection:
        time.sleep(self.seconds)
        mean = float(np.nanmean(sci))
        if mean == POISON:
            os._exit(1)
        return Detection(line=line, statistic=mean)


class SlowMean(Mean):
    """Takes its time, so that something can happen meanwhile."""

    seconds = 0.2
