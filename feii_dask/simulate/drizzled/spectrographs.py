"""Slices, detector pixels and dithers of JWST's integral-field spectrographs."""

from __future__ import annotations

from dataclasses import dataclass

from feii_dask.simulate.bands import Band

__all__ = ["Spectrograph", "spectrograph_of"]

DETECTOR_ROWS = 1024  # of MIRI's detectors; a band of the MRS is taken to fill them
SLIT_ROWS = 1.0  # assumed: half of the two rows or so that a resolution element has


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrograph:
    """What a spectrograph's detector sees of the sky.

    Attributes
    ----------
    slices : int
        Number of slices of the field.
    slice_arcsec, pixel_arcsec : float
        Width of a slice, and of a detector pixel along the slice, arcsec.
    columns : int
        Detector pixels along a slice.
    row_planes : float
        Width of a detector row in the dispersion direction, planes of the cube.
    dither_arcsec : tuple of float
        Half the distance between dithers, along and across the slices, arcsec.
    trace_slope : float
        Steepest slope of the traces of the outermost slices, columns per row.
    tilt : float
        Largest tilt of the lines of equal wavelength against the rows, rows per column.
    slit_rows : float
        Width of a slice's image in the dispersion direction, rows: light at the edge of a slice is displaced by half of
        it.
    """

    slices: int
    slice_arcsec: float
    pixel_arcsec: float
    columns: int
    row_planes: float
    dither_arcsec: tuple[float, float]
    trace_slope: float
    tilt: float
    slit_rows: float = SLIT_ROWS


# Slices, slice width, pixel and pixels along the slice of the MRS: JWST documentation, "MIRI MRS" (fields of view of
# 3.2 x 3.7, 4.0 x 4.8, 5.2 x 6.2 and 6.6 x 7.7 arcsec).
MRS_SLICERS = {
    "1": (21, 0.177, 0.196, 17),
    "2": (17, 0.280, 0.196, 21),
    "3": (16, 0.390, 0.245, 22),
    "4": (12, 0.656, 0.273, 25),
}
MRS_DITHER_ARCSEC = (1.029, 0.485)  # half of 2.058 and 0.97, "MIRI MRS PSF and Dithering"
NIRSPEC_DITHER_ARCSEC = (0.4, 0.4)  # assumed: about that of its four-point nods
# Assumed: the traces cross a column in 12 rows or more (MRS) and 50 rows or more (NIRSpec), and tilts. They set the
# periods of the wiggles, which come from the resampling itself.
MRS_TRACE_SLOPE, NIRSPEC_TRACE_SLOPE = 0.08, 0.02
MRS_TILT, NIRSPEC_TILT = 0.12, 0.04


def spectrograph_of(band: Band) -> Spectrograph:
    """Return the spectrograph of a band.

    Examples
    --------
    >>> from feii_dask.simulate.bands import BANDS
    >>> spectrograph_of(BANDS["ch1-short"]).slices
    21
    """
    if band.instrument == "NIRSPEC":
        return Spectrograph(
            slices=30,
            slice_arcsec=0.1,
            pixel_arcsec=0.1,
            columns=31,
            row_planes=1.0,  # the step of its cubes is a detector pixel
            dither_arcsec=NIRSPEC_DITHER_ARCSEC,
            trace_slope=NIRSPEC_TRACE_SLOPE,
            tilt=NIRSPEC_TILT,
        )
    slices, slice_arcsec, pixel_arcsec, columns = MRS_SLICERS[band.name[2]]
    return Spectrograph(
        slices=slices,
        slice_arcsec=slice_arcsec,
        pixel_arcsec=pixel_arcsec,
        columns=columns,
        row_planes=band.planes / DETECTOR_ROWS,
        dither_arcsec=MRS_DITHER_ARCSEC,
        trace_slope=MRS_TRACE_SLOPE,
        tilt=MRS_TILT,
    )
