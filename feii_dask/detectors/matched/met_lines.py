"""The lines that were met where none was expected, as an outcome of their own."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

import numpy as np
from scipy.ndimage import label

from feii_dask.detectors.line_window import LineWindow
from feii_dask.detectors.matched.emission_region import Seed
from feii_dask.detectors.matched.filters import FilteredCube
from feii_dask.detectors.matched.measurement import measure_line
from feii_dask.detectors.matched.resolution import Resolution
from feii_dask.detectors.matched.windows import REACH_KMS
from feii_dask.model import Kind, UnidentifiedLine

__all__ = ["lines_met"]

LISTED = 7.0  # least statistic of a line: noise, in some sixty windows of a cube, reaches less
SEEN = 4.0  # significance of a peak from which there is an image to judge


def lines_met(
    lines: Iterable[tuple[int, float]],
    filtered: FilteredCube,
    whole: FilteredCube,
    window: LineWindow,
    resolution: Resolution,
) -> tuple[UnidentifiedLine, ...]:
    """Return lines, given by plane and statistic, with their wavelengths and kinds, by wavelength.

    Undecided are lines in absorption, whose extent is not tested, and those that were taken out of the cube, if their
    like would have been taken out of the planes about the line that is looked for as well. Those that would have been
    left there have one image: the extent of the brightest, in the ``whole`` cube, is that of all.
    """
    met = []
    of_shared: tuple[Kind, tuple[str, ...]] | None = None
    taken_out = [plane for plane, _ in filtered.removed]
    for plane, statistic in sorted(lines):
        if abs(statistic) < LISTED:
            continue
        kind: Kind = Kind.UNDECIDED
        flags: tuple[str, ...] = ()
        if statistic > 0 and is_one_of(plane, filtered.left_elsewhere, resolution):
            of_shared = of_shared or extent_at(brightest_of(filtered), whole, window, resolution)
            kind, flags = of_shared
        elif statistic > 0 and not is_one_of(plane, taken_out, resolution) and filtered.largest[plane].max() >= SEEN:
            kind, flags = extent_at(plane, filtered, window, resolution)
        wavelength_um = float(window.wavelength_um[plane])
        met.append(UnidentifiedLine(wavelength_um=wavelength_um, kind=kind, statistic=statistic, flags=flags))
    return tuple(met)


def is_one_of(plane: int, others: Iterable[int], resolution: Resolution) -> bool:
    """Whether a line is not resolved from one of some others."""
    return any(abs(plane - other) < resolution.line_planes for other in others)


def brightest_of(filtered: FilteredCube) -> int:
    """Return the plane of the most significant line that was taken out and would have been left elsewhere."""
    statistics = dict(filtered.removed)
    return max(filtered.left_elsewhere, key=lambda plane: statistics.get(plane, 0.0))


def extent_at(
    plane: int, filtered: FilteredCube, window: LineWindow, resolution: Resolution
) -> tuple[Kind, tuple[str, ...]]:
    """Return kind and flags of a line by the tests of the line that is looked for: like is counted against like."""
    significance = filtered.largest[plane]
    labels, _ = label(significance > significance.max() / 2, np.ones((3, 3), dtype=bool))
    reach = ceil(REACH_KMS / resolution.plane_kms)
    first, stop = max(plane - reach, 0), min(plane + reach + 1, len(filtered.largest))
    seed = Seed(labels == labels.ravel()[significance.argmax()], plane, (first, stop))
    planes = np.arange(first, stop)
    measured = measure_line(filtered, seed, planes, window, resolution)
    return measured["kind"], measured["flags"]
