"""The FITS file of a cutout: where it is from, the jet's spectrum, the planes about the line, and maps."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from feii_dask._version import __version__
from feii_dask.model import Cutout, Line

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


def cutout_hdus(obs_id: str, cutout: Cutout) -> fits.HDUList:
    """Return a cutout as FITS.

    ``SPECTRUM`` is a table, the first extension, where readers of spectra look for it: ``flux`` and ``uncertainty`` of
    the jet, ``spectrum`` of the spaxel at which it peaks, and the detector's ``statistic``. ``CUBE`` has the planes
    about the line, ``LINE``, ``BEFORE`` and ``AFTER`` (ten planes away) single ones, ``OFFLINE`` the continuum beside
    the line, ``MOMENT0`` the line's flux, and ``MASK`` the spaxels with emission, where the detector tells them.
    """
    unit = str(cutout.header.get("BUNIT", ""))
    hdus = fits.HDUList([primary_hdu(obs_id, cutout), spectrum_hdu(cutout, unit)])
    if cutout.planes is not None:
        hdus.append(fits.ImageHDU(in_fits_order(cutout.planes), header=cube_header(cutout), name="CUBE"))
    hdus += [image_hdu(name, getattr(cutout, field), cutout, unit) for name, field in PLANES.items()]
    hdus.append(image_hdu("MOMENT0", cutout.moment_map, cutout, f"um {unit}".strip()))
    if cutout.mask is not None:
        hdus.append(image_hdu("MASK", cutout.mask.astype(np.uint8), cutout, ""))
    return hdus


def primary_hdu(obs_id: str, cutout: Cutout) -> fits.PrimaryHDU:
    """Return the header that says which line of which observation this is, and where it is from."""
    primary = fits.PrimaryHDU()
    line_cards(primary.header, obs_id, cutout.line)
    for key, value in cutout.origin.items():
        primary.header[key] = (
            with_room(to_ascii(value), ORIGIN[key]) if isinstance(value, str) else (value, ORIGIN[key])
        )
    primary.header["CREATOR"] = (f"feii_dask {__version__}", "software that wrote this file")
    primary.header["DATE"] = (datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"), "when it was written, UTC")
    return primary


def with_room(text: str, comment: str) -> str | tuple[str, str]:
    """Return a text with its comment if one card holds both.

    A longer one is filled up with blanks, which do not count, until it is continued: astropy cuts what nearly fits.
    """
    length = len(text) + text.count("'")
    if length + len(comment) <= LONGEST_CARD:
        return text, comment
    return text if length <= LONGEST_CARD else text.ljust(CONTINUED)


def line_cards(header: fits.Header, obs_id: str, line: Line) -> None:
    """Write which line of which observation this is."""
    header["OBS_ID"] = (to_ascii(obs_id), "observation")
    header["LINE"] = (to_ascii(line.name), "spectral line")
    header["SPECIES"] = (to_ascii(line.species), "ion or molecule")
    header["RESTWAV"] = (line.wavelength_um, "[um] vacuum rest wavelength")
    header["TRANSIT"] = (to_ascii(line.transition), "upper and lower level")


def to_ascii(text: str) -> str:
    """Escape what is not printable ASCII, which is all that FITS cards hold."""
    return text.encode("unicode_escape").decode("ascii")


def from_ascii(text: str) -> str:
    """Return what `to_ascii` was given."""
    return text.encode("ascii").decode("unicode_escape")


def spectrum_hdu(cutout: Cutout, unit: str) -> fits.BinTableHDU:
    """Return the table of spectra and statistic against wavelength."""
    columns = [fits.Column("wavelength", "D", unit="um", array=cutout.wavelength_um)]
    if cutout.jet_spectrum is not None:
        jet_unit = cutout.jet_unit or None
        error = np.full(cutout.jet_spectrum.size, cutout.jet_error)
        columns += [
            fits.Column("flux", "D", unit=jet_unit, array=cutout.jet_spectrum),
            fits.Column("uncertainty", "D", unit=jet_unit, array=error),
        ]
    columns += [
        fits.Column("spectrum", "D", unit=unit or None, array=cutout.spectrum),
        fits.Column("statistic", "D", array=cutout.statistic),
    ]
    return fits.BinTableHDU.from_columns(columns, name="SPECTRUM")


def cube_header(cutout: Cutout) -> fits.Header:
    """Return the header of the planes about the line: celestial coordinates, and wavelengths on an even grid."""
    header = fits.Header()
    header.update(cutout.header)
    wavelength_um = plane_wavelengths_um(cutout)
    step_um = (wavelength_um[-1] - wavelength_um[0]) / max(wavelength_um.size - 1, 1)
    header["CTYPE3"], header["CUNIT3"] = "WAVE", "um"
    header["CRPIX3"], header["CRVAL3"], header["CDELT3"] = 1.0, float(wavelength_um[0]), float(step_um)
    header["DISPAXIS"] = (3, "axis of the wavelengths")
    header["RESTWAV"] = (cutout.line.wavelength_um / UM_PER_M, "[m] vacuum rest wavelength of the line")
    if frame := cutout.origin.get("SPECSYS"):
        header["SPECSYS"] = frame
    header["ROW0"] = (cutout.planes_start, "row of SPECTRUM of the first plane, from 0")
    return header


def plane_wavelengths_um(cutout: Cutout) -> NDArray[np.float64]:
    """Return the wavelengths of the planes about the line."""
    count = 0 if cutout.planes is None else len(cutout.planes)
    return cutout.wavelength_um[cutout.planes_start : cutout.planes_start + count]


def image_hdu(name: str, data: np.ndarray, cutout: Cutout, unit: str) -> fits.ImageHDU:
    """Return a map with its unit and celestial coordinates."""
    image = fits.ImageHDU(in_fits_order(data), name=name)
    image.header.update(cutout.header)
    image.header["BUNIT"] = unit
    return image


def in_fits_order(data: np.ndarray) -> np.ndarray:
    """Copy an array into FITS's byte order: astropy swaps the bytes of one that is not, while others may read it."""
    return data.astype(data.dtype.newbyteorder(">"))
