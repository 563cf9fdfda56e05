"""Where the light falls: the field of view, a star, and a jet, on the spaxels of a cube."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

__all__ = ["field_of_view", "point_source", "psf_fwhm_arcsec", "strip", "through_telescope"]

SUBPIXELS = 5  # a spaxel that the edge of a jet crosses is filled to the nearest 1/25


def psf_fwhm_arcsec(wavelength_um: NDArray[np.float64] | float) -> NDArray[np.float64] | float:
    """Return the FWHM of the point-spread function, arcsec (Law et al. 2023, for the MRS; taken for NIRSpec too)."""
    return 0.033 * wavelength_um + 0.106


def grid(shape: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the offsets of the spaxels from the central one, in spaxels: (y, 1) and (1, x)."""
    height, width = shape
    y = np.arange(height, dtype=np.float64)[:, None] - (height - 1) / 2
    x = np.arange(width, dtype=np.float64)[None, :] - (width - 1) / 2
    return y, x


def field_of_view(shape: tuple[int, int], roll_deg: float) -> NDArray[np.bool_]:
    """Return the spaxels that the detector saw: a rolled field, drawn as large as its sky-aligned box allows."""
    y, x = grid(shape)
    y, x = y / (shape[0] / 2), x / (shape[1] / 2)
    cosine, sine = np.cos(np.deg2rad(roll_deg)), np.sin(np.deg2rad(roll_deg))
    reach = 1 / (abs(cosine) + abs(sine))
    inside: NDArray[np.bool_] = (abs(x * cosine + y * sine) <= reach) & (abs(y * cosine - x * sine) <= reach)
    return inside


def moffat(square_px: NDArray[Any], fwhm_px: NDArray[Any] | float) -> NDArray[Any]:
    """Return a Moffat profile of exponent 2 and peak 1: its wings lie between those of a Gaussian and an Airy disc."""
    core_px = fwhm_px / (2 * sqrt(sqrt(2) - 1))
    return 1 / np.square(1 + square_px / core_px**2)


def point_source(
    shape: tuple[int, int], wavelength_um: NDArray[np.float64], pixel_arcsec: float
) -> NDArray[np.float32]:
    """Return a star in the middle of the field, (λ, y, x), with a peak of 1 in every plane."""
    y, x = grid(shape)
    fwhm_px = np.asarray(psf_fwhm_arcsec(wavelength_um)) / pixel_arcsec
    return moffat((y**2 + x**2)[None].astype(np.float32), fwhm_px[:, None, None].astype(np.float32))


def strip(
    shape: tuple[int, int],
    *,
    start_px: float,
    length_px: float,
    width_px: float,
    position_angle_deg: float,
) -> NDArray[np.float64]:
    """Return how much of each spaxel a straight jet covers, before any telescope.

    It points away from the middle of the field, from ``start_px`` to ``start_px + length_px``; the position angle is
    east of north, in a cube whose x runs to the west.
    """
    height, width = shape
    y, x = grid((height * SUBPIXELS, width * SUBPIXELS))
    angle = np.deg2rad(position_angle_deg)
    along = (y * np.cos(angle) - x * np.sin(angle)) / SUBPIXELS
    across = (y * np.sin(angle) + x * np.cos(angle)) / SUBPIXELS
    lit = (along >= start_px) & (along <= start_px + length_px) & (abs(across) <= width_px / 2)
    covered: NDArray[np.float64] = lit.reshape(height, SUBPIXELS, width, SUBPIXELS).mean(axis=(1, 3))
    return covered


def through_telescope(image: NDArray[np.float64], fwhm_px: float) -> NDArray[np.float64]:
    """Return an image as the telescope blurs it; what falls outside of the field is lost."""
    y, x = grid((2 * image.shape[0] - 1, 2 * image.shape[1] - 1))
    blurred: NDArray[np.float64] = fftconvolve(image, moffat(y**2 + x**2, fwhm_px), mode="same")
    return np.clip(blurred, 0, None)
