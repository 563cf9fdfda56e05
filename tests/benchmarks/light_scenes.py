"""The drizzled cubes of the benchmark of real light, and the jets and lines that are put into them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.random import Generator

from feii_dask.cubes.lines import FE_II_LINES
from feii_dask.model import SPEED_OF_LIGHT_KMS, Line
from feii_dask.simulate.bands import find_band
from feii_dask.simulate.drizzled import (
    ALL_FAULTS,
    DrizzledCube,
    Faults,
    JetLobe,
    Light,
    SpectralLine,
    make_drizzled_cube,
    scene,
)

from .light_search import CubeLike

__all__ = [
    "EDGE_PLANES",
    "FASTEST_KMS",
    "SEED",
    "SIX",
    "WINDOWS",
    "Run",
    "Sky",
    "emission",
    "jet_shape",
    "line_free",
    "one_sided",
    "rng_of",
    "scene_of",
    "seed_of",
    "sky_of",
]

Result = TypeVar("Result")

SIX = ("MRS 1A", "MRS 3C", "MRS 4C", "NIRSpec G140H", "NIRSpec G395H", "two stars")
FASTEST_KMS = 250.0
TURN_DEG = 137.5  # between the position angles of successive cubes
EDGE_PLANES = 12  # at the ends of a cube, where nothing supports the continuum of a line
WINDOWS = 31  # fictitious lines in a cube, as many as there are windows of ±300 km/s side by side
SEED = 70_000  # of the committed tables; whoever develops a detector uses others


@dataclass(frozen=True)
class Run:
    """How a section is to be measured.

    Attributes
    ----------
    pool : Executor
        Where cubes are simulated and searched.
    cubes : int
        In each cell.
    seed : int
        Of the whole table.
    windows : int
        Line-free windows that are searched in a cube.
    real : Path or None
        Folder of real cubes.
    against : Path or None
        Another checkout, whose speed is compared.
    """

    pool: Executor
    cubes: int
    seed: int = SEED
    windows: int = WINDOWS
    real: Path | None = None
    against: Path | None = None

    def map(self, work: Callable[[int, int], Result], cubes: int | None = None) -> list[Result]:
        """Call something with the seed and the number of each cube."""
        count = self.cubes if cubes is None else cubes
        return list(self.pool.map(work, [self.seed] * count, range(count), chunksize=1 + count // 100))


def rng_of(seed: int, *what: int) -> Generator:
    """Return the random numbers of one cube of one cell; those of another seed or cell are independent."""
    return np.random.default_rng([seed, *what])


def seed_of(rng: Generator) -> int:
    """Draw the seed of a cube."""
    return int(rng.integers(2**31))


@dataclass(frozen=True)
class Sky:
    """A scene before its lines are added.

    Attributes
    ----------
    keywords : dict
        Arguments of `make_drizzled_cube`; the star or stars are in ``lights``.
    line : Line
        The [Fe II] line in the middle of its planes, which is looked for.
    """

    keywords: dict[str, Any]
    line: Line

    @property
    def pixel_arcsec(self) -> float:
        """Width of a spaxel, arcsec."""
        return find_band(self.keywords["band"]).pixel_arcsec

    @property
    def lights(self) -> tuple[Light, ...]:
        """What is on the sky."""
        return tuple(self.keywords["lights"])

    def cube(self, *lights: Light, **changes: Any) -> DrizzledCube:
        """Simulate it with more lights."""
        return make_drizzled_cube(**{**self.keywords, **changes, "lights": (*self.lights, *lights)})

    def with_lines(self, number: int, lines: Sequence[SpectralLine]) -> Sky:
        """Return the scene with lines of one of its own lights."""
        lights = list(self.lights)
        lights[number] = replace(lights[number], lines=(*lights[number].lines, *lines))
        return replace(self, keywords={**self.keywords, "lights": tuple(lights)})


def scene_of(number: int) -> str:
    """Return the scene of a cube, where the cubes of a cell go through all six."""
    return SIX[number % len(SIX)]


def sky_of(name: str, rng: Generator, faults: Faults = ALL_FAULTS) -> Sky:
    """Draw a scene of some name."""
    keywords = scene(name, seed_of(rng), faults)
    middle_um = keywords["middle_um"]
    return Sky(keywords, min(FE_II_LINES, key=lambda line: abs(line.wavelength_um - middle_um)))


def jet_shape(sky: Sky, rng: Generator, **changes: Any) -> JetLobe:
    """Draw a jet of the first light that fits into the field: 6 to 15 spaxels long, 1 to 2.5 wide."""
    pixel_arcsec = sky.pixel_arcsec
    drawn = {
        "offset_arcsec": sky.lights[0].shape.offset_arcsec,
        "position_angle_deg": float(rng.uniform(0, 360)),
        "start_arcsec": float(rng.uniform(0, 2)) * pixel_arcsec,
        "length_arcsec": float(rng.uniform(6, 15)) * pixel_arcsec,
        "width_arcsec": float(rng.uniform(1, 2.5)) * pixel_arcsec,
    }
    return JetLobe(**{**drawn, **changes})


def emission(line: Line, snr: float, velocity_kms: float, fwhm_kms: float) -> SpectralLine:
    """Return a line as the simulator takes it."""
    return SpectralLine(line.wavelength_um, snr, velocity_kms=velocity_kms, fwhm_kms=fwhm_kms, name=line.name)


def one_sided(sky: Sky, rng: Generator, snr: float, velocity_kms: float | None = None, **shape: Any) -> Light:
    """Draw a jet with one lobe, and any velocity to ±250 km/s if none is given."""
    velocity_kms = float(rng.uniform(-FASTEST_KMS, FASTEST_KMS)) if velocity_kms is None else velocity_kms
    line = emission(sky.line, snr, velocity_kms, float(rng.uniform(50, 200)))
    return Light(jet_shape(sky, rng, **shape), lines=(line,))


def line_free(cube: CubeLike, windows: int, occupied_um: Sequence[float] = (), clear_kms: float = 300.0) -> list[Line]:
    """Return lines that do not exist, spread evenly over a cube, as far as no line of the cube is near."""
    places = np.linspace(EDGE_PLANES, len(cube.wavelength_um) - 1 - EDGE_PLANES, windows).round().astype(int)
    free_um = [
        float(cube.wavelength_um[place])
        for place in places
        if not any(
            abs(cube.wavelength_um[place] / occupied - 1) * SPEED_OF_LIGHT_KMS < clear_kms for occupied in occupied_um
        )
    ]
    return [Line("null", wavelength_um) for wavelength_um in free_um]
