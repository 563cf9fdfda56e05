"""How much more fits scatter where neighbouring planes share their noise, which depends on where in a scan they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

__all__ = ["expected_scatter"]

# FWHM of the kernel that makes the noise of neighbours alike, over that of the line-spread function. FIFI-LS's pipeline
# fits windows of half a resolution element (sofia_redux, fifi_ls.resample); in long cubes it hardly matters.
KERNEL = 0.6
FWHM = 2.3548  # over the standard deviation of a Gaussian

Array = NDArray[np.float64]


def expected_scatter(profiles: Array, bases: Array, weight: Array, line_planes: float) -> Array:
    """Return the scatter of fitted amplitudes over that of independent planes, (m,); 1 where there is no fit.

    A continuum takes away more of the noise beside the end of a scan, or beside planes that are left out, than in the
    middle. Without correlation the formal errors say so; with it they do not.

    Parameters
    ----------
    profiles : (m, n) float64 ndarray
        Lines that are fitted.
    bases : (k, n) float64 ndarray
        Polynomials of the continuum that is fitted with each.
    weight : (n,) float64 ndarray
        Inverse variance of the planes.
    line_planes : float
        FWHM of the line-spread function, planes.

    Examples
    --------
    >>> planes = np.arange(40.0)
    >>> profiles = np.exp(-4 * np.log(2) * ((planes - planes[:, None]) / 8) ** 2)
    >>> scatter = expected_scatter(profiles, np.ones((1, 40)), np.ones(40), line_planes=8.0)
    >>> scatter[[0, 20]].round(2)
    array([2.04, 2.35])
    """
    root = np.sqrt(weight)
    weighted = profiles * root
    continuum = np.linalg.qr((bases * root).T)[0]
    left = weighted - (weighted @ continuum) @ continuum.T
    kernel = KERNEL * line_planes / FWHM
    alike = gaussian_filter1d(left, kernel, axis=1, mode="constant")
    impulse = gaussian_filter1d(np.eye(1, 8 * len(weight) + 1, 4 * len(weight))[0], kernel, mode="constant")
    ratio = np.square(alike).sum(axis=1) / np.maximum(np.square(left).sum(axis=1), 1e-300)
    return np.asarray(np.sqrt(np.where(ratio > 0, ratio / np.square(impulse).sum(), 1.0)))
