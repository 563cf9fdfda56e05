"""The observation table, as MAST's ``Mast.Caom.Filtered`` gives it to astroquery."""

from __future__ import annotations

import re

import numpy as np
from astropy.table import MaskedColumn, Table

from feii_dask.simulate.s3d import footprint
from feii_dask.simulate.survey import Planned

__all__ = ["observation_table"]

BAD_REGION = "POLYGON ICRS  68.0001 26.0001 68.0009"  # an odd number of coordinates, and too few


def observation_table(planned: list[Planned], shape: tuple[int, int]) -> Table:
    """Return the 33 columns of MAST, one row for each observation; text that MAST leaves empty is masked."""
    rows = [observation_row(one, shape) for one in planned]
    table = Table(rows=rows, names=list(rows[0]))
    table["sequence_number"] = MaskedColumn(np.full(len(rows), -999), mask=True)
    table["filters"] = MaskedColumn(table["filters"], mask=[not text for text in table["filters"]])
    return table


def observation_row(planned: Planned, shape: tuple[int, int]) -> dict[str, object]:
    """Return one row under MAST's own names and units; every sixth states no band, as some of MAST's do."""
    ra, dec = planned.center_deg
    wavelength_nm = 1e3 * planned.band.wavelength_um
    em_min, em_max = (np.nan, np.nan) if planned.number % 6 == 0 else (wavelength_nm[0], wavelength_nm[-1])
    start_mjd = 61041.0 + planned.number
    return {
        "intentType": "science",
        "obs_collection": "JWST",
        "provenance_name": "CALJWST",
        "instrument_name": f"{planned.band.instrument}/IFU",
        "project": "JWST",
        "filters": planned.band.filters,
        "wavelength_region": "INFRARED",
        "target_name": planned.main_id.upper().replace(" ", "-") or "BLANK",
        "target_classification": "Star; Protostars",
        "obs_id": planned.obs_id,
        "s_ra": ra,
        "s_dec": dec,
        "dataproduct_type": "cube",
        "proposal_pi": "Simulator, A.",
        "calib_level": 2 if planned.band.tabulated else 3,
        "t_min": start_mjd,
        "t_max": start_mjd + 0.1,
        "t_exptime": 555.008,
        "em_min": em_min,
        "em_max": em_max,
        "obs_title": "A simulated survey of jets",
        "t_obs_release": start_mjd + 365.0,
        "proposal_id": str(planned.program),
        "proposal_type": "GO",
        "sequence_number": -999,
        "s_region": region(planned, shape),
        "jpegURL": f"mast:JWST/product/{planned.obs_id}_s3d.jpg",
        "dataURL": f"mast:JWST/product/{planned.filename}",
        "dataRights": "PUBLIC",
        "mtFlag": False,
        "srcDen": np.nan,
        "obsid": str(900000000 + planned.number),
        "objID": str(990000000 + planned.number),
    }


def region(planned: Planned, shape: tuple[int, int]) -> str:
    """Return ``s_region`` in one of the ways that MAST words it: with the frame, without, with negative longitudes."""
    if planned.fault == "bad_region":
        return BAD_REGION
    worded = footprint(planned.center_deg, shape, planned.band.pixel_arcsec)
    if planned.number % 3 == 0:
        return worded
    numbers = re.findall(r"[-\d.]+", worded)
    if planned.number % 3 == 1:
        numbers[::2] = [f"{float(ra) - 360:.9f}" for ra in numbers[::2]]
    return f"POLYGON {' '.join(numbers)}"
