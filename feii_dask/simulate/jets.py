"""Jets: their line emission, and its injection into a cube."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feii_dask.errors import SettingsError
from feii_dask.model import SPEED_OF_LIGHT_KMS, Line
from feii_dask.simulate.bands import Band
from feii_dask.simulate.sources import jet_coverage, mrs_psf_fwhm_arcsec, psf_convolved

__all__ = ["InjectedLine", "Jet", "inject"]

W_M2_HZ_PER_MJY = 1e-20


@dataclass(frozen=True, slots=True, kw_only=True)
class Jet:
    """A straight strip of line emission that points away from the star.

    Parameters
    ----------
    line : Line
        The line that it emits.
    snr : float
        Brightest voxel, after PSF and line-spread function, over the rms of the empty sky.
    velocity_kms : float
        Doppler shift from rest, positive away.
    fwhm_kms : float
        Intrinsic FWHM of the line.
    length_arcsec, width_arcsec : float
        Size before the convolution with the PSF.
    position_angle_deg : float
        Direction, east of north.
    offset_arcsec : float
        Where the strip begins; negative to cross the star.
    """

    line: Line
    snr: float = 10.0
    velocity_kms: float = 0.0
    fwhm_kms: float = 80.0
    length_arcsec: float = 2.0
    width_arcsec: float = 0.3
    position_angle_deg: float = 30.0
    offset_arcsec: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InjectedLine:
    """One line in a cube, and the truth about it.

    Attributes
    ----------
    jet : Jet
        Line, S/N, velocity, width and geometry.
    is_neighbour : bool
        Whether it is a line near those that are looked for, and not one of them.
    flux_map : (y, x) float64 ndarray
        Line flux in each spaxel, W m⁻²; 0 outside of the field; of a line at the edge of a band, the part inside.
    mask : (y, x) bool ndarray
        Spaxels with at least a tenth of the brightest spaxel's flux.
    """

    jet: Jet
    is_neighbour: bool
    flux_map: NDArray[np.float64]
    mask: NDArray[np.bool_]

    @property
    def flux(self) -> float:
        """Line flux in the whole field, W m⁻²."""
        return float(self.flux_map.sum())


def inject(
    cube: NDArray[np.float32],
    jet: Jet,
    is_neighbour: bool,
    band: Band,
    wavelength_um: NDArray[np.float64],
    inside: NDArray[np.bool_],
    rms: float,
) -> InjectedLine:
    """Add a line to a cube in units of its rms, and return the truth about it."""
    pixel_arcsec = band.pixel_arcsec
    coverage = jet_coverage(
        inside.shape,
        start_px=jet.offset_arcsec / pixel_arcsec,
        length_px=jet.length_arcsec / pixel_arcsec,
        width_px=jet.width_arcsec / pixel_arcsec,
        position_angle_deg=jet.position_angle_deg,
    )
    centre_um = jet.line.wavelength_um * (1 + jet.velocity_kms / SPEED_OF_LIGHT_KMS)
    if not (wavelength_um[0] <= centre_um <= wavelength_um[-1] and coverage[inside].any()):
        raise SettingsError(
            f"{jet.line.name} at {jet.velocity_kms:g} km/s and {jet.offset_arcsec}″ is not inside this cube, "
            f"{wavelength_um[0]:.4f} to {wavelength_um[-1]:.4f} µm, {inside.shape[1]} × {inside.shape[0]} spaxels"
        )
    image = psf_convolved(coverage, float(mrs_psf_fwhm_arcsec(jet.line.wavelength_um)) / pixel_arcsec) * inside
    image /= image.max()
    fwhm_um = centre_um * np.hypot(jet.fwhm_kms / SPEED_OF_LIGHT_KMS, 1 / band.resolving_power)
    profile = np.exp(-4 * np.log(2) * ((wavelength_um - centre_um) / fwhm_um) ** 2)
    profile *= jet.snr / profile.max()
    near = profile > 1e-6 * jet.snr
    cube[near] += (profile[near, None, None] * image).astype(np.float32)
    plane_hz = SPEED_OF_LIGHT_KMS * 1e9 * np.gradient(wavelength_um) / wavelength_um**2
    flux_map = image * (profile @ plane_hz) * rms * W_M2_HZ_PER_MJY * band.spaxel_sr
    return InjectedLine(jet=jet, is_neighbour=is_neighbour, flux_map=flux_map, mask=image >= 0.1)
