"""Point-spread function, line-spread function, and the light that reaches detector pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft2, next_fast_len, rfft2
from scipy.ndimage import map_coordinates
from scipy.special import ndtr

from feii_dask.model import SPEED_OF_LIGHT_KMS
from feii_dask.simulate.drizzled.geometry import Exposures
from feii_dask.simulate.drizzled.shapes_on_sky import Point, Shape
from feii_dask.simulate.sources import mrs_psf_fwhm_arcsec

__all__ = ["Optics"]

FWHM_PER_SIGMA = 2 * sqrt(2 * log(2))
MIRROR_M = 6.5
ARCSEC_PER_RADIAN = 206264.806
# A Gaussian core and wings of a Moffat profile of exponent 2: within one FWHM of the core are 82 % of the light, within
# three 94 %, as in the Airy pattern of an obstructed mirror.
WING_SHARE, WING_WIDTH = 0.15, 3.0
SAMPLES = 4  # of the sky, per pixel and per slice
BORDER_ARCSEC = 1.5  # of sky around the exposures, whose light the wings bring in


@dataclass(frozen=True, eq=False)
class Optics:
    """Optics of one cube's exposures.

    Attributes
    ----------
    exposures : Exposures
        The detector pixels.
    psf_scale, psf_elongation, lsf_scale : float
        Width of the PSF over the nominal one, its width along over that across the slices, width of the LSF.
    """

    exposures: Exposures
    psf_scale: float = 1.0
    psf_elongation: float = 1.0
    lsf_scale: float = 1.0

    def psf_fwhm_arcsec(self, wavelength_um: float) -> float:
        """Return the FWHM of a star in the drizzled cube: for the MRS that of Law et al. 2023."""
        if self.exposures.band.instrument == "MIRI":
            return self.psf_scale * float(mrs_psf_fwhm_arcsec(wavelength_um))
        diffraction = 1.025 * wavelength_um * 1e-6 / MIRROR_M * ARCSEC_PER_RADIAN
        return self.psf_scale * float(np.hypot(diffraction, self.sampling_fwhm_arcsec))

    @property
    def sampling_fwhm_arcsec(self) -> float:
        """FWHM that pixels, slices and drizzling add in quadrature, the mean of both directions."""
        spectrograph, spaxel = self.exposures.spectrograph, self.exposures.band.pixel_arcsec
        square = spectrograph.pixel_arcsec**2 + spectrograph.slice_arcsec**2 + spaxel**2
        return FWHM_PER_SIGMA * sqrt(square / 12)

    def core_fwhm_arcsec(self, wavelength_um: float) -> float:
        """Return the FWHM of the core before slices and pixels: with these, the cube's is as it should be."""
        square = self.psf_fwhm_arcsec(wavelength_um) ** 2 - self.sampling_fwhm_arcsec**2
        diffraction = 1.025 * wavelength_um * 1e-6 / MIRROR_M * ARCSEC_PER_RADIAN
        return sqrt(max(square, (0.5 * diffraction) ** 2))

    @property
    def lsf_fwhm_kms(self) -> float:
        """FWHM of the line-spread function, before pixels and drizzling, km/s."""
        return self.lsf_scale * SPEED_OF_LIGHT_KMS / self.exposures.band.resolving_power

    @cached_property
    def sky(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Offsets of the sampled sky, (across, 1) and (1, along), in the frame of the instrument, arcsec."""
        spectrograph = self.exposures.spectrograph
        axes = []
        for positions, width in (
            (self.exposures.across_arcsec, spectrograph.slice_arcsec),
            (self.exposures.along_arcsec, spectrograph.pixel_arcsec),
        ):
            step = width / SAMPLES
            samples = next_fast_len(int(2 * (abs(positions).max() + BORDER_ARCSEC) / step), real=True)
            axes.append((np.arange(samples) - samples // 2) * step)
        return axes[0][:, None], axes[1][None, :]

    @cached_property
    def places(self) -> NDArray[np.float64]:
        """Samples of the sky, across and along, of every exposure, slice, phase and column."""
        across, along = self.sky
        across_px = self.exposures.across_arcsec / (across[1, 0] - across[0, 0]) + across.size // 2
        along_px = self.exposures.along_arcsec / (along[0, 1] - along[0, 0]) + along.size // 2
        shape = (*across_px.shape, *along_px.shape[1:])
        places = np.empty((2, *shape))
        places[0], places[1] = across_px[:, :, None, None], along_px[:, None]
        return places

    def response(self, wavelength_um: float) -> NDArray[np.complex128]:
        """Return the Fourier transform of PSF, slice and pixel, (across, along)."""
        across, along = self.sky
        steps = across[1, 0] - across[0, 0], along[0, 1] - along[0, 0]
        across_freq, along_freq = np.fft.fftfreq(across.size, steps[0])[:, None], np.fft.rfftfreq(along.size, steps[1])
        fwhm, stretch = self.core_fwhm_arcsec(wavelength_um), sqrt(self.psf_elongation)
        square = (across_freq / stretch) ** 2 + (along_freq * stretch) ** 2
        core = np.exp(-2 * np.square(np.pi * fwhm / FWHM_PER_SIGMA) * square)
        wing_core = WING_WIDTH * fwhm / (2 * sqrt(sqrt(2) - 1))
        wings = 1 / np.square(1 + ((across * stretch) ** 2 + (along / stretch) ** 2) / wing_core**2)
        transform = rfft2(np.fft.ifftshift(wings / wings.sum()))
        spectrograph = self.exposures.spectrograph
        sampled = np.sinc(across_freq * spectrograph.slice_arcsec) * np.sinc(along_freq * spectrograph.pixel_arcsec)
        response: NDArray[np.complex128] = ((1 - WING_SHARE) * core + WING_SHARE * transform) * sampled
        return response

    def seen(self, shape: Shape, wavelength_um: float) -> list[tuple[NDArray[np.float32], float]]:
        """Return what pixels see of a shape at one wavelength, (exposure, slice, phase, column), and its velocity.

        A shape with a gradient has several such parts, with velocities against that of the line, km/s. A point is seen
        with a flux of 1 arcsec².
        """
        response = self.response(wavelength_um)
        return [(self.at_places(image * response), velocity) for image, velocity in self.transforms(shape)]

    def off_centre(self, shape: Shape, wavelength_um: float) -> list[NDArray[np.float32]]:
        """Return how far the light of each part is from the middle of its slice, in rows of the detector.

        A slice is the slit of a spectrograph: light at its edge appears at another wavelength.
        """
        across, _ = self.sky
        width = self.exposures.spectrograph.slice_arcsec
        position = np.fft.fftfreq(across.size, across[1, 0] - across[0, 0])[:, None] * width
        slit = np.sinc(position)
        slope = np.divide(np.cos(np.pi * position) - slit, position, out=np.zeros_like(slit), where=position != 0)
        # The transform of the offset inside the slice, in widths of it, over that of the slice itself.
        moment = np.divide(-0.5j / np.pi * slope, slit, out=np.zeros(slit.shape, dtype=complex), where=abs(slit) > 1e-6)
        response = self.response(wavelength_um)
        rows = []
        for image, _ in self.transforms(shape):
            light, offset = self.at_places(image * response), self.at_places(image * response * moment)
            bright = light > max(1e-4 * float(light.max()), 0.0)
            inside = np.divide(offset, light, out=np.zeros_like(light), where=bright)
            rows.append(np.clip(inside, -0.5, 0.5) * np.float32(self.exposures.spectrograph.slit_rows))
        return rows

    def at_places(self, transform: NDArray[np.complex128]) -> NDArray[np.float32]:
        """Return an image, given by its transform, where the pixels look."""
        blurred = irfft2(transform, s=(self.sky[0].size, self.sky[1].size))
        values: NDArray[np.float32] = map_coordinates(blurred, self.places, order=3, mode="nearest", output=np.float32)
        return values

    def transforms(self, shape: Shape) -> list[tuple[NDArray[np.complex128], float]]:
        """Return the Fourier transforms of a shape's parts, and their velocities."""
        across, along = self.sky
        roll = np.deg2rad(self.exposures.roll_deg)
        if isinstance(shape, Point):
            y, x = shape.offset_arcsec
            steps = across[1, 0] - across[0, 0], along[0, 1] - along[0, 0]
            at_across = y * np.cos(roll) - x * np.sin(roll) - across[0, 0]
            at_along = y * np.sin(roll) + x * np.cos(roll) - along[0, 0]
            across_freq = np.fft.fftfreq(across.size, steps[0])[:, None]
            along_freq = np.fft.rfftfreq(along.size, steps[1])
            outside = not (0 <= at_across <= -2 * across[0, 0] and 0 <= at_along <= -2 * along[0, 0])
            if outside:  # a Fourier transform would bring it in again at the other side
                return [(np.zeros((across.size, along_freq.size), dtype=np.complex128), 0.0)]
            point = np.exp(-2j * np.pi * (across_freq * at_across + along_freq * at_along))
            return [(point / (steps[0] * steps[1]), 0.0)]
        y_sky = across * np.cos(roll) + along * np.sin(roll)
        x_sky = along * np.cos(roll) - across * np.sin(roll)
        return [(rfft2(image), velocity) for image, velocity in shape.components(y_sky, x_sky)]

    def profile(self, plane: NDArray[np.float32], centre_um: float, fwhm_kms: float) -> NDArray[np.float32]:
        """Return a line with LSF and detector rows, of peak 1 before the rows, at fractional planes."""
        centre, sigma = self.line_planes(centre_um, fwhm_kms)
        width = self.exposures.spectrograph.row_planes
        upper = ndtr((plane + (width / 2 - centre)) / sigma)
        lower = ndtr((plane - (width / 2 + centre)) / sigma)
        line: NDArray[np.float32] = (upper - lower) * np.float32(sqrt(2 * np.pi) * sigma / width)
        return line

    def line_planes(self, centre_um: float, fwhm_kms: float) -> tuple[float, float]:
        """Return the fractional plane of a line's centre, and its sigma with the LSF, planes."""
        wavelength_um = self.exposures.wavelength_um
        step_um = (wavelength_um[-1] - wavelength_um[0]) / (wavelength_um.size - 1)
        lsf_fwhm_um = self.lsf_scale * centre_um / self.exposures.band.resolving_power
        fwhm_um = np.hypot(lsf_fwhm_um, centre_um * fwhm_kms / SPEED_OF_LIGHT_KMS)
        return float((centre_um - wavelength_um[0]) / step_um), float(fwhm_um / FWHM_PER_SIGMA / step_um)
