"""The Fornax notebook's detection of lines: spikes in the share of the field that is bright.

It is kept as the notebook has it, as a reference. ``compat="fixed"`` mends what is plainly wrong in it:

- the median is taken over ten planes on either side (the notebook leaves out the last);
- infinite pixels are without data, as NaN is (in the notebook they are bright);
- pixels that meet at a corner belong to one blob (in the notebook only those that share an edge do);
- a spike near the cube's beginning is where it is (the notebook counts from ``pos - detect_halfwidth``, though its
  excerpt begins at plane 0);
- the line's plane is the nearest (in the notebook it is the first at or beyond the line).

What is a matter of judgement stays: a threshold that depends on the background's level, and a spike's prominence that
is measured against a scatter which includes the spike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import generate_binary_structure, label
from scipy.signal import find_peaks

from feii_dask.cubes.planes import covers, first_plane_from
from feii_dask.detectors.contract import MeasuresArrays
from feii_dask.detectors.line_window import LineWindow
from feii_dask.errors import DetectorError
from feii_dask.model import Detection, Line, Status

__all__ = [
    "DETECT_HALFWIDTH",
    "MATCH_HALFWIDTH",
    "MEDIAN_REACH",
    "NotebookDetector",
    "detect_spikes",
    "extension_vs_wavebin",
    "medians",
    "with_values",
]

Compat: TypeAlias = Literal["notebook", "fixed"]
COMPATS = ("notebook", "fixed")

MEDIAN_REACH = 10  # planes on either side
BRIGHT = 3  # times the median
SMALLEST_BLOB_PX = 10
LARGEST_FRACTION = 0.5
PLANES_AT_ONCE = 21  # whose medians are sought among the same values
DETECT_HALFWIDTH = 10
MATCH_HALFWIDTH = 2


def extension_vs_wavebin(data: ArrayLike, compat: Compat = "notebook") -> list[float]:
    """Return, for every plane, the fraction of its pixels that the largest bright blob covers.

    Bright is what exceeds three times the median of the plane and its neighbours. Blobs of fewer than ten pixels, or
    of half of the plane and more, count as 0, and so does a plane without data.

    Parameters
    ----------
    data : (n, y, x) array_like
        Cube; NaN where there are no data.
    compat : {"notebook", "fixed"}
        Whether to answer exactly as the notebook does, or with its slips mended (see the module).

    Returns
    -------
    list of float
        n fractions, from 0 to below 0.5.

    Raises
    ------
    DetectorError
        If the data are not a cube.

    Examples
    --------
    >>> data = np.ones((5, 8, 8))
    >>> data[2, :3, :4] = 50.0
    >>> extension_vs_wavebin(data)
    [0.0, 0.0, 0.1875, 0.0, 0.0]
    """
    planes = with_values(np.asarray(data), checked_compat(compat))
    return [float(share) for share in extensions(planes, 0, len(planes.pixels), compat)]


def detect_spikes(
    blobs: Sequence[float] | NDArray[np.float64],
    pos: int,
    sig: float = 3.0,
    detect_halfwidth: int = DETECT_HALFWIDTH,
    match_halfwidth: int = MATCH_HALFWIDTH,
    compat: Compat = "notebook",
) -> bool:
    """Say whether there is an abrupt peak close to a plane.

    Parameters
    ----------
    blobs : sequence of float
        What `extension_vs_wavebin` returns, or any other curve.
    pos : int
        The plane.
    sig : float
        Prominence that a peak needs, in standard deviations of the nonzero values around the plane.
    detect_halfwidth : int
        Planes on either side among which peaks are sought.
    match_halfwidth : int
        Planes by which a peak may be off.
    compat : {"notebook", "fixed"}
        Whether to answer exactly as the notebook does, or with its slips mended (see the module).

    Returns
    -------
    bool
        True if there is a peak.

    Examples
    --------
    >>> detect_spikes([0.01, 0.03, 0.02] * 4 + [0.3] + [0.01, 0.03, 0.02] * 4, 12)
    True
    """
    return bool(spike_planes(blobs, pos, sig, detect_halfwidth, match_halfwidth, checked_compat(compat)).size)


@dataclass(frozen=True, slots=True)
class NotebookDetector(MeasuresArrays):
    """The notebook's search for one line, on the planes that matter.

    Follows `feii_dask.detectors.contract.Detector`. It knows neither velocities nor point-spread functions.
    ``statistic`` is the curve of `extension_vs_wavebin`.

    Parameters
    ----------
    sig : float
        Prominence that a peak needs, as in `detect_spikes`.
    compat : {"notebook", "fixed"}
        Whether to answer exactly as the notebook does, or with its slips mended (see the module).
    """

    sig: float = 3.0
    compat: Compat = "notebook"
    copies: ClassVar[float] = 3.0

    def __post_init__(self) -> None:
        checked_compat(self.compat)

    def plane_range(
        self,
        wavelength_um: NDArray[np.float64],
        line: Line,
        rv_kms: float = 0.0,  # noqa: ARG002
    ) -> tuple[int, int] | None:
        """Return the planes, at most 41, that decide about a line; None where it is outside the cube."""
        if not covers(wavelength_um, line.wavelength_um):
            return None
        pos = self._line_plane(wavelength_um, line)
        reach = DETECT_HALFWIDTH + MEDIAN_REACH
        stop = pos + reach + (self.compat == "fixed")
        return max(0, pos - reach), min(len(wavelength_um), stop)

    def detect(self, window: LineWindow) -> Detection:
        """Look for the line; see `feii_dask.detectors.contract.Detector.detect`."""
        pos = self._line_plane(window.wavelength_um, window.line)
        planes = with_values(window.planes, self.compat)
        first = max(0, pos - DETECT_HALFWIDTH)
        last = min(len(window.wavelength_um), pos + DETECT_HALFWIDTH + 1)
        curve = extensions(planes, first, last, self.compat)
        spikes = first + spike_planes(curve, pos - first, self.sig, DETECT_HALFWIDTH, MATCH_HALFWIDTH, self.compat)
        plane = int(spikes[np.argmax(curve[spikes - first])]) if spikes.size else pos
        answer = Detection(
            line=window.line, statistic=float(curve[plane - first]), statistic_start=first, statistic_curve=curve
        )
        if spikes.size:
            velocity_kms = float(window.velocity_kms[plane])
            return replace(answer, detected=True, velocity_kms=velocity_kms, **self._emission(planes, plane))
        near = planes.pixels[max(0, pos - MATCH_HALFWIDTH) : pos + MATCH_HALFWIDTH + 1]
        if not np.isfinite(near).any():
            reason = f"no finite pixels in the planes around {window.line.name}"
            return replace(answer, status=Status.NO_DATA, reason=reason)
        return answer

    def _emission(self, planes: PlanesWithValues, plane: int) -> dict[str, Any]:
        """Return plane, size and place of the largest blob of a plane, as fields of `Detection`."""
        (median,) = medians(planes, plane, plane + 1, self.compat)
        mask = largest_blob(bright_pixels(planes, plane, median), self.compat)
        y, x = np.unravel_index(np.argmax(np.where(mask, planes.pixels[plane], -np.inf)), mask.shape)
        return {"plane": plane, "area_px": int(mask.sum()), "mask": mask, "peak_yx": (int(y), int(x))}

    def _line_plane(self, wavelength_um: NDArray[np.float64], line: Line) -> int:
        """Return the plane of a line within the band; of two that are as near to it, the later one."""
        wanted_um = line.wavelength_um
        plane = first_plane_from(wavelength_um, wanted_um)
        if self.compat == "fixed" and plane and wanted_um - wavelength_um[plane - 1] < wavelength_um[plane] - wanted_um:
            return plane - 1
        return plane


@dataclass(frozen=True, eq=False, slots=True)
class PlanesWithValues:
    """Some planes of a cube, and of each the values that are not NaN, over which medians are taken."""

    pixels: NDArray[np.floating]
    values: list[NDArray[np.floating]]


def checked_compat(compat: Compat) -> Compat:
    """Return the way to answer, if there is such a way."""
    if compat not in COMPATS:
        raise DetectorError(f"compat is {compat!r}; it must be one of {', '.join(COMPATS)}")
    return compat


def with_values(data: NDArray[np.floating], compat: Compat) -> PlanesWithValues:
    """Take the values that are not NaN out of each plane; for ``"fixed"`` infinite ones are NaN too."""
    if data.ndim != 3:
        raise DetectorError(f"the data have {data.ndim} axes; a cube has three: wavelength, y, x")
    if compat == "fixed":
        data = np.where(np.isinf(data), np.nan, data)
    return PlanesWithValues(data, [plane[~np.isnan(plane)] for plane in data])


def extensions(planes: PlanesWithValues, first: int, last: int, compat: Compat) -> NDArray[np.float64]:
    """Return the fraction that the largest bright blob covers of each plane; see `extension_vs_wavebin`."""
    curve = np.zeros(last - first)
    for start in range(first, last, PLANES_AT_ONCE):
        stop = min(start + PLANES_AT_ONCE, last)
        for plane, median in enumerate(medians(planes, start, stop, compat), start):
            bright = bright_pixels(planes, plane, median)
            if np.count_nonzero(bright) >= SMALLEST_BLOB_PX:  # a smaller blob counts as none
                curve[plane - first] = extension(planes, plane, bright, compat)
    return curve


def extension(planes: PlanesWithValues, plane: int, bright: NDArray[np.bool_], compat: Compat) -> float:
    """Return the fraction of one plane that the largest blob of its bright pixels covers."""
    blob = int(largest_blob(bright, compat).sum())
    fraction = blob / max(planes.values[plane].size, 1)
    return fraction if blob >= SMALLEST_BLOB_PX and fraction < LARGEST_FRACTION else 0.0


def medians(planes: PlanesWithValues, start: int, stop: int, compat: Compat) -> Iterator[np.floating | None]:
    """Yield for some planes the median of each and its neighbours; None where there are no data.

    It is what `numpy.median` returns, at a sixth of the cost: the median of several planes together is nowhere below
    the least of their own medians and nowhere above the largest, so that it is sought among the values between.
    """
    begin = max(0, start - MEDIAN_REACH)
    ordered = [np.sort(values) for values in planes.values[begin : stop + MEDIAN_REACH]]
    known = [values for values in ordered if values.size]
    low = min((values[(values.size - 1) // 2] for values in known), default=0)
    high = max((values[values.size // 2] for values in known), default=0)
    below = [int(values.searchsorted(low, "left")) for values in ordered]
    between = [values[place : values.searchsorted(high, "right")] for values, place in zip(ordered, below, strict=True)]
    for plane in range(start, stop):
        around = slice(max(0, plane - MEDIAN_REACH) - begin, plane + MEDIAN_REACH + (compat == "fixed") - begin)
        size = sum(values.size for values in ordered[around])
        if size == 0:
            yield None
            continue
        first, last = (place - sum(below[around]) for place in ((size - 1) // 2, size // 2))
        with np.errstate(invalid="ignore", over="ignore"):
            found: np.floating = np.partition(np.concatenate(between[around]), [first, last])[first : last + 1].mean()
        yield found


def bright_pixels(planes: PlanesWithValues, plane: int, median: np.floating | None) -> NDArray[np.bool_]:
    """Return the pixels, (y, x), of one plane that exceed three times the median of the planes about it."""
    if median is None:
        return np.zeros(planes.pixels[plane].shape, dtype=bool)
    with np.errstate(invalid="ignore", over="ignore"):
        # The product stays in the data's own precision, whichever numpy.
        bright: NDArray[np.bool_] = planes.pixels[plane] > np.multiply(BRIGHT, median, dtype=median.dtype)
    return bright


def largest_blob(bright: NDArray[np.bool_], compat: Compat) -> NDArray[np.bool_]:
    """Return the pixels, (y, x), of the largest connected blob; none where nothing is bright."""
    labels, blobs = label(bright, generate_binary_structure(2, 2 if compat == "fixed" else 1))
    if blobs == 0:
        return np.zeros(bright.shape, dtype=bool)
    largest: NDArray[np.bool_] = labels == np.argmax(np.bincount(labels.ravel())[1:]) + 1
    return largest


def spike_planes(
    blobs: Sequence[float] | NDArray[np.float64],
    pos: int,
    sig: float,
    detect_halfwidth: int,
    match_halfwidth: int,
    compat: Compat,
) -> NDArray[np.intp]:
    """Return the planes of the peaks that match, whatever the notebook believes their planes to be."""
    start = max(0, pos - detect_halfwidth)
    excerpt = np.asarray(blobs[start : pos + detect_halfwidth + 1], dtype=np.float64)
    nonzero = excerpt[excerpt != 0]
    if np.isnan(nonzero).all():
        return np.empty(0, dtype=np.intp)
    peaks = find_peaks(excerpt, prominence=sig * np.nanstd(nonzero))[0]
    believed = peaks + (start if compat == "fixed" else pos - detect_halfwidth)
    matching: NDArray[np.intp] = start + peaks[np.abs(believed - pos) <= match_halfwidth]
    return matching
