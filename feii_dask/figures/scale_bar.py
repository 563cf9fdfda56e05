"""Scale bars: round lengths on the sky, and their size in an image."""

from __future__ import annotations

from astropy.wcs import WCS

from feii_dask.cubes.celestial import spaxel_arcsec

__all__ = ["pixels_per_arcsec", "round_length_arcsec"]

LENGTHS_ARCSEC = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)


def round_length_arcsec(longest_arcsec: float) -> float:
    """Return the largest round length that is not longer than a given one, arcsec; at least 0.1″.

    Examples
    --------
    >>> round_length_arcsec(1.3), round_length_arcsec(45.0)
    (1.0, 30.0)
    """
    return max((length for length in LENGTHS_ARCSEC if length <= longest_arcsec), default=LENGTHS_ARCSEC[0])


def pixels_per_arcsec(wcs: WCS) -> float:
    """Return the number of spaxels along an arcsecond, for a square of a spaxel's area."""
    return 1 / spaxel_arcsec(wcs)
