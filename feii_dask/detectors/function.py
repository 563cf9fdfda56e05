"""A plain function from a cube to a curve as a detector, in the way of the Fornax notebook.

The notebook's method has two steps: a function gives one number per plane (`extension_vs_wavebin`), and a line is
detected where that curve spikes (`detect_spikes`). Here the first step is the user's own. The second is the notebook's,
with a p-value beside it: how often the same curve spikes as high at planes without a known line. The notebook measures
a spike against a scatter that includes it, which a line of three planes and more does not pass; so a spike that is
higher than at all other places counts as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks

from feii_dask.cubes.lines import ALL_LINES
from feii_dask.detectors.notebook import DETECT_HALFWIDTH, MATCH_HALFWIDTH, MEDIAN_REACH
from feii_dask.detectors.p_values import KEPT_P
from feii_dask.errors import DetectorError
from feii_dask.model import SPEED_OF_LIGHT_KMS, Detection, Line, Status

__all__ = ["FunctionDetector"]

REACH_PLANES = 240  # on either side of the line: some eighty places at which to ask what the curve does without one
END_PLANES = DETECT_HALFWIDTH + MEDIAN_REACH  # at either end, where a function such as the notebook's lacks neighbours
NEIGHBOUR_KMS = 300.0  # about a known line, where a spike is no chance
PROMINENCE = 3.0  # standard deviations of the curve's nonzero values that a spike needs, as in the notebook
FEWEST_PLACES = 40  # among which the highest peak is no chance

KNOWN_UM = np.array([line.wavelength_um for line in ALL_LINES])


@dataclass(frozen=True, slots=True)
class FunctionDetector:
    """Detects a line where a user's curve spikes.

    Follows `feii_dask.detectors.base.Detector`. ``statistic`` is the prominence of the curve's highest peak at the
    line, 0 where there is none; ``p_value`` the share, with one added above and below, of the other places at which the
    curve has a peak as high.

    Parameters
    ----------
    function : callable
        Takes planes, (n, y, x) float32 ndarray with NaN where there are no data, and returns n numbers. The planes are
        its own to write into.

    Examples
    --------
    >>> def brightest(data):
    ...     return [float(np.nanmax(plane)) for plane in data]
    >>> data = np.random.default_rng(1).normal(size=(300, 8, 8)).astype(np.float32)
    >>> data[150] += 20
    >>> wavelength_um = np.linspace(5.22, 5.46, 300)
    >>> found = FunctionDetector(brightest).measure(data, wavelength_um, Line("Fe II", float(wavelength_um[150])))
    >>> found.detected, found.plane, found.p_value < 0.05
    (True, 150, True)
    """

    copies: ClassVar[float] = 3.0  # of its planes in memory: they, the function's own, and something made of those

    function: Callable[[NDArray[np.float32]], Sequence[float]]

    def plane_range(
        self,
        wavelength_um: NDArray[np.float64],
        line: Line,
        rv_kms: float = 0.0,  # noqa: ARG002 - a spike may be two planes off
    ) -> tuple[int, int] | None:
        """Return the planes, at most 481, that are given to the function; None where the line is outside the cube."""
        if not (len(wavelength_um) and wavelength_um[0] <= line.wavelength_um <= wavelength_um[-1]):
            return None
        plane = int(np.abs(wavelength_um - line.wavelength_um).argmin())
        length = 2 * REACH_PLANES + 1
        start = max(0, min(plane - REACH_PLANES, len(wavelength_um) - length))
        return start, min(start + length, len(wavelength_um))

    def measure(
        self,
        sci: NDArray[np.float32],
        wavelength_um: NDArray[np.float64],
        line: Line,
        err: NDArray[np.float32] | None = None,  # noqa: ARG002
        rv_kms: float = 0.0,  # noqa: ARG002
        pixel_arcsec: float = 0.13,  # noqa: ARG002
    ) -> Detection:
        """Look for the line; see `feii_dask.detectors.base.Detector.measure`.

        Raises
        ------
        DetectorError
            If the function does not return one number for each plane, or none that is finite.
        """
        planes = self.plane_range(wavelength_um, line)
        if planes is None:
            return Detection(line=line, status=Status.NO_LINE_IN_BAND, reason=f"{line.name} is outside the cube")
        start, stop = planes
        wavelength_um = wavelength_um[start:stop]
        position = int(np.abs(wavelength_um - line.wavelength_um).argmin())
        near = sci[start:stop][max(0, position - MATCH_HALFWIDTH) : position + MATCH_HALFWIDTH + 1]
        if not np.isfinite(near).any():
            reason = f"no finite pixels in the planes around {line.name}"
            return Detection(line=line, status=Status.NO_DATA, reason=reason)
        curve = self._curve(sci[start:stop])
        peak = highest_peak(curve, position)
        nulls = np.array([highest_peak(curve, other).height for other in free_places(wavelength_um, line, position)])
        shares = np.array([np.mean(nulls >= null) for null in nulls])
        as_high = np.count_nonzero(nulls >= peak.height)
        answer = Detection(
            line=line,
            statistic=peak.height,
            p_value=(1 + as_high) / (1 + nulls.size),
            null_windows=nulls.size,
            null_p_values=tuple(shares[shares <= KEPT_P].tolist()),
            statistic_start=start,
            statistic_curve=curve,
        )
        if not (peak.stands_out or (as_high == 0 and nulls.size >= FEWEST_PLACES)):
            return answer
        velocity_kms = float(SPEED_OF_LIGHT_KMS * (wavelength_um[peak.plane] / line.wavelength_um - 1))
        return replace(answer, detected=True, plane=start + peak.plane, velocity_kms=velocity_kms)

    def _curve(self, planes: NDArray[np.float32]) -> NDArray[np.float64]:
        given = self.function(planes.copy())
        try:
            curve = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DetectorError(f"the function must return one number for each plane: {error}") from error
        if curve.shape != (len(planes),):
            raise DetectorError(
                f"the function returned an array of shape {curve.shape} for {len(planes)} planes, "
                f"and must return one number for each"
            )
        if not np.isfinite(curve).any():
            raise DetectorError(
                f"the function returned no finite number for any of {len(planes)} planes; "
                f"planes have borders of NaN, which np.nanmax and its like pass over"
            )
        return curve


class Peak(NamedTuple):
    """A maximum of the curve: its prominence, its plane, and whether the notebook would call it a spike."""

    height: float
    plane: int
    stands_out: bool


def highest_peak(curve: NDArray[np.float64], position: int) -> Peak:
    """Return the most prominent peak within two planes of a position."""
    start = max(0, position - DETECT_HALFWIDTH)
    excerpt = curve[start : position + DETECT_HALFWIDTH + 1]
    peaks, properties = find_peaks(excerpt, prominence=0)
    prominence = np.where(abs(start + peaks - position) <= MATCH_HALFWIDTH, properties["prominences"], 0.0)
    if not prominence.any():
        return Peak(0.0, position, False)
    best = int(prominence.argmax())
    nonzero = excerpt[(excerpt != 0) & np.isfinite(excerpt)]
    height = float(prominence[best])
    return Peak(height, start + int(peaks[best]), height >= PROMINENCE * nonzero.std())


def free_places(wavelength_um: NDArray[np.float64], line: Line, position: int) -> list[int]:
    """Return places, side by side, at which there is neither the line nor another known one."""
    shift = np.abs(wavelength_um[:, None] / np.append(KNOWN_UM, line.wavelength_um) - 1).min(axis=1)
    free = shift * SPEED_OF_LIGHT_KMS > NEIGHBOUR_KMS
    far = DETECT_HALFWIDTH + MATCH_HALFWIDTH  # a spike of the line is not even in the excerpt
    places = range(END_PLANES, len(wavelength_um) - END_PLANES, 2 * MATCH_HALFWIDTH + 1)
    return [place for place in places if free[place] and abs(place - position) > far]
