"""The lines that were met where none was expected, as an outcome of their own."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.ndimage import label

from feii_dask.detectors.line_window import LineWindow
from feii_dask.detectors.matched.filters import FilteredCube
from feii_dask.detectors.matched.resolution import Resolution
from feii_dask.model import Kind, UnidentifiedLine

__all__ = ["lines_met"]

# Area at half of the peak, in squares of the FWHM of the point-spread function, of a point that was filtered with that
# function (π/2), and how much larger what is extended is seen to be.
POINT_AREA, LARGER = 1.57, 1.6
LISTED = 7.0  # least statistic of a line: noise, in some sixty windows of a cube, reaches less
SEEN, SURELY_SEEN = 6.0, 10.0  # significance from which an area tells that light is extended, and that it is not


def lines_met(
    lines: Iterable[tuple[int, float]], filtered: FilteredCube, window: LineWindow, resolution: Resolution
) -> tuple[UnidentifiedLine, ...]:
    """Return lines, given by plane and statistic, with their wavelengths and kinds, by wavelength."""
    return tuple(
        UnidentifiedLine(
            wavelength_um=float(window.wavelength_um[plane]),
            kind=kind_at(plane, statistic, filtered, resolution),
            statistic=statistic,
        )
        for plane, statistic in sorted(lines)
        if abs(statistic) >= LISTED
    )


def kind_at(plane: int, statistic: float, filtered: FilteredCube, resolution: Resolution) -> Kind:
    """Return the kind of a line, from the area at half of its peak; undecided where that was taken out of the cube."""
    significance = filtered.largest[plane] if statistic > 0 else -filtered.smallest[plane]
    peak = float(significance.max())
    if peak < SEEN:
        return Kind.UNDECIDED
    labels, _ = label(significance > peak / 2, np.ones((3, 3), dtype=bool))
    at_peak = labels.ravel()[significance.argmax()]
    area = np.count_nonzero(labels == at_peak) / (POINT_AREA * max(resolution.psf_px, 1.0) ** 2)
    if area > LARGER:
        return Kind.EXTENDED
    return Kind.COMPACT if peak > SURELY_SEEN else Kind.UNDECIDED
