"""The snapshot of a run's progress: what every display shows, and what the dashboard's page is sent."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feii_dask.monitor.rate import Rate

__all__ = ["P_VALUES", "FailureCount", "LineImage", "ProgressSnapshot", "SlowCube", "format_duration"]

P_VALUES = tuple(10 ** (exponent / 4) for exponent in range(-24, 1))  # from a millionth to one


class FailureCount(NamedTuple):
    """How many cubes failed for one reason, and the last of them in its own words."""

    status: str
    cubes: int
    reason: str


class SlowCube(NamedTuple):
    """A cube that took long, and why."""

    obs_id: str
    seconds: float
    megabytes: float
    why: str


class LineImage(NamedTuple):
    """The line image of a detection.

    Attributes
    ----------
    obs_id, line : str
        The cube and the line.
    pixels : (y, x) float32 ndarray
        At most 64 by 64.
    unit : str
        Of these.
    pixel_side : float
        How far apart they are.
    side_unit : str
        Unit of that: ``arcsec``, or ``spaxels`` where the cube does not say how large they are.
    p_value : float
        Of the detection.
    north, east : (x, y) tuple of float, or None
        Directions on the image, of unit length; None where they are not known.
    """

    obs_id: str
    line: str
    pixels: NDArray[np.float32]
    unit: str
    pixel_side: float = 1.0
    side_unit: str = "spaxels"
    p_value: float = nan
    north: tuple[float, float] | None = None
    east: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressSnapshot:
    """How far a run is, at one moment.

    Attributes
    ----------
    began : float
        When, s since 1970; distinguishes runs.
    total, done, failed, detected : int
        Cubes: all, those with an outcome, the failed ones and those with a detection among them.
    elapsed_s, left_s : float
        Time since the beginning, and to the end as far as one can tell; NaN where one cannot.
    rate : Rate
        Of the last half minute; at the end, of the whole run.
    history : tuple of Rate
        From the beginning on.
    detections : tuple of (str, int)
        For each line that was measured, by wavelength, the cubes in which it was detected.
    p_values : tuple of int
        How many p-values were at or below each of `P_VALUES`; the last is their number.
    failures, slowest : tuple
        The most frequent reasons, and the slowest cubes.
    line_image : LineImage or None
        The newest detection.
    """

    began: float
    total: int
    done: int
    failed: int
    detected: int
    elapsed_s: float
    left_s: float
    rate: Rate
    history: tuple[Rate, ...]
    detections: tuple[tuple[str, int], ...]
    p_values: tuple[int, ...]
    failures: tuple[FailureCount, ...]
    slowest: tuple[SlowCube, ...]
    line_image: LineImage | None

    def __str__(self) -> str:
        left = f", {self.left_s:.0f} s left" if self.done < self.total and isfinite(self.left_s) else ""
        return (
            f"{self.done} of {self.total} cubes, {self.failed} failed, {self.detected} with detections, "
            f"{self.rate.cubes_per_s:.1f} cubes/s, {self.rate.mb_per_s:.1f} MB/s{left}"
        )


def format_duration(seconds: float) -> str:
    """Return a duration in hours, minutes and seconds; a question mark where it is not known.

    Examples
    --------
    >>> format_duration(5), format_duration(3700), format_duration(float("nan"))
    ('0:05', '1:01:40', '?')
    """
    if not isfinite(seconds):
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
