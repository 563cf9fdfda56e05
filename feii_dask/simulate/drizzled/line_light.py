"""Spectral lines in a drizzled cube, and the truth about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feii_dask.errors import SettingsError
from feii_dask.model import SPEED_OF_LIGHT_KMS
from feii_dask.simulate.drizzled.combination import Combination
from feii_dask.simulate.drizzled.lights import Light, SpectralLine
from feii_dask.simulate.drizzled.optics import Optics

__all__ = ["TrueLine", "add_line"]

DEEPEST = 0.98  # of the continuum: an absorption line leaves some light, also where a residual fringe is low
REACH_SIGMAS = 5.0
W_M2_HZ_PER_MJY = 1e-20


@dataclass(frozen=True, slots=True, eq=False)
class TrueLine:
    """The truth about one line.

    Attributes
    ----------
    light : Light
        The light that has it.
    line : SpectralLine
        The line.
    is_extended : bool
        Whether the light is extended on the sky: anything but a point.
    velocity_kms : float
        Velocity, weighted by flux.
    snr : float
        Brightest (or darkest) voxel over the rms: that of the line, unless its continuum allows no deeper absorption.
    flux_map : (y, x) float64 ndarray
        Line flux in each spaxel, W m⁻², negative for absorption, 0 outside of the field.
    mask : (y, x) bool ndarray
        Spaxels with at least a tenth of the flux of the brightest one.
    """

    light: Light
    line: SpectralLine
    is_extended: bool
    velocity_kms: float
    snr: float
    flux_map: NDArray[np.float64]
    mask: NDArray[np.bool_]

    @property
    def flux(self) -> float:
        """Line flux in the whole field, W m⁻²."""
        return float(self.flux_map.sum())


def add_line(
    cube: NDArray[np.float32],
    light: Light,
    line: SpectralLine,
    optics: Optics,
    combination: Combination,
    continuum_factor: float,
    rms: float,
) -> TrueLine:
    """Add a line to a cube in units of its rms, and return the truth about it.

    Parameters
    ----------
    cube : (λ, y, x) float32 ndarray
        Is changed.
    light, line : Light, SpectralLine
        What to add.
    optics, combination : Optics, Combination
        What brings it from the sky into the cube.
    continuum_factor : float
        Factor from what `Optics.seen` returns to the light's continuum in the middle plane, over the rms.
    rms : float
        Noise, MJy/sr.
    """
    exposures = optics.exposures
    planes = planes_of_line(optics, line, light.shape.fastest_kms)
    parts = [
        (combination.combined(pixels, planes), velocity_kms)
        for pixels, velocity_kms in pixels_of_line(optics, light, line, planes)
    ]
    emission = np.sum([part for part, _ in parts], axis=0)
    brightest = float(emission.max())
    if brightest <= 0:
        raise SettingsError(f"{line.name or 'a line'} at {line.observed_um:.5f} µm has no light inside this cube")
    factor = line.snr / brightest
    if line.snr < 0:
        factor = max(factor, -DEEPEST * continuum_factor * (line.observed_um / exposures.middle_um) ** light.slope)
    cube[planes] += np.float32(factor) * emission
    weights = np.array([float(part.sum()) for part, _ in parts])
    wavelength_um = exposures.wavelength_um
    plane_hz = SPEED_OF_LIGHT_KMS * 1e9 * np.gradient(wavelength_um)[planes] / wavelength_um[planes] ** 2
    image = np.tensordot(plane_hz, emission.astype(np.float64), axes=1)
    return TrueLine(
        light=light,
        line=line,
        is_extended=light.shape.is_extended,
        velocity_kms=line.velocity_kms + float(np.average([velocity for _, velocity in parts], weights=weights)),
        snr=factor * brightest,
        flux_map=image * (factor * rms * W_M2_HZ_PER_MJY * exposures.band.spaxel_sr),
        mask=image >= 0.1 * image.max(),
    )


def planes_of_line(optics: Optics, line: SpectralLine, fastest_kms: float) -> slice:
    """Return the planes that a line reaches, its centre inside the cube."""
    wavelength_um = optics.exposures.wavelength_um
    if not wavelength_um[0] <= line.observed_um <= wavelength_um[-1]:
        raise SettingsError(
            f"{line.name or 'a line'} at {line.observed_um:.5f} µm is not in this cube, "
            f"{wavelength_um[0]:.5f} to {wavelength_um[-1]:.5f} µm"
        )
    centre, sigma = optics.line_planes(line.observed_um, line.fwhm_kms)
    plane_kms = SPEED_OF_LIGHT_KMS * (wavelength_um[1] - wavelength_um[0]) / line.observed_um
    reach = REACH_SIGMAS * sigma + 3 + fastest_kms / plane_kms
    return slice(max(int(centre - reach), 0), min(int(centre + reach) + 1, wavelength_um.size))


def pixels_of_line(
    optics: Optics, light: Light, line: SpectralLine, planes: slice
) -> list[tuple[NDArray[np.float32], float]]:
    """Return what detector pixels see of a line, for each of its velocities."""
    exposures = optics.exposures
    rows = exposures.rows_of_planes(planes)
    parts = []
    parts_seen = optics.seen(light.shape, line.observed_um)
    displacements = optics.off_centre(light.shape, line.observed_um)
    for (seen, velocity_kms), displaced in zip(parts_seen, displacements, strict=True):
        pixels = np.zeros(exposures.pixels_shape, dtype=np.float32)
        centre_um = line.observed_um * (1 + velocity_kms / SPEED_OF_LIGHT_KMS)
        shift = exposures.on_traces(displaced, rows) * np.float32(exposures.spectrograph.row_planes)
        profile = optics.profile(exposures.plane[:, :, rows] - shift, centre_um, line.fwhm_kms)
        pixels[:, :, rows] = exposures.on_traces(seen, rows) * profile
        parts.append((pixels, velocity_kms))
    return parts
