"""Limits in cubes of one far-infrared line: errors of fluxes, and how often lines of the sensitivity are found."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from feii_dask.detectors.flux_sigma import POSITION_ANGLES_DEG, Shape, aperture_spectrum
from feii_dask.detectors.flux_units import JET_BEAMS, LIMIT_WIDTH_KMS
from feii_dask.detectors.grating import GratingScan
from feii_dask.detectors.line_window import LineWindow
from feii_dask.model import SPEED_OF_LIGHT_KMS

from .detection_tables import share
from .far_infrared_scenes import INSTRUMENTS, make_scene

__all__ = ["measure_limits"]

SEEDS_FROM = 91_000  # the detector's ratios are of 90 000 and more
EXTENTS = "beam", "3x1 beams"
LINES, PLACES = 2, 4  # of each extent, and at which fluxes are measured, in each cube
KNOTS = 25  # of a straight line
FAINTER = 0.5
REACH_KMS = 300.0  # of the search
NEAR = 1.0  # FWHM of the line within which a line that is found is that one
FAR = 5.0  # standard deviations
FEWEST_PLANES = 20  # of a spectrum

Limits = dict[str, list[float]]


def measure_limits(pool: Executor, cubes: int, seed: int) -> Iterator[dict[str, Any]]:
    """Put lines of the sensitivity, and half of it, into cubes without a line; measure fluxes where there is none."""
    first = SEEDS_FROM + seed
    for name in INSTRUMENTS:
        measured = list(pool.map(partial(limits_in, name), range(first, first + cubes), chunksize=3))
        for extent in EXTENTS:
            found, fainter, pulls = (
                [value for one in measured for value in one[f"{figure}, {extent}"]]
                for figure in ("found", "found with half of it", "pulls")
            )
            near = [pull for pull in pulls if abs(pull) <= FAR]
            yield {
                "line": name,
                "extent": extent,
                **share(sum(map(int, found)), len(found)),
                "share_with_half": f"{np.mean(fainter):.4g}" if fainter else "",
                "pulls_rms": f"{np.sqrt(np.mean(np.square(near))):.3f}",
                "pulls": len(pulls),
                "beyond_5": len(pulls) - len(near),
            }


def limits_in(name: str, seed: int) -> Limits:
    """Make one cube, and say which lines are found in it, and fluxes over their errors."""
    rng = np.random.default_rng([seed, 31])
    instrument = INSTRUMENTS[name]
    scene = make_scene(name, seed)
    psf_px, line_planes = instrument.options
    detector = GratingScan(psf_px=psf_px, line_planes=line_planes, jy_per_unit=1.0)
    flux, errors = (values.astype(np.float32) for values in (scene.flux, scene.error))
    window = LineWindow(flux, scene.wavelength_um, scene.line, errors=errors)
    window = window.part(*(detector.plane_range(scene.wavelength_um, scene.line) or (0, 0)))
    plain = detector.detect(window)
    limits: Limits = {f"{what}, {extent}": [] for what in ("found", "found with half of it") for extent in EXTENTS}
    known = np.isfinite(window.planes) & (abs(window.velocity_kms) <= REACH_KMS)[:, None, None]
    voxels = np.argwhere(known & binary_erosion(np.isfinite(window.planes).any(axis=0), np.ones((3, 3))))
    for extent, least in zip(EXTENTS, (plain.flux_sensitivity_beam, plain.flux_sensitivity_jet), strict=True):
        for _ in range(LINES if len(voxels) else 0):  # some scans do not reach the line
            plane, *place = rng.choice(voxels)
            velocity_kms = float(window.velocity_kms[plane])
            line, width_kms = line_at(name, window, np.add(place, rng.uniform(-0.5, 0.5, 2)), velocity_kms, extent, rng)
            for what, part in (("found", 1.0), ("found with half of it", FAINTER)):
                lit = window.planes + np.float32(part * least * rng.uniform(0.95, 1.05)) * line
                found = detector.detect(replace(window, planes=lit.astype(np.float32)))
                near = abs(found.velocity_kms - velocity_kms) <= NEAR * width_kms
                limits[f"{what}, {extent}"].append(float(found.kind.is_line and near))
    return limits | pulls_in(detector, window, rng)


def line_at(
    name: str, window: LineWindow, place: NDArray[np.float64], velocity_kms: float, extent: str, rng: Generator
) -> tuple[NDArray[np.float64], float]:
    """Return a line of 1 W m⁻², Jy per spaxel, and its FWHM, km/s; light that falls beside the field counts."""
    instrument = INSTRUMENTS[name]
    along = np.linspace(-0.5, 0.5, KNOTS) * (JET_BEAMS if extent != EXTENTS[0] else 0.0) * instrument.psf_px
    angle = rng.uniform(0, np.pi)
    y, x = np.indices(window.planes.shape[1:])
    image = np.zeros(y.shape)
    for step in along:
        square_px = np.square(y - place[0] - step * np.sin(angle)) + np.square(x - place[1] - step * np.cos(angle))
        image += np.exp(-4 * np.log(2) * square_px / instrument.psf_px**2)
    image /= KNOTS * np.pi / (4 * np.log(2)) * instrument.psf_px**2
    width_kms = float(np.hypot(SPEED_OF_LIGHT_KMS / instrument.resolving_power, LIMIT_WIDTH_KMS))
    profile = np.exp(-4 * np.log(2) * np.square((window.velocity_kms - velocity_kms) / width_kms))
    width_hz = width_kms * np.sqrt(np.pi / np.log(2)) / 2 * 1e9 / window.line.wavelength_um
    return profile[:, None, None] * image / (width_hz * 1e-26), width_kms


def pulls_in(detector: GratingScan, window: LineWindow, rng: Generator) -> Limits:
    """Return fluxes at rest, in either aperture, over their errors: spectra of the aperture, fitted in one piece."""
    limits: Limits = {f"pulls, {extent}": [] for extent in EXTENTS}
    inner = np.argwhere(binary_erosion(np.isfinite(window.planes).mean(axis=0) > 0.5, np.ones((3, 3))))
    places = [(float(y), float(x)) for y, x in rng.choice(inner, PLACES if len(inner) else 0)]
    shapes = (
        (0.0, detector.psf_px, 0.0),
        (JET_BEAMS * detector.psf_px, detector.psf_px, rng.choice(POSITION_ANGLES_DEG)),
    )
    for place, sigmas in zip(places, detector.flux_sigmas(window, places), strict=True):
        for extent, shape, sigma in zip(EXTENTS, shapes, sigmas, strict=True):
            limits[f"pulls, {extent}"].append(fitted_flux(detector, window, place, shape) / sigma)
    return {name: [pull for pull in pulls if np.isfinite(pull)] for name, pulls in limits.items()}


def fitted_flux(detector: GratingScan, window: LineWindow, place: tuple[float, float], shape: Shape) -> float:
    """Return the flux of a line at rest, W m⁻², of the spectrum of an aperture, whose planes count by their errors."""
    assert window.errors is not None
    spectrum = aperture_spectrum(window.planes, place, shape)
    variance = aperture_spectrum(np.square(window.errors), place, shape)
    known = np.isfinite(spectrum) & (variance > 0)
    plane_kms = float(np.median(np.diff(window.velocity_kms)))
    width_kms = float(np.hypot(detector.line_planes * plane_kms, LIMIT_WIDTH_KMS))
    profile = np.exp(-4 * np.log(2) * np.square(window.velocity_kms / width_kms))
    model = np.stack([profile, np.ones(profile.size), np.linspace(-1, 1, profile.size)])[:, known]
    if known.sum() < FEWEST_PLANES:
        return np.nan
    precision = 1 / np.sqrt(variance[known])
    peak = float(np.linalg.lstsq((model * precision).T, spectrum[known] * precision)[0][0])
    return peak * width_kms * np.sqrt(np.pi / np.log(2)) / 2 * 1e9 / window.line.wavelength_um * 1e-26
