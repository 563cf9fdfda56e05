"""Simulated cubes of FIFI-LS on SOFIA, as its pipeline (sofia_redux) writes them.

One cube holds one line: a grating scan of some sixty planes. The field is covered by dithered exposures, whose number
varies over the field and, at either end of the scan, from plane to plane; without any the cube is NaN.
Extensions, units, sampling (five spaxels and eight planes to the mean FWHM) and types follow the pipeline's source.
Assumed, since no real cube was at hand: how far resampling correlates the noise, the residuals of the telluric
correction, and the strength of continua.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from feii_dask.errors import SettingsError
from feii_dask.model import SPEED_OF_LIGHT_KMS, Line

__all__ = ["FifiCube", "make_fifi_cube", "write_fifi_cube"]

MIRROR_M = 2.5
RESOLVING_POWER = 1100.0  # 500 to 2000, by wavelength and order
PSF_PX, LINE_PLANES = 5.0, 8.0  # the pipeline's sampling
BLUE_UM = 115.0  # boundary of the two channels, whose detectors have 5 × 5 spaxels of 6″ and 12″
DETECTOR_PX = 22  # width of the detector's field on the resampled grid, in either channel
DITHERS = 5
KERNEL_WIDTH = 0.6  # FWHM of the resampling kernel, over those of PSF and line-spread function (assumed)
STATED, UNEVEN = 0.6, 0.1  # errors in the file over the noise, and the rms of their logarithm over the field (assumed)
TELLURIC = 0.03  # residual of a deep telluric line, over the continuum (assumed)
FWHM_PER_SIGMA = 2.3548  # over the standard deviation of a Gaussian
SIGMA_PX = np.array([LINE_PLANES, PSF_PX, PSF_PX]) / FWHM_PER_SIGMA  # of line-spread function and PSF, (λ, y, x)
WRITTEN = "2022-09-01T00:00:00"


@dataclass(frozen=True, slots=True, eq=False)
class FifiCube:
    """A cube in memory.

    Attributes
    ----------
    line : Line
        The line of the grating scan.
    center_deg : tuple of float
        Right ascension and declination of the central spaxel, ICRS.
    wavelength_um : (n,) float64 ndarray
        Wavelength of every plane, µm.
    flux, error : (n, y, x) float64 ndarray
        Jy per spaxel; NaN where no exposure covers a voxel. The errors are formal ones, smaller than the noise.
    exposures : (n, y, x) int64 ndarray
        Number of exposures of a voxel.
    transmission : (n,) float64 ndarray
        Transmission of the atmosphere.
    pixel_arcsec : float
        Width of a spaxel, arcsec.
    roll_deg : float
        The pipeline's ``SKY_ANGL``; ``CROTA2`` is its negative.
    truth : dict
        Of the injected line: ``snr``, ``velocity_kms``, ``flux`` (W m⁻²); empty without one.
    """

    line: Line
    center_deg: tuple[float, float]
    wavelength_um: NDArray[np.float64]
    flux: NDArray[np.float64]
    error: NDArray[np.float64]
    exposures: NDArray[np.int64]
    transmission: NDArray[np.float64]
    pixel_arcsec: float
    roll_deg: float = 0.0
    truth: dict[str, float] = field(default_factory=dict)

    @property
    def footprint(self) -> str:
        """The corners of the image in IRSA's format."""
        corners = self.wcs.celestial.calc_footprint(axes=self.flux.shape[:0:-1], center=False)
        return "POLYGON ICRS " + " ".join(f"{ra:.6f} {dec:.6f}" for ra, dec in corners)

    @property
    def wcs(self) -> WCS:
        """Coordinates of the voxels."""
        wcs = WCS(naxis=3)
        wcs.wcs.ctype = ["RA---TAN", "DEC--TAN", "WAVE"]
        wcs.wcs.cunit = ["deg", "deg", "um"]
        wcs.wcs.crval = [*self.center_deg, float(self.wavelength_um[0])]
        wcs.wcs.crpix = [(self.flux.shape[2] + 1) / 2, (self.flux.shape[1] + 1) / 2, 1.0]
        step_um = float(self.wavelength_um[1] - self.wavelength_um[0])
        wcs.wcs.cdelt = [-self.pixel_arcsec / 3600, self.pixel_arcsec / 3600, step_um]
        wcs.wcs.crota = [0.0, -self.roll_deg, 0.0]
        return wcs


def make_fifi_cube(
    line: Line,
    *,
    snr: float = 0.0,
    velocity_kms: float = 0.0,
    extent_px: float = 12.0,
    continuum: float = 15.0,
    rms_jy: float = 0.05,
    planes: int = 61,
    shape: tuple[int, int] = (35, 33),
    center_deg: tuple[float, float] = (83.8, -5.4),
    roll_deg: float | None = None,
    seed: int | Generator = 0,
) -> FifiCube:
    """Simulate a scan over one line.

    The noise depends on the seed, not on the line.

    Parameters
    ----------
    line : Line
        Between 51 and 203 µm.
    snr : float
        Peak of the line in its brightest voxel, over the noise of a voxel that all exposures cover; 0 for no line.
    velocity_kms : float
        Its Doppler shift; its width is that of the line-spread function.
    extent_px : float
        Length of the outflow, a strip through the middle, before the convolution with the PSF, spaxels.
    continuum : float
        Peak of the protostar's continuum over the noise of a voxel.
    rms_jy : float
        That noise, Jy in a spaxel.
    planes : int
        Number of planes.
    shape : tuple of int
        Spaxels, (y, x).
    center_deg : tuple of float
        Right ascension and declination of the central spaxel.
    roll_deg : float, optional
        Angle by which the field is rotated on the sky; by default any, as the seed has it.
    seed : int or Generator
        Seed of all random numbers.

    Raises
    ------
    SettingsError
        If the line is outside of FIFI-LS's range.

    Examples
    --------
    >>> cube = make_fifi_cube(Line("O I", 63.18367), snr=10.0)
    >>> cube.flux.shape, bool(np.isnan(cube.flux).any()), cube.truth["velocity_kms"]
    ((61, 35, 33), True, 0.0)
    """
    rest_um = line.wavelength_um
    if not 51 <= rest_um <= 203:
        raise SettingsError(f"FIFI-LS sees 51 to 203 µm, not {rest_um:g}")
    rng = np.random.default_rng(seed)
    roll_deg = rng.spawn(1)[0].uniform(0, 360) if roll_deg is None else roll_deg  # the noise does not depend on it
    step_um = rest_um / RESOLVING_POWER / LINE_PLANES
    wavelength_um = rest_um + step_um * (np.arange(planes, dtype=np.float64) - planes // 2 + rng.uniform(-8, 8))
    exposures = exposure_map(planes, shape, rng)
    transmission = atmospheric_transmission(planes, rng)
    sigma = rms_jy * np.sqrt(DITHERS / np.maximum(exposures, 1)) / transmission[:, None, None]
    noise = gaussian_filter(rng.standard_normal((planes, *shape)), KERNEL_WIDTH * SIGMA_PX)
    flux = sigma * noise / noise.std() + protostar(shape, continuum * rms_jy, transmission, rng)
    truth: dict[str, float] = {}
    if snr > 0:
        image = psf_blurred(outflow_image(shape, extent_px, rng.uniform(0, np.pi)))
        profile = line_profile(wavelength_um, rest_um, velocity_kms)
        flux += snr * rms_jy * profile[:, None, None] * image
        line_flux = flux_w_m2(snr * rms_jy, image, profile, rest_um)
        truth = {"snr": snr, "velocity_kms": velocity_kms, "flux": line_flux}
    flux[exposures == 0] = np.nan
    error = np.where(exposures > 0, sigma * stated_share(shape, rng.spawn(1)[0]), np.nan)
    pixel_arcsec = 1.01 * rest_um * 1e-6 / MIRROR_M * 206265 / PSF_PX
    seen = (flux, error, exposures, transmission)
    return FifiCube(line, center_deg, wavelength_um, *seen, pixel_arcsec, roll_deg, truth)


def stated_share(shape: tuple[int, int], rng: Generator) -> NDArray[np.float64]:
    """Return the share of the noise, (y, x), that the file's errors say: what pipelines propagate leaves out some."""
    field = gaussian_filter(rng.standard_normal(shape), max(shape) / 6)
    return np.asarray(STATED * np.exp(UNEVEN * field / field.std()))


def protostar(
    shape: tuple[int, int], peak_jy: float, transmission: NDArray[np.float64], rng: Generator
) -> NDArray[np.float64]:
    """Return the continuum of a point source, (λ, y, x), Jy, with the residual of the telluric correction."""
    slope = 1 + rng.uniform(-0.1, 0.1) * np.linspace(-1, 1, transmission.size)
    residual = 1 + TELLURIC * rng.normal() * (1 - transmission) / max(1 - transmission.min(), 1e-3)
    return np.asarray(peak_jy * (slope * residual)[:, None, None] * psf_blurred(star_image(shape)))


def line_profile(wavelength_um: NDArray[np.float64], rest_um: float, velocity_kms: float) -> NDArray[np.float64]:
    """Return the line-spread function about a shifted line, with a peak of 1."""
    centre_um = rest_um * (1 + velocity_kms / SPEED_OF_LIGHT_KMS)
    step_um = rest_um / RESOLVING_POWER / LINE_PLANES
    return np.asarray(np.exp(-4 * np.log(2) * np.square((wavelength_um - centre_um) / (step_um * LINE_PLANES))))


def flux_w_m2(peak_jy: float, image: NDArray[np.float64], profile: NDArray[np.float64], rest_um: float) -> float:
    """Return the flux of a line in the whole image, W m⁻²."""
    plane_hz = SPEED_OF_LIGHT_KMS * 1e9 * (rest_um / RESOLVING_POWER / LINE_PLANES) / rest_um**2
    return peak_jy * float(image.sum()) * float(profile.sum()) * plane_hz * 1e-26


def exposure_map(planes: int, shape: tuple[int, int], rng: Generator) -> NDArray[np.int64]:
    """Return the number of dithered, rotated exposures of each voxel; their first and last planes differ."""
    y, x = np.indices(shape) - (np.array(shape)[:, None, None] - 1) / 2
    angle = rng.uniform(0, np.pi / 2)
    exposures = np.zeros((planes, *shape), dtype=np.int64)
    for _ in range(DITHERS):
        dy, dx = rng.uniform(-6, 6, 2)
        along = (x - dx) * np.cos(angle) + (y - dy) * np.sin(angle)
        across = (y - dy) * np.cos(angle) - (x - dx) * np.sin(angle)
        covered = np.maximum(abs(along), abs(across)) <= DETECTOR_PX / 2
        first, last = rng.integers(0, 6), planes - rng.integers(0, 6)
        exposures[first:last] += covered
    return exposures


def atmospheric_transmission(planes: int, rng: Generator) -> NDArray[np.float64]:
    """Return a transmission with one telluric line at a random place."""
    depth, centre, width = rng.uniform(0.05, 0.4), rng.uniform(0, planes), rng.uniform(3, 10)
    return np.asarray(0.9 - depth * np.exp(-(((np.arange(planes) - centre) / width) ** 2)))


def psf_blurred(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an image convolved with a Gaussian PSF, its peak 1."""
    blurred = gaussian_filter(image, SIGMA_PX[1:])
    return np.asarray(blurred / blurred.max())


def star_image(shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return a point source in the middle."""
    image = np.zeros(shape)
    image[shape[0] // 2, shape[1] // 2] = 1
    return image


def outflow_image(shape: tuple[int, int], length_px: float, angle: float) -> NDArray[np.float64]:
    """Return a thin strip through the middle."""
    y, x = np.indices(shape) - (np.array(shape)[:, None, None] - 1) / 2
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return np.asarray((abs(along) <= length_px / 2) & (abs(across) <= 1), dtype=np.float64)


def write_fifi_cube(path: str | Path, cube: FifiCube, *, target_name: str = "SIMULATED") -> Path:
    """Write a cube: an empty primary HDU, then FLUX, ERROR, WAVELENGTH, TRANSMISSION and EXPOSURE_MAP, in float64."""
    path = Path(path)
    cards = pipeline_cards(cube)
    about = {
        "ORIGIN": "feii_dask.simulate",
        "TELESCOP": "SOFIA",
        "INSTRUME": "FIFI-LS",
        "DETCHAN": "BLUE" if cube.line.wavelength_um < BLUE_UM else "RED",
        "OBJECT": target_name,
        "DATE-OBS": WRITTEN,
        "PRODTYPE": "resampled",
        "PROCSTAT": "LEVEL_4",
        "RESOLUN": RESOLVING_POWER,
        "SKY_ANGL": cube.roll_deg,
    }
    extensions = (
        ("FLUX", cube.flux, {**cards, "BUNIT": "Jy/pixel"}),
        ("ERROR", cube.error, {**cards, "BUNIT": "Jy/pixel"}),
        ("WAVELENGTH", cube.wavelength_um, {"BUNIT": "um"}),
        ("TRANSMISSION", cube.transmission, {"BUNIT": ""}),
        ("EXPOSURE_MAP", cube.exposures, {**cards, "BUNIT": ""}),
    )
    primary = fits.PrimaryHDU(header=fits.Header({**about, **cards}))
    images = [fits.ImageHDU(data, header=fits.Header(header), name=name) for name, data, header in extensions]
    fits.HDUList([primary, *images]).writeto(path, overwrite=True)
    return path


def pipeline_cards(cube: FifiCube) -> dict[str, str | float]:
    """Return the cards of the axes, those that the pipeline writes (sofia_redux 1.5.2, fifi_ls.resample.make_hdul)."""
    cards: dict[str, str | float] = {"EQUINOX": 2000.0}
    wcs = cube.wcs.wcs
    for axis in range(3):
        cards |= {f"CTYPE{axis + 1}": wcs.ctype[axis], f"CUNIT{axis + 1}": ("deg", "deg", "um")[axis]}
        cards |= {f"{key.upper()}{axis + 1}": float(getattr(wcs, key)[axis]) for key in ("crval", "cdelt", "crpix")}
    beam_deg = PSF_PX * cube.pixel_arcsec / 3600
    return cards | {"CROTA2": -cube.roll_deg, "SPECSYS": "BARYCENT", "BMAJ": beam_deg, "BMIN": beam_deg, "BPA": 0.0}
