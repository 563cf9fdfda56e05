"""Simulated cubes of PACS on Herschel, as its archive has them at level 2.

After the PACS Data Reduction Guide for spectroscopy (HIPE 15, chapter 7) and what readers of such files rely on: the
cube is in ``image``; of mosaic cubes ``CTYPE3``, ``CRPIX3``, ``CRVAL3`` and ``CDELT3`` are cards without a value, and
the wavelengths are in the column ``wavelen`` of ``wcs-tab``, one row of n × 1; equidistant cubes have a linear axis;
rebinned cubes have 5 × 5 spaxels of 9.4″ that form no exact grid, no WCS, and ``ra`` and ``dec`` of each voxel.
Spaxels are 0.5″ in cubes of pointed observations, and assumed to be 3″ in those of maps. The resolving power is that
of the PACS Observer's Manual, table 4.1, with four planes to a resolution element; the beam grows from 9″ to 13″.
Assumed: how far the noise is correlated, and the light.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.io.fits.card import Undefined
from astropy.wcs import WCS
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from feii_dask.errors import SettingsError
from feii_dask.model import SPEED_OF_LIGHT_KMS, Line

__all__ = ["PACS_KINDS", "PacsCube", "make_pacs_cube", "pacs_beam_arcsec", "pacs_fwhm_kms", "write_pacs_cube"]

PACS_KINDS = ("drizzled", "projected", "interpolated", "equidistant", "rebinned")
RANGE_UM = (51.0, 210.0)
# FWHM of an unresolved line by grating order: wavelength, µm, and km/s (Observer's Manual 2.5, table 4.1).
ORDERS = (
    ((51, 55, 60, 72), (125, 114, 98, 55)),
    ((72, 75, 90, 105), (160, 156, 121, 90)),
    ((105, 158, 175, 210.1), (318, 239, 212, 140)),
)
BEAM_ARCSEC = (9.0, 13.0)  # FWHM at either end of the range
LINE_PLANES = 4.0
FIELD_ARCSEC, SPAXEL_ARCSEC = 47.0, 9.4
POINTED_ARCSEC, MAPPED_ARCSEC = 0.5, 3.0
STATED = 0.6  # errors in the file over the noise (assumed)
OFF_GRID_ARCSEC = 0.5  # standard deviation of the places of the rebinned cubes' spaxels
JITTER_ARCSEC = 0.01  # from plane to plane
FWHM_PER_SIGMA = 2.3548


@dataclass(frozen=True, slots=True, eq=False)
class PacsCube:
    """A cube in memory.

    Attributes
    ----------
    line : Line
        The line of the scan.
    kind : str
        One of `PACS_KINDS`.
    wavelength_um : (n,) float64 ndarray
        Wavelength of every plane, µm.
    flux, error : (n, y, x) float64 ndarray
        Jy per spaxel.
    wcs : astropy.wcs.WCS
        Coordinates of the spaxels, exact but for rebinned cubes.
    sky_deg : (2, y, x) float64 ndarray
        Right ascension and declination of every spaxel, ICRS.
    pixel_arcsec : float
        Width of a spaxel, arcsec.
    truth : dict
        Of the injected line: ``snr``, ``velocity_kms``; empty without one.
    """

    line: Line
    kind: str
    wavelength_um: NDArray[np.float64]
    flux: NDArray[np.float64]
    error: NDArray[np.float64]
    wcs: WCS
    sky_deg: NDArray[np.float64]
    pixel_arcsec: float
    truth: dict[str, float] = field(default_factory=dict)


def pacs_fwhm_kms(wavelength_um: float) -> float:
    """Return the FWHM of an unresolved line, km/s.

    Examples
    --------
    >>> pacs_fwhm_kms(60.0), pacs_fwhm_kms(158.0)
    (98.0, 239.0)
    """
    order = next(order for order in ORDERS if order[0][0] <= wavelength_um <= order[0][-1])
    return float(np.interp(wavelength_um, *order))


def pacs_beam_arcsec(wavelength_um: float) -> float:
    """Return the FWHM of the beam, arcsec.

    Examples
    --------
    >>> pacs_beam_arcsec(51.0), pacs_beam_arcsec(210.0)
    (9.0, 13.0)
    """
    return float(np.interp(wavelength_um, RANGE_UM, BEAM_ARCSEC))


def make_pacs_cube(
    line: Line,
    kind: str = "projected",
    *,
    snr: float = 0.0,
    velocity_kms: float = 0.0,
    extent_arcsec: float = 20.0,
    mapped: bool = False,
    roll_deg: float = 0.0,
    rms_jy: float = 0.05,
    planes: int = 80,
    center_deg: tuple[float, float] = (277.5, 1.2),
    seed: int | Generator = 0,
) -> PacsCube:
    """Simulate a cube about one line.

    Parameters
    ----------
    line : Line
        Between 51 and 210 µm.
    kind : str
        One of `PACS_KINDS`.
    snr : float
        Peak of the line in its brightest voxel, over the noise of a voxel; 0 for no line.
    velocity_kms : float
        Its Doppler shift; its width is that of the line-spread function.
    extent_arcsec : float
        Length of the outflow, a strip through the middle, before the convolution with the beam.
    mapped : bool
        Whether the observation is a map, whose mosaic cubes have larger spaxels, of four times the field.
    roll_deg : float
        ``CROTA2``.
    rms_jy : float
        The noise of a voxel, Jy in a spaxel.
    planes : int
        Number of planes.
    center_deg : tuple of float
        Right ascension and declination of the field's centre.
    seed : int or Generator
        Seed of all random numbers.

    Raises
    ------
    SettingsError
        If the line is outside of PACS's range, or there is no such kind.

    Examples
    --------
    >>> cube = make_pacs_cube(Line("O I", 63.18367), "rebinned", snr=10.0)
    >>> cube.flux.shape, cube.pixel_arcsec
    ((80, 5, 5), 9.4)
    """
    rest_um = line.wavelength_um
    if not RANGE_UM[0] <= rest_um <= RANGE_UM[1]:
        raise SettingsError(f"PACS sees 51 to 210 µm, not {rest_um:g}")
    if kind not in PACS_KINDS:
        raise SettingsError(f"PACS has no cubes that are {kind!r}: there are {', '.join(PACS_KINDS)}")
    rng = np.random.default_rng(seed)
    pixel_arcsec = SPAXEL_ARCSEC if kind == "rebinned" else MAPPED_ARCSEC if mapped else POINTED_ARCSEC
    side = max(5, round(FIELD_ARCSEC * (2 if mapped and kind != "rebinned" else 1) / pixel_arcsec))
    wcs = field_wcs(center_deg, pixel_arcsec, side, roll_deg)
    x, y = np.meshgrid(np.arange(side, dtype=np.float64), np.arange(side, dtype=np.float64))
    if kind == "rebinned":
        x, y = (axis + rng.normal(0, OFF_GRID_ARCSEC / pixel_arcsec, axis.shape) for axis in (x, y))
    wavelength_um = wavelength_grid(rest_um, planes, is_even=kind == "equidistant")
    beam_px = pacs_beam_arcsec(rest_um) / pixel_arcsec
    spread = np.array([LINE_PLANES, beam_px, beam_px]) / FWHM_PER_SIGMA
    noise = gaussian_filter(rng.standard_normal((planes, side, side)), 0.6 * spread)
    flux = rms_jy * noise / noise.std()
    truth: dict[str, float] = {}
    if snr > 0:
        velocity = SPEED_OF_LIGHT_KMS * (wavelength_um / rest_um - 1) - velocity_kms
        profile = np.exp(-4 * np.log(2) * np.square(velocity / pacs_fwhm_kms(rest_um)))
        image = outflow(x - (side - 1) / 2, y - (side - 1) / 2, extent_arcsec / pixel_arcsec, beam_px, rng)
        flux += snr * rms_jy * profile[:, None, None] * image
        truth = {"snr": snr, "velocity_kms": velocity_kms}
    sky_deg, error = np.stack(wcs.wcs_pix2world(x, y, 0)), np.full_like(flux, STATED * rms_jy)
    return PacsCube(line, kind, wavelength_um, flux, error, wcs, sky_deg, pixel_arcsec, truth)


def field_wcs(center_deg: tuple[float, float], pixel_arcsec: float, side: int, roll_deg: float) -> WCS:
    """Return the coordinates of a square field."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = center_deg
    wcs.wcs.crpix = [(side + 1) / 2] * 2
    wcs.wcs.cdelt = [-pixel_arcsec / 3600, pixel_arcsec / 3600]
    wcs.wcs.crota = [0.0, roll_deg]
    wcs.wcs.equinox = 2000.0
    wcs.wcs.radesys = "ICRS"
    return wcs


def wavelength_grid(rest_um: float, planes: int, *, is_even: bool) -> NDArray[np.float64]:
    """Return the wavelengths about a line; their step follows the resolving power, unless it is even."""
    step_um = rest_um * pacs_fwhm_kms(rest_um) / SPEED_OF_LIGHT_KMS / LINE_PLANES
    index = np.arange(planes, dtype=np.float64) - planes // 2 + 0.3
    return rest_um + step_um * (index if is_even else index * (1 - 1e-3 * index))


def outflow(
    x: NDArray[np.float64], y: NDArray[np.float64], length_px: float, beam_px: float, rng: Generator
) -> NDArray[np.float64]:
    """Return a strip through the middle, as points along it convolved with the beam, of a peak of 1."""
    angle = rng.uniform(0, np.pi)
    places = np.linspace(-0.5, 0.5, 41)[:, None, None] * length_px
    square = np.square(x - places * np.cos(angle)) + np.square(y - places * np.sin(angle))
    image = np.exp(-4 * np.log(2) * square / beam_px**2).sum(axis=0)
    return np.asarray(image / image.max())


def write_pacs_cube(path: str | Path, cube: PacsCube, *, target_name: str = "SIMULATED") -> Path:
    """Write a cube, in float64; compressed if the name ends in ``.gz``."""
    path = Path(path)
    about = {
        "TELESCOP": "Herschel Space Observatory",
        "INSTRUME": "PACS",
        "OBJECT": target_name,
        "DATE-OBS": "2011-04-01T00:00:00",
        "CREATOR": "feii_dask.simulate",
        "LEVEL": "20",
    }
    cards: dict[str, Any] = {"BUNIT": "Jy/pixel", **third_axis(cube)}
    if cube.kind != "rebinned":
        cards |= celestial_axes(cube.wcs)
    hdus: dict[str, Any] = {
        name: fits.ImageHDU(data, fits.Header(cards)) for name, data in (("image", cube.flux), ("error", cube.error))
    }
    if cube.kind == "rebinned":
        hdus |= {name: place_hdu(deg, len(cube.flux)) for name, deg in zip(("ra", "dec"), cube.sky_deg, strict=True)}
    if cube.kind != "equidistant":
        hdus["wcs-tab"] = wavelength_hdu(cube.wavelength_um)
    for name, hdu in hdus.items():
        hdu.header["EXTNAME"] = name  # in the archive's small letters, which astropy would turn into capitals
    fits.HDUList([fits.PrimaryHDU(header=fits.Header(about)), *hdus.values()]).writeto(path, overwrite=True)
    return path


def third_axis(cube: PacsCube) -> dict[str, Any]:
    """Return the cards of the third axis."""
    if cube.kind != "equidistant":
        return dict.fromkeys(("CTYPE3", "CRPIX3", "CRVAL3", "CDELT3", "CUNIT3"), Undefined())
    first_um, second_um = cube.wavelength_um[:2]
    step_um = float(second_um - first_um)
    return {"CTYPE3": "Wavelength", "CUNIT3": "um", "CRPIX3": 1.0, "CRVAL3": float(first_um), "CDELT3": step_um}


def celestial_axes(wcs: WCS) -> dict[str, Any]:
    """Return the cards of the first two axes, in HIPE's words."""
    cards: dict[str, Any] = {"EQUINOX": 2000.0, "RADESYS": "ICRS", "CROTA2": float(wcs.wcs.crota[1])}
    for axis in (0, 1):
        cards[f"CTYPE{axis + 1}"] = wcs.wcs.ctype[axis]
        cards[f"CUNIT{axis + 1}"] = "Degrees"
        for key in ("crpix", "crval", "cdelt"):
            cards[f"{key.upper()}{axis + 1}"] = float(getattr(wcs.wcs, key)[axis])
    return cards


def place_hdu(place_deg: NDArray[np.float64], planes: int) -> fits.ImageHDU:
    """Return one coordinate of every voxel: spaxels move with the telescope's jitter."""
    drift_deg = JITTER_ARCSEC / 3600 * (np.arange(planes) - planes // 2) / planes
    return fits.ImageHDU(place_deg + drift_deg[:, None, None], fits.Header({"BUNIT": "deg"}))


def wavelength_hdu(wavelength_um: NDArray[np.float64]) -> fits.BinTableHDU:
    """Return the table of wavelengths."""
    planes = len(wavelength_um)
    column = fits.Column("wavelen", f"{planes}D", unit="um", dim=f"(1,{planes})", array=wavelength_um[None, :])
    return fits.BinTableHDU.from_columns([column])
