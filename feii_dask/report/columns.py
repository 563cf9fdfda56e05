"""The columns of the exported tables and the report: units, UCDs, descriptions and headings.

UCDs are words of the IVOA's Unified Content Descriptors 1+; a column without one has no fitting word there.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from feii_dask.addresses import shown

__all__ = ["CANDIDATES", "DETECTIONS", "FAILURES", "UNIDENTIFIED", "Column", "shown_failures"]


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


CANDIDATES = {
    "rank": Column("Place in the list, from 1", ucd="meta.record", heading="Rank"),
    "grade": Column("How far to trust the candidate", ucd="meta.code.qual", heading="Grade"),
    "main_id": Column("Name of the young stellar object", ucd="meta.id;meta.main", heading="Object"),
    "yso_index": Column("Its label in tables/ysos.parquet", ucd="meta.id"),
    "ra": Column("Right ascension, ICRS", "deg", "pos.eq.ra;meta.main", "RA (deg)"),
    "dec": Column("Declination, ICRS", "deg", "pos.eq.dec;meta.main", "Dec (deg)"),
    "n_lines": Column("Distinct lines detected", ucd="meta.number;spect.line", heading="Lines"),
    "lines": Column("Their names, by vacuum rest wavelength in um", ucd="meta.id;spect.line"),
    "kinds": Column("Whether each is extended, compact, undecided, or unjudged", ucd="meta.code.class"),
    "n_cubes": Column("Cubes scanned whose footprint holds the object", ucd="meta.number;obs"),
    "n_cubes_detected": Column("Those in which a line was detected", ucd="meta.number;obs", heading="Cubes"),
    "on_data": Column("Whether the object itself is on spaxels with data", ucd="meta.code"),
    "lines_tested": Column("Lines that were looked for and had an answer", ucd="meta.number;spect.line"),
    "lines_agreeing": Column("Lines detected at one velocity", ucd="meta.number;spect.line", heading="Agreeing"),
    "velocity_kms": Column("Doppler shift of these lines", "km/s", "spect.dopplerVeloc", "Velocity (km/s)"),
    "joint_score": Column("Figure of merit of all its lines together", ucd="stat.value", heading="Joint score"),
    "joint_p": Column("p-value of all its lines together", ucd="stat.probability", heading="Joint p"),
    "q_value": Column(
        "Share of false candidates among those at least as significant", ucd="stat.value", heading="q‑value"
    ),
    "statistic": Column("Largest statistic of the detections", ucd="stat.value;stat.max", heading="Statistic"),
    "snr": Column("Largest peak signal-to-noise ratio per voxel", ucd="stat.snr;stat.max", heading="S/N"),
    "p_value": Column("Least probability of such a statistic without a line", "", "stat.probability", "p‑value"),
    "p_identification": Column(
        "Least probability that an unlisted line falls as near, after those met in all cubes",
        "",
        "stat.probability",
        "p of another line",
    ),
    "separation_arcsec": Column(
        "Least distance from the centre of a cube with detections",
        "arcsec",
        "pos.angDistance",
        "From centre (arcsec)",
    ),
    "obs_ids": Column("Observations with detections", ucd="meta.id;obs"),
    "shares_light_with": Column("Other objects in these, farther from the emission", ucd="meta.id.assoc"),
}

FAILURES = {
    "obs_id": Column("Observation", ucd="meta.id;obs", heading="Observation"),
    "status": Column("What became of it", ucd="meta.code.status", heading="Outcome"),
    "counts_as_failed": Column("Whether it should have worked", ucd="meta.code"),
    "reason": Column("Why there is no answer", ucd="meta.note", heading="Reason"),
    "uri": Column("Where the cube is", ucd="meta.ref.uri", heading="Cube"),
    "attempt": Column("How often it was tried", ucd="meta.number", heading="Attempts"),
}

UNIDENTIFIED = {
    "obs_id": Column("Observation", ucd="meta.id;obs", heading="Observation"),
    "wavelength_um": Column("Wavelength of its peak, in vacuum, as observed", "um", "em.wl", "Wavelength (µm)"),
    "kind": Column("Whether it is extended, compact or undecided", ucd="meta.code.class", heading="Kind"),
    "statistic": Column(
        "Significance in standard deviations, negative in absorption", ucd="stat.snr", heading="Significance (σ)"
    ),
}

# Columns of an outcome that the report shows for each detection.
DETECTIONS = {
    "statistic": Column("The detector's figure of merit", heading="statistic"),
    "p_value": Column("Probability of such a statistic without a line", heading="p‑value"),
    "p_extent": Column(
        "Probability that a point, or light that follows the continuum, looks so", heading="p of no extent"
    ),
    "p_identification": Column(
        "Probability that an unlisted line falls as near, after those met in this cube", heading="p of another line"
    ),
    "snr": Column("Peak signal-to-noise ratio per voxel, over the noise of empty sky", heading="S/N"),
    "local_snr": Column("The same, over the noise of the spaxel of the peak", heading="local S/N"),
    "velocity_kms": Column("Doppler shift from rest", "km/s", heading="velocity", error="velocity_error_kms"),
    "velocity_calibration_kms": Column(
        "Uncertainty of the instrument's wavelengths", "km/s", heading="calibration within"
    ),
    "width_kms": Column("Full width at half maximum", "km/s", heading="FWHM"),
    "flux": Column("Line flux inside the mask", "W m⁻²", heading="flux", error="flux_error"),
    "area_px": Column("Spaxels with emission", "spaxels", heading="area"),
    "area_arcsec2": Column("Size of the emission", "arcsec²", heading="size"),
    "position_angle_deg": Column("Position angle, east of north", "deg", heading="position angle"),
    "elongation": Column("Major over minor axis", heading="elongation"),
    "compact_share": Column("Share of the light in an unresolved core", heading="core", error="compact_share_error"),
    "offset_arcsec": Column("Distance of the peak from the continuum's", "arcsec", heading="offset"),
}


def shown_failures(failures: pd.DataFrame) -> pd.DataFrame:
    """Return a table of failures whose addresses hold no token."""
    return failures.assign(uri=[shown(str(uri)) for uri in failures["uri"]])
