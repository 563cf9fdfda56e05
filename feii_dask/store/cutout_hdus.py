"""The FITS file of a cutout: where it is from, the jet's spectrum, the planes about the line, and maps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from feii_dask._version import __version__
from feii_dask.model import Cutout
from feii_dask.store.fits_making import CardTuple, image_hdu, primary_hdu, table_hdu

__all__ = ["ORIGIN", "PLANES", "cube_header", "cutout_hdus", "from_ascii", "to_ascii"]

PLANES = {"LINE": "line_map", "BEFORE": "before_map", "AFTER": "after_map", "OFFLINE": "off_line_map"}
# Cards of the primary header, from `Cutout.origin`, with what they say.
ORIGIN = {
    "OBJECT": "object nearest to the cube's centre",
    "TELESCOP": "telescope",
    "INSTRUME": "instrument",
    "TARGNAME": "object, as the observer called it",
    "CUBEURI": "the cube that this is cut out of",
    "SPECSYS": "rest frame of the wavelengths",
    "KIND": "what kind of emission it is",
    "PLANE": "plane of the line in the cube, from 0",
    "WAVELEN": "[um] wavelength of that plane",
    "VELOCITY": "[km/s] Doppler shift from rest",
    "VELOERR": "[km/s] its 1-sigma statistical error",
    "FLUX": "[W m-2] line flux inside the mask",
    "FLUXERR": "[W m-2] its 1-sigma error",
    "SNR": "peak signal-to-noise ratio per voxel",
    "PVALUE": "probability of such a line without one",
    "FINGERPR": "fingerprint of the run",
}
UM_PER_M = 1e6
LONGEST_CARD, CONTINUED = 60, 72  # characters that one card holds, and of a text that certainly takes two


def cutout_hdus(obs_id: str, cutout: Cutout) -> Iterator[bytes]:
    """Yield a cutout as FITS, one HDU after the other.

    ``SPECTRUM`` is a table, the first extension, where readers of spectra look for it: ``flux`` and ``uncertainty`` of
    the jet, ``spectrum`` of the spaxel at which it peaks, and the detector's ``statistic``. ``CUBE`` has the planes
    about the line, ``LINE``, ``BEFORE`` and ``AFTER`` (ten planes away) single ones, ``OFFLINE`` the continuum beside
    the line, ``MOMENT0`` the line's flux, and ``MASK`` the spaxels with emission, where the detector tells them.
    """
    unit = str(cutout.header.get("BUNIT", ""))
    yield primary_hdu(primary_cards(obs_id, cutout))
    yield table_hdu("SPECTRUM", spectrum_columns(cutout, unit))
    if cutout.planes is not None:
        yield image_hdu("CUBE", cutout.planes, cube_cards(cutout))
    for name, field in PLANES.items():
        yield image_hdu(name, getattr(cutout, field), map_cards(cutout, unit))
    yield image_hdu("MOMENT0", cutout.moment_map, map_cards(cutout, f"um {unit}".strip()))
    if cutout.mask is not None:
        yield image_hdu("MASK", cutout.mask.astype(np.uint8), map_cards(cutout, ""))


def primary_cards(obs_id: str, cutout: Cutout) -> Iterator[CardTuple]:
    """Yield the cards that say which line of which observation this is, and where it is from."""
    line = cutout.line
    yield "OBS_ID", *with_room(to_ascii(obs_id), "observation")
    yield "LINE", *with_room(to_ascii(line.name), "spectral line")
    yield "SPECIES", *with_room(to_ascii(line.species), "ion or molecule")
    yield "RESTWAV", line.wavelength_um, "[um] vacuum rest wavelength"
    yield "TRANSIT", *with_room(to_ascii(line.transition), "upper and lower level")
    for keyword, value in cutout.origin.items():
        comment = ORIGIN[keyword]
        if isinstance(value, str):
            yield keyword, *with_room(to_ascii(value), comment)
        else:
            yield keyword, value, comment
    yield "CREATOR", f"feii_dask {__version__}", "software that wrote this file"
    yield "DATE", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"), "when it was written, UTC"


def with_room(text: str, comment: str) -> tuple[str] | tuple[str, str]:
    """Return a text with its comment if one card holds both.

    A longer one is filled up with blanks, which do not count, until it is continued: astropy cuts what nearly fits.
    """
    length = len(text) + text.count("'")
    if length + len(comment) <= LONGEST_CARD:
        return text, comment
    return (text,) if length <= LONGEST_CARD else (text.ljust(CONTINUED),)


def to_ascii(text: str) -> str:
    """Escape what is not printable ASCII, which is all that FITS cards hold."""
    return text.encode("unicode_escape").decode("ascii")


def from_ascii(text: str) -> str:
    """Return what `to_ascii` was given."""
    return text.encode("ascii").decode("unicode_escape")


def spectrum_columns(cutout: Cutout, unit: str) -> list[tuple[str, NDArray[np.float64], str]]:
    """Return spectra and statistic against wavelength, with their units."""
    columns = [("wavelength", cutout.wavelength_um, "um")]
    if cutout.jet_spectrum is not None:
        error = np.full(cutout.jet_spectrum.size, cutout.jet_error)
        columns += [("flux", cutout.jet_spectrum, cutout.jet_unit), ("uncertainty", error, cutout.jet_unit)]
    return [*columns, ("spectrum", cutout.spectrum, unit), ("statistic", cutout.statistic, "")]


def cube_header(cutout: Cutout) -> fits.Header:
    """Return the header of the planes about the line: celestial coordinates, and wavelengths on an even grid."""
    return fits.Header(cube_cards(cutout))


def cube_cards(cutout: Cutout) -> list[CardTuple]:
    """Return the cards of `cube_header`."""
    wavelength_um = plane_wavelengths_um(cutout)
    step_um = (wavelength_um[-1] - wavelength_um[0]) / max(wavelength_um.size - 1, 1)
    frame = cutout.origin.get("SPECSYS")
    return [
        *cutout.header.items(),
        ("CTYPE3", "WAVE"),
        ("CUNIT3", "um"),
        ("CRPIX3", 1.0),
        ("CRVAL3", float(wavelength_um[0])),
        ("CDELT3", float(step_um)),
        ("DISPAXIS", 3, "axis of the wavelengths"),
        ("RESTWAV", cutout.line.wavelength_um / UM_PER_M, "[m] vacuum rest wavelength of the line"),
        *([("SPECSYS", frame)] if frame else []),
        ("ROW0", cutout.planes_start, "row of SPECTRUM of the first plane, from 0"),
    ]


def plane_wavelengths_um(cutout: Cutout) -> NDArray[np.float64]:
    """Return the wavelengths of the planes about the line."""
    count = 0 if cutout.planes is None else len(cutout.planes)
    return cutout.wavelength_um[cutout.planes_start : cutout.planes_start + count]


def map_cards(cutout: Cutout, unit: str) -> list[CardTuple]:
    """Return the unit of a map and its celestial coordinates."""
    return [*((keyword, value) for keyword, value in cutout.header.items() if keyword != "BUNIT"), ("BUNIT", unit)]
