"""The nouns of a search: lines, matched cubes, detections and outcomes.

They are frozen, small, and made of the standard library and numpy only, so that they travel to
workers and back at no cost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite, nan
from typing import Any, get_type_hints

import numpy as np
from numpy.typing import NDArray

from feii_dask.errors import LineError

__all__ = [
    "SPEED_OF_LIGHT_KMS",
    "Context",
    "Cutout",
    "Detection",
    "Line",
    "MatchedCube",
    "Outcome",
    "Status",
]

SPEED_OF_LIGHT_KMS = 299_792.458  # exact, by the definition of the metre
# What differs between reasons of one kind: paths and addresses, numbers, and what is quoted.
PARTICULARS = re.compile(r"\S*[/\\]\S*|\d+|'[^']*'")


class Status(StrEnum):
    """What became of a cube, or of one line in it."""

    SCANNED = "scanned"
    NO_LINE_IN_BAND = "no_line_in_band"
    NO_CLOUD_COPY = "no_cloud_copy"
    STALE_PRODUCT = "stale_product"
    BAD_REGION = "bad_region"
    NO_DATA = "no_data"
    UNREADABLE = "unreadable"
    FORMAT_ERROR = "format_error"
    TIMEOUT = "timeout"
    WORKER_LOST = "worker_lost"
    DETECTOR_ERROR = "detector_error"

    @property
    def failed(self) -> bool:
        """Whether this should have worked and did not."""
        return self in _FAILED

    @property
    def precedence(self) -> int:
        """Which status stands for a cube whose lines fared differently: the least.

        A failure comes first, so that none hides behind a line that was measured.
        """
        if self.failed:
            return 0
        return {Status.SCANNED: 1, Status.NO_LINE_IN_BAND: 3}.get(self, 2)


_FAILED = frozenset(
    {
        Status.UNREADABLE,
        Status.FORMAT_ERROR,
        Status.TIMEOUT,
        Status.WORKER_LOST,
        Status.DETECTOR_ERROR,
    }
)


@dataclass(frozen=True, slots=True)
class Line:
    """A spectral line at rest.

    Parameters
    ----------
    species : str
        Ion or molecule, as in ``"Fe II"``.
    wavelength_um : float
        Vacuum rest wavelength, µm.
    transition : str
        Upper and lower level, as in ``"a4F9/2-a6D9/2"``.
    einstein_a_per_s : float
        Einstein coefficient of spontaneous emission, 1/s; NaN where it is not known.
    upper_energy_k : float
        Energy of the upper level over Boltzmann's constant, K; NaN where it is not known.
    note : str
        What it can be confused with.

    Raises
    ------
    LineError
        If the wavelength is not a positive, finite number.

    Examples
    --------
    >>> Line("Fe II", 5.340169).name
    'Fe II 5.340'
    """

    species: str = "Fe II"
    wavelength_um: float = nan
    transition: str = ""
    einstein_a_per_s: float = nan
    upper_energy_k: float = nan
    note: str = ""

    def __post_init__(self) -> None:
        if not (isfinite(self.wavelength_um) and self.wavelength_um > 0):
            raise LineError(
                f"a line needs a positive rest wavelength in µm, not {self.wavelength_um!r} ({self.species})"
            )

    @property
    def name(self) -> str:
        """Species and wavelength to the nanometre, which is how tables and commands call the line."""
        return f"{self.species} {self.wavelength_um:.3f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedCube:
    """An observation with the targets inside its footprint: a cube to scan.

    Attributes
    ----------
    obs_id : str
        The archive's identifier; unique within a run.
    uri : str or None
        Where the cube is (``s3://``, ``https://`` or a path), or None where there is no copy.
    em_min_um, em_max_um : float
        The band that the archive states, µm; NaN where it states none and the cube's header decides.
    rv_kms : float
        Radial velocity of the YSO, km/s; 0 where SIMBAD has none.
    ysos : tuple of (int, float, float)
        Of each object inside: its ``yso_index``, right ascension and declination (ICRS, degrees).
    """

    obs_id: str
    uri: str | None
    em_min_um: float = nan
    em_max_um: float = nan
    rv_kms: float = 0.0
    ysos: tuple[tuple[int, float, float], ...] = ()

    def may_hold(self, line: Line) -> bool:
        """Whether the line lies in the band that the archive states, or the archive states none."""
        if not (isfinite(self.em_min_um) and isfinite(self.em_max_um)):
            return True
        return self.em_min_um <= line.wavelength_um <= self.em_max_um

    def planned_lines(self, lines: tuple[Line, ...]) -> tuple[Line, ...]:
        """Return the lines that an outcome accounts for: those in the stated band, or else all of them."""
        return tuple(line for line in lines if self.may_hold(line)) or lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every scan of a run has in common; it reaches each worker once.

    Attributes
    ----------
    lines : tuple of Line
        The lines that are looked for.
    detector : str
        A name that `feii_dask.detectors.load_detector` knows, or ``package.module:Name``.
    detector_options : mapping
        Its arguments.
    extension : str
        Name of the FITS extension that holds the light.
    storage_options : mapping
        Options of the file system, as fsspec takes them.
    """

    lines: tuple[Line, ...]
    detector: str = "matched"
    detector_options: Mapping[str, Any] = field(default_factory=dict)
    extension: str = "SCI"
    storage_options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, kw_only=True)
class Detection:
    """One line in one cube, with its numbers; NaN (or None) where a detector measures no such thing.

    Attributes
    ----------
    line : Line
        The line that was looked for.
    detected : bool
        Whether spatially extended emission was found.
    status : Status
        ``scanned``, or why there is no answer.
    reason : str
        In words, why there is no answer.
    statistic : float
        The detector's own figure of merit at its best plane.
    p_value : float
        Probability of such a statistic, or a larger one, without a line.
    null_windows : int
        Line-free windows of the same cube to which the line was compared.
    null_p_values : tuple of float
        The p-values of these windows themselves, as far as they are small: a run pools them.
    snr : float
        Peak signal-to-noise ratio per voxel.
    plane : int or None
        Index of the line's best plane in the whole cube.
    velocity_kms, velocity_error_kms, width_kms : float
        Doppler shift from rest (positive: away), its 1-σ error, and FWHM, km/s.
    flux, flux_error : float
        Line flux inside the mask and its 1-σ error, W m⁻².
    area_px : int
        Spaxels in the mask.
    area_arcsec2, position_angle_deg, elongation : float
        Size and shape of the mask; the angle is east of north.
    peak_yx : tuple of int, or None
        Spaxel at which the emission peaks.
    peak_ra_deg, peak_dec_deg, offset_arcsec : float
        The same on the sky, and its distance from the continuum's peak.
    flags : tuple of str
        Remarks of the detector.
    on_data : tuple of int
        The ``yso_index`` of each object inside that is on spaxels with data.
    mask : (y, x) bool ndarray, or None
        The spaxels with emission.
    statistic_start : int
        Plane of the whole cube at which `statistic_curve` begins.
    statistic_curve : (n,) float64 ndarray, or None
        The statistic against wavelength, around the line.
    """

    line: Line
    detected: bool = False
    status: Status = Status.SCANNED
    reason: str = ""
    statistic: float = nan
    p_value: float = nan
    null_windows: int = 0
    null_p_values: tuple[float, ...] = ()
    snr: float = nan
    plane: int | None = None
    velocity_kms: float = nan
    velocity_error_kms: float = nan
    width_kms: float = nan
    flux: float = nan
    flux_error: float = nan
    area_px: int = 0
    area_arcsec2: float = nan
    position_angle_deg: float = nan
    elongation: float = nan
    peak_yx: tuple[int, int] | None = None
    peak_ra_deg: float = nan
    peak_dec_deg: float = nan
    offset_arcsec: float = nan
    flags: tuple[str, ...] = ()
    on_data: tuple[int, ...] = ()
    mask: NDArray[np.bool_] | None = None
    statistic_start: int = 0
    statistic_curve: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        """Refuse, where it is made, what no table could store; detectors are users' code."""
        for name in _DETECTION_NUMBERS:
            value = getattr(self, name)
            if not isinstance(value, (int, float, np.number)):
                raise TypeError(f"{name} of a Detection is a number, not {value!r}")
            object.__setattr__(self, name, float(value))


_DETECTION_NUMBERS = tuple(name for name, kind in get_type_hints(Detection).items() if kind is float)


@dataclass(frozen=True, eq=False, kw_only=True)
class Cutout:
    """What one looks at to believe a detection.

    Attributes
    ----------
    line : Line
        The line.
    line_map : (y, x) float32 ndarray
        The line's best plane, in the cube's unit.
    before_map, after_map : (y, x) float32 ndarray
        The planes ten before and ten after it; NaN where the cube has no such plane.
    off_line_map : (y, x) float32 ndarray
        Mean of the planes ten to either side.
    moment_map : (y, x) float32 ndarray
        The planes around the line less `off_line_map`, summed times the plane width: unit × µm.
    wavelength_um : (n,) float64 ndarray
        Wavelengths of `spectrum` and `statistic`.
    spectrum : (n,) float64 ndarray
        Spectrum of the spaxel at which the line peaks.
    statistic : (n,) float64 ndarray
        The detector's statistic; NaN where it has none.
    header : dict
        FITS cards of the maps: the celestial coordinates and BUNIT.
    mask : (y, x) bool ndarray, or None
        The spaxels with emission, where the detector tells them.
    """

    line: Line
    line_map: NDArray[np.float32]
    before_map: NDArray[np.float32]
    after_map: NDArray[np.float32]
    off_line_map: NDArray[np.float32]
    moment_map: NDArray[np.float32]
    wavelength_um: NDArray[np.float64]
    spectrum: NDArray[np.float64]
    statistic: NDArray[np.float64]
    header: dict[str, str | float | int]
    mask: NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Outcome:
    """What one scan returned: detections, or the reason there are none.

    Attributes
    ----------
    obs_id : str
        The observation's identifier.
    status : Status
        That of the line with the least `Status.precedence`: ``scanned`` if a line was measured and none failed.
    reason : str
        In words, what went wrong, or why nothing was measured.
    detections : tuple of Detection
        One for each planned line, whatever became of it.
    cutouts : tuple of Cutout
        One for each detected line.
    seconds, bytes_read, requests : float, int, int
        What the scan cost.
    worker : str
        Address of the worker that ran it.
    attempt : int
        1 for the first scan of this cube, one more each time it is tried again.
    """

    obs_id: str
    status: Status
    reason: str = ""
    detections: tuple[Detection, ...] = ()
    cutouts: tuple[Cutout, ...] = ()
    seconds: float = 0.0
    bytes_read: int = 0
    requests: int = 0
    worker: str = ""
    attempt: int = 1

    @property
    def failure_kind(self) -> tuple[Status, str] | None:
        """Status and reason of a failure without what differs between failures of one kind; None if none failed."""
        return (self.status, PARTICULARS.sub("", self.reason)) if self.status.failed else None

    @classmethod
    def without_scan(
        cls, matched: MatchedCube, lines: tuple[Line, ...], status: Status, reason: str, **bookkeeping: Any
    ) -> Outcome:
        """Account for a cube in which nothing could be measured."""
        return cls(
            obs_id=matched.obs_id,
            status=status,
            reason=reason,
            detections=tuple(
                Detection(line=line, status=status, reason=reason) for line in matched.planned_lines(lines)
            ),
            **bookkeeping,
        )
