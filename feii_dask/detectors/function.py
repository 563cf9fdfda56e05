"""Detection of lines as spikes of a user's own curve, with empirical p-values.

The Fornax notebook has two steps: a function gives one number per plane (`extension_vs_wavebin`), and a line is
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
from feii_dask.cubes.planes import nearest_plane
from feii_dask.detectors.contract import MeasuresArrays
from feii_dask.detectors.line_window import LineWindow, planes_about
from feii_dask.detectors.notebook import DETECT_HALFWIDTH, MATCH_HALFWIDTH, MEDIAN_REACH
from feii_dask.detectors.p_values import KEPT_P
from feii_dask.errors import DetectorError
from feii_dask.model import SPEED_OF_LIGHT_KMS, Detection, Line

__all__ = ["FunctionDetector"]

REACH_PLANES = 240  # on either side of the line: some eighty places at which to ask what the curve does without one
END_PLANES = DETECT_HALFWIDTH + MEDIAN_REACH  # at either end, where a function such as the notebook's lacks neighbours
NEIGHBOUR_KMS = 300.0  # about a known line, where a spike is no chance
PROMINENCE = 3.0  # standard deviations of the curve's nonzero values that a spike needs, as in the notebook
FEWEST_PLACES = 40  # among which the highest peak is no chance

KNOWN_UM = np.array([line.wavelength_um for line in ALL_LINES])


@dataclass(frozen=True, slots=True)
class FunctionDetector(MeasuresArrays):
    """Detects a line where a user's curve spikes.

    Follows `feii_dask.detectors.contract.Detector`. ``statistic`` is the prominence of the curve's highest peak at the
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
        return planes_about(REACH_PLANES, wavelength_um, line.wavelength_um)

    def detect(self, window: LineWindow) -> Detection:
        """Look for the line; see `feii_dask.detectors.contract.Detector.detect`.

        Raises
        ------
        DetectorError
            If the function does not return one number for each plane, or none that is finite.
        """
        line = window.line
        position = nearest_plane(window.wavelength_um, line.wavelength_um)
        near = window.planes[max(0, position - MATCH_HALFWIDTH) : position + MATCH_HALFWIDTH + 1]
        if not np.isfinite(near).any():
            return window.without_data(f"no finite pixels in the planes around {line.name}")
        curve = self._curve(window.planes)
        peak = highest_peak(curve, position)
        places = line_free_places(window.wavelength_um, line, position)
        nulls = np.array([highest_peak(curve, place).height for place in places])
        shares = np.array([np.mean(nulls >= null) for null in nulls])
        as_high = np.count_nonzero(nulls >= peak.height)
        answer = Detection(
            line=line,
            statistic=peak.height,
            p_value=(1 + as_high) / (1 + nulls.size),
            null_windows=nulls.size,
            null_p_values=tuple(shares[shares <= KEPT_P].tolist()),
            statistic_curve=curve,
        )
        if not (peak.is_spike or (as_high == 0 and nulls.size >= FEWEST_PLACES)):
            return answer
        return replace(answer, detected=True, plane=peak.plane, velocity_kms=float(window.velocity_kms[peak.plane]))

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
    is_spike: bool


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


def line_free_places(wavelength_um: NDArray[np.float64], line: Line, position: int) -> list[int]:
    """Return places, side by side, at which there is neither the line nor another known one."""
    shift = np.abs(wavelength_um[:, None] / np.append(KNOWN_UM, line.wavelength_um) - 1).min(axis=1)
    free = shift * SPEED_OF_LIGHT_KMS > NEIGHBOUR_KMS
    far = DETECT_HALFWIDTH + MATCH_HALFWIDTH  # a spike of the line is not even in the excerpt
    places = range(END_PLANES, len(wavelength_um) - END_PLANES, 2 * MATCH_HALFWIDTH + 1)
    return [place for place in places if free[place] and abs(place - position) > far]
