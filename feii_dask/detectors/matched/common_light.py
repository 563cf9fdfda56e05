# NOTE FROM THE LEAD: read /tmp/wt/NOTE_line.md now
"""Light with one image in many planes, such as a nebula's whose lines fill the spectrum: it is removed whole."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.matched.continuum import MAD_OF_NORMAL
from feii_dask.detectors.matched.resolution import Resolution
from feii_dask.detectors.matched.whitening import Residuals, remove_continuum, rescaled, robust_scale

__all__ = ["SharedLight", "chessboard", "find_shared_light", "noise_of_mean", "without_image"]

Cube32 = NDArray[np.float32]

ROUNDS = 2  # the continuum is known when the lines are gone, and the lines when the continuum is
REFITS = 4  # of image and spectrum in turn, in each round
STARTS = 10  # iterations towards the image with the most power
LEAST_POWER = 1e-3  # of an image, as a share: a plane with less does not show it
CLIP = 3.0  # standard deviations: a jet beyond does not pull the spectrum of what it lies in front of
CORE = 0.5  # of the brightest spaxel, over the noise: where an image is bright
# Where the light is so many times the noise, its image is not known well enough to remove it: it changes along
# wavelength by some per cent.
BRIGHT = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class SharedLight:
    """Light that has one image in all planes.

    Attributes
    ----------
    light : (n, y, x) float32 ndarray
        Its lines, in the cube's unit.
    bright : (n, y, x) bool ndarray
        Where it is so bright that what it leaves is no noise.
    spectrum : (n,) float32 ndarray
        In standard deviations of its noise, positive where the light is brighter than its continuum.
    image : (y, x) float32 ndarray
        Its image, 0 where there are no data.
    """

    light: Cube32
    bright: NDArray[np.bool_]
    spectrum: NDArray[np.float32]
    image: NDArray[np.float32]


def chessboard(valid: NDArray[np.bool_], resolution: Resolution) -> NDArray[np.bool_]:
    """Tell the white from the black squares of a chessboard, (k,), for the k spaxels that are valid, (y, x).

    The squares are larger than the beam: noise differs between both colours, light that many spaxels share does not.
    """
    square_px = ceil(2 * resolution.psf_px)
    y, x = np.nonzero(valid)
    white: NDArray[np.bool_] = (y // square_px + x // square_px) % 2 == 0
    return white


def noise_of_mean(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Return the noise of the mean of two spectra, (n,), that show the same light."""
    difference = (one - other) / 2
    return float(np.median(abs(difference - np.median(difference)))) / MAD_OF_NORMAL


def find_shared_light(
    planes: Cube32, residuals: Residuals, near: NDArray[np.bool_], resolution: Resolution
) -> SharedLight:
    """Find the image that explains most of a cube's residuals, and its spectrum.

    The image comes from the planes that are not near the line in question, so that a jet's own image is never it.

    Parameters
    ----------
    planes : (n, y, x) float32 ndarray
        The cube.
    residuals : Residuals
        What came of it.
    near : (n,) bool ndarray
        The planes about the line in question.
    resolution : Resolution
        Of the cube, at the line.
    """
    valid = np.isfinite(residuals.noise)
    noise = residuals.noise[valid]
    spectrum = brightest_spectrum(residuals.normalized[:, valid] * ~near[:, None])
    light = np.zeros(planes.shape, dtype=np.float32)
    for left in reversed(range(ROUNDS)):
        subtracted = (residuals.continuum_subtracted + light)[:, valid]
        image, spectrum, noise = fit_light(subtracted, residuals.good[:, valid], noise, spectrum, near)
        light[:, valid] = np.outer(spectrum, image)
        if left:
            residuals = remove_continuum(planes - light, resolution)
    scatter = np.full(valid.shape, np.inf, dtype=np.float32)
    scatter[valid] = noise
    white, weights = chessboard(valid, resolution), image / np.square(noise)
    one, other = (subtracted @ (weights * half) / ((image * weights * half).sum() or 1) for half in (white, ~white))
    whole = np.zeros(valid.shape, dtype=np.float32)
    whole[valid] = image
    upright = np.sign(image[np.argmax(abs(image / noise))])
    return SharedLight(
        light=light,
        bright=np.abs(light) > BRIGHT * scatter,
        spectrum=upright * spectrum / np.float32(noise_of_mean(one, other) or np.inf),
        image=whole,
    )


def brightest_spectrum(normalized: Cube32) -> NDArray[np.float32]:
    """Return the spectrum, (n,), with the most power in residuals, (n, k), among all that have one image."""
    image = normalized[int(np.argmax(np.square(normalized).sum(axis=1)))]
    spectrum: NDArray[np.float32] = normalized @ image
    for _ in range(STARTS):
        image = spectrum @ normalized
        spectrum = normalized @ (image / (np.linalg.norm(image) or np.float32(1)))
    return spectrum


def fit_light(
    subtracted: Cube32,
    good: NDArray[np.bool_],
    noise: NDArray[np.float32],
    spectrum: NDArray[np.float32],
    near: NDArray[np.bool_],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return image, (k,), spectrum, (n,), and noise, (k,), of the light that fits residuals, (n, k), robustly."""
    clipped = subtracted
    for _ in range(REFITS):
        far = np.where(near, np.float32(0), spectrum)
        image = far @ clipped / (np.square(far).sum() or np.float32(1))
        weights = image / np.square(noise)
        spectrum = clipped @ weights / ((image * weights).sum() or np.float32(1))
        if clipped is subtracted:  # a bright jet in front must not pull the first spectrum
            core = abs(image / noise) >= CORE * abs(image / noise).max()
            spectrum[near] = np.median(subtracted[near][:, core] / image[core], axis=1)
        model = np.outer(spectrum, image)
        left = np.where(good, subtracted - model, np.float32(0))
        scatter = robust_scale(left, good)
        noise = np.where(np.isfinite(scatter), scatter, noise)
        clipped = model + np.clip(left, -CLIP * noise, CLIP * noise)
    return image, spectrum, noise


def without_image(residuals: Residuals, image: NDArray[np.float32]) -> Residuals:
    """Remove what each plane of residuals still shows of an image, and measure their noise anew.

    Where lines hide most planes, the continuum between them is a guess, and what it is wrong by has their image.

    Parameters
    ----------
    residuals : Residuals
        Of a cube without its shared light.
    image : (y, x) float32 ndarray
        That of the light, in the cube's unit.
    """
    scaled = image / residuals.noise
    known = residuals.normalized != 0
    power = np.tensordot(known, np.square(scaled), 2)
    power = np.maximum(power, LEAST_POWER * np.square(scaled).sum())[:, None, None]
    left = residuals.normalized
    if not power.all():
        return residuals
    for _ in range(REFITS):
        spectrum = np.tensordot(np.clip(left, -CLIP, CLIP), scaled, 2)[:, None, None] / power
        left = left - known * (spectrum * scaled)
    return rescaled(residuals, left)
