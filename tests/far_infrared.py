"""A small far-infrared sky as IRSA would serve it, and the truth about it."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from feii_dask.cubes.lines import find_lines
from feii_dask.model import Line
from feii_dask.simulate.fifi import make_fifi_cube, write_fifi_cube
from feii_dask.simulate.pacs import make_pacs_cube, write_pacs_cube

__all__ = ["BRIGHT", "write_irsa_sky"]

LINES = find_lines("O I 63.184", "C II 157.741")
BRIGHT = ("Ser 1", "Ser 2", "Ser 3")  # of six protostars, those with lines
Written: TypeAlias = tuple[str, NDArray[np.float64]]
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
            suffix = ".fits.gz" if facility == "Herschel" else ".fits"
            name = f"F0{number}_{line.species.replace(' ', '')}{suffix}"
            path, snr = directory / "cubes" / name, 20.0 if star["main_id"] in BRIGHT else 0.0
            write = write_pacs if facility == "Herschel" else write_fifi
            s_region, wavelength_um = write(
                path, line, snr, (star["ra"], star["dec"]), 1000 * number + round(line.wavelength_um)
            )
            with fits.open(path) as hdus:
                spoil = hdus["FLUX" if "FLUX" in hdus else "image"]
                if number == 5:
                    spoil.data[:] = float("nan")
                if "FLUX" in hdus:
                    spoil.name = extension
                hdus.writeto(path.with_name("new_" + name))
            path.with_name("new_" + name).rename(path)
            rows.append(
                {
                    "obs_id": name.partition(".")[0],
                    "instrument_name": "PACS" if facility == "Herschel" else "FIFI-LS",
                    "s_ra": star["ra"],
                    "s_dec": star["dec"],
                    "s_region": s_region,
                    "em_min": wavelength_um[0] * 1e-6,
                    "em_max": wavelength_um[-1] * 1e-6,
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


def write_fifi(path: Path, line: Line, snr: float, center_deg: tuple[float, float], seed: int) -> Written:
    """Write a cube of FIFI-LS, and return its outline and wavelengths."""
    cube = make_fifi_cube(line, snr=snr, velocity_kms=30.0, center_deg=center_deg, seed=seed)
    write_fifi_cube(path, cube)
    return cube.footprint, cube.wavelength_um


def write_pacs(path: Path, line: Line, snr: float, center_deg: tuple[float, float], seed: int) -> Written:
    """Write a cube of PACS, and return its outline and wavelengths."""
    cube = make_pacs_cube(line, snr=snr, velocity_kms=30.0, center_deg=center_deg, planes=40, seed=seed)
    write_pacs_cube(path, cube)
    return outline(cube.wcs, cube.flux.shape), cube.wavelength_um


def outline(wcs: WCS, shape: tuple[int, ...]) -> str:
    """Return the corners of an image in IRSA's format."""
    corners = wcs.calc_footprint(axes=shape[:0:-1], center=False)
    return "POLYGON ICRS " + " ".join(f"{ra:.6f} {dec:.6f}" for ra, dec in corners)
