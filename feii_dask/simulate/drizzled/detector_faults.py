"""Faults of detectors in every exposure of a cube: light that is not of the sky, bad pixels, and uneven response.

A fault arises on the detector, and drizzling carries it into the cube: a hit becomes a blob as large as the footprint
of a pixel, a warm pixel comes back at the offsets of the dithers, a shower becomes stripes along slices that are
neighbours on the detector and not on the sky.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import convolve

from feii_dask.simulate.drizzled.geometry import Exposures
from feii_dask.simulate.noise import log_uniform

__all__ = ["ALL_FAULTS", "CLEAN", "Faults", "added_light", "good_pixels", "uneven_response"]

# A hit leaves 12 % of its charge in the nearest four pixels (assumed).
NEIGHBOUR_SHARE = 0.03
HIT_STRENGTH = (5.0, 1000.0)  # over the rms; a real cube has voxels of 1000 rms and more
WARM_STRENGTH = (3.0, 100.0)  # over the rms (assumed)
SHOWER_AREA_PX = (90.0, 1000.0)  # "many hundreds of pixels" (STScI, build 11.3); the detection asks for at least 90
SHOWER_PEAK = (2.0, 20.0)  # over the rms, in one exposure (assumed)
CLUSTERED = 0.2  # share of the dead pixels that is in clusters of 3 x 3 (assumed)
FRINGE_COHERENCE_ROWS = 120.0  # over which the amplitude of the residual fringes changes (assumed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How many faults there are, and how strong; by default none.

    Parameters
    ----------
    hits : float
        Cosmic-ray hits that the rejection left, per million detector pixels of an exposure; log-uniform from 5 to
        1000 times the rms of the empty sky.
    warm : float
        Warm pixels that no mask names, per million detector pixels, the same in all exposures; log-uniform from 3 to
        100 times the rms.
    showers_per_exposure : float
        Mean number of residuals of cosmic-ray showers in an exposure.
    stripes : float
        Scatter of the detector's rows, over the rms.
    dead : float
        Share of the detector's pixels that are masked in all exposures.
    rejected : float
        Share of the pixels of an exposure that are masked in it alone.
    flat : float
        Scatter of the residual flat field.
    fringes : float
        Amplitude of the residual fringes on the detector, in bands that have them.
    """

    hits: float = 0.0
    warm: float = 0.0
    showers_per_exposure: float = 0.0
    stripes: float = 0.0
    dead: float = 0.0
    rejected: float = 0.0
    flat: float = 0.0
    fringes: float = 0.0


CLEAN = Faults()
# Hits: cosmic rays reach 2 to 3 % of the pixels of MIRI in 1000 s (25 µm pixels, about 4 hits per cm² and s in orbit),
# of which 0.4 % are assumed to be left. Fringes: 0.1 to 1.8 % were measured, see `feii_dask.simulate.noise`. Dead
# pixels: of the order of those that the reference files mask. The others are assumed.
ALL_FAULTS = Faults(
    hits=100.0, warm=50.0, showers_per_exposure=2.0, stripes=0.1, dead=0.01, rejected=0.005, flat=0.005, fringes=0.01
)


def added_light(exposures: Exposures, faults: Faults, rng: Generator) -> NDArray[np.float32]:
    """Return the light of hits, warm pixels, showers and stripes over the rms, for every detector pixel."""
    warm_rng, hit_rng, shower_rng, stripe_rng = rng.spawn(4)
    count, shape = exposures.pixels_shape[0], exposures.detector_shape
    images = np.zeros((count, *shape), dtype=np.float32)
    images += points(faults.warm, WARM_STRENGTH, shape, warm_rng)
    for number in range(count):
        images[number] = spread(images[number] + points(faults.hits, HIT_STRENGTH, shape, hit_rng))
        for _ in range(shower_rng.poisson(faults.showers_per_exposure)):
            add_shower(images[number], shower_rng)
    images += np.float32(faults.stripes) * stripe_rng.standard_normal((count, shape[0], 1), dtype=np.float32)
    return exposures.on_detector(images)


def points(
    per_million: float, strength: tuple[float, float], shape: tuple[int, int], rng: Generator
) -> NDArray[np.float32]:
    """Return single pixels with light, in an image of the detector."""
    image = np.zeros(shape, dtype=np.float32)
    number = rng.poisson(per_million * 1e-6 * image.size)
    np.add.at(image.ravel(), rng.integers(0, image.size, number), log_uniform(rng, strength, number))
    return image


def spread(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an image whose pixels have given a part of their charge to the nearest four."""
    kept = image * np.float32(1 - 4 * NEIGHBOUR_SHARE)
    given = image * np.float32(NEIGHBOUR_SHARE)
    kept[1:] += given[:-1]
    kept[:-1] += given[1:]
    kept[:, 1:] += given[:, :-1]
    kept[:, :-1] += given[:, 1:]
    return kept


def add_shower(image: NDArray[np.float32], rng: Generator) -> None:
    """Add the residual of a shower: a turned ellipse with a smooth edge, and its patches."""
    rows, columns = image.shape
    (area_px,), (peak,) = log_uniform(rng, SHOWER_AREA_PX), log_uniform(rng, SHOWER_PEAK)
    (flattening,) = log_uniform(rng, (1.0, 3.0))
    middle_row, middle_column, angle = rng.uniform(0, rows), rng.uniform(0, columns), rng.uniform(0, pi)
    long, short = sqrt(area_px / pi * flattening), sqrt(area_px / pi / flattening)  # half axes
    row = np.arange(rows, dtype=np.float32)[:, None] - middle_row
    column = np.arange(columns, dtype=np.float32) - middle_column
    near_rows = np.flatnonzero(abs(row[:, 0]) < 2 * long)
    near_columns = np.flatnonzero(abs(column) < 2 * long)
    near = np.ix_(near_rows, near_columns)
    row, column = row[near_rows], column[near_columns]
    along, across = row * np.cos(angle) + column * np.sin(angle), column * np.cos(angle) - row * np.sin(angle)
    radius = (along / long) ** 2 + (across / short) ** 2
    patches = rng.uniform(0.5, 1.5, (near_rows.size // 6 + 1, near_columns.size // 6 + 1)).repeat(6, 0).repeat(6, 1)
    image[near] += peak * np.exp(-(radius**2)) * patches[: near_rows.size, : near_columns.size]


def good_pixels(exposures: Exposures, faults: Faults, rng: Generator) -> NDArray[np.float32] | None:
    """Return 1 for every good detector pixel, otherwise 0; None if all are good."""
    if not (faults.dead or faults.rejected):
        return None
    shape = exposures.detector_shape
    single = rng.random(shape, dtype=np.float32) < (1 - CLUSTERED) * faults.dead
    centres = rng.random(shape, dtype=np.float32) < CLUSTERED * faults.dead / 9
    clusters = convolve(centres.astype(np.float32), np.ones((3, 3), dtype=np.float32), mode="constant") > 0.5
    rejected = rng.random(exposures.pixels_shape, dtype=np.float32) < faults.rejected
    dead = exposures.on_detector((single | clusters)[None].astype(np.float32)) > 0
    return (~(dead | rejected)).astype(np.float32)


def uneven_response(exposures: Exposures, faults: Faults, rng: Generator) -> NDArray[np.float32] | None:
    """Return the response of every detector pixel, with residual flat field and fringes; None if it is even."""
    flat_rng, fringe_rng = rng.spawn(2)
    response: NDArray[np.float32] | None = None
    if faults.flat:
        image = 1 + np.float32(faults.flat) * flat_rng.standard_normal(exposures.detector_shape, dtype=np.float32)
        response = np.repeat(exposures.on_detector(image[None]), exposures.pixels_shape[0], axis=0)
    if faults.fringes and exposures.band.instrument == "MIRI":
        fringes = 1 + np.float32(faults.fringes) * fringe_pattern(exposures, fringe_rng)
        response = fringes if response is None else response * fringes
    return response


def fringe_pattern(exposures: Exposures, rng: Generator) -> NDArray[np.float32]:
    """Return fringes of amplitude 1 on the detector: periodic in wavenumber, with a phase of each slice.

    Their amplitude changes along the rows between 0.5 and 1.5 (assumed).
    """
    _, slices, rows, _ = exposures.pixels_shape
    wavelength_um = exposures.wavelength_um
    step_um = (wavelength_um[-1] - wavelength_um[0]) / (wavelength_um.size - 1)
    per_cm = 1e4 / (wavelength_um[0] + step_um * exposures.plane.astype(np.float64))
    phase = rng.uniform(0, 2 * pi) + rng.uniform(-1, 1, slices)[:, None, None]  # nearly alike in all slices
    beat = 2 * pi * (np.arange(rows) / FRINGE_COHERENCE_ROWS + rng.uniform(0, 1, slices)[:, None])
    turns = (2 * pi / exposures.band.fringe_per_cm * per_cm + phase).astype(np.float32)
    pattern: NDArray[np.float32] = np.cos(turns) * (1 + 0.5 * np.sin(beat)).astype(np.float32)[:, :, None]
    return pattern
