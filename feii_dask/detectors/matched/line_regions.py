"""Regions of significant spaxels, and whether their spectra look like a line."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import ceil

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from feii_dask.detectors.matched.filters import NEGLIGIBLE, FilteredCube, extremes, gaussian
from feii_dask.detectors.matched.outlines import Outlines, beams_about_peaks, outline, parts_of
from feii_dask.detectors.matched.resolution import Resolution
from feii_dask.detectors.matched.sharpness import broad_parts, is_smooth
from feii_dask.detectors.matched.whitening import robust_scale

__all__ = ["EDGE_LEVEL", "JOINED", "SUSPECT", "Regions", "at_border", "best_of_windows", "border_of", "find_regions"]

JOINED = 3.0  # significance that joins a spaxel to a region
SUSPECT = 5.0  # significance from which a region must be smooth
LEVELS = (3.0, 4.5, 6.5, 10.0)  # significance that joins spaxels to a region: more where a region fails

# FWHM, km/s before the spectrograph, of what may be a jet's line, and of what is too wide for one.
LINE_WIDTHS_KMS = (0.0, 30.0, 60.0, 100.0, 150.0, 200.0, 250.0)
WIDE_KMS = (310.0, 380.0, 470.0, 600.0, 800.0, 1100.0)
DRIZZLED_PLANE = 1.3  # FWHM, planes, of a flash in one plane after drizzling
CENTRES = np.arange(-8, 9) / 8  # planes from the peak at which profiles are tried
# A cosmic ray ends sharply, a line has wings. What is within two planes must not explain more than the best profile
# does; what is within three, no more than this beyond it, as variance and as a share of the profile's.
SHARPNESS_TOLERANCE = 4.0, 0.02
EDGE_LEVEL, SPLIT_LEVEL = 0.25, 0.75  # of the peak: where a line ends, and from below which another may begin
VALLEY = 3.0  # standard deviations by which both rise from the valley between them
EXTENT_REACH = 40  # planes, at most, on either side
COUNTERPART_PLANES = 6  # within which a negative peak is a sign of a fringe, not of a line
COUNTERPART = 0.6, 4.0  # its depth: over the peak, and in standard deviations
MOST_BORDER, SMALL_FIELD = 0.5, 1.5  # share of a region at the border of the data, and over that of the whole field


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Regions of one sign, in all windows.

    Attributes
    ----------
    window : (r,) intp ndarray
        Row of the windows that were given.
    mask : (r, y, x) bool ndarray
        The spaxels.
    spectrum : (r, n) float32 ndarray
        Sum of the normalized residuals of the spaxels, over its own scatter.
    significance : (r,) float32 ndarray
        Of the best line profile at the best plane of the window, in the spectrum; 0 where there is no maximum.
    plane : (r,) intp ndarray
        That plane.
    line_extent : (r, 2) intp ndarray
        The planes, as start and stop, in which the spectrum shows no other line.
    is_beam : (r,) bool ndarray
        Whether it is the beam about the brightest spaxel; else a connected region.
    passed : (r,) bool ndarray
        Whether its spectrum looks like a line.
    """

    window: NDArray[np.intp]
    mask: NDArray[np.bool_]
    spectrum: NDArray[np.float32]
    significance: NDArray[np.float32]
    plane: NDArray[np.intp]
    line_extent: NDArray[np.intp]
    is_beam: NDArray[np.bool_]
    passed: NDArray[np.bool_]


def best_of_windows(regions: Regions, windows: int) -> NDArray[np.float64]:
    """Return the statistic of every window: the significance of its best region that passed, or 0."""
    best = np.zeros(windows)
    np.maximum.at(best, regions.window[regions.passed], regions.significance[regions.passed])
    return best


def find_regions(filtered: FilteredCube, sign: int, windows: NDArray[np.intp], resolution: Resolution) -> Regions:
    """Find the regions of every window, (w, k) planes, and judge them.

    What is no line may touch one: where a region fails, what stands out more within it is judged as well.

    Parameters
    ----------
    filtered : FilteredCube
        Where lines are significant.
    sign : int
        1 for emission and -1 for absorption.
    windows : (w, k) intp ndarray
        Planes of each window.
    resolution : Resolution
        Of the cube, at the line.
    """
    voxels = filtered.highest[windows] if sign > 0 else -filtered.lowest[windows]
    maps = voxels.max(axis=1)
    beam = Outlines(np.arange(len(windows)), beams_about_peaks(maps, resolution))
    broad = broad_parts(maps > JOINED, resolution)
    found = [judge(beam, True, broad, filtered, sign, windows, resolution)]
    outlines = outline(voxels, LEVELS[0], resolution)
    for level in LEVELS[1:]:
        if not outlines.window.size:
            break
        regions = judge(outlines, False, broad, filtered, sign, windows, resolution)
        found.append(regions)
        failed = ~regions.passed & (regions.significance > SUSPECT)
        outlines = parts_of(Outlines(regions.window[failed], regions.mask[failed]), voxels, level, resolution)
    if outlines.window.size:
        found.append(judge(outlines, False, broad, filtered, sign, windows, resolution))
    return Regions(*(np.concatenate([getattr(one, field.name) for one in found]) for field in fields(Regions)))


def judge(
    outlines: Outlines,
    is_beam: bool,
    broad: NDArray[np.bool_],
    filtered: FilteredCube,
    sign: int,
    windows: NDArray[np.intp],
    resolution: Resolution,
) -> Regions:
    """Tell lines from what is none; ``broad``, (w, y, x), are the spaxels about which all is significant."""
    residuals, window, mask = filtered.residuals, outlines.window, outlines.mask
    weights = mask.reshape(len(mask), -1).astype(np.float32) * sign
    seen: NDArray[np.bool_] = np.logical_or.reduce(residuals.good, axis=(1, 2))
    summed: NDArray[np.float32] = weights @ residuals.normalized.reshape(len(seen), -1).T
    spectrum = over_scatter(summed, seen)
    matched = spectrum @ filtered.profiles
    scaled = np.array([over_scatter(response, seen) for response in matched])

    rows = np.arange(len(mask))
    peak, _ = extremes(scaled[0].T)
    in_window = (scaled.max(axis=0) * peak.T)[rows[:, None], windows[window]]
    best = in_window.argmax(axis=1)
    plane = windows[window, best]
    line_extent = find_line_extent(matched[0], plane)
    passed = (mask & broad[window]).any(axis=(1, 2)) & (
        is_one_line(spectrum, seen, line_extent, plane, resolution)
        & ~has_negative_counterpart(matched[0], plane)
        & ~at_border(mask, np.isfinite(residuals.noise))
    )
    height = in_window[rows, best]
    for row in np.flatnonzero(passed & (height > SUSPECT)):
        profile = np.zeros(len(seen), dtype=np.float32)
        extent = slice(*line_extent[row])
        profile[extent] = np.maximum(spectrum[row, extent], 0)
        passed[row] = is_smooth(
            residuals.normalized * np.float32(sign), residuals.noise, mask[row], profile, resolution
        )
    return Regions(window, mask, spectrum, height, plane, line_extent, np.full(len(mask), is_beam), passed)


def over_scatter(spectra: NDArray[np.float32], seen: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Divide spectra, (r, n), by their own scatter over the planes with data."""
    good = np.repeat(seen[:, None], len(spectra), axis=1)
    return spectra / robust_scale(np.ascontiguousarray(spectra.T), good)[:, None]


def find_line_extent(matched: NDArray[np.float32], plane: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the planes, (r, 2) as start and stop, in which each spectrum shows the line at its plane and no other.

    On either side they end where the spectrum falls to `EDGE_LEVEL` of the peak, or in a valley between two lines.
    """
    height = matched[np.arange(len(matched)), plane][:, None]
    sides = []
    for side in (-1, 1):
        flank = around(matched, plane, EXTENT_REACH)[:, EXTENT_REACH::side]
        lowest = np.minimum.accumulate(flank, axis=1)
        rises = (flank > lowest + VALLEY) & (lowest < height - VALLEY) & (lowest < SPLIT_LEVEL * height)
        ends = rises | (flank < EDGE_LEVEL * height)
        end = np.where(ends.any(axis=1), ends.argmax(axis=1), EXTENT_REACH)
        beyond = np.arange(EXTENT_REACH + 1) > end[:, None]
        sides.append(np.where(beyond, np.inf, flank).argmin(axis=1))
    return np.stack([plane - sides[0], plane + sides[1] + 1], axis=1)


def is_one_line(
    spectrum: NDArray[np.float32],
    seen: NDArray[np.bool_],
    line_extent: NDArray[np.intp],
    plane: NDArray[np.intp],
    resolution: Resolution,
) -> NDArray[np.bool_]:
    """Whether a line's profile fits a spectrum better than one to three planes do, or than too wide a profile does."""
    wide = [resolution.width_planes(width) for width in WIDE_KMS]
    reach = ceil(wide[-1])
    position = plane[:, None] + np.arange(-reach, reach + 1)
    in_extent = (position >= line_extent[:, :1]) & (position < line_extent[:, 1:])
    excerpt = np.where(in_extent, around(spectrum, plane, reach), 0)
    known = around(np.broadcast_to(seen, spectrum.shape).astype(np.float32), plane, reach)

    line = best_profile(excerpt, known, [resolution.width_planes(width) for width in LINE_WIDTHS_KMS], CENTRES)
    drizzled = best_profile(excerpt, known, [DRIZZLED_PLANE], CENTRES[CENTRES % 1 == 0])
    power = line * abs(line)
    tolerance = np.maximum(SHARPNESS_TOLERANCE[0], SHARPNESS_TOLERANCE[1] * power)
    sharp = (power_within(2, excerpt) > power) | (power_within(3, excerpt) > power + tolerance)
    passed: NDArray[np.bool_] = (line > drizzled) & ~sharp & (line >= best_profile(excerpt, known, wide, CENTRES))
    return passed


def best_profile(
    spectra: NDArray[np.float32], known: NDArray[np.float32], widths: list[float], centres: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return the significance, (r,), of the best Gaussian about the middle of spectra, (r, n), where they are known."""
    reach = spectra.shape[1] // 2
    offset = np.arange(-reach, reach + 1) - centres[:, None, None]
    bank = gaussian(offset, np.array(widths)[:, None]).reshape(-1, spectra.shape[1]).astype(np.float32)
    norm = np.sqrt(known @ np.square(bank).T)
    best: NDArray[np.float32] = (spectra @ bank.T / np.maximum(norm, NEGLIGIBLE)).max(axis=1)
    return best


def power_within(count: int, spectra: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the largest squared significance, (r,), of so many adjacent planes about the middle."""
    middle = spectra.shape[1] // 2
    bright = np.square(np.maximum(spectra[:, middle - 3 : middle + 4], 0))
    power: NDArray[np.float32] = sliding_window_view(bright, count, axis=1).sum(axis=2).max(axis=1)
    return power


def has_negative_counterpart(matched: NDArray[np.float32], plane: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether there is a negative peak nearly as high close by, as in fringes."""
    near = around(matched, plane, COUNTERPART_PLANES)
    deepest, peak = -near.min(axis=1), near[:, COUNTERPART_PLANES]
    counterpart: NDArray[np.bool_] = (deepest > COUNTERPART[0] * peak) & (deepest > COUNTERPART[1])
    return counterpart


def border_of(valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the spaxels that have a neighbour without data, or none."""
    border: NDArray[np.bool_] = binary_dilation(~valid, np.ones((3, 3), dtype=bool), border_value=1)
    return border


def at_border(mask: NDArray[np.bool_], valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a region mostly lies along the border of the data, more than it has to in a small field."""
    border = border_of(valid) & valid
    share: NDArray[np.float64] = (mask & border_of(valid)).sum(axis=(1, 2)) / mask.sum(axis=(1, 2))
    return share > max(MOST_BORDER, SMALL_FIELD * np.count_nonzero(border) / np.count_nonzero(valid))


def around(spectra: NDArray[np.float32], plane: NDArray[np.intp], reach: int) -> NDArray[np.float32]:
    """Return the part of each spectrum that lies about its plane; 0 beyond the ends."""
    padded = np.pad(spectra, ((0, 0), (reach, reach)))
    part: NDArray[np.float32] = padded[np.arange(len(spectra))[:, None], plane[:, None] + np.arange(2 * reach + 1)]
    return part
