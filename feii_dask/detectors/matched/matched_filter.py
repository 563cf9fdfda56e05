"""The detector to trust: a matched filter in velocity, calibrated where there is no line.

What happens to a cube, file by file: `whitening` removes the continuum and scales to the noise, `filters` looks for
lines, `windows` says at which planes, `regions` judges what stands out, `calibration` says how often chance does as
well, and `measurement` measures. All of it comes from the cube's own pixels: the formal errors of real cubes are 4 to
10 times too small in places, and are not used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.matched.filters import line_filters, significance_extremes
from feii_dask.detectors.matched.line_regions import best_of_windows, border_of, find_regions
from feii_dask.detectors.matched.measurement import measure_region
from feii_dask.detectors.matched.resolution import Resolution, resolution_at
from feii_dask.detectors.matched.whitening import Residuals, remove_continuum
from feii_dask.detectors.matched.windows import REACH_KMS, Windows, lay_windows
from feii_dask.detectors.p_values import FEWEST_NULLS, KEPT_P, null_p_values, window_p_value
from feii_dask.errors import DetectorError
from feii_dask.model import SPEED_OF_LIGHT_KMS, Detection, Line, Status

__all__ = ["MatchedFilter"]

REACH_PLANES = 240  # on either side of the line: enough for some thirty windows without a line
FEWEST_LINE_PLANES = 2
CURVE_PLANES = 40  # of the statistic on either side of the line


@dataclass(frozen=True, slots=True)
class MatchedFilter:
    """Searches for extended line emission within 300 km/s of a source's radial velocity.

    Follows `feii_dask.detectors.base.Detector`. ``statistic`` is the significance, in standard deviations, of the best
    region's spectrum; ``statistic_curve`` that of the best spaxel in each plane. ``p_value`` says how often a window
    of the same cube without a line reaches the statistic.

    Parameters
    ----------
    highest_p : float
        Largest p-value of a detection.

    Examples
    --------
    >>> from feii_dask.simulate import Jet, make_cube
    >>> line = Line("Fe II", 5.340169)
    >>> cube = make_cube(jets=(Jet(line=line, snr=8.0, velocity_kms=-150.0),), planes_um=(5.15, 5.53), shape=(27, 27))
    >>> detection = MatchedFilter().measure(cube.sci, cube.wavelength_um, line)
    >>> detection.detected, -160 < detection.velocity_kms < -140
    (True, True)
    """

    highest_p: float = 0.0075
    copies: ClassVar[float] = 13.0  # of its planes in memory: 12 beside them, measured with 45² to 312² spaxels

    def plane_range(
        self, wavelength_um: NDArray[np.float64], line: Line, rv_kms: float = 0.0
    ) -> tuple[int, int] | None:
        """Return the planes, at most 481, that decide about a line; None where it is outside the cube."""
        plane = line_plane(wavelength_um, line, rv_kms)
        if plane is None:
            return None
        length = 2 * REACH_PLANES + 1
        start = max(0, min(plane - REACH_PLANES, len(wavelength_um) - length))
        return start, min(start + length, len(wavelength_um))

    def measure(
        self,
        sci: NDArray[np.float32],
        wavelength_um: NDArray[np.float64],
        line: Line,
        err: NDArray[np.float32] | None = None,  # noqa: ARG002 - too small where it matters
        rv_kms: float = 0.0,
        pixel_arcsec: float = 0.13,
    ) -> Detection:
        """Look for the line; see `feii_dask.detectors.base.Detector.measure`.

        Raises
        ------
        DetectorError
            If the data are not a cube with these wavelengths, or the spaxels have no width.
        """
        if np.ndim(sci) != 3 or len(sci) != len(wavelength_um):
            shapes = f"{np.shape(sci)} and {np.shape(wavelength_um)}"
            raise DetectorError(f"a cube (wavelength, y, x) and its wavelengths are needed, not shapes {shapes}")
        if not (isfinite(pixel_arcsec) and pixel_arcsec > 0):
            raise DetectorError(f"the width of a spaxel is {pixel_arcsec!r} arcsec; it must be a positive number")
        planes = self.plane_range(wavelength_um, line, rv_kms)
        if planes is None:
            return Detection(line=line, status=Status.NO_LINE_IN_BAND, reason=f"{line.name} is outside the cube")
        start, stop = planes
        answer = self._search(
            np.asarray(sci[start:stop], dtype=np.float32),
            np.asarray(wavelength_um[start:stop], dtype=np.float64),
            line,
            rv_kms,
            pixel_arcsec,
        )
        if answer.plane is not None:
            answer = replace(answer, plane=answer.plane + start)
        return replace(answer, statistic_start=answer.statistic_start + start)

    def _search(
        self,
        sci: NDArray[np.float32],
        wavelength_um: NDArray[np.float64],
        line: Line,
        rv_kms: float,
        pixel_arcsec: float,
    ) -> Detection:
        plane = line_plane(wavelength_um, line, rv_kms)
        if plane is None or len(sci) < 2 or 0 in sci.shape:
            return no_data(line, f"a cube of shape {sci.shape} is too small")
        resolution = resolution_at(wavelength_um, plane, pixel_arcsec)
        residuals = remove_continuum(sci, resolution.psf_px)
        alive = np.isfinite(residuals.noise)
        inner = np.count_nonzero(alive & ~border_of(alive))
        if inner < resolution.beam_px:
            return no_data(line, f"{inner} spaxels away from a border have data about {line.name}: less than the beam")
        present = residuals.good[:, alive].mean(axis=1)
        windows = lay_windows(wavelength_um, line, rv_kms, present, resolution)
        nulls, length = len(windows.planes) - 1, windows.planes.shape[1]
        if length < FEWEST_LINE_PLANES:
            return no_data(line, f"{length} planes within {REACH_KMS:g} km/s of {line.name} have data")
        if nulls < FEWEST_NULLS:
            return no_data(line, f"{nulls} windows without a line are too few to calibrate {line.name} with")
        return self._decide(residuals, windows, wavelength_um, line, resolution, pixel_arcsec)

    def _decide(
        self,
        residuals: Residuals,
        windows: Windows,
        wavelength_um: NDArray[np.float64],
        line: Line,
        resolution: Resolution,
        pixel_arcsec: float,
    ) -> Detection:
        filters = line_filters(len(wavelength_um), resolution)
        largest, smallest = significance_extremes(residuals, filters, resolution)
        light = find_regions(largest, residuals.white, residuals, windows.planes, filters, resolution)
        dark = find_regions(-smallest, -residuals.white, residuals, windows.planes, filters, resolution)
        bright_best, dark_best = (best_of_windows(regions, len(windows.planes)) for regions in (light, dark))
        statistic, p_value = bright_best[0], window_p_value(bright_best[0], bright_best[1:], dark_best[1:])
        null_p = null_p_values(bright_best[1:], dark_best[1:])
        first = max(0, int(windows.planes[0, 0]) - CURVE_PLANES)
        answer = Detection(
            line=line,
            statistic=statistic,
            p_value=p_value,
            null_windows=null_p.size,
            null_p_values=tuple(null_p[null_p <= KEPT_P].tolist()),
            flags=windows.flags,
            statistic_start=first,
            statistic_curve=largest[first : windows.planes[0, -1] + CURVE_PLANES + 1].max(axis=(1, 2)).astype(float),
        )
        if statistic == 0 or p_value > self.highest_p:
            return answer
        best = int(np.argmax(np.where(light.passed & (light.window == 0), light.significance, -1)))
        numbers = measure_region(
            residuals,
            light.mask[best],
            light.spectrum[best],
            slice(*light.own[best]),
            wavelength_um,
            line,
            resolution,
            pixel_arcsec,
        )
        flags = windows.flags + numbers.pop("flags", ())
        return replace(answer, detected=True, flags=flags, **numbers)


def line_plane(wavelength_um: NDArray[np.float64], line: Line, rv_kms: float) -> int | None:
    """Return the plane nearest to a line of a source that moves; None where it is outside the cube."""
    wanted_um = line.wavelength_um * (1 + rv_kms / SPEED_OF_LIGHT_KMS)
    if not (len(wavelength_um) and wavelength_um[0] <= wanted_um <= wavelength_um[-1]):
        return None
    return int(np.argmin(abs(np.asarray(wavelength_um) - wanted_um)))


def no_data(line: Line, reason: str) -> Detection:
    """Say why there is no answer."""
    return Detection(line=line, status=Status.NO_DATA, reason=reason)
