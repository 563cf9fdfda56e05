"""Point-spread and line-spread functions of JWST's spectrographs."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

import numpy as np
from numpy.typing import NDArray

from feii_dask.model import SPEED_OF_LIGHT_KMS

__all__ = ["Resolution", "resolution_at"]

DIFFRACTION_ARCSEC_PER_UM = 1.03 * 0.0317  # FWHM of the Airy disc of a mirror of 6.5 m
NIRSPEC_PLANES = 2.2  # FWHM of its line-spread function; cubes have one plane per detector pixel


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
    """

    step_um: float
    plane_kms: float
    psf_px: float
    line_planes: float

    @property
    def beam_px(self) -> float:
        """Area of the beam, π/(4 ln 2) FWHM², spaxels."""
        return 1.133 * self.psf_px**2

    def width_planes(self, fwhm_kms: float) -> float:
        """Return the FWHM, in planes, that a line of some intrinsic FWHM has in the cube."""
        return hypot(self.line_planes, fwhm_kms / self.plane_kms)


def resolution_at(wavelength_um: NDArray[np.float64], plane: int, pixel_arcsec: float) -> Resolution:
    """Return the resolution of a cube, of at least two planes, at one of them."""
    low, high = max(plane - 1, 0), min(plane + 1, wavelength_um.size - 1)
    step_um = float(wavelength_um[high] - wavelength_um[low]) / (high - low)
    here_um = float(wavelength_um[plane])
    return Resolution(
        step_um=step_um,
        plane_kms=SPEED_OF_LIGHT_KMS * step_um / here_um,
        psf_px=psf_fwhm_arcsec(here_um, step_um, pixel_arcsec) / pixel_arcsec,
        line_planes=line_spread_um(here_um, step_um) / step_um,
    )


def is_mrs(wavelength_um: float, step_um: float) -> bool:
    """Tell MIRI's MRS from NIRSpec by the step where both see, at 4.9 to 5.3 µm: MRS cubes have 0.8 or 1 nm there."""
    return 5.3 < wavelength_um < 29 or (4.88 < wavelength_um <= 5.3 and 0.00075 < step_um < 0.0011)


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
