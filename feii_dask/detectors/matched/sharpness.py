"""Whether an image of a line is as smooth as the telescope makes all light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from scipy.optimize import nnls

from feii_dask.detectors.matched.resolution import Resolution

__all__ = ["is_smooth"]

AROUND_PX = 2  # spaxels about a region that are looked at too: what is smooth has wings
MOST_SPAXELS = 81  # nearest to the brightest one; more cost much and tell little
OFF_LINE = tuple(range(27, 204, 16))  # planes, on either side, of images that show the noise
LIGHT_PSF, SHARP_PSF = 0.95, 0.7  # FWHM of what light and faults are made of, over the point-spread function's
LEAST_PX = 0.7  # FWHM that spaxels can tell from a point
# What sharper sources may explain beyond what light does, as χ² and as a share of the image's own. With these, 0.93 to
# 1.00 of simulated jets of S/N 3 to 7 are smooth, and 0.01 to 0.3 of the showers that look like lines in wavelength.
TOLERANCE = 5.0, 0.04


def is_smooth(
    normalized: NDArray[np.float32],
    mask: NDArray[np.bool_],
    profile: NDArray[np.float32],
    resolution: Resolution,
) -> bool:
    """Whether sources as sharp as the point-spread function explain an image about as well as sharper ones do.

    Light is a sum of points, each as wide as the point-spread function. What falls on detector pixels only, as hits and
    showers do, is as sharp as a slice. Both are fitted, without negative sources, and their χ² compared.

    Parameters
    ----------
    normalized : (n, y, x) float32 ndarray
        Residuals over their noise.
    mask : (y, x) bool ndarray
        The region.
    profile : (n,) float32 ndarray
        The region's line along wavelength, 0 elsewhere.
    resolution : Resolution
        Of the cube, at the line.
    """
    if SHARP_PSF * resolution.psf_px < LEAST_PX:
        return True
    position = np.argwhere(binary_dilation(mask, np.ones((3, 3), dtype=bool), iterations=AROUND_PX))
    spectra = normalized[:, position[:, 0], position[:, 1]]
    brightest = position[np.argmax(profile @ spectra)]
    nearest = np.argsort(np.square(position - brightest).sum(axis=1), kind="stable")[:MOST_SPAXELS]
    position, spectra = position[nearest], spectra[:, nearest].astype(np.float64)
    others = np.array([shifted(profile, sign * planes) for planes in OFF_LINE for sign in (-1, 1)])
    noise = np.sqrt(np.mean(np.square(others @ spectra)) / np.mean(others.any(axis=1)))
    if not noise > 0:
        return True
    image = (profile @ spectra) / noise
    square_px = np.square(position[:, None] - position[None]).sum(axis=2)
    light, sharp = (chi_square(image, square_px, width * resolution.psf_px) for width in (LIGHT_PSF, SHARP_PSF))
    signal = max(float(np.square(image).sum()) - image.size, 0.0)
    return light - sharp < TOLERANCE[0] + TOLERANCE[1] * signal


def shifted(profile: NDArray[np.float32], planes: int) -> NDArray[np.float32]:
    """Return a profile moved by some planes; nothing comes in at the ends."""
    moved = np.zeros_like(profile)
    if planes >= 0:
        moved[planes:] = profile[: profile.size - planes]
    else:
        moved[:planes] = profile[-planes:]
    return moved


def chi_square(image: NDArray[np.float64], square_px: NDArray[np.intp], fwhm_px: float) -> float:
    """Return χ² of the best sum of Gaussian sources, none of them negative, at the spaxels of an image.

    ``square_px`` has the squared distances of the spaxels.
    """
    sources = np.exp(-4 * np.log(2) * square_px / fwhm_px**2)
    _, distance = nnls(sources, image)
    return float(distance**2)
