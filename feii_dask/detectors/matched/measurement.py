"""Velocity, width, flux, size and shape of a region of line emission."""

from __future__ import annotations

from math import ceil, degrees, floor, log, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from feii_dask.detectors.line_window import LineWindow, doppler_kms
from feii_dask.detectors.matched.continuum import MAD_OF_NORMAL
from feii_dask.detectors.matched.emission_region import Seed, grow_region
from feii_dask.detectors.matched.extent import judge_extent
from feii_dask.detectors.matched.filters import gaussian
from feii_dask.detectors.matched.line_images import line_images
from feii_dask.detectors.matched.line_profile import Profiles, WhiteSpectra, fit_profiles
from feii_dask.detectors.matched.lobes import find_counter_lobe, find_two_sides
from feii_dask.detectors.matched.resolution import Resolution
from feii_dask.detectors.matched.unresolved_light import bright_peak
from feii_dask.detectors.matched.whitening import Residuals, robust_scale
from feii_dask.model import SPEED_OF_LIGHT_KMS, Kind, Lobe

__all__ = ["measure_line"]

SR_PER_ARCSEC2 = (pi / 180 / 3600) ** 2
W_M2_HZ_PER_MJY = 1e-20
HZ_UM = SPEED_OF_LIGHT_KMS * 1e9  # speed of light in Hz µm
SIGMA_PER_FWHM = 1 / (2 * sqrt(2 * log(2)))

WIDEST_KMS = 350.0  # FWHM of a line before the spectrograph
NARROWEST = 0.75  # of the line-spread function
FITTED = 1.5  # FWHM on either side of a line that are fitted,
BEYOND_PLANES = 2.0  # and planes beyond, for the level
TYPICAL_KMS = 80.0
EXPECTED_OF_NOISE, LEAST_LIGHT = 2.0, 0.5  # standard deviations that the brightest of some planes has; least weight
BASELINE_PLANES = 20  # on either side, in which the level beside a line is taken
INTEGRATED = 1.25  # FWHM on either side of a line that are summed: all but 0.3 % of it
STAR = 5.0  # scatter of the continuum image that its peak exceeds where there is a star


def measure_line(
    residuals: Residuals,
    significance: NDArray[np.float32],
    seed: Seed,
    searched: NDArray[np.intp],
    window: LineWindow,
    resolution: Resolution,
) -> dict[str, Any]:
    valid = np.isfinite(residuals.noise)
    size = len(residuals.normalized)
    mask = grow_region(significance, seed, searched, valid, resolution)
    cube = residuals.normalized * np.where(valid, residuals.noise, np.float32(0))
    light = light_of(significance, searched, residuals.noise, mask)
    profile = fit_line(cube, residuals.noise, light, seed, resolution)
    more = find_counter_lobe(cube, residuals.noise, light, searched, profile.fwhm, resolution)
    if more.any():
        mask |= more
        light = light_of(significance, searched, residuals.noise, mask)
    two = find_two_sides(cube, residuals.noise, light, searched, profile, line_widths(resolution), resolution)
    centre, fwhm = float(profile.centre[0]), profile.fwhm
    centre_um = float(np.interp(centre, np.arange(size), window.wavelength_um))
    watt = W_M2_HZ_PER_MJY * SR_PER_ARCSEC2 * window.pixel_arcsec**2 * HZ_UM * resolution.step_um / centre_um**2
    summed = cube[:, mask].sum(axis=1).astype(np.float64)
    flux, scatter = total_of(summed, centre, fwhm)
    flux, scatter = flux * watt, scatter * watt
    lobes = ()
    if two:
        um = np.interp(two.profiles.centre, np.arange(size), window.wavelength_um)
        kms = doppler_kms(um, window.line.wavelength_um)
        errors = two.profiles.centre_error * resolution.plane_kms
        lobes = tuple(Lobe(velocity_kms=float(kms[i]), velocity_error_kms=float(errors[i]), flux=float(two.sums[i]) * watt, flux_error=float(two.errors[i]) * watt) for i in (0, 1))
        flux, scatter = float(two.sums.sum()) * watt, float(np.hypot(*two.errors)) * watt
        centres, fwhm = two.profiles.centre, two.profiles.fwhm
        if abs(centres[1] - centres[0]) > fwhm:
            first_lobe = int(two.sums.argmax())
            centre = float(centres[first_lobe])
            profile = Profiles(centres[[first_lobe]], two.profiles.centre_error[[first_lobe]], fwhm, profile.peak)
            centre_um = float(um[first_lobe])
    centres = two.profiles.centre if two else np.array([centre])
    first = max(floor(min(centres) - INTEGRATED * fwhm), 0)
    last = min(ceil(max(centres) + INTEGRATED * fwhm), size - 1)
    here = np.arange(first, last + 1)
    template = np.max([gaussian(here - at, fwhm) for at in centres], axis=0)
    free = np.ones(size, dtype=bool)
    free[max(first - 1, 0) : last + 2] = False
    images = line_images(residuals, template / np.square(gaussian(np.arange(-30, 31), fwhm)).sum(), first, free)
    extent = judge_extent(images, residuals.continuum.astype(np.float64), mask, resolution)
    smooth = gaussian_filter(np.where(images.valid, images.line, 0), resolution.psf_px * SIGMA_PER_FWHM)
    peak = bright_peak(smooth, images.noise, mask & images.valid)
    sky = sky_noise(residuals)
    height = float(images.line[peak])
    return {
        "kind": extent.kind,
        "detected": extent.kind is Kind.EXTENDED,
        "p_extent": extent.p_extent,
        "compact_share": extent.compact_share,
        "compact_share_error": extent.compact_share_error,
        "plane": round(centre),
        "velocity_kms": doppler_kms(centre_um, window.line.wavelength_um),
        "velocity_error_kms": float(profile.centre_error[0]) * resolution.plane_kms,
        "velocity_calibration_kms": resolution.calibration_kms,
        "width_kms": fwhm * resolution.plane_kms,
        "snr": height / sky,
        "local_snr": height / float(residuals.noise[peak]),
        "lobes": lobes,
        "flux": flux,
        "flux_error": scatter,
        "area_px": int(mask.sum()),
        "area_arcsec2": float(mask.sum()) * window.pixel_arcsec**2,
        "peak_yx": (int(peak[0]), int(peak[1])),
        "offset_arcsec": star_offset_px(residuals, peak) * window.pixel_arcsec,
        "mask": mask,
        "flags": extent.flags,
        **shape_of(images.line * mask),
    }


def light_of(
    significance: NDArray[np.float32], searched: NDArray[np.intp], noise: NDArray[np.float32], mask: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return how bright a line is in each spaxel of a mask, whatever its velocity; noise alone gives little."""
    highest = np.maximum(significance[searched].max(axis=0) - EXPECTED_OF_NOISE, LEAST_LIGHT)
    light: NDArray[np.float64] = np.where(mask, highest * np.where(mask, noise, 0), 0).astype(np.float64)
    return light


def fit_line(
    cube: NDArray[np.float32],
    noise: NDArray[np.float32],
    light: NDArray[np.float64],
    seed: Seed,
    resolution: Resolution,
) -> Profiles:
    """Fit the line of a region."""
    size = len(cube)
    weight = np.where(light > 0, light / np.square(noise), 0)
    spectrum = (cube.reshape(size, -1) @ weight.ravel().astype(np.float32)).astype(np.float64)
    centre, fwhm = float(seed.plane), resolution.width_planes(TYPICAL_KMS)
    everywhere = np.arange(size)
    for _ in range(2):
        distance = abs(everywhere - centre)
        planes = everywhere[distance <= FITTED * fwhm + BEYOND_PLANES]
        white = WhiteSpectra.of(spectrum[None], distance > 2 * fwhm, planes)
        profile = fit_profiles(white, np.array([centre]), fwhm, line_widths(resolution))
        centre, fwhm = float(profile.centre[0]), profile.fwhm
    return profile


def total_of(spectrum: NDArray[np.float64], centre: float, fwhm: float) -> tuple[float, float]:
    """Return the sum of a spectrum over a line, above the level beside it, and its error."""
    distance = abs(np.arange(spectrum.size) - centre)
    inside = np.clip(INTEGRATED * fwhm + 0.5 - distance, 0, 1)
    beside = (distance > INTEGRATED * fwhm + 1) & (distance < INTEGRATED * fwhm + BASELINE_PLANES)
    off = spectrum[distance > INTEGRATED * fwhm + 1]
    scatter = float(np.median(abs(off))) / MAD_OF_NORMAL if off.size else 0.0
    values = spectrum[beside]
    middle = float(np.median(values)) if values.size else 0.0
    near = values[abs(values - middle) <= 2.5 * scatter]
    level = float(near.mean()) if near.size else middle
    width = float(inside.sum())
    boxes = np.convolve(spectrum, np.ones(max(round(width), 1)), "same")[distance > 2 * INTEGRATED * fwhm]
    noise = float(np.median(abs(boxes - np.median(boxes)))) / MAD_OF_NORMAL if boxes.size else 0.0
    return float(inside @ spectrum) - level * width, noise * sqrt(1 + width / (2 * BASELINE_PLANES))


def line_widths(resolution: Resolution) -> tuple[float, float]:
    """Return the least and the largest FWHM of a line in the cube, in planes."""
    return NARROWEST * resolution.line_planes, resolution.width_planes(WIDEST_KMS)


def sky_noise(residuals: Residuals) -> float:
    """Return the noise that spaxels without a star typically have."""
    valid = np.isfinite(residuals.noise)
    faint = valid & (residuals.continuum <= np.median(residuals.continuum[valid]))
    return float(np.median(residuals.noise[faint]))


def star_offset_px(residuals: Residuals, peak: tuple[int, int]) -> float:
    """Return the distance from the brightest spaxel of the continuum; NaN where none stands out."""
    image = np.where(np.isfinite(residuals.noise), residuals.continuum, np.float32(np.nan))
    level = np.nanmedian(image)
    if not np.nanmax(image) - level > STAR * np.nanmedian(abs(image - level)) / MAD_OF_NORMAL:
        return float("nan")
    star = np.unravel_index(int(np.nanargmax(image)), image.shape)
    return float(np.hypot(float(star[0] - peak[0]), float(star[1] - peak[1])))


def shape_of(image: NDArray[np.floating]) -> dict[str, Any]:
    """Return position angle and elongation of an image, from its second moments."""
    weight = np.maximum(image, 0).astype(np.float64)
    y, x = np.indices(image.shape)
    total = weight.sum()
    if total == 0:
        return {}
    dy, dx = y - (weight * y).sum() / total, x - (weight * x).sum() / total
    moments = np.array(
        [[(weight * dy * dy).sum(), (weight * dy * dx).sum()], [(weight * dy * dx).sum(), (weight * dx * dx).sum()]]
    )
    (minor, major), axes = np.linalg.eigh(moments / total)
    along_y, along_x = axes[:, 1]
    return {
        "position_angle_deg": degrees(np.arctan2(-along_x, along_y)) % 180,
        "elongation": sqrt(major / minor) if minor > 0 else float("nan"),
    }
