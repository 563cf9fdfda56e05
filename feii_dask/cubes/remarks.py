"""What is odd about a cube that can be used all the same, as flags of its detections."""

from __future__ import annotations

from math import isclose

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from feii_dask.cubes.hdus import text_card

__all__ = ["cube_flags"]

# µm, by INSTRUME: MIRI's and NIRSpec's IFU (JWST User Documentation), FIFI-LS (SOFIA Observer's Handbook, section 4),
# PACS and SPIRE (Herschel's handbooks of each), IRS (Spitzer's IRS Instrument Handbook, table 2.1).
INSTRUMENT_BANDS_UM = {
    "MIRI": (4.9, 28.9),
    "NIRSPEC": (0.6, 5.3),
    "FIFI-LS": (51.0, 203.0),
    "PACS": (51.0, 220.0),
    "SPIRE": (191.0, 672.0),
    "IRS": (5.2, 38.0),
}
SAME_STEP = 1e-4  # relative difference of CDELT3 and CD3_3 that rounding explains


def cube_flags(
    header: fits.Header, primary_header: fits.Header, wavelength_um: NDArray[np.float64], wcs: WCS | None
) -> tuple[str, ...]:
    """Return the remarks on a cube.

    Parameters
    ----------
    header, primary_header : fits.Header
        Headers of the cube's extension, and of the file.
    wavelength_um : (n,) float64 ndarray
        Wavelength of every plane, µm, increasing.
    wcs : WCS or None
        Celestial coordinates of the spaxels.

    Returns
    -------
    tuple of str
        ``no_coordinates`` where no position can be had of the spaxels, ``steps_disagree`` where ``CD3_3`` (which
        counts) contradicts ``CDELT3``, ``outside_instrument_band`` where the instrument has no such wavelengths.

    Examples
    --------
    >>> primary = fits.Header({"INSTRUME": "MIRI"})
    >>> cube_flags(fits.Header(), primary, np.array([500.0, 500.1]), None)
    ('no_coordinates', 'outside_instrument_band')
    """
    instrument = text_card(primary_header, "INSTRUME") or text_card(header, "INSTRUME")
    shortest_um, longest_um = INSTRUMENT_BANDS_UM.get(instrument.upper(), (0.0, np.inf))
    outside = wavelength_um[0] > longest_um or wavelength_um[-1] < shortest_um
    return (
        *("no_coordinates",) * (wcs is None),
        *("steps_disagree",) * has_two_steps(header),
        *("outside_instrument_band",) * bool(outside),
    )


def has_two_steps(header: fits.Header) -> bool:
    """Whether CD3_3 and CDELT3 contradict each other; many writers of a CD matrix leave CDELT3 at 1."""
    first, second = header.get("CD3_3"), header.get("CDELT3")
    if not (isinstance(first, int | float) and isinstance(second, int | float)) or second in (0, 1):
        return False
    return not isclose(first, second, rel_tol=SAME_STEP)
