"""Velocity, width, flux, size and shape of a region of line emission."""

from __future__ import annotations

from dataclasses import dataclass
from math import degrees, log, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.line_window import LineWindow, doppler_kms
from feii_dask.detectors.matched.continuum import MAD_OF_NORMAL
from feii_dask.detectors.matched.filters import gaussian
from feii_dask.detectors.matched.line_regions import Regions
from feii_dask.detectors.matched.resolution import Resolution
from feii_dask.detectors.matched.whitening import Residuals, robust_scale
from feii_dask.model import SPEED_OF_LIGHT_KMS

__all__ = ["measure_region"]

SR_PER_ARCSEC2 = (pi / 180 / 3600) ** 2
W_M2_HZ_PER_MJY = 1e-20
HZ_UM = SPEED_OF_LIGHT_KMS * 1e9  # speed of light in Hz µm

WIDTHS = 12  # trial widths, from the line-spread function to `WIDEST_KMS`
WIDEST_KMS = 350.0
FINE = 8  # trial centres in a plane
BASELINE_PLANES = 20  # on either side, in which the level next to the line is taken
CLEAR = 1.5  # FWHM from the centre at which a line no longer counts
POINT = 1.4  # FWHM along the major axis, over that of the point-spread function, of what may be a point
STAR = 5.0  # scatter of the continuum image that its peak exceeds where there is a star


@dataclass(frozen=True, slots=True)
class Profile:
    """A line's profile in a spectrum: centre and FWHM in planes."""

    centre: float
    fwhm: float


def measure_region(
    residuals: Residuals, regions: Regions, region: int, window: LineWindow, resolution: Resolution
) -> dict[str, Any]:
    """Measure a region of line emission.

    The profile is the Gaussian that fits the region's spectrum best. Its amplitude in each spaxel makes an image of the
    line, of which the flux is the sum over the mask; its error is the scatter of such fluxes at other wavelengths.
    A surface brightness I (MJy/sr) is a flux 10⁻²⁰ I Ω c Δλ/λ² W m⁻² in a plane Δλ of a spaxel Ω.

    Parameters
    ----------
    residuals : Residuals
        Of the cube.
    regions : Regions
        Regions of positive residuals.
    region : int
        Which of them.
    window : LineWindow
        The planes that the residuals are of.
    resolution : Resolution
        Of the cube, at the line.

    Returns
    -------
    dict
        Fields of `Detection`. The position angle takes north up and east left, as the pipeline's sky grids have it.
        The width is that in the cube: the line-spread function is in it.
    """
    mask, spectrum, line_extent = regions.mask[region], regions.spectrum[region], slice(*regions.line_extent[region])
    profile, error_planes = fit_profile(spectrum.astype(np.float64), line_extent, resolution)
    centre_um = float(np.interp(profile.centre, np.arange(len(spectrum)), window.wavelength_um))
    template = gaussian(np.arange(len(spectrum)) - profile.centre, profile.fwhm)
    weights = (template[line_extent] / np.square(template[line_extent]).sum()).astype(np.float32)
    subtracted, pixel_arcsec = residuals.continuum_subtracted, window.pixel_arcsec
    image = np.tensordot(weights, subtracted[line_extent], 1) - local_baseline(subtracted, profile) * weights.sum()
    image *= mask

    watt_per_mjy_sr = W_M2_HZ_PER_MJY * SR_PER_ARCSEC2 * pixel_arcsec**2 * HZ_UM * resolution.step_um / centre_um**2
    watt = float(template.sum()) * watt_per_mjy_sr
    summed = subtracted[:, mask].sum(axis=1)
    scatter = robust_scale(
        np.convolve(summed, weights, "same")[:, None].astype(np.float32), np.ones((len(summed), 1), bool)
    )
    peak = np.unravel_index(int(np.argmax(np.where(mask, image, -np.inf))), mask.shape)
    return {
        "plane": round(profile.centre),
        "velocity_kms": doppler_kms(centre_um, window.line.wavelength_um),
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


def fit_profile(spectrum: NDArray[np.float64], line_extent: slice, resolution: Resolution) -> tuple[Profile, float]:
    """Return the profile that fits a line best in its planes, and the error of its centre in planes."""
    widths = np.geomspace(resolution.line_planes, resolution.width_planes(WIDEST_KMS), WIDTHS)
    planes = np.arange(line_extent.start, line_extent.stop)
    centres = np.arange(line_extent.start * FINE, (line_extent.stop - 1) * FINE + 1) / FINE
    templates = gaussian(planes - centres[:, None, None], widths[:, None])
    templates /= np.linalg.norm(templates, axis=-1, keepdims=True)
    response = np.maximum(templates @ spectrum[line_extent], 0)
    best = np.unravel_index(int(response.argmax()), response.shape)
    profile = Profile(float(centres[best[0]]), float(widths[best[1]]))
    return profile, profile.fwhm / (2 * sqrt(log(2)) * max(float(response[best]), 1.0))


def local_baseline(subtracted: NDArray[np.float32], profile: Profile) -> NDArray[np.float32]:
    """Return the median level, (y, x), of every spaxel on both sides of the line."""
    distance = abs(np.arange(len(subtracted)) - profile.centre)
    off_line = (distance > CLEAR * profile.fwhm) & (distance < CLEAR * profile.fwhm + BASELINE_PLANES)
    return np.median(subtracted[off_line], axis=0)


def star_offset_px(residuals: Residuals, peak: tuple[np.intp, ...]) -> float:
    """Return the distance from the brightest spaxel of the continuum; NaN where none stands out."""
    image = np.where(np.isfinite(residuals.noise), residuals.continuum, np.float32(np.nan))
    level = np.nanmedian(image)
    if not np.nanmax(image) - level > STAR * np.nanmedian(abs(image - level)) / MAD_OF_NORMAL:
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
