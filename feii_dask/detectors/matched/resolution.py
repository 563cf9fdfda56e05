"""Point-spread and line-spread functions of JWST's spectrographs, and how well they know wavelengths."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, nan

import numpy as np
from numpy.typing import NDArray

from feii_dask.model import SPEED_OF_LIGHT_KMS

__all__ = ["Resolution", "resolution_at"]

DIFFRACTION_ARCSEC_PER_UM = 1.03 * 0.0317  # FWHM of the Airy disc of a mirror of 6.5 m
NIRSPEC_PLANES = 2.2  # FWHM of its line-spread function; cubes have one plane per detector pixel
NIRSPEC_UM, MRS_UM = (0.6, 5.3), (4.88, 29.0)
# Steps of the pipeline's cubes, µm: prism apart, those of NIRSpec's gratings, and the least and most of the MRS.
NIRSPEC_STEPS_UM = 0.000235, 0.000396, 0.000665, 0.000636, 0.00107, 0.00179
MRS_STEPS_UM = 0.0007, 0.007
SAME_STEP = 0.1  # relative difference of steps that are the same
NIRSPEC_PIXELS_ARCSEC, MRS_PIXELS_ARCSEC = (0.04, 0.14), (0.08, 0.5)

# To within 9 km/s at 5 µm and 27 km/s at 28 µm (Argyriou et al. 2023, A&A 675, A111, abstract).
MRS_CALIBRATION_UM, MRS_CALIBRATION_KMS = (5.0, 28.0), (9.0, 27.0)
NIRSPEC_CALIBRATION_KMS = 20.0  # offsets of its IFU (JWST User Documentation, NIRSpec IFU Calibration Status)


@dataclass(frozen=True, slots=True)
class Resolution:
    """The grid of a cube at one wavelength, and the point-spread and line-spread functions there.

    Attributes
    ----------
    step_um : float
        Width of a plane, µm.
    plane_kms : float
        The same as a velocity, km/s.
    psf_px : float
        FWHM of the point-spread function, spaxels.
    line_planes : float
        FWHM of the line-spread function, planes.
    calibration_kms : float
        Uncertainty of the instrument's wavelengths, km/s; NaN where the instrument is not known.
    psf_is_known : bool
        Whether the point-spread function was given, or is that of a known instrument.
    """

    step_um: float
    plane_kms: float
    psf_px: float
    line_planes: float
    calibration_kms: float = nan
    psf_is_known: bool = True

    @property
    def beam_px(self) -> float:
        """Area of the beam, π/(4 ln 2) FWHM², spaxels."""
        return 1.133 * self.psf_px**2

    def width_planes(self, fwhm_kms: float) -> float:
        """Return the FWHM, in planes, that a line of some intrinsic FWHM has in the cube."""
        return hypot(self.line_planes, fwhm_kms / self.plane_kms)


def resolution_at(
    wavelength_um: NDArray[np.float64],
    plane: int,
    pixel_arcsec: float,
    psf_arcsec: float | None = None,
    lsf_kms: float | None = None,
) -> Resolution:
    """Return the resolution of a cube, of at least two planes, at one of them.

    Parameters
    ----------
    wavelength_um : (n,) float64 ndarray
        Wavelength of every plane, µm, increasing.
    plane : int
        Which plane.
    pixel_arcsec : float
        Width of a spaxel, arcsec.
    psf_arcsec, lsf_kms : float, optional
        FWHM of the point-spread and line-spread functions; else those that JWST has there.
    """
    low, high = max(plane - 1, 0), min(plane + 1, wavelength_um.size - 1)
    step_um = float(wavelength_um[high] - wavelength_um[low]) / (high - low)
    here_um = float(wavelength_um[plane])
    plane_kms = SPEED_OF_LIGHT_KMS * step_um / here_um
    psf = psf_fwhm_arcsec(here_um, step_um, pixel_arcsec) if psf_arcsec is None else psf_arcsec
    known = is_jwst(here_um, step_um, pixel_arcsec)
    return Resolution(
        step_um=step_um,
        plane_kms=plane_kms,
        psf_px=psf / pixel_arcsec,
        line_planes=line_spread_um(here_um, step_um) / step_um if lsf_kms is None else lsf_kms / plane_kms,
        calibration_kms=calibration_kms(here_um, step_um) if known else nan,
        psf_is_known=known or psf_arcsec is not None,
    )


def is_mrs(wavelength_um: float, step_um: float) -> bool:
    """Tell MIRI's MRS from NIRSpec by the step where both see, at 4.9 to 5.3 µm: MRS cubes have 0.8 or 1 nm there."""
    return 5.3 < wavelength_um < 29 or (4.88 < wavelength_um <= 5.3 and 0.00075 < step_um < 0.0011)


def is_jwst(wavelength_um: float, step_um: float, pixel_arcsec: float) -> bool:
    """Tell whether wavelength, step and spaxel are those of a cube of the MRS, or of NIRSpec's gratings.

    Examples
    --------
    >>> is_jwst(5.34, 0.0008, 0.13), is_jwst(1.644, 0.000235, 0.1)  # and the K band of KMOS, and MUSE
    (True, True)
    >>> is_jwst(2.12, 0.00028, 0.2), is_jwst(0.7, 0.000125, 0.2)
    (False, False)
    """
    if is_mrs(wavelength_um, step_um):
        spectral, (least, most) = MRS_STEPS_UM[0] < step_um < MRS_STEPS_UM[1], MRS_PIXELS_ARCSEC
    else:
        near = min(abs(step_um / known - 1) for known in NIRSPEC_STEPS_UM)
        spectral = NIRSPEC_UM[0] < wavelength_um < NIRSPEC_UM[1] and near < SAME_STEP
        least, most = NIRSPEC_PIXELS_ARCSEC
    return spectral and least < pixel_arcsec < most


def psf_fwhm_arcsec(wavelength_um: float, step_um: float, pixel_arcsec: float) -> float:
    """Return the FWHM of the point-spread function of a cube, arcsec.

    For MIRI's MRS as Law et al. 2023 (AJ 166, 45) measured it. NIRSpec undersamples: there it is the diffraction of a
    mirror of 6.5 m and the width of a spaxel, added in quadrature.

    Examples
    --------
    >>> round(psf_fwhm_arcsec(5.34, 0.0008, 0.13), 2), round(psf_fwhm_arcsec(1.644, 0.000235, 0.1), 2)
    (0.28, 0.11)
    """
    if is_mrs(wavelength_um, step_um):
        return 0.033 * wavelength_um + 0.106
    return hypot(DIFFRACTION_ARCSEC_PER_UM * wavelength_um, pixel_arcsec)


def line_spread_um(wavelength_um: float, step_um: float) -> float:
    """Return the FWHM of the line-spread function of a cube, µm.

    The resolving power of MIRI's MRS is 4603 - 128 λ/µm (Jones et al. 2023, MNRAS 523, 2519). NIRSpec's gratings
    resolve `NIRSPEC_PLANES` at all wavelengths, which is R = 2700 or 1000 in the middle of their bands.

    Examples
    --------
    >>> round(5.34 / line_spread_um(5.34, 0.0008)), round(1.4 / line_spread_um(1.4, 0.000235))
    (3919, 2708)
    """
    if is_mrs(wavelength_um, step_um):
        return wavelength_um / (4603 - 128 * wavelength_um)
    return NIRSPEC_PLANES * step_um


def calibration_kms(wavelength_um: float, step_um: float) -> float:
    """Return the uncertainty of JWST's wavelengths, km/s.

    Examples
    --------
    >>> round(calibration_kms(25.988, 0.006), 1)
    25.4
    """
    if is_mrs(wavelength_um, step_um):
        return float(np.interp(wavelength_um, MRS_CALIBRATION_UM, MRS_CALIBRATION_KMS))
    return NIRSPEC_CALIBRATION_KMS
