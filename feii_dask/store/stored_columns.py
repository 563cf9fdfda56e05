"""The columns of the tables that a run stores: units, UCDs, descriptions and headings.

UCDs are words of the IVOA's Unified Content Descriptors 1+; a column without one has no fitting word there.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FLUX", "OUTCOMES", "STORED_TABLES", "Column"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    description : str
        Its meaning.
    unit : str
        Its unit, as astropy and the VO write it.
    ucd : str
        Its kind, for programs.
    heading : str
        Its heading in the report.
    error : str
        The column with its 1-σ error.
    """

    description: str
    unit: str = ""
    ucd: str = ""
    heading: str = ""
    error: str = ""


YSOS = {
    "main_id": Column("Name of the object", ucd="meta.id;meta.main"),
    "otype": Column("SIMBAD's type of the object", ucd="src.class"),
    "ra": Column("Right ascension, ICRS", "deg", "pos.eq.ra;meta.main"),
    "dec": Column("Declination, ICRS", "deg", "pos.eq.dec;meta.main"),
    "rvz_radvel": Column("Radial velocity of the object, barycentric", "km/s", "spect.dopplerVeloc.opt"),
    "pmra": Column("Proper motion in right ascension, times cos(dec)", "mas/yr", "pos.pm;pos.eq.ra"),
    "pmdec": Column("Proper motion in declination", "mas/yr", "pos.pm;pos.eq.dec"),
    "ref_epoch": Column("Julian year of the coordinates", "yr", "meta.ref;time.epoch"),
}

OBSERVATIONS = {
    "obs_id": Column("Observation", ucd="meta.id;obs"),
    "obsid": Column("The archive's number of the observation", ucd="meta.id;obs"),
    "obs_collection": Column("Collection of the archive", ucd="meta.id"),
    "instrument_name": Column("Instrument", ucd="meta.id;instr"),
    "filters": Column("Filters and gratings", ucd="meta.id;instr.bandpass"),
    "target_name": Column("Object, as the observer called it", ucd="meta.id;src"),
    "proposal_id": Column("Observing programme", ucd="meta.id;obs.proposal"),
    "s_ra": Column("Right ascension of the cube's centre, ICRS", "deg", "pos.eq.ra"),
    "s_dec": Column("Declination of the cube's centre, ICRS", "deg", "pos.eq.dec"),
    "s_region": Column("Footprint, STC-S", ucd="pos.outline;obs.field"),
    "em_min": Column("Shortest wavelength, in the archive's own unit", ucd="em.wl;stat.min"),
    "em_max": Column("Longest wavelength, in the archive's own unit", ucd="em.wl;stat.max"),
    "em_min_um": Column("Shortest wavelength", "um", "em.wl;stat.min"),
    "em_max_um": Column("Longest wavelength", "um", "em.wl;stat.max"),
    "t_min": Column("Start of the observation, MJD", "d", "time.start;obs.exposure"),
    "t_exptime": Column("Exposure time", "s", "time.duration;obs.exposure"),
    "t_obs_release": Column("When it became public, MJD", "d", "time.release"),
    "calib_level": Column("Level of calibration, of IVOA's ObsCore", ucd="meta.code;obs.calib"),
    "region_error": Column("Why the footprint cannot be understood", ucd="meta.note"),
}

MATCHED = OBSERVATIONS | {
    "uri": Column("Where the cube is", ucd="meta.ref.uri"),
    "obs_index": Column("Label of the observation in tables/observations.parquet", ucd="meta.id"),
    "yso_index": Column("Labels of the objects inside, in tables/ysos.parquet", ucd="meta.id"),
    "yso_names": Column("Their names", ucd="meta.id"),
    "yso_ra": Column("Their right ascensions, ICRS", "deg", "pos.eq.ra"),
    "yso_dec": Column("Their declinations, ICRS", "deg", "pos.eq.dec"),
    "separation_arcsec": Column("Their distances from the cube's centre", "arcsec", "pos.angDistance"),
    "edge_arcsec": Column("Their distances from the footprint's edge, positive inside", "arcsec", "pos.angDistance"),
    "rv_kms": Column("Radial velocity that is searched about", "km/s", "spect.dopplerVeloc.opt"),
    "nearest_yso": Column("Label of the object nearest to the cube's centre, inside or not", ucd="meta.id"),
}

FLUX = "W/m2"

OUTCOMES = {
    "obs_id": Column("Observation", ucd="meta.id;obs"),
    "line": Column("Line that was looked for, by vacuum rest wavelength in um", ucd="meta.id;spect.line"),
    "wavelength_um": Column("Vacuum rest wavelength of the line", "um", "em.wl;spect.line"),
    "status": Column("What became of the search for the line", ucd="meta.code.status"),
    "reason": Column("Why there is no answer", ucd="meta.note"),
    "detected": Column("Whether extended emission was found", ucd="meta.code"),
    "kind": Column("Whether it is extended, compact or undecided", ucd="meta.code.class"),
    "statistic": Column("The detector's figure of merit", ucd="stat.value", heading="statistic"),
    "p_value": Column("Probability of such a statistic without a line", ucd="stat.probability", heading="p‑value"),
    "p_extent": Column(
        "Probability that a point, or light that follows the continuum, looks so",
        ucd="stat.probability",
        heading="p of no extent",
    ),
    "p_identification": Column(
        "Probability that an unlisted line falls as near, after those met in this cube",
        ucd="stat.probability",
        heading="p of another line",
    ),
    "null_windows": Column("Wavelengths without a line to which it was compared", ucd="meta.number"),
    "null_p_values": Column("p-values of these themselves, those that are small", ucd="stat.probability"),
    "snr": Column(
        "Peak signal-to-noise ratio per voxel, over the noise of empty sky", ucd="stat.snr;stat.max", heading="S/N"
    ),
    "local_snr": Column("The same, over the noise of the spaxel of the peak", ucd="stat.snr", heading="local S/N"),
    "plane": Column("Plane of the cube in which the line is, from 0", ucd="meta.number"),
    "velocity_kms": Column(
        "Doppler shift from rest", "km/s", "spect.dopplerVeloc", heading="velocity", error="velocity_error_kms"
    ),
    "velocity_error_kms": Column("Its 1-sigma statistical error", "km/s", "stat.error;spect.dopplerVeloc"),
    "velocity_calibration_kms": Column(
        "Uncertainty of the instrument's wavelengths",
        "km/s",
        "stat.error.sys;spect.dopplerVeloc",
        heading="calibration within",
    ),
    "width_kms": Column(
        "Full width at half maximum, the instrument's included", "km/s", "spect.line.width", heading="FWHM"
    ),
    "flux": Column("Line flux inside the mask", FLUX, "phot.flux;spect.line", heading="flux", error="flux_error"),
    "flux_error": Column("Its 1-sigma error", FLUX, "stat.error;phot.flux;spect.line"),
    "area_px": Column("Spaxels with emission", "", "meta.number", heading="area in spaxels"),
    "area_arcsec2": Column("Size of the emission", "arcsec2", "phys.angArea", heading="size"),
    "position_angle_deg": Column("Position angle, east of north", "deg", "pos.posAng", heading="position angle"),
    "elongation": Column("Major over minor axis", ucd="src.ellipticity", heading="elongation"),
    "peak_y": Column("Spaxel of the peak, upwards, from 0", "", "pos.cartesian.y"),
    "peak_x": Column("Spaxel of the peak, to the right, from 0", "", "pos.cartesian.x"),
    "peak_ra_deg": Column("Right ascension of the peak, ICRS", "deg", "pos.eq.ra"),
    "peak_dec_deg": Column("Declination of the peak, ICRS", "deg", "pos.eq.dec"),
    "offset_arcsec": Column("Distance of the peak from the continuum's", "arcsec", "pos.angDistance", heading="offset"),
    "compact_share": Column(
        "Share of the light in an unresolved core",
        ucd="phot.flux;arith.ratio",
        heading="core",
        error="compact_share_error",
    ),
    "compact_share_error": Column("Its 1-sigma error", ucd="stat.error;phot.flux;arith.ratio"),
    "lobe_velocity_kms": Column("Velocity of each lobe", "km/s", "spect.dopplerVeloc"),
    "lobe_velocity_error_kms": Column("Their 1-sigma errors", "km/s", "stat.error;spect.dopplerVeloc"),
    "lobe_flux": Column("Line flux of each lobe", FLUX, "phot.flux;spect.line"),
    "lobe_flux_error": Column("Their 1-sigma errors", FLUX, "stat.error;phot.flux;spect.line"),
    "unidentified_wavelength_um": Column("Lines met where none was expected, as observed", "um", "em.wl"),
    "unidentified_kind": Column("Whether they are extended, compact or undecided", ucd="meta.code.class"),
    "unidentified_statistic": Column("Their significances, negative in absorption", ucd="stat.value"),
    "unidentified_flags": Column("Remarks on their extent", ucd="meta.note"),
    "searched_kms": Column("Length of the windows in which they were met", "km/s", "spect.dopplerVeloc"),
    "flux_sensitivity_beam": Column(
        "Flux at which 95 % of points are found anywhere in the field", FLUX, "phot.flux;stat.max"
    ),
    "flux_sensitivity_jet": Column("The same of what is three beams long", FLUX, "phot.flux;stat.max"),
    "flags": Column("Remarks of the detector and on the cube", ucd="meta.note"),
    "on_data": Column("Labels of the objects on spaxels with data, in tables/ysos.parquet", ucd="meta.id"),
    "flux_sigma_beam": Column(
        "1-sigma error of a line's flux at each of these, in one beam", FLUX, "stat.error;phot.flux"
    ),
    "flux_sigma_jet": Column("The same in three by one beams", FLUX, "stat.error;phot.flux"),
    "spectral_frame": Column("Rest frame of the cube's wavelengths, as its SPECSYS says", ucd="pos.frame"),
    "seconds": Column("Time that the scan took", "s", "time.duration"),
    "bytes_read": Column("Bytes that were read of the cube", "byte"),
    "requests": Column("Requests for them", ucd="meta.number"),
    "worker": Column("Worker that scanned it"),
    "attempt": Column("How often it was tried", ucd="meta.number"),
    "stored_at": Column("When it was stored, UTC", ucd="time.processing"),
}

STORED_TABLES = {"ysos": YSOS, "observations": OBSERVATIONS, "matched": MATCHED}
