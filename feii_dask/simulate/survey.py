"""Plan of a simulated survey: young stars, the observations of each, and planted faults."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import Any

import numpy as np
from astropy.table import MaskedColumn, Table
from numpy.random import Generator

from feii_dask.cubes.lines import FE_II_LINES, H2_LINES, NOTEBOOK_LINES
from feii_dask.model import SPEED_OF_LIGHT_KMS, Line, Status
from feii_dask.simulate.bands import Band, find_band
from feii_dask.simulate.jets import Jet
from feii_dask.simulate.noise import log_uniform

__all__ = ["FAULTS", "PlannedObservation", "plan_observations", "young_stars"]

# Clusters of stars, (name, right ascension, declination); around the last one right ascension passes through zero.
CLUSTERS = (("Tau", 68.0, 26.0), ("Oph", 246.8, -24.5), ("Per", 52.3, 31.3), ("Cep", 0.0, 67.2))
SPACING_DEG = 0.05  # between stars of a cluster: more than any field of view
OBJECT_TYPES = ("Y*O", "TT*", "Y*?", "Or*")

# Each set holds at least three of the notebook's lines, in two or more cubes.
JET_BANDS = (
    ("ch1-short", "ch3-long", "ch4-long"),
    ("g140h-f100lp", "ch4-long"),
    ("g140h-f100lp", "ch1-short"),
    ("mirifushort", "ch3-long", "ch4-long"),
    ("g140h-f100lp", "ch3-long", "ch4-long"),
)
OTHER_BANDS = (
    ("ch1-short", "ch4-long"),
    ("ch3-long", "ch4-long"),
    ("ch1-short", "ch3-long", "ch4-long"),
    ("g140h-f100lp", "ch3-long"),
)
OTHER_SCENES = ({"star": 300.0, "pedestal": 3.0}, {"star": 10.0, "pedestal": 2.5}, {"star": 50.0, "pedestal": 0.0})

# The notebook's seven lines, at their laboratory wavelengths.
JET_LINES = tuple(min(FE_II_LINES, key=lambda line: abs(line.wavelength_um - n.wavelength_um)) for n in NOTEBOOK_LINES)

STRENGTH_SPREAD = 1.25  # S/N of a line over that of its jet, up or down

# Faults, one cube each: the cube's band, and the status that a search should give it.
FAULTS = {
    "truncated": ("ch1-short", Status.UNREADABLE),
    "missing": ("ch3-long", Status.UNREADABLE),
    "all_nan": ("ch3-long", Status.NO_DATA),
    "bad_region": ("ch1-short", Status.BAD_REGION),
    "stale": ("ch1-short", Status.STALE_PRODUCT),
    "out_of_band": ("ch2-long", Status.NO_LINE_IN_BAND),
}

Request = tuple[int, str, str, dict[str, Any]]  # star, band, fault, scene
BLANK_FIELD = -1  # in place of a star


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedObservation:
    """One observation to be simulated.

    Attributes
    ----------
    main_id : str
        The observed star; empty for a blank field.
    program, number : int
        Programme, and number of the observation in the archive.
    band : Band
        Spectral setting.
    center_deg : tuple of float
        Right ascension and declination of the pointing.
    scene : dict
        Further arguments of `feii_dask.simulate.make_cube`.
    fault : str
        A key of `FAULTS`, or empty.
    """

    main_id: str
    program: int
    number: int
    band: Band
    center_deg: tuple[float, float]
    scene: dict[str, Any] = field(default_factory=dict)
    fault: str = ""

    @property
    def obs_id(self) -> str:
        """MAST's identifier, and the stem of the file's name."""
        if self.band.tabulated:  # a single exposure
            return f"jw{self.program}{self.number:03d}001_02101_00001_{self.band.name}"
        setting = "ch1-shortmediumlong" if self.fault == "stale" else self.band.name
        return f"jw{self.program}-o{self.number:03d}_t{self.number:03d}_{self.band.instrument.lower()}_{setting}"

    @property
    def filename(self) -> str:
        """Name of the cube's file."""
        return f"{self.obs_id}_s3d.fits"


def young_stars(count: int, rng: Generator) -> Table:
    """Return a table of stars in SIMBAD's columns: one in sixteen without coordinates, half without velocity.

    The stars with coordinates come first; the last of them is a companion of the second star, 1.5″ north of it.
    """
    number = np.arange(count)
    cluster, member = number % len(CLUSTERS), number // len(CLUSTERS)
    names, ra, dec = (np.array(column)[cluster] for column in zip(*CLUSTERS, strict=True))
    side = int(np.ceil(np.sqrt(count / len(CLUSTERS))))
    east, north = member % side - side / 2, member // side - side / 2
    scatter = rng.uniform(-0.3, 0.3, (2, count))
    dec = dec + SPACING_DEG * (north + scatter[0])
    ra = (ra + SPACING_DEG * (east + scatter[1]) / np.cos(np.deg2rad(dec))) % 360
    unknown = number >= count - count // 16
    companion = count - count // 16 - 1
    ra[companion], dec[companion] = ra[1], dec[1] + 1.5 / 3600
    return Table(
        {
            "main_id": [f"SIM {name} {index + 1:03d}" for name, index in zip(names, member, strict=True)],
            "ra": MaskedColumn(np.round(ra, 7), mask=unknown, unit="deg"),
            "dec": MaskedColumn(np.round(dec, 7), mask=unknown, unit="deg"),
            "otype": rng.choice(OBJECT_TYPES, count),
            "rvz_radvel": MaskedColumn(np.round(rng.normal(0, 8, count), 2), mask=rng.random(count) < 0.5, unit="km/s"),
        }
    )


def plan_observations(
    stars: Table, observed: int, *, snr: tuple[float, float], velocity_kms: float, rng: Generator
) -> list[PlannedObservation]:
    """Return the observations of the first stars of a table, with and without jets and faults, and of blank fields.

    Every third star has a jet; of these jets every third one is strong in all lines and slow, so that the notebook's
    method can find it.
    """
    stars_with_jet = list(range(0, observed, 3))
    stars_without_jet = [star for star in range(observed) if star % 3]
    requests = [
        *jet_scenes(stars_with_jet, snr, velocity_kms, rng),
        *other_scenes(stars_without_jet, rng),
        *faulty_scenes(stars_without_jet),
        *((BLANK_FIELD, "ch4-long", "", {}) for _ in range(3)),
    ]
    planned = []
    for number, (star, band, fault, scene) in enumerate(requests, start=1):
        name, ra, dec = ("", 10.0 * number, -70.0) if star == BLANK_FIELD else stars["main_id", "ra", "dec"][star]
        planned.append(
            PlannedObservation(
                main_id=str(name),
                program=99000 + star % len(CLUSTERS),
                number=number,
                band=find_band(band),
                center_deg=(float(ra), float(dec)),
                scene=scene | {"seed": int(rng.integers(2**63))},
                fault=fault,
            )
        )
    return planned


def jet_scenes(stars: list[int], snr: tuple[float, float], velocity_kms: float, rng: Generator) -> Iterator[Request]:
    """Yield stars with a jet that several bands show.

    They are deeply embedded: fainter than three times the background, the threshold of the notebook's method. That
    method loses many lines of jets near brighter stars, because the star is then part of the blob in every plane.
    """
    for order, (star, bands) in enumerate(zip(stars, cycle(JET_BANDS), strict=False)):
        jet = draw_jet(snr, velocity_kms, order % 3 == 0, rng)
        scene = {"star": log_uniform(rng, (3.0, 10.0)).item(), "pedestal": rng.uniform(2.0, 3.0)}
        for band in bands:
            yield star, band, "", scene | {"jets": tuple(jet_lines(jet, find_band(band), snr, rng))}


def other_scenes(stars: list[int], rng: Generator) -> Iterator[Request]:
    """Yield bright, faint and background-subtracted stars without a jet, some of them in a molecular wind."""
    for star, bands, scene in zip(stars, cycle(OTHER_BANDS), cycle(OTHER_SCENES), strict=False):
        wind = draw_wind(rng)
        for band in bands:
            yield star, band, "", scene | {"neighbours": tuple(molecular_lines(wind, find_band(band), rng))}


def faulty_scenes(stars: list[int]) -> Iterator[Request]:
    """Yield a cube for each planted fault."""
    for star, (fault, (band, _)) in zip(cycle(stars), FAULTS.items(), strict=False):
        yield star, band, fault, {}


def draw_jet(snr: tuple[float, float], velocity_kms: float, strong_and_slow: bool, rng: Generator) -> Jet:
    """Draw the properties that all lines of one jet share."""
    low, high = snr
    if strong_and_slow:
        low, velocity_kms = min(max(low, 10 * STRENGTH_SPREAD), high), min(velocity_kms, 60.0)
    return Jet(
        line=JET_LINES[0],
        snr=log_uniform(rng, (low, high)).item(),
        velocity_kms=rng.uniform(-velocity_kms, velocity_kms),
        fwhm_kms=rng.uniform(40, 150),
        length_arcsec=4.0,
        width_arcsec=0.3,
        position_angle_deg=rng.uniform(0, 360),
    )


def jet_lines(jet: Jet, band: Band, snr: tuple[float, float], rng: Generator) -> Iterator[Jet]:
    """Yield a jet for each of its lines in a band."""
    for line in JET_LINES:
        if in_band(line, jet.velocity_kms, band):
            strength = jet.snr * log_uniform(rng, (1 / STRENGTH_SPREAD, STRENGTH_SPREAD)).item()
            yield replace(jet, line=line, snr=min(max(strength, snr[0]), snr[1]))


def draw_wind(rng: Generator) -> Jet:
    """Draw a wide molecular wind, as slow as those that JWST found: 0 to 20 km/s."""
    return Jet(
        line=H2_LINES[0],
        velocity_kms=rng.uniform(-20, 20),
        fwhm_kms=20.0,
        width_arcsec=1.0,
        position_angle_deg=rng.uniform(0, 360),
    )


def molecular_lines(wind: Jet, band: Band, rng: Generator) -> Iterator[Jet]:
    """Yield a wind for each pure rotational line of H2 in a band."""
    for line in H2_LINES:
        if line.transition.startswith("0-0") and in_band(line, wind.velocity_kms, band):
            yield replace(wind, line=line, snr=rng.uniform(5, 20))


def in_band(line: Line, velocity_kms: float, band: Band) -> bool:
    """Whether a line falls on planes with data."""
    wavelength_um, shifted_um = band.wavelength_um, line.wavelength_um * (1 + velocity_kms / SPEED_OF_LIGHT_KMS)
    low_um, high_um = band.no_data_um or (np.inf, np.inf)
    return bool(wavelength_um[0] <= shifted_um <= wavelength_um[-1] and not low_um < shifted_um < high_um)
