"""Windows in wavelength: the planes that are searched for a line, and line-free ones of equal length."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from feii_dask.cubes.lines import ALL_LINES
from feii_dask.detectors.line_window import LineWindow, doppler_kms
from feii_dask.detectors.matched.filters import SEARCH_WIDTHS_KMS
from feii_dask.detectors.matched.resolution import Resolution

__all__ = ["REACH_KMS", "Windows", "lay_windows"]

REACH_KMS = 300.0  # of the search, about the source's radial velocity
SAME_LINE_KMS = 30.0  # within which a line of the catalogue is the one that is looked for, perhaps rounded
CORE_KMS = 60.0  # the systemic velocities that a neighbour within the search may have
SAME_STEP = 0.1  # relative difference of steps that windows may have
MOST_MISSING = 0.5  # share of a plane's spaxels

KNOWN_LINES_UM = np.array(sorted(line.wavelength_um for line in ALL_LINES))


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Windows of equally many planes.

    Attributes
    ----------
    planes : (w, k) intp ndarray
        The planes of each; the first is the one in which the line is looked for.
    flags : tuple of str
        ``blended`` where a known neighbour cannot be told from the line, ``neighbour`` where one hides some planes,
        ``cut`` where some are outside of the data.
    """

    planes: NDArray[np.intp]
    flags: tuple[str, ...]


def lay_windows(window: LineWindow, present: NDArray[np.float64], resolution: Resolution) -> Windows:
    """Lay windows over planes.

    Parameters
    ----------
    window : LineWindow
        The planes that a detector got.
    present : (n,) float64 ndarray
        Share of the spaxels that have data in each plane.
    resolution : Resolution
        Of the cube, at the line.

    Returns
    -------
    Windows
        The first lies within `REACH_KMS` of the line. The others do not overlap it, each other, the wings of a line at
        its edge, nor any known line within `REACH_KMS`. It may have no planes.
    """
    spread_kms = resolution.line_planes * resolution.plane_kms
    usable = (present >= MOST_MISSING) & (abs(np.gradient(window.wavelength_um) / resolution.step_um - 1) < SAME_STEP)
    velocity = window.velocity_kms - window.rv_kms
    searched = abs(velocity) <= REACH_KMS
    neighbours = doppler_kms(KNOWN_LINES_UM, window.line.wavelength_um)
    neighbours = neighbours[abs(neighbours) > SAME_LINE_KMS]
    hidden = np.zeros_like(searched)
    core_kms = CORE_KMS + spread_kms / 2
    for neighbour in neighbours[(abs(neighbours) > core_kms) & (abs(neighbours) < REACH_KMS + core_kms)]:
        hidden |= abs(velocity - neighbour) <= core_kms
    tested = np.flatnonzero(searched & usable & ~hidden)

    complete = floor(2 * REACH_KMS / resolution.plane_kms)
    wings = ceil(1.5 * resolution.width_planes(SEARCH_WIDTHS_KMS[-1]))
    free = usable & (abs(velocity) > REACH_KMS + wings * resolution.plane_kms)
    for neighbour in neighbours:
        free &= abs(velocity - neighbour) > REACH_KMS + spread_kms
    nulls = [range(start, start + tested.size) for start in null_window_starts(free, tested.size)]
    return Windows(
        planes=np.array([tested, *nulls], dtype=np.intp),
        flags=(
            *("blended",) * bool((abs(neighbours) <= core_kms).any()),
            *("neighbour",) * bool((searched & usable & hidden).any()),
            *("cut",) * bool(np.count_nonzero(searched & usable) < complete),
        ),
    )


def null_window_starts(free: NDArray[np.bool_], length: int) -> list[int]:
    """Return where windows of some length begin that lie side by side in what is free."""
    starts: list[int] = []
    if length == 0:
        return starts
    plane = 0
    while plane + length <= free.size:
        taken = np.flatnonzero(~free[plane : plane + length])
        if taken.size:
            plane += int(taken[-1]) + 1
        else:
            starts.append(plane)
            plane += length
    return starts
