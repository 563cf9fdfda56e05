"""A small sky with everything in it that an archive's table can surprise with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from astropy.io import fits

__all__ = ["many_observations", "write_sky"]

COLUMNS = ("obs_id", "instrument_name", "filters", "proposal_id", "s_ra", "s_dec", "s_region", "em_min", "em_max")
SQUARE = "POLYGON 83.1 -5.3 83.1 -5.2 83.2 -5.2 83.2 -5.3"


def write_sky(directory: Path) -> Path:
    """Write the tables of SIMBAD, MAST and IRSA, and the cubes that the cloud has."""
    directory.mkdir(parents=True, exist_ok=True)
    ysos().to_parquet(directory / "ysos.parquet")
    table = observations()
    table.to_parquet(directory / "observations.parquet")
    sofia().to_parquet(directory / "irsa.parquet")
    for place in table["dataURL"].dropna()[:6]:
        write_cube(directory / "cubes" / place.rpartition("/")[2])
    write_cube(directory / "cubes" / "F0100_FI_IFS_0.fits")
    return directory


def write_cube(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cube = np.arange(10 * 16 * 16, dtype=np.float32).reshape(10, 16, 16)
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(cube, name="SCI")]).writeto(path, overwrite=True)


def ysos() -> pd.DataFrame:
    """Return SIMBAD's ``basic``: two objects without coordinates, two within an arcsecond, one of another type."""
    rows = [
        ("NAME TMC1A", 69.8966, 25.6956, "Y*O", 6.4),
        ("V* DG Tau", 66.7696, 26.1045, "TT*", 15.9),
        ("V* V1118 Ori", 83.6863, -5.5628, "Or*", None),
        ("[SHB2005] 1", 83.15, -5.25, "Y*O", None),
        ("[SHB2005] 2", 83.15, -5.2501, "Y*O", None),
        ("NAME Barnard's Object", 52.0, 31.0, "Y*O", -3.0),
        ("2MASS nowhere", None, None, "Y*O", None),
        ("IRAS nowhere", None, None, "TT*", None),
        ("V* RR Lyr", 291.366, 42.784, "V*", -72.4),
    ]
    return pd.DataFrame(rows, columns=["main_id", "ra", "dec", "otype", "rvz_radvel"])


def observations() -> pd.DataFrame:
    """Return MAST's table: 27 public cubes of two instruments, and five rows that a search must not get."""
    rows = []
    for number in range(27):
        miri = number % 3 > 0
        rows.append(
            {
                "obs_id": f"jw0{1290 + number % 2}-o{number:03d}_t001_{'miri_ch1-short' if miri else 'nirspec_g235h'}",
                "instrument_name": "MIRI/IFU" if miri else "NIRSPEC/IFU",
                "filters": "CH1-SHORT" if miri else "F170LP;G235H",
                "proposal_id": str(1290 + number % 2),
                "s_ra": 83.15 + number / 10,
                "s_dec": -5.25 + number / 10,
                "s_region": SQUARE,
                "em_min": 4900.0 if miri else 1660.0,
                "em_max": 5740.0 if miri else 3170.0,
                "obsid": str(91_000_000 - number),
            }
        )
    table = pd.DataFrame(rows)
    table["dataURL"] = "mast:JWST/product/" + table["obs_id"] + "_s3d.fits"
    table.loc[7, ["em_min", "em_max", "filters"]] = None
    table.loc[8, "dataURL"] = None
    table.loc[9, "s_region"] = None
    table.loc[10, "s_ra"] = -89.97
    hidden = table.head(5).assign(
        obsid=["1", "2", "3", "4", "5"], dataRights="PUBLIC", dataproduct_type="cube", calib_level=3
    )
    hidden["obs_collection"] = ["JWST", "JWST", "JWST", "HST", "JWST"]
    hidden["mtFlag"] = [False, False, False, False, True]
    hidden.loc[0, "dataRights"] = "EXCLUSIVE_ACCESS"
    hidden.loc[1, "dataproduct_type"] = "image"
    hidden.loc[2, "calib_level"] = -1
    public = table.assign(obs_collection="JWST", dataRights="PUBLIC", dataproduct_type="cube", calib_level=3)
    public["mtFlag"] = False
    return pd.concat([public, hidden], ignore_index=True)


def many_observations(count: int, region_length: int = len(SQUARE)) -> pd.DataFrame:
    """Return a table of any size, spread over the sky as observations are: in clusters."""
    rng = np.random.default_rng(2)
    centres = rng.uniform(-80, 80, 20)
    names = [f"jw01290-o{number:06d}_t001_miri_ch1-short" for number in range(count)]
    vertex = " 83.123456789 -5.123456789"
    region = "POLYGON" + vertex * max(4, region_length // len(vertex))
    return pd.DataFrame(
        {
            "obs_id": names,
            "obsid": [str(10_000_000 + number) for number in rng.permutation(count)],
            "s_ra": rng.uniform(0, 360, count),
            "s_dec": rng.choice(centres, count) + rng.normal(0, 1, count),
            "s_region": [f"{region} {number}.0 0.0" for number in range(count)],
            "em_min": 4900.0,
            "em_max": 5740.0,
            "instrument_name": "MIRI/IFU",
            "filters": "CH1-SHORT",
            "proposal_id": "1290",
            "dataURL": [f"mast:JWST/product/{name}_s3d.fits" for name in names],
        }
    )


def sofia() -> pd.DataFrame:
    """Return IRSA's table: four cubes of SOFIA, one without an outline, one with a copy in the cloud; and an image."""
    rows = [
        {
            "obs_id": f"P_2018-10-{number:02d}_FI_F515",
            "instrument_name": "FIFI-LS",
            "energy_bandpassname": "FIF_BLUE" if number % 2 else "FIF_RED",
            "target_name": "Orion KL",
            "proposal_id": "06_0004",
            "s_ra": 83.81,
            "s_dec": -5.37,
            "s_region": "POLYGON ICRS 83.80 -5.38 83.82 -5.38 83.82 -5.36 83.80 -5.36",
            "em_min": 6.2e-05,
            "em_max": 6.4e-05,
            "access_url": f"https://irsa.ipac.caltech.edu/data/SOFIA/FIFI-LS/F0100_FI_IFS_{number}.fits",
            "access_format": "cube/fits",
            "dataproduct_type": "cube",
            "calib_level": 3,
            "facility_name": "SOFIA",
            "cloud_access": "",
        }
        for number in range(5)
    ]
    rows[1]["s_region"] = ""
    rows[2]["cloud_access"] = (
        '{"aws": {"bucket_name": "irsa-sofia", "key": "fifi/F0100_FI_IFS_2.fits", "region": "us-west-2"}}'
    )
    rows[4]["dataproduct_type"] = "image"
    return pd.DataFrame(rows)
