"""What one looks at to believe a detection, as FITS files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from feii_dask.errors import StoreError
from feii_dask.model import Cutout, Line
from feii_dask.store.atomic import write_atomically

# Names that every file system takes, and in which a space of the line's name may become a hyphen.
PLAIN_OBS_ID = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9_+.-]{0,149}")
PLAIN_LINE = re.compile(r"[A-Za-z0-9. ]{1,40}")

PLANES = {"LINE": "line_map", "BEFORE": "before_map", "AFTER": "after_map", "OFFLINE": "off_line_map"}


def cutout_path(directory: Path, obs_id: str, line: str) -> Path:
    """Return where the cutout of one line in one observation is kept.

    Identifiers hold slashes, or are longer than a file name may be, in some archives: such a name is made plain and
    told apart by a digest.

    Parameters
    ----------
    directory : Path
        The run's ``cutouts``.
    obs_id, line : str
        Identifier of the observation, and the line's name.

    Examples
    --------
    >>> cutout_path(Path("cutouts"), "jw01290-o001_t001_miri_ch1-short", "Fe II 5.340").name
    'jw01290-o001_t001_miri_ch1-short_Fe-II-5.340.fits'
    >>> cutout_path(Path("cutouts"), "../etc/passwd", "Fe II 5.340").name
    'etc-passwd_Fe-II-5.340_fc42f042.fits'
    """
    stem = f"{_plain(obs_id)[:150]}_{_plain(line)[:40]}"
    if not (PLAIN_OBS_ID.fullmatch(obs_id) and PLAIN_LINE.fullmatch(line)):
        stem += "_" + sha256(f"{obs_id}\n{line}".encode(errors="surrogatepass")).hexdigest()[:8]
    return directory / f"{stem}.fits"


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_+.-]+", "-", text).lstrip(".-") or "unnamed"


def write_cutout(path: Path, obs_id: str, cutout: Cutout) -> None:
    """Write a cutout: maps with their units and WCS, and the table ``SPECTRUM``.

    The maps are ``LINE``, ``BEFORE`` and ``AFTER`` (ten planes away), ``OFFLINE``, ``MOMENT0``, and ``MASK`` where the
    detector tells which spaxels have emission.

    Raises
    ------
    StoreError
        If the disk is full, or the directory cannot be written to.
    """
    unit = str(cutout.header.get("BUNIT", ""))
    hdus = fits.HDUList(
        [
            _primary(obs_id, cutout.line),
            *(_image(name, getattr(cutout, field), cutout, unit) for name, field in PLANES.items()),
            _image("MOMENT0", cutout.moment_map, cutout, f"um {unit}".strip()),
            _spectrum(cutout, unit),
        ]
    )
    if cutout.mask is not None:
        hdus.append(_image("MASK", cutout.mask.astype(np.uint8), cutout, ""))
    content = BytesIO()
    hdus.writeto(content)
    write_atomically(path, content.getvalue())


def _primary(obs_id: str, line: Line) -> fits.PrimaryHDU:
    primary = fits.PrimaryHDU()
    # FITS cards hold printable ASCII only; what is not is escaped, and read back as it was.
    primary.header["OBS_ID"] = (_escape(obs_id), "observation")
    primary.header["LINE"] = (_escape(line.name), "spectral line")
    primary.header["SPECIES"] = (_escape(line.species), "ion or molecule")
    primary.header["RESTWAV"] = (line.wavelength_um, "[um] vacuum rest wavelength")
    primary.header["TRANSIT"] = (_escape(line.transition), "upper and lower level")
    return primary


def _escape(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")


def _unescape(text: str) -> str:
    return text.encode("ascii").decode("unicode_escape")


def _image(name: str, data: np.ndarray, cutout: Cutout, unit: str) -> fits.ImageHDU:
    image = fits.ImageHDU(data, name=name)
    image.header.update(cutout.header)
    image.header["BUNIT"] = unit
    return image


def _spectrum(cutout: Cutout, unit: str) -> fits.BinTableHDU:
    return fits.BinTableHDU.from_columns(
        [
            fits.Column("wavelength", "D", unit="um", array=cutout.wavelength_um),
            fits.Column("spectrum", "D", unit=unit or None, array=cutout.spectrum),
            fits.Column("statistic", "D", array=cutout.statistic),
        ],
        name="SPECTRUM",
    )


def read_cutout(path: Path) -> Cutout:
    """Read back what `write_cutout` wrote.

    Returns
    -------
    Cutout
        With the coordinates of the maps in its header; its line has no coefficients.

    Raises
    ------
    StoreError
        If the file is missing, or is not a cutout.
    """
    with _open(path) as hdus:
        primary, table = hdus[0].header, hdus["SPECTRUM"].data
        return Cutout(
            line=Line(_unescape(primary["SPECIES"]), primary["RESTWAV"], _unescape(primary["TRANSIT"])),
            **{field: _native(hdus[name].data, np.float32) for name, field in PLANES.items()},
            moment_map=_native(hdus["MOMENT0"].data, np.float32),
            wavelength_um=_native(table["wavelength"], np.float64),
            spectrum=_native(table["spectrum"], np.float64),
            statistic=_native(table["statistic"], np.float64),
            header=_cards(hdus["LINE"].header),
            mask=_native(hdus["MASK"].data, np.bool_) if "MASK" in hdus else None,
        )


def read_line_map(path: Path) -> NDArray[np.float32]:
    """Read the line's plane only, which takes a quarter of the time; raises what `read_cutout` does."""
    with _open(path) as hdus:
        return _native(hdus["LINE"].data, np.float32)


@contextmanager
def _open(path: Path) -> Iterator[fits.HDUList]:
    try:
        with fits.open(path, memmap=False) as hdus:
            yield hdus
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{path} is not a cutout that can be read: {error}") from error


def _native(data: np.ndarray, dtype: type) -> np.ndarray:
    """Copy out of the file, in the machine's byte order."""
    return np.array(data, dtype=dtype)


def _cards(header: fits.Header) -> dict[str, str | float | int]:
    structure = {"XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "EXTNAME"}
    return {name: value for name, value in header.items() if name not in structure}
