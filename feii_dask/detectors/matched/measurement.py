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
from feii_dask.detectors.matched.line_profile import Profiles, fit_profiles, noise_covariance
from feii_dask.detectors.matched.resolution import Resolution
from feii_dask.detectors.matched.whitening import Residuals, robust_scale
from feii_dask.model import SPEED_OF_LIGHT_KMS, Kind

__all__ = ["measure_line"]

SR_PER_ARCSEC2 = (pi / 180 / 3600) ** 2
W_M2_HZ_PER_MJY = 1e-20
HZ_UM = SPEED_OF_LIGHT_KMS * 1e9  # speed of light in Hz µm
SIGMA_PER_FWHM = 1 / (2 * sqrt(2 * log(2)))

WIDEST_KMS = 350.0  # FWHM of a line before the spectrograph
NARROWEST = 0.75  # of the line-spread function
FITTED = 1.5  # FWHM on either side of a line that are fitted,
BEYOND_PLANES = 2.0  # and planes beyond, for the level
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
    planes = len(residuals.normalized)
    mask = grow_region(significance, seed, searched, valid, resolution)
    profile = fit_line(residuals, mask, seed, resolution)
    centre, fwhm = float(profile.centre[0]), profile.fwhm
    centre_um = float(np.interp(centre, np.arange(planes), window.wavelength_um))
    first = max(floor(centre - INTEGRATED * fwhm), 0)
    last = min(ceil(centre + INTEGRATED * fwhm), planes - 1)
    here = np.arange(first, last + 1)
    template = gaussian(here - centre, fwhm)
    free = np.ones(planes, dtype=bool)
    free[max(first - 1, 0) : last + 2] = False
    images = line_images(residuals, template / np.square(template).sum(), first, free)
    extent = judge_extent(images, residuals.continuum.astype(np.float64), mask, resolution)

    scale = np.where(valid, residuals.noise, 0)
    summed = residuals.normalized.reshape(planes, -1) @ (scale * mask).ravel()
    edge = np.minimum(np.minimum(here - (centre - INTEGRATED * fwhm) + 0.5, (centre + INTEGRATED * fwhm) - here + 0.5), 1)
    edge = np.maximum(edge, 0)
    kernel = np.zeros(planes); 
    watt = W_M2_HZ_PER_MJY * SR_PER_ARCSEC2 * window.pixel_arcsec**2 * HZ_UM * resolution.step_um / centre_um**2
    flux = float(edge @ summed[here]) * watt
    boxes = np.convolve(summed, edge, "same")
    scatter = float(np.median(abs(boxes[free]))) / MAD_OF_NORMAL * watt
    smooth = gaussian_filter(np.where(images.valid, images.line, 0), resolution.psf_px * SIGMA_PER_FWHM)
    peak = np.unravel_index(int(np.where(mask & images.valid, smooth * abs(smooth) / images.noise, -np.inf).argmax()), mask.shape)
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


def fit_line(residuals, mask, seed, resolution) -> Profiles:
    planes = len(residuals.normalized)
    valid = np.isfinite(residuals.noise)
    start, stop = seed.line_extent
    image = residuals.normalized[max(seed.plane - 1, 0) : seed.plane + 2].sum(axis=0) * np.where(valid, residuals.noise, 0)
    image = np.maximum(gaussian_filter(image, resolution.psf_px * SIGMA_PER_FWHM), 0)
    weight = np.where(mask & valid, (image + 0.3 * image.max()) / np.square(residuals.noise), 0)
    scale = np.where(valid, residuals.noise, 0)
    spectrum = (residuals.normalized.reshape(planes, -1) @ (scale * weight).ravel()).astype(np.float64)
    seen = residuals.good[:, mask].any(axis=1)
    centre, fwhm = float(seed.plane), resolution.width_planes(80.0)
    widths = NARROWEST * resolution.line_planes, resolution.width_planes(WIDEST_KMS)
    for _ in range(2):
        reach = FITTED * fwhm + BEYOND_PLANES
        here = np.arange(max(ceil(centre - reach), 0), min(floor(centre + reach), planes - 1) + 1)
        here = here[seen[here]]
        off = seen.copy()
        off[max(floor(centre - 2 * fwhm), 0) : ceil(centre + 2 * fwhm) + 1] = False
        covariance = noise_covariance(spectrum, off)
        profile = fit_profiles(spectrum[None], covariance[None], here, np.array([centre]), fwhm, widths)
        centre, fwhm = float(profile.centre[0]), profile.fwhm
    return profile


def sky_noise(residuals: Residuals) -> float:
    """Return the noise that spaxels without a star typically have."""
    valid = np.isfinite(residuals.noise)
    faint = valid & (residuals.continuum <= np.median(residuals.continuum[valid]))
    return float(np.median(residuals.noise[faint]))


def star_offset_px(residuals: Residuals, peak: tuple[np.intp, ...]) -> float:
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
