"""The detector of the Fornax notebook: how much of the field is bright, plane by plane, and whether that spikes.

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

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import generate_binary_structure, label
from scipy.signal import find_peaks

from feii_dask.errors import DetectorError
from feii_dask.model import SPEED_OF_LIGHT_KMS, Detection, Line, Status

__all__ = ["NotebookDetector", "detect_spikes", "extension_vs_wavebin"]

Compat: TypeAlias = Literal["notebook", "fixed"]
COMPATS = ("notebook", "fixed")

MEDIAN_REACH = 10  # planes on either side
BRIGHT = 3  # times the median
SMALLEST_BLOB_PX = 10
LARGEST_FRACTION = 0.5
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
    planes = _as_planes(np.asarray(data), _checked(compat))
    return [_extension(planes, plane, compat) for plane in range(len(planes.pixels))]


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
    return bool(_spikes(blobs, pos, sig, detect_halfwidth, match_halfwidth, _checked(compat)).size)


@dataclass(frozen=True, slots=True)
class NotebookDetector:
    """The notebook's search for one line, on the planes that matter.

    Follows `feii_dask.detectors.base.Detector`. It knows no errors, velocities or point spread functions: those
    arguments are ignored. ``statistic`` is the curve of `extension_vs_wavebin`.

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
        _checked(self.compat)

    def plane_range(
        self,
        wavelength_um: NDArray[np.float64],
        line: Line,
        rv_kms: float = 0.0,  # noqa: ARG002
    ) -> tuple[int, int] | None:
        """Return the planes, at most 41, that decide about a line; None where it is outside the cube."""
        pos = self._line_plane(wavelength_um, line)
        if pos is None:
            return None
        reach = DETECT_HALFWIDTH + MEDIAN_REACH
        stop = pos + reach + (self.compat == "fixed")
        return max(0, pos - reach), min(len(wavelength_um), stop)

    def measure(
        self,
        sci: NDArray[np.float32],
        wavelength_um: NDArray[np.float64],
        line: Line,
        err: NDArray[np.float32] | None = None,  # noqa: ARG002
        rv_kms: float = 0.0,  # noqa: ARG002
        pixel_arcsec: float = 0.13,  # noqa: ARG002
    ) -> Detection:
        """Look for the line; see `feii_dask.detectors.base.Detector.measure`."""
        pos, window = self._line_plane(wavelength_um, line), self.plane_range(wavelength_um, line)
        if pos is None or window is None:
            return Detection(line=line, status=Status.NO_LINE_IN_BAND, reason=f"{line.name} is outside the cube")
        start, stop = window
        planes = _as_planes(np.asarray(sci[start:stop]), self.compat)
        first = max(0, pos - DETECT_HALFWIDTH)
        last = min(len(wavelength_um), pos + DETECT_HALFWIDTH + 1)
        curve = np.array([_extension(planes, plane - start, self.compat) for plane in range(first, last)])
        spikes = first + _spikes(curve, pos - first, self.sig, DETECT_HALFWIDTH, MATCH_HALFWIDTH, self.compat)
        plane = int(spikes[np.argmax(curve[spikes - first])]) if spikes.size else pos
        answer = Detection(
            line=line, statistic=float(curve[plane - first]), statistic_start=first, statistic_curve=curve
        )
        if spikes.size:
            return self._found(answer, planes, plane - start, plane, wavelength_um[plane])
        near = planes.pixels[max(0, pos - MATCH_HALFWIDTH - start) : pos + MATCH_HALFWIDTH + 1 - start]
        if not np.isfinite(near).any():
            reason = f"no finite pixels in the planes around {line.name}"
            return replace(answer, status=Status.NO_DATA, reason=reason)
        return answer

    def _found(
        self, answer: Detection, planes: _Planes, read_plane: int, plane: int, wavelength_um: float
    ) -> Detection:
        mask = _largest_blob(_bright(planes, read_plane, self.compat), self.compat)
        y, x = np.unravel_index(np.argmax(np.where(mask, planes.pixels[read_plane], -np.inf)), mask.shape)
        return replace(
            answer,
            detected=True,
            plane=plane,
            velocity_kms=float(SPEED_OF_LIGHT_KMS * (wavelength_um / answer.line.wavelength_um - 1)),
            area_px=int(mask.sum()),
            mask=mask,
            peak_yx=(int(y), int(x)),
        )

    def _line_plane(self, wavelength_um: NDArray[np.float64], line: Line) -> int | None:
        wanted = line.wavelength_um
        if not (len(wavelength_um) and wavelength_um[0] <= wanted <= wavelength_um[-1]):
            return None
        pos = int(np.searchsorted(wavelength_um, wanted, side="left"))
        if self.compat == "fixed" and pos and wanted - wavelength_um[pos - 1] < wavelength_um[pos] - wanted:
            pos -= 1
        return pos


@dataclass(frozen=True, eq=False, slots=True)
class _Planes:
    """Some planes of a cube, and of each the values that are not NaN: medians are taken over many planes' values."""

    pixels: NDArray[np.floating]
    values: list[NDArray[np.floating]]


def _checked(compat: Compat) -> Compat:
    if compat not in COMPATS:
        raise DetectorError(f"compat is {compat!r}; it must be one of {', '.join(COMPATS)}")
    return compat


def _as_planes(data: NDArray[np.floating], compat: Compat) -> _Planes:
    if data.ndim != 3:
        raise DetectorError(f"the data have {data.ndim} axes; a cube has three: wavelength, y, x")
    if compat == "fixed":
        data = np.where(np.isinf(data), np.nan, data)
    return _Planes(data, [plane[~np.isnan(plane)] for plane in data])


def _extension(planes: _Planes, plane: int, compat: Compat) -> float:
    blob = int(_largest_blob(_bright(planes, plane, compat), compat).sum())
    fraction = blob / max(planes.values[plane].size, 1)
    return fraction if blob >= SMALLEST_BLOB_PX and fraction < LARGEST_FRACTION else 0.0


def _bright(planes: _Planes, plane: int, compat: Compat) -> NDArray[np.bool_]:
    stop = plane + MEDIAN_REACH + (compat == "fixed")
    around = np.concatenate(planes.values[max(0, plane - MEDIAN_REACH) : stop])
    if around.size == 0:
        return np.zeros(planes.pixels[plane].shape, dtype=bool)
    with np.errstate(invalid="ignore", over="ignore"):
        # The median of the values equals nanmedian of the planes, at a fraction of its cost; the product stays in
        # the data's own precision, whichever numpy.
        median = np.median(around)
        bright: NDArray[np.bool_] = planes.pixels[plane] > np.multiply(BRIGHT, median, dtype=median.dtype)
    return bright


def _largest_blob(bright: NDArray[np.bool_], compat: Compat) -> NDArray[np.bool_]:
    labels, blobs = label(bright, generate_binary_structure(2, 2 if compat == "fixed" else 1))
    if blobs == 0:
        return np.zeros(bright.shape, dtype=bool)
    largest: NDArray[np.bool_] = labels == np.argmax(np.bincount(labels.ravel())[1:]) + 1
    return largest


def _spikes(
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
