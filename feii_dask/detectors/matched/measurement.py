"""The numbers of a line: extent, velocity, width, flux, size and shape."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, degrees, floor, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.line_window import LineWindow, doppler_kms
from feii_dask.detectors.matched.continuum import MAD_OF_NORMAL
from feii_dask.detectors.matched.emission import Emission, emission_of
from feii_dask.detectors.matched.emission_region import Seed, grow_region
from feii_dask.detectors.matched.extent import judge_extent
from feii_dask.detectors.matched.filters import FilteredCube, gaussian
from feii_dask.detectors.matched.line_fit import fit_line, integral
from feii_dask.detectors.matched.line_images import LineImages, line_images
from feii_dask.detectors.matched.lobes import find_counter_lobe, find_two_sides
from feii_dask.detectors.matched.resolution import Resolution
from feii_dask.detectors.matched.unresolved_light import blurred, bright_peak
from feii_dask.detectors.matched.whitening import Residuals
from feii_dask.model import SPEED_OF_LIGHT_KMS, Kind, Lobe

__all__ = ["measure_line"]

SR_PER_ARCSEC2 = (pi / 180 / 3600) ** 2
W_M2_HZ_PER_MJY = 1e-20
HZ_UM = SPEED_OF_LIGHT_KMS * 1e9  # speed of light in Hz µm
# Digits of what comes of fits that end where their steps are small: with other sums, as of other threads, more differ.
SHARE_DIGITS, P_DIGITS = 3, 2
IMAGED = 1.25  # FWHM on either side of a line whose planes make its image
STANDS_OUT = 5.0  # significance of a voxel in a line
STAR = 5.0  # scatter of the continuum image that its peak exceeds where there is a star
SAMPLING_PLANES = 0.004  # by which lines in simulated drizzled cubes are displaced whatever their S/N, rms


@dataclass(frozen=True, slots=True, eq=False)
class LineLight:
    """Where a line is in wavelength, and how much light it has.

    Attributes
    ----------
    centre, centre_error, fwhm : float
        In planes; of the brightest lobe, if there are two.
    flux, flux_error : float
        Sum over planes and spaxels, in the unit of the cube.
    lobes : tuple of tuple of float
        Centre, flux, and the errors of both, of either lobe.
    """

    centre: float
    centre_error: float
    fwhm: float
    flux: float
    flux_error: float
    lobes: tuple[tuple[float, float, float, float], ...] = ()

    @property
    def centres(self) -> NDArray[np.float64]:
        """Centres of all lobes, in planes."""
        return np.array([lobe[0] for lobe in self.lobes] or [self.centre])


def measure_line(
    filtered: FilteredCube,
    seed: Seed,
    searched: NDArray[np.intp],
    window: LineWindow,
    resolution: Resolution,
) -> dict[str, Any]:
    """Measure a line that was found: all of its region.

    A surface brightness I (MJy/sr) is a flux 10⁻²⁰ I Ω c Δλ/λ² W m⁻² in a plane Δλ of a spaxel Ω.

    Parameters
    ----------
    filtered : FilteredCube
        The cube.
    seed : Seed
        Where it was found.
    searched : (k,) intp ndarray
        Planes in which it may be.
    window : LineWindow
        The planes that the residuals are of.
    resolution : Resolution
        Of the cube, at the line.

    Returns
    -------
    dict
        Fields of `Detection`. The position angle takes north up and east left, as the pipeline's sky grids have it.
        The width is that in the cube: the line-spread function is in it. The velocity is that of all light, or of the
        brightest lobe where two are further apart than the line is wide.
    """
    residuals = filtered.residuals
    mask, emission = find_emission(residuals, filtered.largest, seed, searched, resolution)
    line = light_of_line(emission, mask, seed, resolution)
    images = images_of(residuals, line, with_lines(filtered, resolution))
    extent = judge_extent(images, residuals, mask, seed.significance, resolution)
    peak = bright_peak(blurred(np.where(images.valid, images.line, 0), resolution), images.noise, mask & images.valid)
    return {
        "kind": extent.kind,
        "detected": extent.kind is Kind.EXTENDED,
        "p_extent": float(f"{extent.p_extent:.{P_DIGITS}g}"),
        "compact_share": round(extent.compact_share, SHARE_DIGITS),
        "compact_share_error": round(extent.compact_share_error, SHARE_DIGITS),
        "flags": extent.flags,
        "plane": round(line.centre),
        "width_kms": line.fwhm * resolution.plane_kms,
        "velocity_calibration_kms": resolution.calibration_kms,
        **in_physical_units(line, window, resolution),
        "snr": float(images.line[peak]) / sky_noise(residuals),
        "local_snr": float(images.line[peak] / residuals.noise[peak]),
        "area_px": int(mask.sum()),
        "area_arcsec2": float(mask.sum()) * window.pixel_arcsec**2,
        "peak_yx": peak,
        "offset_arcsec": star_offset_px(residuals, peak) * window.pixel_arcsec,
        "mask": mask,
        **shape_of(np.where(mask & images.valid, images.line, 0)),
    }


def find_emission(
    residuals: Residuals,
    significance: NDArray[np.float32],
    seed: Seed,
    searched: NDArray[np.intp],
    resolution: Resolution,
) -> tuple[NDArray[np.bool_], Emission]:
    """Return the spaxels, (y, x), of a line that was found, with a faint counter-lobe, and their light."""

    def emission_in(spaxels: NDArray[np.bool_]) -> Emission:
        return emission_of(residuals, significance, spaxels, searched)

    mask = grow_region(significance, residuals, seed, searched, resolution)
    profile = fit_line(emission_in(mask), seed.plane, resolution)
    first, stop = seed.line_extent
    if not first - 1 <= profile.centre[0] <= stop:  # other light in the window is brighter than what was found
        searched = np.arange(first, stop)
        mask = grow_region(significance, residuals, seed, searched, resolution)
        profile = fit_line(emission_in(mask), seed.plane, resolution)
    mask = mask | find_counter_lobe(emission_in(mask), profile.fwhm, resolution)
    return mask, emission_in(mask)


def light_of_line(emission: Emission, mask: NDArray[np.bool_], seed: Seed, resolution: Resolution) -> LineLight:
    """Return where a line is in wavelength, and how much light it has."""
    one = fit_line(emission, seed.plane, resolution)
    centre, error = float(one.centre[0]), float(np.hypot(one.centre_error[0], SAMPLING_PLANES))
    two = find_two_sides(emission, one, resolution)
    if two is None:
        return LineLight(centre, error, one.fwhm, *integral(emission, mask, centre, one.fwhm))
    errors = np.hypot(two.profiles.centre_error, SAMPLING_PLANES)
    rows = np.stack([two.profiles.centre, two.sums, errors, two.errors], axis=1).tolist()
    lobes = tuple((row[0], row[1], row[2], row[3]) for row in rows)
    brightest = max(lobes, key=lambda lobe: lobe[1])
    if abs(two.profiles.centre[1] - two.profiles.centre[0]) > two.profiles.fwhm:
        centre, error = brightest[0], brightest[2]
    return LineLight(centre, error, two.profiles.fwhm, float(two.sums.sum()), float(np.hypot(*two.errors)), lobes)


def with_lines(filtered: FilteredCube, resolution: Resolution) -> NDArray[np.bool_]:
    """Return the planes, (n,), in which more spaxels than one and its neighbours stand out as lines do."""
    stands_out = (filtered.largest > STANDS_OUT) | (filtered.smallest < -STANDS_OUT)
    found: NDArray[np.bool_] = stands_out.sum(axis=(1, 2)) > resolution.beam_px / 2
    return found


def images_of(residuals: Residuals, line: LineLight, lines: NDArray[np.bool_]) -> LineImages:
    """Return images of a line, of all of its lobes, and of other wavelengths, if possible of those without lines."""
    planes = len(residuals.normalized)
    reach = IMAGED * line.fwhm
    first = max(floor(line.centres.min() - reach), 0)
    last = min(ceil(line.centres.max() + reach), planes - 1)
    here = np.arange(first, last + 1)
    weights = np.max([gaussian(here - centre, line.fwhm) for centre in line.centres], axis=0)
    norm = float(np.square(gaussian(np.arange(-ceil(reach), ceil(reach) + 1.0), line.fwhm)).sum())
    free = np.ones(planes, dtype=bool)
    free[max(first - 1, 0) : last + 2] = False
    return line_images(residuals, weights / norm, first, free, free & ~lines)


def in_physical_units(line: LineLight, window: LineWindow, resolution: Resolution) -> dict[str, Any]:
    """Return velocities and fluxes, of the line and of its lobes."""
    planes = np.arange(len(window.wavelength_um))
    centre_um = float(np.interp(line.centre, planes, window.wavelength_um))
    spaxel_sr = SR_PER_ARCSEC2 * window.pixel_arcsec**2
    watt = W_M2_HZ_PER_MJY * spaxel_sr * HZ_UM * resolution.step_um / centre_um**2

    def velocity_kms(centre: float) -> float:
        return doppler_kms(float(np.interp(centre, planes, window.wavelength_um)), window.line.wavelength_um)

    return {
        "velocity_kms": velocity_kms(line.centre),
        "velocity_error_kms": line.centre_error * resolution.plane_kms,
        "flux": line.flux * watt,
        "flux_error": line.flux_error * watt,
        "lobes": tuple(
            Lobe(
                velocity_kms=velocity_kms(centre),
                velocity_error_kms=centre_error * resolution.plane_kms,
                flux=flux * watt,
                flux_error=flux_error * watt,
            )
            for centre, flux, centre_error, flux_error in line.lobes
        ),
    }


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


def shape_of(image: NDArray[np.float64]) -> dict[str, Any]:
    """Return position angle and elongation of an image, from its second moments."""
    weight = np.maximum(image, 0)
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
