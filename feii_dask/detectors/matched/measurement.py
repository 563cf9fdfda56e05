"""What a region of line emission amounts to: velocity, width, flux, size and shape."""

from __future__ import annotations

from dataclasses import dataclass
from math import degrees, log, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.matched.filters import gaussian
from feii_dask.detectors.matched.resolution import Resolution
from feii_dask.detectors.matched.whitening import Residuals, robust_scale
from feii_dask.model import SPEED_OF_LIGHT_KMS, Line

__all__ = ["measure_region"]

SR_PER_ARCSEC2 = (pi / 180 / 3600) ** 2
W_M2_HZ_PER_MJY = 1e-20
HZ_UM = SPEED_OF_LIGHT_KMS * 1e9  # speed of light in Hz µm

WIDTHS = 12  # trial widths, from the line-spread function to `WIDEST_KMS`
WIDEST_KMS = 350.0
FINE = 8  # trial centres in a plane
BASELINE_PLANES = 20  # within which the level beside the line is taken
CLEAR = 1.5  # FWHM from the centre at which a line no longer counts
POINT = 1.4  # FWHM along the major axis, over that of the point-spread function, of what may be a point
STAR = 5.0  # scatter of the continuum image that its peak exceeds where there is a star


@dataclass(frozen=True, slots=True)
class Profile:
    """A line's profile in a spectrum: centre and FWHM in planes."""

    centre: float
    fwhm: float


def measure_region(
    residuals: Residuals,
    mask: NDArray[np.bool_],
    spectrum: NDArray[np.float32],
    own: slice,
    wavelength_um: NDArray[np.float64],
    line: Line,
    resolution: Resolution,
    pixel_arcsec: float,
) -> dict[str, Any]:
    """Measure a region of line emission.

    The profile is the Gaussian that fits the region's spectrum best. Its amplitude in each spaxel makes an image of the
    line, of which the flux is the sum over the mask; its error is the scatter of such fluxes at other wavelengths.
    A surface brightness I (MJy/sr) is a flux 10⁻²⁰ I Ω c Δλ/λ² W m⁻² in a plane Δλ of a spaxel Ω.

    Parameters
    ----------
    residuals : Residuals
        Of the cube.
    mask : (y, x) bool ndarray
        The region.
    spectrum : (n,) float32 ndarray
        Its spectrum, over its scatter.
    own : slice
        The planes that hold its light and no other line's.
    wavelength_um : (n,) float64 ndarray
        Wavelength of every plane, µm.
    line : Line
        The line at rest.
    resolution : Resolution
        Of the cube, at the line.
    pixel_arcsec : float
        Width of a spaxel, arcsec.

    Returns
    -------
    dict
        Fields of `Detection`. The position angle takes north up and east left, as the pipeline's sky grids have it.
        The width is that in the cube: the line-spread function is in it.
    """
    profile, error_planes = fit_profile(spectrum.astype(np.float64), own, resolution)
    centre_um = float(np.interp(profile.centre, np.arange(wavelength_um.size), wavelength_um))
    template = gaussian(np.arange(len(spectrum)) - profile.centre, profile.fwhm)
    weights = (template[own] / np.square(template[own]).sum()).astype(np.float32)
    image = np.tensordot(weights, residuals.light[own], 1) - beside(residuals.light, profile) * weights.sum()
    image *= mask

    watt_per_mjy_sr = W_M2_HZ_PER_MJY * SR_PER_ARCSEC2 * pixel_arcsec**2 * HZ_UM * resolution.step_um / centre_um**2
    watt = float(template.sum()) * watt_per_mjy_sr
    summed = residuals.light[:, mask].sum(axis=1)
    scatter = robust_scale(
        np.convolve(summed, weights, "same")[:, None].astype(np.float32), np.ones((len(summed), 1), bool)
    )
    peak = np.unravel_index(int(np.argmax(np.where(mask, image, -np.inf))), mask.shape)
    return {
        "plane": round(profile.centre),
        "velocity_kms": SPEED_OF_LIGHT_KMS * (centre_um / line.wavelength_um - 1),
        "velocity_error_kms": error_planes * resolution.plane_kms,
        "width_kms": profile.fwhm * resolution.plane_kms,
        "snr": float((image / residuals.noise)[peak]),
        "flux": float(image.sum()) * watt,
        "flux_error": float(scatter[0]) * watt,
        "area_px": int(mask.sum()),
        "area_arcsec2": float(mask.sum()) * pixel_arcsec**2,
        "peak_yx": (int(peak[0]), int(peak[1])),
        "offset_arcsec": star_offset_px(residuals, peak) * pixel_arcsec,
        "mask": mask,
        **shape_of(image, resolution),
    }


def fit_profile(spectrum: NDArray[np.float64], own: slice, resolution: Resolution) -> tuple[Profile, float]:
    """Return the profile that fits a line's own planes best, and the error of its centre in planes."""
    widths = np.geomspace(resolution.line_planes, resolution.width_planes(WIDEST_KMS), WIDTHS)
    planes = np.arange(own.start, own.stop)
    centres = np.arange(own.start * FINE, (own.stop - 1) * FINE + 1) / FINE
    templates = gaussian(planes - centres[:, None, None], widths[:, None])
    templates /= np.linalg.norm(templates, axis=-1, keepdims=True)
    response = np.maximum(templates @ spectrum[own], 0)
    best = np.unravel_index(int(response.argmax()), response.shape)
    profile = Profile(float(centres[best[0]]), float(widths[best[1]]))
    return profile, profile.fwhm / (2 * sqrt(log(2)) * max(float(response[best]), 1.0))


def beside(light: NDArray[np.float32], profile: Profile) -> NDArray[np.float32]:
    """Return the mean level of every spaxel beside the line."""
    distance = abs(np.arange(len(light)) - profile.centre)
    there = (distance > CLEAR * profile.fwhm) & (distance < CLEAR * profile.fwhm + BASELINE_PLANES)
    return np.median(light[there], axis=0)


def star_offset_px(residuals: Residuals, peak: tuple[np.intp, ...]) -> float:
    """Return the distance from the brightest spaxel of the continuum; NaN where none stands out."""
    image = np.where(np.isfinite(residuals.noise), residuals.continuum, np.float32(np.nan))
    level = np.nanmedian(image)
    if not np.nanmax(image) - level > STAR * np.nanmedian(abs(image - level)) / 0.6745:
        return float("nan")
    star = np.unravel_index(int(np.nanargmax(image)), image.shape)
    return float(np.hypot(float(star[0] - peak[0]), float(star[1] - peak[1])))


def shape_of(image: NDArray[np.float32], resolution: Resolution) -> dict[str, Any]:
    """Return position angle, elongation and flags of an image, from its second moments."""
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
    fwhm_px = 2 * sqrt(2 * log(2) * max(major, 0.0))
    return {
        "position_angle_deg": degrees(np.arctan2(-along_x, along_y)) % 180,
        "elongation": sqrt(major / minor) if minor > 0 else float("nan"),
        "flags": ("compact",) if fwhm_px < POINT * resolution.psf_px else (),
    }
