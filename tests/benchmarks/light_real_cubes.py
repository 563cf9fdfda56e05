"""Real cubes that the benchmark knows, by the names of their files: their lines, and what their instruments resolve.

The wavelengths are those at which the lines are seen, in vacuum. ``faint_um`` are lines that the same gas may show:
they need not be found, and are no false alarms.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

__all__ = ["RealCube", "RealPixels", "find_real_cubes", "read_real_cube"]


@dataclass(frozen=True, kw_only=True)
class RealCube:
    """One real cube.

    Attributes
    ----------
    file : str
        Name of the file.
    name : str
        What it shows.
    psf_arcsec, lsf_kms : float
        FWHM of the point spread, and of the instrument's profile.
    lines_um, faint_um : tuple of float
        Its lines, and others that may be there.
    least : int
        How many of its lines should be found; 0 where there is no goal.
    """

    file: str
    name: str
    psf_arcsec: float
    lsf_kms: float
    lines_um: tuple[float, ...] = ()
    faint_um: tuple[float, ...] = ()
    least: int = 0


A478_RED_UM = (0.68434, 0.69123, 0.71125, 0.71285, 0.71509, 0.72954, 0.73110)

# Seeing is nominal: no star is in these cubes. LSF: KMOS in K has a resolving power of 4200 (ESO's manual); that of
# MUSE is from Bacon et al. 2017 (A&A 608, A1); that of GMOS with R400 and its IFU is some 2 Angstrom.
REAL_CUBES = (
    RealCube(
        file="kmos_gum43_K_sci.fits",
        name="Gum 43, KMOS",
        psf_arcsec=0.6,
        lsf_kms=71.0,
        lines_um=(1.9576, 2.0338, 2.1218, 2.2233, 2.2477, 2.3556, 2.4066, 2.4134, 2.4237, 2.1661),
        faint_um=(2.0587, 2.0656, 2.0735, 2.1280, 2.1542, 2.2014, 2.2870, 2.3864, 2.4375, 2.4548, 2.4756),
        least=10,
    ),
    RealCube(
        file="muse_a478_red_sci.fits",
        name="A478 red, MUSE",
        psf_arcsec=0.9,
        lsf_kms=105.0,
        lines_um=A478_RED_UM,
        least=7,
    ),
    RealCube(
        file="gmos_ngc3081_sci.fits",
        name="NGC 3081, GMOS",
        psf_arcsec=0.9,
        lsf_kms=95.0,
        lines_um=(0.59242, 0.63523, 0.64163, 0.57680, 0.61373, 0.66021, 0.66170, 0.66378, 0.67719, 0.67864),
        faint_um=(0.58022, 0.63642, 0.64272, 0.67333),
        least=9,
    ),
    RealCube(file="muse_subcube.fits", name="UDF, MUSE", psf_arcsec=0.8, lsf_kms=175.0),
    RealCube(
        file="minicube.fits",
        name="A478 whole, MUSE",
        psf_arcsec=0.9,
        lsf_kms=115.0,
        lines_um=(0.52804, 0.53864, 0.54385, *A478_RED_UM),
        faint_um=(0.56498, 0.64082),
    ),
)


@dataclass(frozen=True, eq=False)
class RealPixels:
    """A real cube in memory: as it was measured, in its own unit.

    Attributes
    ----------
    sci : (λ, y, x) float32 ndarray
        Surface brightness.
    wavelength_um : (λ,) float64 ndarray
        Vacuum wavelength of every plane.
    pixel_arcsec : float
        Width of a spaxel.
    """

    sci: NDArray[np.float32]
    wavelength_um: NDArray[np.float64]
    pixel_arcsec: float


def find_real_cubes(folder: Path | None) -> list[tuple[RealCube, Path]]:
    """Return the known cubes that are in a folder, and that which MPDAF brings along where it is installed."""
    folders = [folder] if folder else []
    if spec := find_spec("mpdaf"):
        folders += [Path(place) / "data" / "sdetect" for place in spec.submodule_search_locations or ()]
    there = [(cube, place / cube.file) for cube in REAL_CUBES for place in folders]
    return [(cube, path) for cube, path in there if path.is_file()]


@cache
def read_real_cube(path: Path) -> RealPixels:
    """Read a cube with an image extension SCI or DATA and a linear axis in µm or Angstrom, in vacuum or air."""
    with fits.open(path) as hdus:
        hdu = next(hdu for hdu in hdus if hdu.name in {"SCI", "DATA"})
        sci, header = np.array(hdu.data, dtype=np.float32), hdu.header
    step = header["CDELT3"] if "CDELT3" in header else header["CD3_3"]
    unit_um = {"Angstrom": 1e-4, "um": 1.0}[header["CUNIT3"]]
    wavelength_um = (header["CRVAL3"] + step * (np.arange(len(sci)) + 1 - header["CRPIX3"])) * unit_um
    if header["CTYPE3"].startswith("AWAV"):
        wavelength_um = wavelength_um * air_index(wavelength_um)
    degrees = header["CDELT1"] if "CDELT1" in header else np.hypot(header["CD1_1"], header["CD2_1"])
    return RealPixels(sci, wavelength_um, 3600 * abs(float(degrees)))


def air_index(wavelength_um: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the refractive index of air (Ciddor 1996, dry air of 15 °C)."""
    squared = wavelength_um**-2.0
    return 1 + 0.05792105 / (238.0185 - squared) + 0.00167917 / (57.362 - squared)
