"""Fluxes of lines in W m⁻², and the lines that limits are of."""

from __future__ import annotations

from math import pi

from feii_dask.detectors.line_window import LineWindow
from feii_dask.model import SPEED_OF_LIGHT_KMS

__all__ = ["JET_BEAMS", "LIMIT_WIDTH_KMS", "watt_per_unit"]

LIMIT_WIDTH_KMS = 100.0  # FWHM of the line before the spectrograph
JET_BEAMS = 3.0  # length of what is elongated, FWHM of the point-spread function; it is one wide
W_M2_PER_MJY_SR_ARCSEC2_UM = 1e-20 * (pi / 180 / 3600) ** 2 * SPEED_OF_LIGHT_KMS * 1e9  # over λ² in µm²


def watt_per_unit(window: LineWindow, step_um: float) -> float:
    """Return the flux, W m⁻², of 1 MJy/sr in one spaxel and one plane of some width at a line.

    A surface brightness I is a flux I Ω c Δλ/λ² in a plane Δλ of a spaxel Ω.

    Examples
    --------
    >>> import numpy as np
    >>> from feii_dask.model import Line
    >>> window = LineWindow(np.zeros((2, 1, 1), np.float32), np.array([5.34, 5.3408]), Line("Fe II", 5.340169))
    >>> f"{watt_per_unit(window, 0.0008):.2e}"
    '3.34e-23'
    """
    return W_M2_PER_MJY_SR_ARCSEC2_UM * window.pixel_arcsec**2 * step_um / window.line.wavelength_um**2
