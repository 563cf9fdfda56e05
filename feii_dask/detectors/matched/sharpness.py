"""Whether an image of a line is as broad and as smooth as the telescope makes all light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, minimum_filter
from scipy.optimize import nnls

from feii_dask.detectors.matched.resolution import Resolution

__all__ = ["broad_parts", "is_smooth"]

AROUND_PX = 2  # spaxels about a region that are looked at too: what is smooth has wings
MOST_SPAXELS = 81  # nearest to the brightest one; more cost much and tell little
TINY = 1e-30
OFF_LINE = tuple(range(27, 204, 16))  # planes, on either side, of images that show the noise
LIGHT_PSF, SHARP_PSF = 0.95, 0.7  # FWHM of what light and faults are made of, over the point-spread function's
SHAPE_ERROR = 0.1  # of a point-spread function, over its height: it differs from a Gaussian, and between spaxels
# What sharper sources may explain beyond what light does, as χ² and as a share of the image's own; the less, the wider
# the line, as showers of cosmic rays mostly are and jets seldom. In simulated cubes 0.985 of jets of S/N 3 to 5, all
# brighter ones and 0.98 of points on stars are within it, and 0.09 of the showers that look like broad lines.
TOLERANCE = 12.0, 0.06
WIDTHS_KMS, SHARE_OF_WIDTHS = (100.0, 200.0), (1.0, 0.4)
AREA_OF_GAUSSIAN = 1.505  # (Σ p)² / Σ p² of a Gaussian profile, over its FWHM
SEEN_BESIDE_PX = 1.0  # FWHM below which spaxels beside a point have less than a sixteenth of its light
SAMPLED_PX = 1.5  # FWHM below which light may stand out in a cross of five spaxels only, and is no smoother than faults


def broad_parts(significant: NDArray[np.bool_], resolution: Resolution) -> NDArray[np.bool_]:
    """Return the spaxels of maps, (w, y, x), about which all is significant, as it is where light is.

    A fault of the detector lies in one slice, or a few that are not neighbours on the sky: its image is thin.

    Parameters
    ----------
    significant : (w, y, x) bool ndarray
        The spaxels that stand out.
    resolution : Resolution
        Of the cube, at the line.

    Examples
    --------
    >>> sampled = Resolution(step_um=0.0008, plane_kms=45.0, psf_px=2.2, line_planes=1.7)
    >>> stripe, disc = np.zeros((2, 7, 7), dtype=bool)
    >>> stripe[2:4], disc[2:5, 2:5] = True, True
    >>> broad_parts(np.array([stripe, disc]), sampled).sum(axis=(1, 2)).tolist()
    [0, 1]
    """
    if resolution.psf_px < SEEN_BESIDE_PX:
        return significant
    element = np.ones((1, 3, 3), dtype=bool)
    if resolution.psf_px < SAMPLED_PX:
        element[:, ::2, ::2] = False
    least: NDArray[np.uint8] = minimum_filter(significant.view(np.uint8), footprint=element, mode="constant", cval=0)
    return least.view(np.bool_)


def is_smooth(
    normalized: NDArray[np.float32],
    noise: NDArray[np.float32],
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
    noise : (y, x) float32 ndarray
        That noise; beside a star it changes from spaxel to spaxel.
    mask : (y, x) bool ndarray
        The region.
    profile : (n,) float32 ndarray
        The region's line along wavelength, 0 elsewhere.
    resolution : Resolution
        Of the cube, at the line.
    """
    if resolution.psf_px < SAMPLED_PX:
        return True
    position = np.argwhere(binary_dilation(mask, np.ones((3, 3), dtype=bool), iterations=AROUND_PX))
    spectra = normalized[:, position[:, 0], position[:, 1]]
    brightest = position[np.argmax(profile @ spectra)]
    nearest = np.argsort(np.square(position - brightest).sum(axis=1), kind="stable")[:MOST_SPAXELS]
    position, spectra = position[nearest], spectra[:, nearest].astype(np.float64)
    others = np.array([shifted(profile, sign * planes) for planes in OFF_LINE for sign in (-1, 1)])
    scatter = np.sqrt(np.square(others @ spectra).sum() / max(others.any(axis=1).sum() * len(position), 1))
    if not scatter > 0:
        return True
    image = (profile @ spectra) / scatter
    weight = 1 / np.hypot(1, SHAPE_ERROR * np.maximum(image, 0))
    relative = weight / noise[position[:, 0], position[:, 1]].astype(np.float64)
    square_px = np.square(position[:, None] - position[None]).sum(axis=2)
    light, sharp = (
        chi_square(image * weight, relative, square_px, width * resolution.psf_px) for width in (LIGHT_PSF, SHARP_PSF)
    )
    signal = max(float(np.square(image).sum()) - image.size, 0.0)
    line_planes = float(np.square(profile.sum()) / np.square(profile).sum()) / AREA_OF_GAUSSIAN
    share = np.interp(line_planes, [resolution.width_planes(width) for width in WIDTHS_KMS], SHARE_OF_WIDTHS)
    return bool(light - sharp < share * (TOLERANCE[0] + TOLERANCE[1] * signal))


def shifted(profile: NDArray[np.float32], planes: int) -> NDArray[np.float32]:
    """Return a profile moved by some planes; nothing comes in at the ends."""
    reach = abs(planes)
    padded = np.pad(profile, reach)
    return padded[reach - planes : reach - planes + profile.size]


def chi_square(
    image: NDArray[np.float64], weight: NDArray[np.float64], square_px: NDArray[np.intp], fwhm_px: float
) -> float:
    """Return χ² of the best sum of Gaussian sources, none of them negative, at the spaxels of an image.

    The image is over its error, ``weight`` is proportional to one over this, and ``square_px`` has the squared
    distances of the spaxels.
    """
    sources = np.exp(-4 * np.log(2) * square_px / fwhm_px**2) * weight[:, None]
    _, distance = nnls(sources / np.maximum(np.linalg.norm(sources, axis=0), TINY), image)
    return float(distance**2)
