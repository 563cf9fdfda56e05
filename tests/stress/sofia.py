"""Cubes made by SOFIA's own pipeline code, opened unconverted: needs the extra ``sofia``.

Exposures of FIFI-LS's 5 × 5 spaxels, with a point-like line at a known place, go through ``resample()`` of
sofia_redux: both channels, rotated and not, by radial basis functions and by local polynomials. Of each cube it is
measured how far our spaxels are from where astropy has them with the whole header, how far the peak of the light is
from the source, whether our wavelengths are those of the pipeline, and what the mission's detector finds.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from astropy import log
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from numpy.random import Generator
from numpy.typing import NDArray

from feii_dask.config.missions import find_mission
from feii_dask.cubes.reader import Cube, open_cube
from feii_dask.detectors.line_window import LineWindow
from feii_dask.detectors.registry import load_detector
from feii_dask.model import SPEED_OF_LIGHT_KMS, Detection, Line
from tests.stress.record import print_table, write_results

__all__ = ["main", "measure"]

SEED = 20261128
CENTRE = SkyCoord(83.8, -5.4, unit="deg")
SOURCE_ARCSEC = (10.0, 4.0)  # east and north of it
SPAXELS_ARCSEC = {"RED": 12.0, "BLUE": 6.0}
LINES_UM = {"RED": 157.74093, "BLUE": 63.18367}
RESOLVING_POWER = {"RED": 1150.0, "BLUE": 1350.0}  # about those in the pipeline's table
SPEXELS, DITHERS = 60, 5
NOISE, PEAK = 0.02, 2.0  # Jy
VELOCITY_KMS = 40.0


def main(_: list[str]) -> None:
    """Make all cubes, and write what was measured."""
    with tempfile.TemporaryDirectory() as directory:
        rows = measure(Path(directory), seed=SEED)
    print_table(rows)
    write_results("sofia", rows, seed=SEED)


def measure(directory: Path, seed: int, channels: tuple[str, ...] = ("BLUE", "RED")) -> list[dict[str, object]]:
    """Make cubes with the pipeline, and return what our reader has of them."""
    rows = []
    for channel in channels:
        for roll_deg in (0.0, 33.0, 251.0):
            for method in ("RBF", "local polynomial"):
                path = directory / f"{channel}_{roll_deg:.0f}_{method[:3]}.fits"
                write_by_pipeline(path, channel, roll_deg, method, np.random.default_rng(seed))
                what = {"channel": channel, "SKY_ANGL": roll_deg, "method": method}
                rows.append(what | compare(path, LINES_UM[channel]))
    return rows


def write_by_pipeline(path: Path, channel: str, roll_deg: float, method: str, rng: Generator) -> None:
    """Write a cube as the pipeline makes it from some dithered exposures."""
    from sofia_redux.instruments.fifi_ls.resample import resample

    offsets = rng.uniform(-0.5, 0.5, (DITHERS, 2)) * SPAXELS_ARCSEC[channel]
    log.setLevel("ERROR")  # the pipeline says what it does in a hundred lines
    hdus = resample(
        [exposure(number, channel, roll_deg, offset, rng) for number, offset in enumerate(offsets)],
        interp=method == "RBF",
        jobs=1,
    )
    if hdus is None:
        raise RuntimeError(f"the pipeline made no cube: {channel}, {roll_deg}, {method}")
    hdus.writeto(path)


def exposure(number: int, channel: str, roll_deg: float, offset: Any, rng: Generator) -> fits.HDUList:
    """Return one exposure, as the pipeline has them after the correction of wavelengths (product WSH)."""
    width, rest_um = SPAXELS_ARCSEC[channel], LINES_UM[channel]
    x, y = (axis.ravel() * width + shift for axis, shift in zip(np.mgrid[-2:3, -2:3], offset, strict=True))
    angle = np.radians(roll_deg)
    east, north = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
    spaxels = CENTRE.spherical_offsets_by(east * u.arcsec, north * u.arcsec)
    velocity_kms = np.linspace(-600, 600, SPEXELS)[:, None] + rng.uniform(-10, 10, 25)
    fwhm_kms = SPEED_OF_LIGHT_KMS / RESOLVING_POWER[channel]
    profile = np.exp(-4 * np.log(2) * ((velocity_kms - VELOCITY_KMS) / fwhm_kms) ** 2)
    square = (east - SOURCE_ARCSEC[0]) ** 2 + (north - SOURCE_ARCSEC[1]) ** 2
    flux = PEAK * profile * np.exp(-4 * np.log(2) * square / (1.3 * width) ** 2)
    extensions = {
        "FLUX": flux + rng.normal(0, NOISE, flux.shape),
        "STDDEV": np.full(flux.shape, NOISE),
        "LAMBDA": rest_um * (1 + velocity_kms / SPEED_OF_LIGHT_KMS),
        "RA": spaxels.ra.hourangle,
        "DEC": spaxels.dec.deg,
        "XS": x,
        "YS": y,
    }
    images = [fits.ImageHDU(np.broadcast_to(data, flux.shape).copy(), name=name) for name, data in extensions.items()]
    return fits.HDUList([fits.PrimaryHDU(header=exposure_header(number, channel, roll_deg, offset)), *images])


def exposure_header(number: int, channel: str, roll_deg: float, offset: Any) -> fits.Header:
    """Return the keywords that ``resample()`` asks for."""
    return fits.Header(
        {
            "INSTRUME": "FIFI-LS",
            "TELESCOP": "SOFIA",
            "CHANNEL": channel,
            "DETCHAN": channel,
            "G_ORD_B": 2,
            "G_WAVE_B": LINES_UM["BLUE"],
            "G_WAVE_R": LINES_UM["RED"],
            "PLATSCAL": 4.2331334,
            "SKY_ANGL": roll_deg,
            "OBSRA": CENTRE.ra.hourangle,
            "OBSDEC": CENTRE.dec.deg,
            "OBSLAM": CENTRE.ra.deg,
            "OBSBET": CENTRE.dec.deg,
            "DLAM_MAP": float(offset[0]),
            "DBET_MAP": float(offset[1]),
            "DATE-OBS": "2021-03-01T10:38:39",
            "UTCSTART": "10:38:39",
            "UTCEND": "10:38:49",
            "DICHROIC": 105,
            "NODSTYLE": "NMC",
            "PROCSTAT": "LEVEL_3",
            "FILENUM": f"{number:03d}",
            "FILENAME": f"F0282_FI_IFS_90000101_{channel}_WSH_{number:03d}.fits",
        }
    )


def compare(path: Path, rest_um: float) -> dict[str, object]:
    """Return what our reader makes of a cube, and astropy of its whole header."""
    cube = open_cube(str(path), extension="FLUX")
    with fits.open(path) as hdus:
        expected = WCS(hdus["FLUX"].header).celestial
        header, wavelength_um = hdus["FLUX"].header, hdus["WAVELENGTH"].data
    places, theirs = sky_of(cube, cube.wcs), sky_of(cube, expected)
    planes = cube.planes(0, cube.shape[0])
    light = np.nan_to_num(planes)
    plane, y, x = np.unravel_index(light.argmax(), light.shape)
    source = CENTRE.spherical_offsets_by(*(SOURCE_ARCSEC * u.arcsec))
    velocity_kms = SPEED_OF_LIGHT_KMS * (cube.wavelength_um[plane] / rest_um - 1)
    off_planes = abs(cube.wavelength_um - wavelength_um).max() / (wavelength_um[1] - wavelength_um[0])
    requests = cube.requests
    detection = detect(cube, planes, rest_um)
    return {
        "planes × y × x": " × ".join(map(str, cube.shape)),
        "CROTA2": header["CROTA2"],
        "spaxels off astropy's, arcsec": f"{places.separation(theirs).to_value(u.arcsec).max():.1e}",
        "peak off the source, arcsec": f"{places[y, x].separation(source).to_value(u.arcsec):.1f}",
        "spaxel, arcsec": f"{cube.pixel_arcsec:.2f}",
        "wavelengths off, of a plane": f"{off_planes:.1e}",
        "peak at km/s": f"{velocity_kms:+.0f}",
        "error, of the noise": f"{error_over_noise(cube, planes):.2f}",
        "requests": requests,
        "detection": str(detection.kind.value),
        "S/N": f"{detection.snr:.0f}",
        "velocity, km/s": f"{detection.velocity_kms:+.0f}",
    }


def error_over_noise(cube: Cube, planes: NDArray[np.float32]) -> float:
    """Return the errors that the pipeline states over the scatter of planes without a line, where coverage is full."""
    errors = cube.errors(0, 8)
    if errors is None:
        raise RuntimeError(f"{cube.uri} has no errors")
    y, x = (slice(size // 2 - 4, size // 2 + 5) for size in cube.shape[1:])
    return float(np.nanmedian(errors[2:, y, x]) / np.nanstd(planes[2:8, y, x]))


def detect(cube: Cube, planes: NDArray[np.float32], rest_um: float) -> Detection:
    """Return what the detector of the mission finds of the source's line."""
    mission = find_mission("sofia")
    detector = load_detector(mission.detector, mission.detector_options)
    line, errors = Line("source", rest_um), cube.errors(0, len(planes))
    return detector.detect(LineWindow(planes, cube.wavelength_um, line, pixel_arcsec=cube.pixel_arcsec, errors=errors))


def sky_of(cube: Cube, wcs: WCS | None) -> SkyCoord:
    """Return the places of all spaxels."""
    if wcs is None:
        raise RuntimeError(f"{cube.uri} has no coordinates")
    return wcs.pixel_to_world(*np.meshgrid(np.arange(cube.shape[2]), np.arange(cube.shape[1]))).icrs
