"""Bright lines that fill so many planes that continuum and noise must be measured beside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from feii_dask.detectors.matched.common_light import (
    LEVEL_PLANES,
    SharedLight,
    chessboard,
    densest,
    find_shared_light,
    local_level,
    noise_of_mean,
    without_image,
)
from feii_dask.detectors.matched.filters import FilteredCube, extremes, filter_cube
from feii_dask.detectors.matched.nulls import strongest_lines
from feii_dask.detectors.matched.resolution import Resolution
from feii_dask.detectors.matched.whitening import remove_continuum
from feii_dask.detectors.matched.windows import Windows

__all__ = ["is_crowded", "without_bright_lines"]

BRIGHT = 5.0  # standard deviations that a voxel of a line stands out by
CORE = 2.5  # the same without any filter, where a line is so bright that it bends the continuum
WINGS, CORE_WINGS = 2, 1  # planes beside such voxels
FAINT = 0.3  # the same of lines that most spaxels show: fringes of their backgrounds are fainter
CROWDED = 0.1  # share of the planes that lines fill, from which medians are led astray
LISTED = 7.0  # significance of lines that are worth a name
GAP = 0.1  # of a bright line: the level between such lines is no better known
PASSES = 2  # what bright lines hid is bright when these are gone
NOISY = 2.0  # scatter, over that of the quietest quarter, of spaxels in which lines may fill most planes


def without_bright_lines(
    planes: NDArray[np.float32], filtered: FilteredCube, windows: Windows, resolution: Resolution
) -> FilteredCube:
    """Return a cube without the light that fills its spectra, filtered.

    What has one image in many planes is removed. If the rest is crowded still, continuum and noise are measured beside
    its bright lines.

    Parameters
    ----------
    planes : (n, y, x) float32 ndarray
        The cube.
    filtered : FilteredCube
        What came of it at first.
    windows : Windows
        Where the line in question is looked for. Elsewhere bright lines are removed.
    resolution : Resolution
        Of the cube, at the line.
    """
    near, searched = windows.near, np.zeros_like(windows.near)
    searched[windows.tested[0] : windows.tested[-1] + 1] = True
    shared = find_shared_light(planes, filtered.residuals, near, searched, resolution)
    planes = planes - shared.light
    hidden = shared.bright & ~near[:, None, None]
    residuals = without_image(remove_continuum(planes, resolution, shared.bright, hidden), shared)
    filtered = filter_cube(residuals, resolution)
    if is_crowded(filtered, resolution):
        filtered = beside_bright_lines(planes, filtered, near, shared, resolution)
    removed = lines_of(filtered.profiles[0] @ (shared.spectrum - local_level(shared.spectrum)), resolution)
    return replace(
        filtered,
        removed=strongest_lines((*filtered.removed, *removed), resolution),
        left_elsewhere=tuple(plane for plane, statistic in removed if statistic > 0 and shared.stands_out[plane]),
    )


def beside_bright_lines(
    planes: NDArray[np.float32],
    filtered: FilteredCube,
    near: NDArray[np.bool_],
    shared: SharedLight,
    resolution: Resolution,
) -> FilteredCube:
    """Return a cube whose continuum and noise were measured beside all bright lines, filtered."""
    residuals, first = filtered.residuals, filtered
    known = np.where(residuals.good, residuals.continuum_subtracted, np.float32(np.nan))
    lines = widened(stands_out(known.reshape(len(known), -1)).reshape(known.shape), CORE_WINGS)
    reached = significant(filtered)
    for _ in range(PASSES):
        lines |= reached & widened(np.abs(filtered.residuals.normalized) > CORE, CORE_WINGS)
        hidden = (reached | lines) & ~near[:, None, None]
        residuals = without_image(remove_continuum(planes, resolution, lines, hidden), shared)
        filtered = filter_cube(residuals, resolution)
        reached |= significant(filtered)
    strongest = np.where(first.largest > -first.smallest, first.largest, first.smallest) * hidden
    strongest = strongest.reshape(len(hidden), -1)
    response = strongest[np.arange(len(hidden)), abs(strongest).argmax(axis=1)]
    return replace(filtered, removed=lines_of(response, resolution))


def lines_of(response: NDArray[np.floating], resolution: Resolution) -> tuple[tuple[int, float], ...]:
    """Return plane and significance of the lines in a spectrum, (n,), of what lines are as significant as.

    Beside bright lines, what is faint and of the other sign is a gap between them.
    """
    peak, trough = extremes(response)
    above, below = (maximum_filter1d(sign * response, 2 * LEVEL_PLANES + 1) for sign in (1, -1))
    emission = peak & (response > np.maximum(LISTED, GAP * below))
    absorption = trough & (-response > np.maximum(LISTED, GAP * above))
    met = [(int(plane), float(response[plane])) for plane in np.flatnonzero(emission | absorption)]
    return strongest_lines(met, resolution)


def is_crowded(filtered: FilteredCube, resolution: Resolution) -> bool:
    """Whether lines fill more planes than medians bear, in more than a beam or in most (noisy) spaxels."""
    share = significant(filtered).mean(axis=0)
    if np.count_nonzero(share > CROWDED) > resolution.beam_px:
        return True
    noise, subtracted = filtered.residuals.noise, filtered.residuals.continuum_subtracted
    valid = np.isfinite(noise)
    noisy = valid & (noise > NOISY * np.quantile(noise[valid], 0.25))
    groups = [group for group in (valid, noisy) if np.count_nonzero(group) > resolution.beam_px]
    spectra = np.array([subtracted[:, group].mean(axis=1) for group in groups]).T
    if (stands_out(spectra).mean(axis=0) > CROWDED).any():
        return True
    return any(is_shared(filtered.residuals.normalized, group, resolution) for group in groups)


def is_shared(normalized: NDArray[np.float32], group: NDArray[np.bool_], resolution: Resolution) -> bool:
    """Whether most spaxels of a group show the same lines, in more planes than medians bear."""
    white = chessboard(group, resolution)[::2]  # every second spaxel is enough
    if white.all() or not white.any():
        return False
    some = normalized[:, group][:, ::2]
    one, other = (np.median(some[:, half], axis=1) for half in (white, ~white))
    spectrum = (one + other) / 2
    least = max(BRIGHT * noise_of_mean(one, other), FAINT)
    level, _ = densest(spectrum[:, None])
    return bool((abs(spectrum - level) > least).mean() > CROWDED)


def significant(filtered: FilteredCube) -> NDArray[np.bool_]:
    """Return the voxels, (n, y, x), in and beside significant lines of emission or absorption."""
    return widened((filtered.largest > BRIGHT) | (filtered.smallest < -BRIGHT), WINGS)


def widened(lines: NDArray[np.bool_], planes: int) -> NDArray[np.bool_]:
    """Add the planes beside lines."""
    wide: NDArray[np.bool_] = maximum_filter1d(lines.view(np.uint8), 2 * planes + 1, axis=0).view(np.bool_)
    return wide


def stands_out(spectra: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Whether values of spectra, (n, k), are far from where most are, NaN being nowhere."""
    level, scatter = densest(spectra)
    far: NDArray[np.bool_] = np.abs(spectra - level) > BRIGHT * scatter
    return far
