"""One line in one cube: its numbers, and the maps and spectrum that show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import nan
from typing import get_type_hints

import numpy as np
from numpy.typing import NDArray

from feii_dask.model.kind import Kind
from feii_dask.model.line import Line
from feii_dask.model.status import Status

__all__ = ["Cutout", "Detection", "Lobe", "UnidentifiedLine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lobe:
    """One of the lobes of a jet that has more than one velocity.

    Attributes
    ----------
    velocity_kms, velocity_error_kms : float
        Doppler shift from rest (positive: away), and its 1-σ statistical error, km/s.
    flux, flux_error : float
        Line flux and its 1-σ error, W m⁻².
    """

    velocity_kms: float
    velocity_error_kms: float
    flux: float
    flux_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UnidentifiedLine:
    """A line that was found where nothing was looked for.

    Attributes
    ----------
    wavelength_um : float
        Where it peaks, in vacuum, as observed, µm.
    kind : Kind
        ``extended``, ``compact`` or ``undecided``, as of a line that is looked for; in absorption it is not tested.
    statistic : float
        Its significance, standard deviations; negative in absorption.
    flags : tuple of str
        Remarks on its extent: ``fills_field``, ``scattered``.
    """

    wavelength_um: float
    kind: Kind
    statistic: float
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Detection:
    """One line in one cube, with its numbers; NaN (or None) where a detector measures no such thing.

    Attributes
    ----------
    line : Line
        The line that was looked for.
    detected : bool
        Whether spatially extended emission was found.
    kind : Kind
        What was found; ``unjudged`` by detectors that do not test for extent.
    status : Status
        ``scanned``, or why there is no answer.
    reason : str
        In words, why there is no answer.
    statistic : float
        The detector's own figure of merit at its best plane.
    p_value : float
        Probability that noise, or a fault of the detector, reaches such a statistic.
    p_extent : float
        Probability that unresolved emission, or light that follows the continuum, looks as extended.
    p_identification : float
        Probability that an unlisted line of another species falls as near to the expected velocity, after those that
        were met in this cube alone; in a run it is lower where other cubes show that they are few.
    null_windows : int
        Line-free windows of the same cube to which the line was compared.
    null_p_values : tuple of float
        The p-values of these windows themselves, as far as they are small: a run pools them.
    snr : float
        Peak signal-to-noise ratio per voxel.
    plane : int or None
        Index of the line's best plane in the whole cube.
    local_snr : float
        The same over the noise of the spaxel in which it peaks, to which a star there adds its own.
    velocity_kms, velocity_error_kms, width_kms : float
        Doppler shift from rest (positive: away), its 1-σ statistical error, and FWHM, km/s.
    velocity_calibration_kms : float
        Uncertainty of the instrument's wavelength calibration, km/s.
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
    lobes : tuple of Lobe
        The parts of a jet that differ in velocity; none where one velocity describes it.
    compact_share, compact_share_error : float
        Share of the line's light in an unresolved core, and its 1-σ error.
    flags : tuple of str
        Remarks of the detector, and on the cube.
    unidentified : tuple of UnidentifiedLine
        Lines that the detector met in windows in which it expected none.
    searched_kms : float
        Total length of these windows, km/s.
    flux_sensitivity_beam, flux_sensitivity_jet : float
        Flux at which 95 % of lines are found, anywhere in the field and at any velocity that is searched, W m⁻²: of
        points, and of what is three beams long.
    on_data : tuple of int
        The ``yso_index`` of each object inside that is on spaxels with data.
    flux_sigma_beam, flux_sigma_jet : tuple of float
        For each of these, the 1-σ error of the flux of a line at its place, in an aperture of one beam and in one of
        three by one, W m⁻²; NaN where none was measured.
    spectral_frame : str
        Rest frame of the cube's wavelengths in the words of FITS's ``SPECSYS``, such as ``BARYCENT``; empty where the
        header does not say.
    mask : (y, x) bool ndarray, or None
        The spaxels with emission.
    statistic_start : int
        Plane of the whole cube at which `statistic_curve` begins.
    statistic_curve : (n,) float64 ndarray, or None
        The statistic against wavelength, around the line.
    """

    line: Line
    detected: bool = False
    kind: Kind = Kind.UNJUDGED
    status: Status = Status.SCANNED
    reason: str = ""
    statistic: float = nan
    p_value: float = nan
    p_extent: float = nan
    p_identification: float = nan
    null_windows: int = 0
    null_p_values: tuple[float, ...] = ()
    snr: float = nan
    local_snr: float = nan
    plane: int | None = None
    velocity_kms: float = nan
    velocity_error_kms: float = nan
    velocity_calibration_kms: float = nan
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
    compact_share: float = nan
    compact_share_error: float = nan
    lobes: tuple[Lobe, ...] = ()
    flags: tuple[str, ...] = ()
    unidentified: tuple[UnidentifiedLine, ...] = ()
    searched_kms: float = nan
    flux_sensitivity_beam: float = nan
    flux_sensitivity_jet: float = nan
    on_data: tuple[int, ...] = ()
    flux_sigma_beam: tuple[float, ...] = ()
    flux_sigma_jet: tuple[float, ...] = ()
    spectral_frame: str = ""
    mask: NDArray[np.bool_] | None = None
    statistic_start: int = 0
    statistic_curve: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        """Refuse, where it is made, what no table could store; detectors are users' code."""
        for name in DETECTION_NUMBERS:
            value = getattr(self, name)
            if not isinstance(value, (int, float, np.number)):
                raise TypeError(f"{name} of a Detection is a number, not {value!r}")
            object.__setattr__(self, name, float(value))
        for name in ("flux_sigma_beam", "flux_sigma_jet"):
            if len(getattr(self, name)) != len(self.on_data):
                object.__setattr__(self, name, (nan,) * len(self.on_data))


DETECTION_NUMBERS = tuple(name for name, kind in get_type_hints(Detection).items() if kind is float)


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
    planes : (k, y, x) float32 ndarray, or None
        Planes about the line, at most twenty on either side.
    planes_start : int
        Which of `wavelength_um` is that of the first of them.
    jet_spectrum : (n,) float64 ndarray, or None
        Spectrum of all spaxels with emission together.
    jet_error : float
        Its scatter from plane to plane.
    jet_unit : str
        Unit of both: Jy, or that of the cube where they cannot be added.
    origin : dict
        FITS cards that say where the cutout is from and what was measured.
    file : bytes or None
        All of this as a FITS file, where a worker has made it; of the rest it sends the line's plane and the header.
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
    planes: NDArray[np.float32] | None = None
    planes_start: int = 0
    jet_spectrum: NDArray[np.float64] | None = None
    jet_error: float = nan
    jet_unit: str = ""
    origin: dict[str, str | float | int] = field(default_factory=dict)
    file: bytes | None = None
