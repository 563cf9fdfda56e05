"""Spectral cubes drizzled from simulated detector pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from feii_dask.errors import SettingsError
from feii_dask.simulate.bands import Band
from feii_dask.simulate.drizzled.combination import Combination
from feii_dask.simulate.drizzled.detector_faults import (
    ALL_FAULTS,
    CLEAN,
    Faults,
    added_light,
    good_pixels,
    uneven_response,
)
from feii_dask.simulate.drizzled.drizzle import drizzle_of
from feii_dask.simulate.drizzled.geometry import Exposures
from feii_dask.simulate.drizzled.lights import Light
from feii_dask.simulate.drizzled.line_light import TrueLine, add_line
from feii_dask.simulate.drizzled.optics import Optics
from feii_dask.simulate.noise import ERR_RATIO

__all__ = ["DrizzledCube", "make_drizzled_cube"]

PHOTON_KNEE = 100.0  # brightness over the rms at which photon noise equals that of the empty sky (assumed)
TMC1A_DEG = (69.8967, 25.6956)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrizzledCube:
    """A cube in memory, in the pipeline's units and types, with the truth about its lines.

    Attributes
    ----------
    band : Band
        Spectral setting.
    center_deg : tuple of float
        Right ascension and declination of the middle, ICRS.
    wavelength_um : (λ,) float64 ndarray
        Wavelength of every plane, µm.
    sci, err : (λ, y, x) float32 ndarray
        Surface brightness and its formal error, MJy/sr; NaN where ``dq`` is odd.
    dq : (λ, y, x) uint32 ndarray
        0 good, 1 hole, 513 outside of the field.
    wmap : (λ, y, x) float32 ndarray
        Number of detector pixels in a voxel.
    rms : float
        True noise of empty sky in the median voxel of the middle of the cube, MJy/sr; towards its border fewer
        exposures overlap.
    psf_fwhm_arcsec, lsf_fwhm_kms : float
        Widths in the middle plane: of a star in the cube, and of the line-spread function before detector pixels and
        drizzling, which add about one plane in quadrature.
    truth : tuple of TrueLine
        The lines, in the order of the lights.
    """

    band: Band
    center_deg: tuple[float, float]
    wavelength_um: NDArray[np.float64]
    sci: NDArray[np.float32]
    err: NDArray[np.float32]
    dq: NDArray[np.uint32]
    wmap: NDArray[np.float32]
    rms: float
    psf_fwhm_arcsec: float
    lsf_fwhm_kms: float
    truth: tuple[TrueLine, ...]

    @property
    def pixel_arcsec(self) -> float:
        """Width of a spaxel, arcsec."""
        return self.band.pixel_arcsec


def make_drizzled_cube(
    *,
    band: str = "ch1-short",
    middle_um: float = 5.340169,
    planes: int = 481,
    shape: tuple[int, int] = (36, 36),
    lights: tuple[Light, ...] = (),
    faults: Faults = ALL_FAULTS,
    dithers: int = 4,
    roll_deg: float = 30.0,
    background: float = 3.0,
    psf_scale: float = 1.0,
    psf_elongation: float = 1.0,
    lsf_scale: float = 1.0,
    rms: float = 1.0,
    seed: int = 0,
) -> DrizzledCube:
    """Simulate the exposures of one cube, and drizzle them.

    Noise and faults depend on the seed and on the continuum, not on the lines: the difference of two cubes that differ
    in lines only is exactly the emission of the lines, without photon noise, flat field and fringes of their own.

    Parameters
    ----------
    band : str
        A name in `feii_dask.simulate.BANDS`.
    middle_um : float
        Wavelength of the middle plane, µm; near an end of the band the planes are the band's last ones.
    planes : int
        Number of planes.
    shape : tuple of int
        Spaxels, (y, x).
    lights : tuple of Light
        What is on the sky.
    faults : Faults
        Faults of the detectors; `CLEAN` has none, only noise.
    dithers : int
        Number of exposures.
    roll_deg : float
        Angle between the slices and the x axis.
    background : float
        Level of the background over the rms; its photons are part of the noise of the empty sky.
    psf_scale, psf_elongation, lsf_scale : float
        Width of the PSF over the nominal one, its width along over that across the slices, width of the LSF.
    rms : float
        Noise of empty sky in the median voxel of the middle half of both axes, MJy/sr.
    seed : int
        The same seed gives the same pixels.

    Raises
    ------
    SettingsError
        If there is no such band, wavelength or line in it.

    Examples
    --------
    >>> from feii_dask.simulate.drizzled import Light, Point, SpectralLine
    >>> star = Light(Point(), continuum=50.0, lines=(SpectralLine(5.340169, 20.0),))
    >>> cube = make_drizzled_cube(lights=(star,), planes=61, shape=(16, 16))
    >>> cube.sci.shape, round(cube.truth[0].snr, 3)
    ((61, 16, 16), 20.0)
    """
    if min(psf_scale, psf_elongation, lsf_scale, rms) <= 0:
        raise SettingsError("psf_scale, psf_elongation, lsf_scale and rms must be positive")
    drizzle = drizzle_of(band, middle_um, planes, tuple(shape), dithers, roll_deg)
    optics = Optics(drizzle.exposures, psf_scale, psf_elongation, lsf_scale)
    good_rng, rng = np.random.default_rng(seed).spawn(2)
    combination = Combination(drizzle, good_pixels(drizzle.exposures, faults, good_rng))
    factors = [continuum_factor(light, optics, combination) for light in lights]
    continuum = sum_of_continua(lights, factors, optics)
    noise = drizzle.pixel_noise * np.sqrt(1 + continuum / np.float32(PHOTON_KNEE))
    sky = combination.combined(exposed(drizzle.exposures, continuum + np.float32(background), noise, faults, rng))
    truth = tuple(
        add_line(sky, light, line, optics, combination, factor, rms)
        for light, factor in zip(lights, factors, strict=True)
        for line in light.lines
    )
    return assembled(sky, noise, optics, combination, rms, truth)


def assembled(
    sky: NDArray[np.float32],
    noise: NDArray[np.float32],
    optics: Optics,
    combination: Combination,
    rms: float,
    truth: tuple[TrueLine, ...],
) -> DrizzledCube:
    """Return the cube of a drizzled sky, with errors and quality."""
    exposures = optics.exposures
    dq, wmap = combination.quality()
    error = combination.error(noise) / np.float32(ERR_RATIO)
    sci, err = (np.where(dq > 0, np.float32(np.nan), data * np.float32(rms)) for data in (sky, error))
    return DrizzledCube(
        band=exposures.band,
        center_deg=TMC1A_DEG,
        wavelength_um=exposures.wavelength_um,
        sci=sci,
        err=err,
        dq=dq,
        wmap=np.where(dq > 0, np.float32(0), wmap),
        rms=rms,
        psf_fwhm_arcsec=optics.psf_fwhm_arcsec(exposures.middle_um),
        lsf_fwhm_kms=optics.lsf_fwhm_kms,
        truth=truth,
    )


def exposed(
    exposures: Exposures, light: NDArray[np.float32], noise: NDArray[np.float32], faults: Faults, rng: Generator
) -> NDArray[np.float32]:
    """Return what the detector's pixels hold: light with their response, noise, and the light of faults."""
    noise_rng, fault_rng, response_rng = rng.spawn(3)
    response = uneven_response(exposures, faults, response_rng)
    pixels = light if response is None else light * response
    pixels = pixels + noise * noise_rng.standard_normal(noise.shape, dtype=np.float32)
    return pixels if faults == CLEAN else pixels + added_light(exposures, faults, fault_rng)


def continuum_factor(light: Light, optics: Optics, combination: Combination) -> float:
    """Return the factor from what pixels see of a light to its continuum in the middle plane; 0 without continuum."""
    if not light.continuum:
        return 0.0
    exposures = optics.exposures
    middle = exposures.wavelength_um.size // 2
    planes = slice(middle, middle + 1)
    rows = exposures.rows_of_planes(planes)
    pixels = np.zeros(exposures.pixels_shape, dtype=np.float32)
    for seen, _ in optics.seen(light.shape, exposures.middle_um):
        pixels[:, :, rows] += exposures.on_traces(seen, rows)
    brightest = float(combination.combined(pixels, planes).max())
    if brightest <= 0:
        raise SettingsError(f"no light of {light.shape} is inside this cube")
    return light.continuum / brightest


def sum_of_continua(lights: tuple[Light, ...], factors: list[float], optics: Optics) -> NDArray[np.float32]:
    """Return the continua of all lights on the detector pixels.

    What the pixels see is computed in the first, the middle and the last plane, and a parabola in wavelength joins
    them: PSF and continuum change slowly.
    """
    exposures = optics.exposures
    last = exposures.wavelength_um.size - 1
    total = np.zeros(exposures.pixels_shape, dtype=np.float32)
    shining = [(light, factor) for light, factor in zip(lights, factors, strict=True) if factor]
    if not shining:
        return total
    position = exposures.plane.mean(axis=3, keepdims=True) / last  # 0 in the first plane, 1 in the last
    parabolas = (
        2 * (position - 0.5) * (position - 1),
        -4 * position * (position - 1),
        2 * position * (position - 0.5),
    )
    for node, parabola in zip((0, last // 2, last), parabolas, strict=True):
        wavelength_um = float(exposures.wavelength_um[node])
        seen = [
            part * np.float32(factor * (wavelength_um / exposures.middle_um) ** light.slope)
            for light, factor in shining
            for part, _ in optics.seen(light.shape, wavelength_um)
        ]
        total += exposures.on_traces(np.sum(seen, axis=0, dtype=np.float32)) * parabola
    return total
