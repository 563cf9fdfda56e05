"""The columns of the exported tables and the report: units, UCDs, descriptions and headings.

UCDs are words of the IVOA's Unified Content Descriptors 1+; a column without one has no fitting word there.
"""

from __future__ import annotations

import pandas as pd

from feii_dask.addresses import shown
from feii_dask.ranking.found_lines import DETECTION_COLUMNS
from feii_dask.store.stored_columns import FLUX, OUTCOMES, Column

__all__ = [
    "CANDIDATES",
    "DETECTIONS",
    "FAILURES",
    "LIMITS",
    "MEASUREMENTS",
    "SUMMARY",
    "UNIDENTIFIED",
    "shown_failures",
]


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
MEASUREMENTS = {name: column for name, column in OUTCOMES.items() if column.heading}

DETECTIONS = {
    name: CANDIDATES.get(name, Column("")) for name in ("main_id", "yso_index", "ra", "dec", "grade", "q_value")
} | {name: OUTCOMES[name] for name in DETECTION_COLUMNS if name in OUTCOMES}
DETECTIONS |= {
    "line": Column("Line, by vacuum rest wavelength in um, or unidentified", ucd="meta.id;spect.line"),
    "observed_um": Column("Vacuum wavelength at which it was found", "um", "em.wl"),
    "velocity_frame": Column("Rest frame of the velocity, as the cube's SPECSYS says", ucd="pos.frame"),
    "velocity_barycentric_kms": Column("The velocity, barycentric", "km/s", "spect.dopplerVeloc"),
    "velocity_lsr_kms": Column("The velocity, relative to the kinematic LSR", "km/s", "spect.dopplerVeloc"),
    "velocity_relative_kms": Column("The velocity, relative to the object's", "km/s", "spect.dopplerVeloc"),
    "object_velocity_kms": Column("The object's own velocity, barycentric", "km/s", "spect.dopplerVeloc.opt"),
    "object_velocity_source": Column("Where the object's own velocity is from", ucd="meta.bib"),
    "n_lobes": Column("Parts of a jet that differ in velocity, where there are several", ucd="meta.number"),
    "separation_arcsec": Column("Distance of the object from the cube's centre", "arcsec", "pos.angDistance"),
    "on_data": Column("Whether the object itself is on spaxels with data", ucd="meta.code"),
    "shares_light_with": Column("Other objects in the cube", ucd="meta.id.assoc"),
    "uri": Column("Where the cube is", ucd="meta.ref.uri"),
    "cutout": Column("File of maps and spectra, in the run directory", ucd="meta.ref"),
}
DETECTIONS = {name: DETECTIONS[name] for name in DETECTION_COLUMNS}


LIMITS = {
    name: DETECTIONS[name] for name in ("main_id", "yso_index", "ra", "dec", "obs_id", "line", "wavelength_um")
} | {
    "extent": Column("Aperture: one beam, or 3 x 1 beams, in FWHM of the point-spread function", ucd="phys.angSize"),
    "flux_sigma": Column(
        "1-sigma error of a line's flux in that aperture at the object (FWHM 100 km/s)", FLUX, "stat.error;phot.flux"
    ),
    "flux_limit_3sigma": Column("Three times that: a limit at the object's place", FLUX, "phot.flux;stat.max"),
    "flux_sensitivity_95": Column(
        "Flux at which 95 % of lines are found anywhere in the field, at any velocity searched (FWHM 100 km/s)",
        FLUX,
        "phot.flux;stat.max",
    ),
}

SUMMARY = {name: DETECTIONS[name] for name in ("main_id", "yso_index", "ra", "dec", "grade")} | {
    "n_cubes": Column("Cubes whose footprint holds the object", ucd="meta.number;obs", heading="Cubes"),
    "n_cubes_scanned": Column("Those that were measured", ucd="meta.number;obs", heading="Measured"),
    "n_lines_covered": Column("Lines that were measured in them", ucd="meta.number;spect.line", heading="Lines"),
    "lines_covered": Column("Their names, by vacuum rest wavelength in um", ucd="meta.id;spect.line"),
    "n_lines_found": Column("Lines found and credited to it", ucd="meta.number;spect.line", heading="Found"),
    "lines_found": Column("Their names and kinds", ucd="meta.id;spect.line", heading="Lines found"),
    "best_limit_beam": Column(
        "Lowest 3-sigma limit of its lines, one beam", FLUX, "phot.flux;stat.min", "Limit, one beam (W\u00a0m⁻²)"
    ),
    "best_limit_beam_line": Column("Line of that limit", ucd="meta.id;spect.line"),
    "best_limit_jet": Column(
        "Lowest 3-sigma limit of its lines, 3 x 1 beams",
        FLUX,
        "phot.flux;stat.min",
        "Limit, 3\u00a0×\u00a01 beams (W\u00a0m⁻²)",
    ),
    "best_limit_jet_line": Column("Line of that limit", ucd="meta.id;spect.line"),
    "best_sensitivity_beam": Column(
        "Lowest flux at which 95 % are found, one beam", FLUX, "phot.flux;stat.min", "95 % found, one beam (W m⁻²)"
    ),
    "best_sensitivity_beam_line": Column("Line of that flux", ucd="meta.id;spect.line"),
    "best_sensitivity_jet": Column(
        "Lowest flux at which 95 % are found, 3 x 1 beams",
        FLUX,
        "phot.flux;stat.min",
        "95 % found, 3 × 1 beams (W m⁻²)",
    ),
    "best_sensitivity_jet_line": Column("Line of that flux", ucd="meta.id;spect.line"),
    "reason": Column("Why nothing is known of it", ucd="meta.note", heading="Why nothing is known"),
}


def shown_failures(failures: pd.DataFrame) -> pd.DataFrame:
    """Return a table of failures whose addresses hold no token."""
    return failures.assign(uri=[shown(str(uri)) for uri in failures["uri"]])
