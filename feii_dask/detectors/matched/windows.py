"""Windows in wavelength: the planes that are searched for a line, and line-free ones of equal length."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import ArrayLike, NDArray

from feii_dask.cubes.known_lines import catalogue_um
from feii_dask.cubes.lines import ALL_LINES
from feii_dask.detectors.line_window import LineWindow, doppler_kms
from feii_dask.detectors.matched.filters import SEARCH_WIDTHS_KMS
from feii_dask.detectors.matched.resolution import Resolution

__all__ = ["REACH_KMS", "Windows", "lay_windows", "null_windows"]

REACH_KMS = 300.0  # of the search, about the source's radial velocity
SAME_LINE_KMS = 30.0  # within which a line of the catalogue is the one that is looked for, perhaps rounded
CORE_KMS = 60.0  # the systemic velocities that a neighbour within the search may have
SAME_STEP = 0.1  # relative difference of steps that windows may have
MOST_MISSING = 0.5  # share of a plane's spaxels


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The planes in which a line is looked for, and those that calibrate it.

    Attributes
    ----------
    tested : (k,) intp ndarray
        The planes in which the line is looked for.
    near : (n,) bool ndarray
        These, and the planes that a line at their edge reaches.
    free : (n,) bool ndarray
        Whether a plane is far from all lines that are known to be there.
    flags : tuple of str
        ``blended`` where a known neighbour cannot be told from the line, ``neighbour`` where one hides some planes,
        ``cut`` where some are outside of the data.
    """

    tested: NDArray[np.intp]
    near: NDArray[np.bool_]
    free: NDArray[np.bool_]
    flags: tuple[str, ...]


def lay_windows(window: LineWindow, present: NDArray[np.float64], resolution: Resolution) -> Windows:
    """Say in which planes a line is looked for, and which are without a line as far as is known beforehand.

    Parameters
    ----------
    window : LineWindow
        The planes that a detector got.
    present : (n,) float64 ndarray
        Share of the spaxels that have data in each plane.
    resolution : Resolution
        Of the cube, at the line.
    """
    spread_kms = resolution.line_planes * resolution.plane_kms
    usable = (present >= MOST_MISSING) & (abs(np.gradient(window.wavelength_um) / resolution.step_um - 1) < SAME_STEP)
    velocity = window.velocity_kms - window.rv_kms
    searched = abs(velocity) <= REACH_KMS
    neighbours = neighbours_kms(window, [line.wavelength_um for line in (*ALL_LINES, *window.searched)])
    hidden = np.zeros_like(searched)
    core_kms = CORE_KMS + spread_kms / 2
    for neighbour in neighbours[(abs(neighbours) > core_kms) & (abs(neighbours) < REACH_KMS + core_kms)]:
        hidden |= abs(velocity - neighbour) <= core_kms
    tested = np.flatnonzero(searched & usable & ~hidden)

    complete = floor(2 * REACH_KMS / resolution.plane_kms)
    wings = ceil(1.5 * resolution.width_planes(SEARCH_WIDTHS_KMS[-1]))
    near = abs(velocity) <= REACH_KMS + wings * resolution.plane_kms
    free = usable & ~near
    for neighbour in neighbours:
        free &= abs(velocity - neighbour) > REACH_KMS + spread_kms
    catalogue = catalogue_um(*window.wavelength_um[[0, -1]])
    for neighbour in neighbours_kms(window, catalogue.wavelength_um[~catalogue.forest]):
        free &= abs(velocity - neighbour) > CORE_KMS + spread_kms
    return Windows(
        tested=tested,
        near=near,
        free=free,
        flags=(
            *("blended",) * bool((abs(neighbours) <= core_kms).any()),
            *("neighbour",) * bool((searched & usable & hidden).any()),
            *("cut",) * bool(np.count_nonzero(searched & usable) < complete),
        ),
    )


def neighbours_kms(window: LineWindow, known_um: ArrayLike) -> NDArray[np.float64]:
    """Return the velocities of other lines, as if they were the line that is looked for."""
    velocity: NDArray[np.float64] = doppler_kms(np.asarray(known_um, dtype=np.float64), window.line.wavelength_um)
    return velocity[abs(velocity) > SAME_LINE_KMS]


def null_windows(free: NDArray[np.bool_], length: int) -> NDArray[np.intp]:
    """Return windows, (w, length), of planes that are free; those of one window need not be neighbours.

    Between lines that stand close there are gaps shorter than a window: together they show as much noise as one.
    """
    planes = np.flatnonzero(free)
    return planes[: planes.size // length * length].reshape(-1, length)
