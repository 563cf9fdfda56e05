"""The simulated archive that both ways search: tables of any size, and cubes of which a few stand for many."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from feii_dask.cubes.lines import NOTEBOOK_LINES
from feii_dask.model import Line, MatchedCube
from feii_dask.simulate.jets import Jet
from feii_dask.simulate.s3d import pipeline_s_region, write_cube
from feii_dask.simulate.scene import make_cube

__all__ = ["FULL", "QUICK", "Cubes", "Sizes", "isotropic", "make_cubes", "make_observations", "make_ysos"]


@dataclass(frozen=True)
class Sizes:
    """How much of everything there is, and on how much of it the notebook's way is measured."""

    repeats: int
    ysos: int
    footprints: int
    footprints_in_part: int
    million: int
    products: int
    products_in_part: int
    cubes: int
    cubes_in_part: int
    tasks: int
    table_rows: int
    threads: tuple[int, ...]
    shape: tuple[int, int] = (45, 45)


FULL = Sizes(
    repeats=3,
    ysos=70_000,
    footprints=25_000,
    footprints_in_part=400,
    million=1_000_000,
    products=5_000,
    products_in_part=300,
    cubes=400,
    cubes_in_part=48,
    tasks=10_000,
    table_rows=58_000,
    threads=(1, 2, 4, 8, 16),
)
QUICK = Sizes(
    repeats=1,
    ysos=70_000,
    footprints=25_000,
    footprints_in_part=100,
    million=100_000,
    products=1_000,
    products_in_part=100,
    cubes=80,
    cubes_in_part=16,
    tasks=1_000,
    table_rows=6_000,
    threads=(4, 8),
)

# Bands of the archive's cubes, with the lines of the notebook that they hold; cubes of channel 1A are 1050 × 45 × 45.
BANDS = {"ch1-short": (5.340,), "ch3-long": (17.936,), "ch4-long": (24.519, 25.988)}
STRENGTHS = (0.0, 6.0, 30.0)  # peak S/N of the jets; 0 is none
STAR, PEDESTAL = 6.0, 3.0  # embedded stars: what the notebook's threshold can see beside
BAND_NM = {"ch1-short": (4900.0, 5740.0), "ch3-long": (15410.0, 17980.0), "ch4-long": (24400.0, 28702.0)}


def isotropic(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return ``(count, 2)`` positions, ra and dec in deg, uniform on the sphere."""
    return np.column_stack([rng.uniform(0, 360, count), np.degrees(np.arcsin(rng.uniform(-1, 1, count)))])


def make_ysos(count: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return young stars: most of them in a few dozen clouds a degree or two wide, the others anywhere."""
    clouds = isotropic(40, rng)
    crowded = int(0.8 * count)
    places = np.concatenate([clouds[rng.integers(40, size=crowded)], isotropic(count - crowded, rng)])
    places[:crowded] += rng.normal(0, 0.7, (crowded, 2))
    places[:, 1] = np.clip(places[:, 1], -89.9, 89.9)
    names = [f"SIM {number:06d}" for number in range(count)]
    return pd.DataFrame(
        {"main_id": names, "ra": places[:, 0] % 360, "dec": places[:, 1], "otype": "Y*O", "rvz_radvel": np.nan}
    )


def make_observations(count: int, matched: int, ysos: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return an observation table; so many of its footprints are centred on young stars, each in all bands."""
    centres = isotropic(count, rng)
    visits = rng.permutation(-(-count // len(BANDS)))
    rows = (len(BANDS) * visits[:, None] + np.arange(len(BANDS))).ravel()
    rows = rows[rows < count][:matched]
    centres[rows] = ysos[["ra", "dec"]].to_numpy()[rng.permutation(len(ysos))[rows // len(BANDS)]]
    band = np.array(list(BANDS))[np.arange(count) % len(BANDS)]
    names = [f"jw{1000 + n // 900:05d}-o{n % 900 + 100:03d}_t001_miri_{b}" for n, b in enumerate(band)]
    return pd.DataFrame(
        {
            "obs_id": names,
            "obsid": [str(90_000_000 + number) for number in range(count)],
            "instrument_name": "MIRI/IFU",
            "filters": np.char.upper(band),
            "target_name": "SIM",
            "proposal_id": [name[3:7] for name in names],
            "s_ra": centres[:, 0],
            "s_dec": centres[:, 1],
            "s_region": [pipeline_s_region((ra, dec), (45, 45), 0.13) for ra, dec in centres],
            "em_min": [BAND_NM[b][0] for b in band],
            "em_max": [BAND_NM[b][1] for b in band],
            "dataURL": [f"mast:JWST/product/{name}_s3d.fits" for name in names],
        }
    )


@dataclass(frozen=True)
class Cubes:
    """The files of some observations.

    Attributes
    ----------
    directory : Path
        Holds a file for each ``dataURL``; only a few of them differ.
    matched : tuple of MatchedCube
        What is to be scanned, under its address in the bucket.
    size : float
        Bytes of a file, on the average.
    """

    directory: Path
    matched: tuple[MatchedCube, ...]
    size: float


def make_cubes(observations: pd.DataFrame, directory: Path, shape: tuple[int, int] = (45, 45)) -> Cubes:
    """Write the cubes of a table: in each band one for each strength, and links to it under all other names."""
    directory.mkdir(parents=True, exist_ok=True)
    matched, sizes = [], []
    for number, row in enumerate(observations.to_dict("records")):
        band, strength = row["filters"].lower(), STRENGTHS[number // len(BANDS) % len(STRENGTHS)]
        model = directory / f"{band}_{strength:g}.fits"
        if not model.exists():
            jets = tuple(Jet(line=line, snr=strength) for line in lines_of(band) if strength)
            seed = round(strength) + len(band)
            write_cube(model, make_cube(band=band, shape=shape, star=STAR, pedestal=PEDESTAL, jets=jets, seed=seed))
        link = directory / row["dataURL"].rpartition("/")[2]
        link.unlink(missing_ok=True)
        os.link(model, link)
        address = f"s3://stpubdata/jwst/public/{link.name}"
        low_um, high_um = row["em_min"] / 1e3, row["em_max"] / 1e3
        matched.append(MatchedCube(obs_id=row["obs_id"], uri=address, em_min_um=low_um, em_max_um=high_um))
        sizes.append(model.stat().st_size)
    return Cubes(directory, tuple(matched), float(np.mean(sizes)))


def lines_of(band: str) -> tuple[Line, ...]:
    """Return the notebook's lines in a band."""
    return tuple(line for line in NOTEBOOK_LINES if round(line.wavelength_um, 3) in BANDS[band])
