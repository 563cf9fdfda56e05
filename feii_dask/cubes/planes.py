"""The plane of a wavelength in a cube."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["OFF_LINE_PLANES", "covers", "first_plane_from", "nearest_plane"]

OFF_LINE_PLANES = 10  # from a line's plane to those beside it that are shown, as in the notebook's figure 4


def covers(wavelength_um: NDArray[np.float64], wanted_um: float) -> bool:
    """Whether a wavelength lies between those of the first and of the last plane.

    Parameters
    ----------
    wavelength_um : (n,) float64 ndarray
        Wavelength of every plane, µm, increasing.
    wanted_um : float
        The wavelength in question, µm.

    Examples
    --------
    >>> covers(np.array([5.0, 5.1]), 5.05), covers(np.array([5.0, 5.1]), 5.2), covers(np.empty(0), 5.0)
    (True, False, False)
    """
    return len(wavelength_um) > 0 and bool(wavelength_um[0] <= wanted_um <= wavelength_um[-1])


def nearest_plane(wavelength_um: NDArray[np.float64], wanted_um: float) -> int:
    """Return the plane whose wavelength is nearest; parameters as of `covers`.

    Examples
    --------
    >>> nearest_plane(np.array([5.0, 5.1, 5.2]), 5.12)
    1
    """
    return int(np.abs(wavelength_um - wanted_um).argmin())


def first_plane_from(wavelength_um: NDArray[np.float64], wanted_um: float) -> int:
    """Return the first plane at or beyond a wavelength, as the Fornax notebook chooses it; n where there is none.

    Parameters as of `covers`.

    Examples
    --------
    >>> first_plane_from(np.array([5.0, 5.1, 5.2]), 5.12)
    2
    """
    return int(np.searchsorted(wavelength_um, wanted_um, side="left"))
