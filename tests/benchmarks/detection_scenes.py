"""The simulated cubes: what is in them beside jets, and the jets."""

from __future__ import annotations

from typing import Any

import numpy as np

from feii_dask.cubes.lines import FE_II_LINES
from feii_dask.model import Line
from feii_dask.simulate import SimulatedCube, make_cube
from feii_dask.simulate.bands import find_band

__all__ = ["BAND_LINES", "SCENES", "line_free", "simulate"]

# Differences from the simulator's defaults, which have ripples, 1 % fringes, showers and spikes in every scene.
SCENES: dict[str, dict[str, Any]] = {
    "pedestal and bright star": {"star": 200.0, "pedestal": 20.0, "fringes": 0.0},
    "background-subtracted": {"star": 50.0, "pedestal": 0.0},
    "faint star": {"star": 3.0, "pedestal": 1.0},
    "bright star, 5 % wiggles": {"star": 200.0, "wiggles": 0.05},
    "1 % fringes": {"star": 200.0, "pedestal": 20.0, "fringes": 0.01},
    "ten showers": {"showers": 10},
}
BAND_LINES = {
    "ch1-short": 5.340169,
    "ch1-long": 6.721277,
    "ch3-long": 17.936026,
    "ch4-long": 25.988390,
    "g140h-f100lp": 1.644002,
    "g395h-f290lp": 4.889139,
}
NEEDED_PLANES = 260  # on either side of a line, of which no contender reads more


def line_of(band: str) -> Line:
    """Return the [Fe II] line that is looked for in a band."""
    return min(FE_II_LINES, key=lambda line: abs(line.wavelength_um - BAND_LINES[band]))


def simulate(band: str, *, whole: bool = False, **scene: Any) -> SimulatedCube:
    """Simulate a cube, whole or only as far as any contender reads about the line of its band."""
    setting = find_band(band)
    if whole:
        return make_cube(band=band, **scene)
    reach_um = NEEDED_PLANES * setting.step_um
    middle_um = BAND_LINES[band]
    return make_cube(band=band, planes_um=(middle_um - reach_um, middle_um + reach_um), **scene)


def line_free(cube: SimulatedCube, count: int, rng: np.random.Generator) -> list[Line]:
    """Return lines that do not exist, at places anywhere in a cube but its first and last twenty planes."""
    planes = np.sort(rng.choice(np.arange(20, cube.wavelength_um.size - 20), count, replace=False))
    return [Line("null", float(cube.wavelength_um[plane])) for plane in planes]
