"""Light with one image in many planes, such as a nebula's whose lines fill the spectrum: it is removed whole."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from feii_dask.detectors.matched.continuum import MAD_OF_NORMAL
from feii_dask.detectors.matched.resolution import Resolution
from feii_dask.detectors.matched.whitening import Residuals, remove_continuum, rescaled, robust_scale

__all__ = [
    "LEVEL_PLANES",
    "SharedLight",
    "chessboard",
    "densest",
    "find_shared_light",
    "local_level",
    "noise_of_mean",
    "without_image",
]

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
# A line with that image stands out by so much from what the rest of its spectrum scatters by. In real cubes those of
# nebulae do by 10 and more, remains of airglow and of the atmosphere's bands by up to 8.
STANDS_OUT = 9.0
LEVEL_PLANES = 60  # on either side, in which the level of a spectrum is taken
# The densest part of a spectrum is its continuum, however many lines there are: of a normal distribution, 30 % lie
# within 0.77 standard deviations.
DENSE_SHARE, DENSE_WIDTH = 0.3, 0.7706


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
        Its image in the cube's unit, 0 where there are no data.
    left : (n,) bool ndarray
        Planes in which a line with that image was left in place.
    stands_out : (n,) bool ndarray
        Those in which one would have been, if the line in question were looked for there.
    """

    light: Cube32
    bright: NDArray[np.bool_]
    spectrum: NDArray[np.float32]
    image: NDArray[np.float32]
    left: NDArray[np.bool_]
    stands_out: NDArray[np.bool_]


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
    planes: Cube32,
    residuals: Residuals,
    near: NDArray[np.bool_],
    searched: NDArray[np.bool_],
    resolution: Resolution,
) -> SharedLight:
    """Find the image that explains most of a cube's residuals, and its spectrum.

    The image comes from the planes that are not near the line in question, so that a jet's own image is never it. A
    line that stands out where the one in question is looked for is left in place: it may be that one, with the image of
    all others.

    Parameters
    ----------
    planes : (n, y, x) float32 ndarray
        The cube.
    residuals : Residuals
        What came of it.
    near : (n,) bool ndarray
        The planes about the line in question.
    searched : (n,) bool ndarray
        Those in which it may be.
    resolution : Resolution
        Of the cube, at the line.
    """
    valid = np.isfinite(residuals.noise)
    unit = np.median(residuals.noise[valid])  # squares of W m⁻² and the like are below the least float
    noise = residuals.noise[valid] / unit
    spectrum = brightest_spectrum(residuals.normalized[:, valid] * ~near[:, None])
    light = np.zeros(planes.shape, dtype=np.float32)
    for remaining in reversed(range(ROUNDS)):
        subtracted = (residuals.continuum_subtracted + light)[:, valid] / unit
        image, spectrum, noise = fit_light(subtracted, residuals.good[:, valid], noise, spectrum, near)
        light[:, valid] = np.outer(spectrum, image) * unit
        if remaining:
            residuals = remove_continuum(planes - light, resolution)
    level = local_level(spectrum)
    upright = np.sign(image[np.argmax(abs(image / noise))])
    lines = upright * (spectrum - level)
    left = lines_within(lines, searched)
    light[:, valid] = np.outer(np.where(left, level, spectrum), image) * unit
    scatter = np.full(valid.shape, np.inf, dtype=np.float32)
    scatter[valid] = noise * unit
    white, weights = chessboard(valid, resolution), image / np.square(noise)
    one, other = (subtracted @ (weights * half) / ((image * weights * half).sum() or 1) for half in (white, ~white))
    whole = np.zeros(valid.shape, dtype=np.float32)
    whole[valid] = image * unit
    return SharedLight(
        light=light,
        bright=np.abs(light) > BRIGHT * scatter,
        spectrum=upright * spectrum / np.float32(noise_of_mean(one, other) or np.inf),
        image=whole,
        left=left,
        stands_out=beyond_the_rest(lines, ~searched),
    )


def lines_within(spectrum: NDArray[np.float32], searched: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the planes, (n,), of a line in emission that stands out in a stretch that is searched.

    It is all of the stretch but for the wings of lines beyond its ends; nothing, where no more is in it than elsewhere,
    or less, as in a gap between lines that fill most planes.

    Examples
    --------
    >>> spectrum = np.array([9, 5, 2, 1, 3, 60, 3, 0, 0, 2, 1, 0], dtype=np.float32)
    >>> lines_within(spectrum, np.arange(12) % 8 > 0).astype(int)
    array([0, 0, 0, 0, 1, 1, 1, 1, 0, 1, 1, 1])
    """
    within = searched.copy()
    for forward in (slice(None), slice(None, None, -1)):
        size, inside = abs(spectrum[forward]), within[forward]
        plane = int(inside.argmax())
        while 0 < plane < len(size) and inside[plane] and size[plane] < size[plane - 1]:
            inside[plane] = False
            plane += 1
    return within & beyond_the_rest(spectrum, ~searched)[within].any()


def beyond_the_rest(spectrum: NDArray[np.float32], rest: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the planes, (n,), in which a spectrum is much brighter than in most of some planes, (n,)."""
    level, scatter = densest(spectrum[rest, None])
    bright: NDArray[np.bool_] = spectrum - level > STANDS_OUT * scatter
    return bright


def local_level(spectrum: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the level, (n,), at which most of the planes about each plane of a spectrum, (n,), are."""
    reach = min(LEVEL_PLANES, (len(spectrum) - 1) // 2)
    level, _ = densest(sliding_window_view(spectrum, 2 * reach + 1).T)
    return np.pad(level, reach, mode="edge")


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


def densest(spectra: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return the level, (k,), at which values of spectra, (n, k), are densest, and their standard deviation there."""
    ordered = np.sort(spectra, axis=0)
    many = int(DENSE_SHARE * len(ordered))
    widths = np.nan_to_num(ordered[many:] - ordered[: len(ordered) - many], nan=np.inf)
    first = widths.argmin(axis=0)
    columns = np.arange(ordered.shape[1])
    level = (ordered[first, columns] + ordered[first + many, columns]) / 2
    return level, widths[first, columns] / DENSE_WIDTH


def without_image(residuals: Residuals, shared: SharedLight) -> Residuals:
    """Remove what planes of residuals still show of the shared light's image, and measure their noise anew.

    Where lines hide most planes, the continuum between them is a guess, and what it is wrong by has their image.

    Parameters
    ----------
    residuals : Residuals
        Of a cube without its shared light.
    shared : SharedLight
        That light.
    """
    scaled = shared.image / residuals.noise
    known = residuals.normalized != 0
    power = np.tensordot(known, np.square(scaled), 2)
    power = np.maximum(power, LEAST_POWER * np.square(scaled).sum())[:, None, None]
    if not power.all():
        return residuals
    known[shared.left] = False
    remaining = residuals.normalized
    for _ in range(REFITS):
        spectrum = np.tensordot(np.clip(remaining, -CLIP, CLIP), scaled, 2)[:, None, None] / power
        remaining = remaining - known * (spectrum * scaled)
    return rescaled(residuals, remaining)
