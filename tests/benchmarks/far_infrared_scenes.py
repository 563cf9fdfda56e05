"""Cubes of one far-infrared line, made independently of `feii_dask.simulate.fifi`.

Noise is that of scattered samples, resampled: where few samples lie near a voxel it is larger, and neighbours share it.
The atmosphere absorbs in bands; noise grows where it is divided out, and what is divided out wrongly follows the
continuum. Baselines are curved and ripple, and change slowly over the field. The field's edges and either end of the
scan have fewer exposures, or none. Points are wider or narrower than the beam that a detector assumes.

Resolving powers of FIFI-LS: Fischer et al. 2018, JAI 7, 1840003; of PACS: Poglitsch et al. 2010, A&A 518, L2; of SPIRE,
1.2 GHz before apodization by 1.5: Swinyard et al. 2014, MNRAS 440, 3658. ATRAN's bands are imitated, not copied.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from feii_dask.model import SPEED_OF_LIGHT_KMS, Line

__all__ = ["INSTRUMENTS", "Instrument", "Scene", "make_scene"]

Array = NDArray[np.float64]
SIGMA = 1 / 2.3548  # of a Gaussian, over its FWHM
CONTINUA = 0.0, 3.0, 10.0, 30.0, 100.0  # peak, over the noise of a voxel
BASELINE = 0.35  # rms, over the noise of a voxel
TELLURIC_ERROR = 0.03  # of the transmission that is divided out, where it is deep
WIDTHS = 0.9, 1.2  # of points, over the beam
DEEPEST = 0.6  # optical depth of bands that are not left out
ERROR_SCALE = 0.3, 0.9  # of stated errors over the noise
UNEVEN_ERROR = 0.1  # rms of their logarithm over the field, and from end to end of the scan
CUT = 0.3  # transmission below which planes are left out


@dataclass(frozen=True, slots=True)
class Instrument:
    """A line, and how an instrument samples it: `options` are those of the detector of its mission."""

    line: Line
    resolving_power: float
    psf_px: float
    line_planes: float
    planes: tuple[int, int]
    shape: tuple[int, int]
    bands: float  # depth of telluric bands; 0 in space
    options: tuple[float, float]  # PSF and line-spread function that the detector is told
    band_kms: float | None = None  # where a deep one cuts the scan: water at 63.3236 µm


INSTRUMENTS = {
    "[C II] 157.7": Instrument(Line("C II", 157.74093), 1150, 5, 8, (43, 80), (36, 34), 0.3, (5, 8)),
    "[O I] 63": Instrument(Line("O I", 63.18367), 1300, 5, 8, (48, 85), (36, 34), 0.3, (5, 8), 664.0),
    "[O I] 145": Instrument(Line("O I", 145.52545), 1000, 5, 8, (43, 80), (36, 34), 0.3, (5, 8)),
    "[O III] 52": Instrument(Line("O III", 51.8145), 930, 5, 8, (43, 80), (36, 34), 0.5, (5, 8)),
    "[O III] 88": Instrument(Line("O III", 88.356), 620, 5, 8, (43, 80), (36, 34), 0.3, (5, 8)),
    "PACS [O I] 63": Instrument(Line("O I", 63.18367), 3200, 3.2, 4, (70, 130), (22, 22), 0.0, (3.5, 4)),
    "SPIRE [N II] 205": Instrument(Line("N II", 205.1783), 810, 2.2, 5, (241, 242), (16, 16), 0.0, (3.5, 4)),
    "SPIRE CO": Instrument(Line("CO", 289.1205), 580, 2.2, 5, (241, 242), (16, 16), 0.0, (3.5, 4)),
}


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A cube in Jy per spaxel with the errors that its pipeline states, NaN without data, and the truth about its line.

    The truth's ``flux`` is in W m⁻²; ``snr`` is over the noise where the atmosphere is transparent, ``local_snr`` over
    that in the planes of the line.
    """

    line: Line
    wavelength_um: Array
    flux: Array
    error: Array
    truth: dict[str, float]


def make_scene(
    name: str,
    seed: int,
    snr: float = 0.0,
    velocity_kms: float = 0.0,
    extent_px: float | None = None,
    planes: int | None = None,
    shape: tuple[int, int] | None = None,
) -> Scene:
    """Simulate a scan; ``extent_px`` is 0 for a point, infinite for light that fills the field, else drawn."""
    instrument = INSTRUMENTS[name]
    rng = np.random.default_rng([seed, list(INSTRUMENTS).index(name), 77])
    planes = planes or int(rng.integers(*instrument.planes))
    shape = shape or instrument.shape
    plane_kms = SPEED_OF_LIGHT_KMS / instrument.resolving_power / instrument.line_planes
    offset_kms: Array = (np.arange(planes, dtype=np.float64) - planes // 2 + rng.uniform(-4, 4)) * plane_kms
    coverage = exposures(planes, shape, instrument, rng)
    transmission = atmosphere(offset_kms, instrument, rng)
    noise, formal = resampled_noise(coverage, instrument, rng)
    noise, formal = (values / np.maximum(transmission, CUT)[:, None, None] for values in (noise, formal))
    cube = noise + baselines(planes, shape, rng) + continuum(transmission, shape, instrument, rng)
    truth: dict[str, float] = {}
    if snr > 0:
        profile_planes = instrument.line_planes * np.hypot(1, rng.uniform(0, 0.5))
        profile = np.exp(-4 * np.log(2) * ((offset_kms - velocity_kms) / plane_kms / profile_planes) ** 2)
        image = outflow(shape, instrument, rng, extent_px)
        cube += snr * profile[:, None, None] * image
        plane_hz = plane_kms * 1e9 / instrument.line.wavelength_um
        area = profile_planes * np.sqrt(np.pi / np.log(2)) / 2  # of the whole profile, also where the scan cuts it
        seen = image[(coverage > 0).any(axis=0)].sum()
        near = profile > 0.5
        there = noise[near][coverage[near] > 0.9 * coverage.max()].std() if near.any() else np.nan
        truth = {"velocity_kms": velocity_kms, "flux": snr * seen * area * plane_hz * 1e-26, "local_snr": snr / there}
    cube[coverage == 0] = np.nan
    cube[transmission < CUT] = np.nan
    error = stated_error(formal, transmission, np.random.default_rng([seed, list(INSTRUMENTS).index(name), 78]))
    error[np.isnan(cube)] = np.nan
    wavelength_um = instrument.line.wavelength_um * (1 + offset_kms / SPEED_OF_LIGHT_KMS)
    return Scene(instrument.line, wavelength_um, cube, error, truth)


def exposures(planes: int, shape: tuple[int, int], instrument: Instrument, rng: Generator) -> Array:
    """Return the number of samples of each voxel, relative to the middle of the field."""
    y, x = np.indices(shape) - (np.array(shape)[:, None, None] - 1) / 2
    angle, count = rng.uniform(0, np.pi / 2), int(rng.integers(3, 8))
    coverage = np.zeros((planes, *shape))
    for _ in range(count):
        dy, dx = rng.normal(0, 0.8 * instrument.psf_px, 2)
        along = (x - dx) * np.cos(angle) + (y - dy) * np.sin(angle)
        across = (y - dy) * np.cos(angle) - (x - dx) * np.sin(angle)
        inside = (abs(along) < 0.4 * shape[1]) & (abs(across) < 0.4 * shape[0])
        first, last = rng.integers(0, 4), planes - rng.integers(0, 4)
        coverage[first:last] += inside / count
    return coverage


def resampled_noise(coverage: Array, instrument: Instrument, rng: Generator) -> tuple[Array, Array]:
    """Return noise of rms 1 where coverage is full, the kernel's mean of the samples that lie near a voxel; its sigma.

    The sigma is what a pipeline propagates: that of a weighted mean of samples that share nothing.
    """
    per_beam = 60.0  # samples in a beam and resolution element where coverage is full
    density = per_beam / (instrument.psf_px**2 * instrument.line_planes)
    samples = rng.poisson(np.maximum(coverage, 0.02) * density).astype(np.float64)
    total = np.sqrt(samples) * rng.standard_normal(samples.shape)
    kernel = SIGMA * rng.uniform(0.4, 0.75) * np.array([instrument.line_planes, instrument.psf_px, instrument.psf_px])
    weight = np.maximum(gaussian_filter(samples, kernel), 0.02 * density)
    noise = gaussian_filter(total, kernel) / weight
    sigma = np.sqrt(gaussian_filter(samples, kernel / np.sqrt(2))) / weight  # the square of a Gaussian is one
    full = coverage > 0.9 * coverage.max()
    return noise / noise[full].std(), sigma / np.sqrt(np.square(sigma[full]).mean())


def stated_error(formal: Array, transmission: Array, rng: Generator) -> Array:
    """Return the errors that a pipeline would state: too small, uneven over the field, of a somewhat other atmosphere.

    They know nothing of baselines and of what the correction of the atmosphere leaves.
    """
    field = gaussian_filter(rng.standard_normal(formal.shape[1:]), max(formal.shape[1:]) / 6)
    trend = rng.normal(0, UNEVEN_ERROR) * np.linspace(-1, 1, len(formal)) - rng.normal(0, 0.15) * np.log(transmission)
    uneven = np.exp(UNEVEN_ERROR * field / field.std() + trend[:, None, None])
    return np.asarray(rng.uniform(*ERROR_SCALE) * formal * uneven)


def atmosphere(offset_kms: Array, instrument: Instrument, rng: Generator) -> Array:
    """Return the transmission of some bands of water and ozone at random places, and of one that cuts the scan."""
    depth = np.zeros_like(offset_kms)
    for _ in range(rng.integers(1, 5) if instrument.bands else 0):
        at, width = rng.uniform(1.2 * offset_kms[0], 1.2 * offset_kms[-1]), rng.uniform(100, 500)
        depth += min(instrument.bands * rng.exponential(), DEEPEST) / (1 + ((offset_kms - at) / width) ** 2)
    if instrument.band_kms is not None:
        depth += 2.0 / (1 + ((offset_kms - instrument.band_kms + rng.uniform(-30, 30)) / 150) ** 2)
    return np.exp(-depth)


def baselines(planes: int, shape: tuple[int, int], rng: Generator) -> Array:
    """Return curved and rippling baselines whose strength changes slowly over the field."""
    position = np.linspace(-1, 1, planes)
    ripple = np.sin(2 * np.pi * (np.arange(planes) / rng.uniform(30, 90) + rng.uniform()))
    total = np.zeros((planes, *shape))
    for shape_of_one in (1.5 * (position**2 - 1 / 3), ripple):
        field = gaussian_filter(rng.standard_normal(shape), max(shape) / 6)
        field = rng.normal() * 0.6 + field / field.std()
        total += BASELINE * rng.uniform(0, 1) * shape_of_one[:, None, None] * field
    return total + rng.normal(0, 2) + rng.normal(0, 1) * position[:, None, None]


def continuum(transmission: Array, shape: tuple[int, int], instrument: Instrument, rng: Generator) -> Array:
    """Return a star and the dust about it, after a telluric correction that is somewhat wrong."""
    position = np.linspace(-1, 1, transmission.size)
    star = spot(shape, rng.normal(0, 2, 2), instrument.psf_px * rng.uniform(*WIDTHS))
    dust = spot(shape, rng.normal(0, 3, 2), instrument.psf_px * rng.uniform(1.5, 4))
    image = star + rng.uniform(0, 0.5) * dust
    wrong = 1 + TELLURIC_ERROR * rng.normal() * np.log(transmission) + 0.02 * rng.normal() * np.gradient(transmission)
    spectrum = (1 + rng.uniform(-0.15, 0.15) * position) * wrong
    return np.asarray(rng.choice(CONTINUA) * spectrum[:, None, None] * image)


def outflow(shape: tuple[int, int], instrument: Instrument, rng: Generator, extent_px: float | None) -> Array:
    """Return the image of a line, its peak 1: a row of knots, unless it is a point or fills the field."""
    if extent_px is None:
        extent_px = float(rng.uniform(0, 4)) * instrument.psf_px
    if np.isinf(extent_px):
        return np.asarray(1 - 0.3 * rng.uniform() * spot(shape, rng.normal(0, 4, 2), min(shape) / 2))
    width = instrument.psf_px * rng.uniform(*WIDTHS)
    angle, middle = rng.uniform(0, np.pi), rng.normal(0, 1.5, 2)
    knots = np.linspace(-0.5, 0.5, max(1, round(extent_px)))
    strengths = rng.uniform(0.4, 1, knots.size)
    direction = extent_px * np.array([np.sin(angle), np.cos(angle)])
    image = sum(s * spot(shape, middle + k * direction, width) for s, k in zip(strengths, knots, strict=True))
    return np.asarray(image / np.max(image))


def spot(shape: tuple[int, int], place: Array, fwhm_px: float) -> Array:
    """Return a round Gaussian of peak 1; its place is counted from the middle of the field."""
    y, x = np.indices(shape) - (np.array(shape)[:, None, None] - 1) / 2
    return np.asarray(np.exp(-4 * np.log(2) * ((y - place[0]) ** 2 + (x - place[1]) ** 2) / fwhm_px**2))
