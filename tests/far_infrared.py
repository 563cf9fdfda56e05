"""A small far-infrared sky as IRSA would serve it, and the truth about it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from astropy.io import fits

from feii_dask.cubes.lines import find_lines
from feii_dask.simulate.fifi import make_fifi_cube, write_fifi_cube

__all__ = ["BRIGHT", "write_irsa_sky"]

LINES = find_lines("O I 63.184", "C II 157.741")
BRIGHT = ("Ser 1", "Ser 2", "Ser 3")  # of six protostars, those with lines
URL = "https://irsa.ipac.caltech.edu/data/{facility}/{name}"


def write_irsa_sky(directory: Path, facility: str = "SOFIA", extension: str = "FLUX") -> Path:
    """Write two cubes of each of six protostars, one of them empty, and IRSA's table with two rows that are no use."""
    (directory / "cubes").mkdir(parents=True)
    names = [f"Ser {number}" for number in range(1, 7)]
    ysos = pd.DataFrame({"main_id": names, "ra": [277.5 + 0.1 * n for n in range(6)], "dec": 1.2, "otype": "Y*O"})
    ysos.assign(rvz_radvel=8.0).to_parquet(directory / "ysos.parquet")
    rows = []
    for number, star in ysos.iterrows():
        for line in LINES:
            cube = make_fifi_cube(
                line,
                snr=20.0 if star["main_id"] in BRIGHT else 0.0,
                velocity_kms=30.0,
                center_deg=(star["ra"], star["dec"]),
                seed=1000 * number + round(line.wavelength_um),
            )
            if number == 5:
                cube.flux[:] = float("nan")
            name = f"F0{number}_{line.species.replace(' ', '')}.fits"
            write_fifi_cube(directory / "cubes" / name, cube)
            with fits.open(directory / "cubes" / name, mode="update") as hdus:
                hdus["FLUX"].name = extension
            rows.append(
                {
                    "obs_id": name.removesuffix(".fits"),
                    "instrument_name": "FIFI-LS",
                    "s_ra": star["ra"],
                    "s_dec": star["dec"],
                    "s_region": cube.footprint,
                    "em_min": cube.wavelength_um[0] * 1e-6,
                    "em_max": cube.wavelength_um[-1] * 1e-6,
                    "access_url": URL.format(facility=facility, name=name),
                    "access_format": "cube/fits",
                    "dataproduct_type": "cube",
                    "calib_level": 3,
                    "facility_name": facility,
                    "cloud_access": "",
                }
            )
    table = pd.DataFrame(rows)
    useless = [table.head(1).assign(obs_id="no outline", s_region=""), table.head(1).assign(dataproduct_type="image")]
    pd.concat([table, *useless], ignore_index=True).to_parquet(directory / "irsa.parquet")
    return directory
