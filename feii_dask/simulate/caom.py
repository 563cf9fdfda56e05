"""Observation tables of simulated archives, with the columns of MAST's ``Mast.Caom.Filtered`` in astroquery."""

from __future__ import annotations

import re

import numpy as np
from astropy.table import MaskedColumn, Table

from feii_dask.simulate.s3d import pipeline_s_region
from feii_dask.simulate.survey import PlannedObservation

__all__ = ["observation_table"]

BAD_REGION = "POLYGON ICRS  68.0001 26.0001 68.0009"  # an odd number of coordinates, and too few


def observation_table(planned: list[PlannedObservation], shape: tuple[int, int]) -> Table:
    """Return a table of MAST's 33 columns, one row for each observation; text that MAST leaves empty is masked."""
    rows = [observation_row(observation, shape) for observation in planned]
    table = Table(rows=rows, names=list(rows[0]))
    table["sequence_number"] = MaskedColumn(np.full(len(rows), -999), mask=True)
    table["filters"] = MaskedColumn(table["filters"], mask=[not text for text in table["filters"]])
    return table


def observation_row(observation: PlannedObservation, shape: tuple[int, int]) -> dict[str, object]:
    """Return one row under MAST's own names and units; every sixth has no wavelength range, as some of MAST's."""
    ra, dec = observation.center_deg
    wavelength_nm = 1e3 * observation.band.wavelength_um
    em_min, em_max = (np.nan, np.nan) if observation.number % 6 == 0 else (wavelength_nm[0], wavelength_nm[-1])
    start_mjd = 61041.0 + observation.number
    return {
        "intentType": "science",
        "obs_collection": "JWST",
        "provenance_name": "CALJWST",
        "instrument_name": f"{observation.band.instrument}/IFU",
        "project": "JWST",
        "filters": observation.band.filters,
        "wavelength_region": "INFRARED",
        "target_name": observation.main_id.upper().replace(" ", "-") or "BLANK",
        "target_classification": "Star; Protostars",
        "obs_id": observation.obs_id,
        "s_ra": ra,
        "s_dec": dec,
        "dataproduct_type": "cube",
        "proposal_pi": "Simulator, A.",
        "calib_level": 2 if observation.band.tabulated else 3,
        "t_min": start_mjd,
        "t_max": start_mjd + 0.1,
        "t_exptime": 555.008,
        "em_min": em_min,
        "em_max": em_max,
        "obs_title": "A simulated survey of jets",
        "t_obs_release": start_mjd + 365.0,
        "proposal_id": str(observation.program),
        "proposal_type": "GO",
        "sequence_number": -999,
        "s_region": mast_s_region(observation, shape),
        "jpegURL": f"mast:JWST/product/{observation.obs_id}_s3d.jpg",
        "dataURL": f"mast:JWST/product/{observation.filename}",
        "dataRights": "PUBLIC",
        "mtFlag": False,
        "srcDen": np.nan,
        "obsid": str(900000000 + observation.number),
        "objID": str(990000000 + observation.number),
    }


def mast_s_region(observation: PlannedObservation, shape: tuple[int, int]) -> str:
    """Return ``s_region`` in one of MAST's formats: with the frame, without, with negative longitudes."""
    if observation.fault == "bad_region":
        return BAD_REGION
    s_region = pipeline_s_region(observation.center_deg, shape, observation.band.pixel_arcsec)
    if observation.number % 3 == 0:
        return s_region
    numbers = re.findall(r"[-\d.]+", s_region)
    if observation.number % 3 == 1:
        numbers[::2] = [f"{float(ra) - 360:.9f}" for ra in numbers[::2]]
    return f"POLYGON {' '.join(numbers)}"
