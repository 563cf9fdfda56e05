"""Noise and artefacts of a cube: drizzled noise, wiggles, fringes, cosmic-ray showers and spikes.

The numbers were measured on real spectra, the 1″ aperture of TMC1A (NIRSpec and MRS, 71 points with their formal
errors) and twelve MRS spectra of the galaxy VV 114, unless they are marked as assumed.
"""

from __future__ import annotations

from math import log, pi, sqrt
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import correlate1d, gaussian_filter1d

from feii_dask.simulate.sources import spaxel_offsets

__all__ = [
    "ERR_RATIO",
    "add_showers",
    "drizzled_noise",
    "fringe",
    "log_uniform",
    "photon_noise_factor",
    "wiggle",
]

# Scatter over formal error: 4.8, 4.3, 6.2 and 6.7 in TMC1A at 5.34, 17.9, 26.0 and 1.66 µm. VV 114: 3.4 to 23.
ERR_RATIO = 5.5

# A neighbouring spaxel takes a quarter of a detector pixel's weight: a correlation of 0.44, and apertures twice as
# noisy as independent spaxels would make them; 1.5 to 3 times is what Law et al. 2023 found. A neighbouring plane:
# a correlation of 0.29; the spectra of VV 114 have 0.26 to 0.46 in channels 1 and 2, wiggles included.
SPATIAL_WEIGHTS = (0.25, 1.0, 0.25)
SPECTRAL_WEIGHTS = (0.15, 1.0, 0.15)

PHOTON_KNEE = 100.0  # brightness of a star, over the rms, at which photon noise equals that of the empty sky (assumed)

# A shower covers many hundreds of detector pixels, as STScI says of pipeline build 11.3; the pipeline's detection step
# asks for at least 90. One plane is one detector row. Its strength in a combined cube is assumed.
SHOWER_AREA_PX = (90.0, 1000.0)
SHOWER_PEAK = (1.0, 10.0)
SLICE_FWHM_PX = 1.6  # slices are 1.0 (NIRSpec) to 1.9 spaxels wide

SPIKE_PEAK = (5.0, 1000.0)  # over the rms, of either sign: a real cube with rms 0.4 MJy/sr spans -54 000 to 424


def log_uniform(rng: Generator, bounds: tuple[float, float], size: int = 1) -> NDArray[np.float64]:
    """Draw numbers whose logarithms are uniformly distributed."""
    return np.exp(rng.uniform(log(bounds[0]), log(bounds[1]), size))


def drizzled_noise(shape: tuple[int, int, int], spikes: int, rng: Generator) -> NDArray[np.float32]:
    """Return noise of rms 1, (λ, y, x), and isolated spikes, spread over neighbours as drizzling spreads them."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    voxels = tuple(rng.integers(0, size, spikes) for size in shape)
    weights = [np.array(taps) / np.linalg.norm(taps) for taps in (SPECTRAL_WEIGHTS, SPATIAL_WEIGHTS, SPATIAL_WEIGHTS)]
    centre = np.prod([taps[1] for taps in weights])
    noise[voxels] += rng.choice([-1, 1], spikes) * log_uniform(rng, SPIKE_PEAK, spikes) / centre
    for axis, taps in enumerate(weights):
        correlate1d(noise, taps, axis=axis, mode="wrap", output=noise)
    return noise


def photon_noise_factor(star: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the factor by which photons of a star, given over the rms, raise the noise."""
    factor: NDArray[np.float32] = np.sqrt(1 + star / PHOTON_KNEE)
    return factor


def wiggle(planes: int, shape: tuple[int, int], period_planes: float, rng: Generator) -> NDArray[np.float32]:
    """Return the wiggles of an undersampled point source, (λ, y, x), uncorrelated between neighbouring spaxels.

    Measured over continuum, in apertures that average over spaxels: rms 0.6 to 1.8 % in TMC1A, 0.2 to 1.5 % in VV 114;
    their period is 6 planes in TMC1A at 5.3 µm, 7 to 11 planes in channel 1 of VV 114.
    """
    phase = 2 * np.pi / period_planes * np.arange(planes, dtype=np.float64)
    return modulation(phase, shape, spaxels_per_cycle=3.0, coherence_planes=3 * period_planes, rng=rng)


def fringe(
    wavelength_um: NDArray[np.float64], shape: tuple[int, int], spacing_per_cm: float, rng: Generator
) -> NDArray[np.float32]:
    """Return interference fringes, (λ, y, x): periodic in wavenumber, and nearly alike in all spaxels.

    The amplitude of a single period is 1.8 % of the continuum in TMC1A at 26 µm, 0.1 to 1.2 % in VV 114.
    """
    phase = 2 * np.pi * 1e4 / wavelength_um / spacing_per_cm
    return modulation(phase, shape, spaxels_per_cycle=40.0, coherence_planes=60.0, rng=rng)


def modulation(
    phase: NDArray[np.float64],
    shape: tuple[int, int],
    *,
    spaxels_per_cycle: float,
    coherence_planes: float,
    rng: Generator,
) -> NDArray[np.float32]:
    """Return a modulation with a given phase in every plane, and the mean square of a sine of amplitude 1, 1/2.

    Its phase advances over the field in a random direction. Amplitude and phase vary over ``coherence_planes``: in
    VV 114 no single period holds more than a third of the power.
    """
    envelope = gaussian_filter1d(rng.standard_normal((2, phase.size)), coherence_planes, axis=1, mode="wrap")
    envelope /= np.sqrt(np.mean(np.sum(envelope**2, axis=0)))
    wave = (envelope[0] + 1j * envelope[1]) * np.exp(1j * phase)
    y, x = spaxel_offsets(shape)
    direction = rng.uniform(0, 2 * np.pi)
    tilt = 2 * np.pi * (x * np.cos(direction) + y * np.sin(direction)) / spaxels_per_cycle
    real, imaginary = wave.real.astype(np.float32)[:, None, None], wave.imag.astype(np.float32)[:, None, None]
    modulated: NDArray[np.float32] = real * np.cos(tilt, dtype=np.float32)
    modulated -= imaginary * np.sin(tilt, dtype=np.float32)
    return modulated


def add_showers(cube: NDArray[np.float32], count: int, roll_deg: float, rng: Generator) -> None:
    """Add the remains of cosmic-ray showers to a cube in units of its rms.

    A shower is an ellipse on the detector, where rows are planes and the columns are cut into slices of the field: in
    the cube it becomes one or two stripes along slices, which are neighbours on the detector and not on the sky.
    """
    planes, height, width = cube.shape
    y, x = spaxel_offsets((height, width))
    angle = np.deg2rad(roll_deg)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    areas_px, peaks = log_uniform(rng, SHOWER_AREA_PX, count), log_uniform(rng, SHOWER_PEAK, count)
    flattenings = log_uniform(rng, (0.5, 2.0), count)
    for area_px, peak, flattening in zip(areas_px, peaks, flattenings, strict=True):
        rows, columns = sqrt(4 / pi * area_px * flattening), sqrt(4 / pi * area_px / flattening)
        middle = rng.uniform(0, planes)
        near = np.flatnonzero(abs(np.arange(planes) - middle) < 2 * rows)
        spectrum = peak * gaussian_profile(near, middle, rows)
        for _ in range(rng.integers(1, 3)):
            stripe = gaussian_profile(across, rng.uniform(-height / 2, height / 2), SLICE_FWHM_PX)
            stripe = stripe * gaussian_profile(along, rng.uniform(-width / 2, width / 2), columns)
            cube[near] += (spectrum[:, None, None] * stripe).astype(np.float32)


def gaussian_profile(position: NDArray[Any], centre: float, fwhm: float) -> NDArray[Any]:
    """Return a Gaussian of peak 1."""
    profile: NDArray[Any] = np.exp(-4 * log(2) * ((position - centre) / fwhm) ** 2)
    return profile
