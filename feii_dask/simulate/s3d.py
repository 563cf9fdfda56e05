"""Simulated cubes as files, in the layout of the JWST pipeline's (2.0) ``s3d`` products."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from feii_dask.simulate.bands import Band
from feii_dask.simulate.scene import SimulatedCube

__all__ = ["pipeline_s_region", "write_cube"]

WRITTEN = "2026-01-01T00:00:00.000"  # fixed, so that one seed gives the same bytes at any time
UNIT = ("BUNIT", "MJy/sr", "physical units of the array values")
MATRIX = "Linear transformation matrix element"


def pipeline_s_region(center_deg: tuple[float, float], shape: tuple[int, int], pixel_arcsec: float) -> str:
    """Return ``S_REGION`` in the pipeline's format: the four corners of the cube's image, an open ring.

    Examples
    --------
    >>> pipeline_s_region((69.8967, 25.6956), (41, 37), 0.13)[:38]
    'POLYGON ICRS  69.897441365 25.69485972'
    """
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = center_deg
    wcs.wcs.crpix = [(shape[1] + 1) / 2, (shape[0] + 1) / 2]
    wcs.wcs.cdelt = [-pixel_arcsec / 3600, pixel_arcsec / 3600]
    corners = wcs.calc_footprint(center=False, axes=(shape[1], shape[0]))
    return "POLYGON ICRS  " + " ".join(f"{ra:.9f} {dec:.9f}" for ra, dec in corners)


def write_cube(
    path: str | Path,
    cube: SimulatedCube,
    *,
    target_name: str = "SIMULATED",
    program: str = "99000",
    exposures: int = 1,
    wavelength_table: bool = True,
) -> Path:
    """Write a cube: PRIMARY, SCI, ERR, DQ, WMAP, WCS-TABLE, HDRTAB, ASDF, with the pipeline's types and keywords.

    Parameters
    ----------
    path : str or Path
        The file, ``*_s3d.fits``; one that exists is replaced.
    cube : SimulatedCube
        The cube.
    target_name, program : str
        Target and programme in the primary header.
    exposures : int
        Number of combined exposures; with more than one there is an ``HDRTAB``.
    wavelength_table : bool
        Whether to write ``WCS-TABLE`` for a linear axis too, as the pipeline does since version 2.0.

    Returns
    -------
    Path
        The file.
    """
    path = Path(path)
    hdus = fits.HDUList(
        [
            fits.PrimaryHDU(header=primary_header(path.name, cube, target_name, program)),
            fits.ImageHDU(cube.sci, science_header(cube)),
            fits.ImageHDU(cube.err, extension_header("ERR", UNIT)),
            fits.ImageHDU(cube.dq, extension_header("DQ")),
            fits.ImageHDU(cube.wmap, extension_header("WMAP")),
        ]
    )
    if wavelength_table or cube.band.tabulated:
        table = np.zeros(1, dtype=[("wavelength", ">f4", (cube.wavelength_um.size, 1))])
        table["wavelength"][0, :, 0] = cube.wavelength_um
        hdus.append(fits.BinTableHDU(table, extension_header("WCS-TABLE")))
    if exposures > 1:
        hdus.append(exposure_table(path.name, exposures))
    hdus.append(asdf_extension(path.name))
    hdus.writeto(path, overwrite=True)
    return path


def extension_header(name: str, *cards: tuple[str, str, str]) -> fits.Header:
    """Return the header of an extension, in the pipeline's order."""
    return fits.Header([("EXTNAME", name, "extension name"), *cards, ("EXTVER", 1, "extension value")])


def primary_header(filename: str, cube: SimulatedCube, target_name: str, program: str) -> fits.Header:
    """Return the primary header: those cards of a real one that a reader may use."""
    ra, dec = cube.center_deg
    return fits.Header(
        [
            ("DATE", WRITTEN, "UTC date file created"),
            ("ORIGIN", "feii_dask.simulate", "Nothing here was observed"),
            ("FILENAME", filename, "Name of the file"),
            ("CAL_VER", "2.0.1", "Calibration Software Version"),
            ("DATAMODL", "IFUCubeModel", "Type of data model"),
            ("TELESCOP", "JWST", "Telescope used to acquire the data"),
            ("CATEGORY", "GO", "Program category"),
            ("DATE-OBS", "2026-01-01", "[yyyy-mm-dd] UTC date at start of exposure"),
            ("TIME-OBS", "00:00:00", "[hh:mm:ss.sss] UTC time at start of exposure"),
            ("PROGRAM", program, "Program number"),
            ("TARGPROP", target_name, "Proposer's name for the target"),
            ("TARG_RA", ra, "[deg] Target RA at mid time of exposure"),
            ("TARG_DEC", dec, "[deg] Target Dec at mid time of exposure"),
            *instrument_cards(cube.band),
            ("FLUXEXT", "SCI", "EXTNAME of the extension containing flux data"),
            ("ERREXT", "ERR", "EXTNAME of the extension containing error data"),
            ("MASKEXT", "DQ", "EXTNAME of the extension containing data qualit"),
            ("ROIS", 0.0, "[arcsec] Size of ROI in spatial dimension"),
            ("ROIW", 0.0, "[um] Size of ROI in wavelength dimension"),
            ("WTYPE", "drizzle", "Weighting type (MSM, MIRIPSF, AREA)"),
        ]
    )


def instrument_cards(band: Band) -> list[tuple[str, str, str]]:
    """Return the cards that name instrument, detector and spectral setting."""
    if band.instrument == "NIRSPEC":
        grating, filter_name = band.name.upper().split("-")
        return [
            ("INSTRUME", "NIRSPEC", "Instrument used to acquire the data"),
            ("DETECTOR", "MULTIPLE", "Name of detector used to acquire the data"),
            ("FILTER", filter_name, "Name of the filter element used"),
            ("GRATING", grating, "Name of the grating element used"),
            ("EXP_TYPE", "NRS_IFU", "Type of data in the exposure"),
        ]
    channel, sub_band = ("12", "SHORT") if band.tabulated else (band.name[2], band.name[4:].upper())
    detector = "MIRIFUSHORT" if channel in {"12", "1", "2"} else "MIRIFULONG"
    return [
        ("INSTRUME", "MIRI", "Instrument used to acquire the data"),
        ("DETECTOR", detector, "Name of detector used to acquire the data"),
        ("CHANNEL", channel, "Instrument channel"),
        ("BAND", sub_band, "MRS wavelength band"),
        ("EXP_TYPE", "MIR_MRS", "Type of data in the exposure"),
    ]


def science_header(cube: SimulatedCube) -> fits.Header:
    """Return the header of SCI: every card of the pipeline's, in its order."""
    band, (height, width) = cube.band, cube.sci.shape[1:]
    spaxel_deg = band.pixel_arcsec / 3600
    spectral_axis = ("WAVE-TAB", 1.0) if band.tabulated else ("WAVE", cube.wavelength_um[0])
    cards: list[tuple[str, object, str]] = [
        ("EXTNAME", "SCI", "extension name"),
        UNIT,
        *section_cards("Photometry information"),
        ("PIXAR_SR", band.spaxel_sr, "Nominal pixel area in steradians"),
        ("PIXAR_A2", band.pixel_arcsec**2, "Nominal pixel area in arcsec^2"),
        *section_cards("WCS parameters"),
        ("WCSAXES", 3, "number of World Coordinate System axes"),
        *axis_cards("CRPIX", ((width + 1) / 2, (height + 1) / 2, 1.0), "pixel coordinate of ref point, 1-indexed"),
        *axis_cards("CRVAL", (*cube.center_deg, spectral_axis[1]), "coordinate value at reference point"),
        *axis_cards("CTYPE", ("RA---TAN", "DEC--TAN", spectral_axis[0]), "type"),
        *axis_cards("CUNIT", ("deg", "deg", "um"), "units"),
        *axis_cards("CDELT", (spaxel_deg, spaxel_deg), "coordinate increment at reference point"),
    ]
    if not band.tabulated:
        cards += [("CDELT3", float(np.float32(band.step_um)), "Axis 3 coordinate increment at reference point")]
    cards += [
        (f"PC{row}_{column}", value, MATRIX)
        for row, values in enumerate(((-1.0, 0.0, 0), (0.0, 1.0, 0), (0, 0, 1)), start=1)
        for column, value in enumerate(values, start=1)
    ]
    if band.tabulated:
        cards += [
            ("PS3_0", "WCS-TABLE", "Coordinate table extension name"),
            ("PS3_1", "wavelength", "Coordinate table column name"),
        ]
    s_region = pipeline_s_region(cube.center_deg, (height, width), band.pixel_arcsec)
    cards += [("S_REGION", s_region, "Spatial footprint of the observation"), ("EXTVER", 1, "extension value")]
    return fits.Header(cards)


def section_cards(title: str) -> list[tuple[str, str, str]]:
    """Return the three cards that the pipeline writes above a section."""
    return [("", "", ""), ("", title, ""), ("", "", "")]


def axis_cards(keyword: str, values: tuple[object, ...], meaning: str) -> list[tuple[str, object, str]]:
    """Return one card for each axis."""
    return [(f"{keyword}{axis}", value, f"Axis {axis} {meaning}") for axis, value in enumerate(values, start=1)]


def exposure_table(filename: str, exposures: int) -> fits.BinTableHDU:
    """Return ``HDRTAB``: a row for each exposure, with three of a real one's 250 columns."""
    start_mjd = 61041.0 + 0.02 * np.arange(exposures)
    columns = [
        fits.Column("FILENAME", "80A", array=[filename.replace("_s3d", f"_{n + 1}_cal") for n in range(exposures)]),
        fits.Column("EXPSTART", "D", array=start_mjd),
        fits.Column("EFFEXPTM", "D", array=np.full(exposures, 555.0)),
    ]
    return fits.BinTableHDU.from_columns(columns, header=extension_header("HDRTAB"))


def asdf_extension(filename: str) -> fits.BinTableHDU:
    """Return the last extension: the metadata of the data model, here little more than its first lines."""
    text = (
        f"#ASDF 1.0.0\n#ASDF_STANDARD 1.6.0\n%YAML 1.1\n--- {{meta: {{filename: {filename}, telescope: JWST}}}}\n...\n"
    )
    content = np.frombuffer(text.encode(), dtype=np.uint8)
    column = fits.Column("ASDF_METADATA", f"{content.size}B", array=content[None])
    return fits.BinTableHDU.from_columns([column], header=fits.Header([("EXTNAME", "ASDF", "extension name")]))
