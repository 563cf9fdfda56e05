"""Field of view, star and jet on the spaxels of a cube, and the point-spread function."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

__all__ = [
    "field_of_view",
    "jet_coverage",
    "mrs_psf_fwhm_arcsec",
    "point_source",
    "psf_convolved",
    "spaxel_offsets",
]

SUBPIXELS = 5  # per side of a spaxel: the coverage by a jet is sampled in steps of 1/25


def mrs_psf_fwhm_arcsec(wavelength_um: NDArray[np.float64] | float) -> NDArray[np.float64] | float:
    """Return the FWHM of the point-spread function, arcsec (Law et al. 2023, for the MRS; taken for NIRSpec too)."""
    return 0.033 * wavelength_um + 0.106


def spaxel_offsets(shape: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the offsets of the spaxels from the central one, in spaxels: (y, 1) and (1, x)."""
    height, width = shape
    y = np.arange(height, dtype=np.float64)[:, None] - (height - 1) / 2
    x = np.arange(width, dtype=np.float64)[None, :] - (width - 1) / 2
    return y, x


def field_of_view(shape: tuple[int, int], roll_deg: float) -> NDArray[np.bool_]:
    """Return the spaxels inside the field: rolled, and as large as its sky-aligned box allows."""
    y, x = spaxel_offsets(shape)
    y, x = y / (shape[0] / 2), x / (shape[1] / 2)
    cosine, sine = np.cos(np.deg2rad(roll_deg)), np.sin(np.deg2rad(roll_deg))
    half_side = 1 / (abs(cosine) + abs(sine))
    inside: NDArray[np.bool_] = (abs(x * cosine + y * sine) <= half_side) & (abs(y * cosine - x * sine) <= half_side)
    return inside


def moffat(square_px: NDArray[Any], fwhm_px: NDArray[Any] | float) -> NDArray[Any]:
    """Return a Moffat profile of exponent 2 and peak 1: its wings lie between those of a Gaussian and an Airy disc."""
    core_px = fwhm_px / (2 * sqrt(sqrt(2) - 1))
    return 1 / np.square(1 + square_px / core_px**2)


def point_source(
    shape: tuple[int, int], wavelength_um: NDArray[np.float64], pixel_arcsec: float
) -> NDArray[np.float32]:
    """Return a star in the middle of the field, (λ, y, x), with a peak of 1 in every plane."""
    y, x = spaxel_offsets(shape)
    fwhm_px = np.asarray(mrs_psf_fwhm_arcsec(wavelength_um)) / pixel_arcsec
    return moffat((y**2 + x**2)[None].astype(np.float32), fwhm_px[:, None, None].astype(np.float32))


def jet_coverage(
    shape: tuple[int, int],
    *,
    start_px: float,
    length_px: float,
    width_px: float,
    position_angle_deg: float,
) -> NDArray[np.float64]:
    """Return how much of each spaxel a straight jet covers, before the convolution with the PSF.

    It points away from the middle of the field, from ``start_px`` to ``start_px + length_px``; the position angle is
    east of north, in a cube whose x runs to the west.
    """
    height, width = shape
    y, x = spaxel_offsets((height * SUBPIXELS, width * SUBPIXELS))
    angle = np.deg2rad(position_angle_deg)
    along = (y * np.cos(angle) - x * np.sin(angle)) / SUBPIXELS
    across = (y * np.sin(angle) + x * np.cos(angle)) / SUBPIXELS
    inside = (along >= start_px) & (along <= start_px + length_px) & (abs(across) <= width_px / 2)
    covered: NDArray[np.float64] = inside.reshape(height, SUBPIXELS, width, SUBPIXELS).mean(axis=(1, 3))
    return covered


def psf_convolved(image: NDArray[np.float64], fwhm_px: float) -> NDArray[np.float64]:
    """Return an image convolved with the PSF; flux outside of the field is lost."""
    y, x = spaxel_offsets((2 * image.shape[0] - 1, 2 * image.shape[1] - 1))
    convolved: NDArray[np.float64] = fftconvolve(image, moffat(y**2 + x**2, fwhm_px), mode="same")
    return np.clip(convolved, 0, None)
