"""Small cubes that are written without the package's own simulator: a second opinion of what a cube is."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

DATA = Path(__file__).parents[1] / "data"
TEMPLATES = {
    "linear": DATA / "synthetic_linear_ch1-short_s3d.fits.gz",
    "wavetab": DATA / "synthetic_wavetab_mirifushort_s3d.fits.gz",
}

WCS_CARDS = {
    "CTYPE1": "RA---TAN",
    "CTYPE2": "DEC--TAN",
    "CUNIT1": "deg",
    "CUNIT2": "deg",
    "CRPIX1": 5.0,
    "CRPIX2": 4.0,
    "CRVAL1": 69.8967,
    "CRVAL2": 25.6956,
    "CDELT1": 0.13 / 3600,
    "CDELT2": 0.13 / 3600,
    "PC1_1": -1.0,
    "PC1_2": 0.0,
    "PC2_1": 0.0,
    "PC2_2": 1.0,
}
WAVE_CARDS = {"CTYPE3": "WAVE", "CUNIT3": "um", "CRPIX3": 1.0, "CRVAL3": 5.3, "CDELT3": 0.0008}


def unpack(template: str, directory: Path) -> Path:
    """Write a template of the pipeline's data model to disk, as the pipeline would."""
    path = directory / f"{template}_s3d.fits"
    path.write_bytes(gzip.decompress(TEMPLATES[template].read_bytes()))
    return path


def make_hdus(sci: NDArray[Any], err: NDArray[Any] | None = None, **cards: object) -> fits.HDUList:
    """Return a cube as JWST's pipeline arranges it; cards of None are left out."""
    image = fits.ImageHDU(sci, name="SCI")
    for key, value in {**WCS_CARDS, **WAVE_CARDS, "BUNIT": "MJy/sr", "PIXAR_A2": 0.0169, **cards}.items():
        if value is not None:
            image.header[key] = value
    dq = np.where(np.isnan(sci), 513, 0).astype(np.uint32)
    return fits.HDUList(
        [
            fits.PrimaryHDU(),
            image,
            fits.ImageHDU(np.ones_like(sci) if err is None else err, name="ERR"),
            fits.ImageHDU(dq, name="DQ"),
            fits.ImageHDU(np.ones_like(sci), name="WMAP"),
        ]
    )


def write_cube(path: Path, sci: NDArray[Any], err: NDArray[Any] | None = None, **cards: object) -> str:
    """Write such a cube, and return its path."""
    make_hdus(sci, err, **cards).writeto(path)
    return str(path)


def noise(shape: tuple[int, int, int] = (60, 9, 8), seed: int = 0) -> NDArray[np.float32]:
    """Return a cube of positive noise with a border of NaN."""
    sci = np.random.default_rng(seed).normal(10.0, 1.0, shape).astype(np.float32)
    sci[:, 0, :] = np.nan
    return sci
