"""Where there is a line: what is found of it, how well it is measured, and what is found beside it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from feii_dask.model import Line
from feii_dask.simulate import InjectedLine, Jet

from .detection_contenders import CONTENDERS, Verdict
from .detection_scenes import BAND_LINES, line_of, simulate
from .detection_tables import share

__all__ = [
    "CELLS",
    "SPECIALS",
    "VARIATIONS",
    "Cell",
    "jet_of",
    "measure_injection",
    "measure_special",
    "measure_variation",
]

FOUND_KMS = 40.0
PLANE_KMS = 45.0  # of ch1-short at 5.34 µm
TURN_DEG = 137.5  # between the position angles of successive cubes


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One place in the grid: what varies, its value, and the jet and scene that it stands for."""

    grid: str
    band: str = "ch1-short"
    snr: float = 5.0
    velocity_kms: float = 100.0
    fwhm_kms: float = 80.0
    length_arcsec: float = 2.0
    position_angle_deg: float | None = None
    scene: dict[str, float] = field(default_factory=lambda: {"star": 50.0})
    jet: dict[str, float] = field(default_factory=dict)
    neighbours: tuple[Jet, ...] = ()


def grid() -> Iterator[Cell]:
    """Yield velocity and width in full, then strength."""
    for velocity, fwhm in product((-250, -150, -100, 0, 100, 150, 250), (80, 115, 250)):
        yield Cell(grid="velocity × width", velocity_kms=velocity, fwhm_kms=fwhm)
    for snr, fwhm in product((1, 2, 3, 4, 5, 10, 20), (80, 115)):
        yield Cell(grid="S/N", snr=snr, velocity_kms=0, fwhm_kms=fwhm)


def variations() -> Iterator[Cell]:
    """Yield the cells in which one thing differs from an ordinary jet."""
    for length in (0.3, 0.6, 1.0, 2.0, 3.0):
        yield Cell(grid="length", length_arcsec=length)
    for angle in (0, 30, 60, 90, 135):
        yield Cell(grid="position angle", position_angle_deg=angle)
    for star in (3, 50, 200, 1000):
        yield Cell(grid="star", scene={"star": star})
    for band, snr in product(BAND_LINES, (3, 5, 10)):
        yield Cell(grid="band", band=band, snr=snr)


CELLS = tuple(grid())
VARIATIONS = tuple(variations())
WIDE = {"width_arcsec": 40.0, "offset_arcsec": 0.0}
NEIGHBOUR = Jet(line=Line("neighbour", 5.340169 + 8 * 0.0008), snr=100.0, velocity_kms=0.0, fwhm_kms=80.0)
SPECIALS = (
    Cell(grid="half of the field", snr=10, length_arcsec=40, position_angle_deg=90, jet=WIDE),
    Cell(grid="one spaxel wide, diagonal", position_angle_deg=45, jet={"width_arcsec": 0.13}),
    Cell(grid="strong line 8 planes away", snr=10, velocity_kms=0, position_angle_deg=30, neighbours=(NEIGHBOUR,)),
    Cell(grid="high pedestal", scene={"star": 50.0, "pedestal": 1000.0, "fringes": 0.0}),
    Cell(grid="zero-mean background", scene={"star": 3.0, "pedestal": 0.0}),
)


def measure_injection(pool: Executor, cubes: int, seed: int) -> Iterator[dict[str, Any]]:
    """Measure every velocity, width and strength."""
    return measure_cells(pool, CELLS, cubes, seed)


def measure_variation(pool: Executor, cubes: int, seed: int) -> Iterator[dict[str, Any]]:
    """Measure lengths, position angles, stars and bands."""
    return measure_cells(pool, VARIATIONS, cubes, seed)


def measure_special(pool: Executor, cubes: int, seed: int) -> Iterator[dict[str, Any]]:
    """Measure the shapes and surroundings that the notebook's detector cannot cope with."""
    return measure_cells(pool, SPECIALS, cubes, seed)


def measure_cells(pool: Executor, cells: tuple[Cell, ...], cubes: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield one row per cell and contender."""
    for cell in cells:
        results = list(pool.map(partial(search_cube, cell), range(seed, seed + cubes)))
        for name in CONTENDERS:
            yield {**describe(cell), "contender": name, **summary([result[name] for result in results])}


@dataclass(frozen=True)
class Recovery:
    """What a contender made of one injected line."""

    found: bool
    alarm: bool
    velocity_kms: float
    flux: float


def jet_of(cell: Cell, seed: int) -> Jet:
    """Return the jet of one cube of a cell."""
    return Jet(
        line=line_of(cell.band),
        snr=cell.snr,
        velocity_kms=cell.velocity_kms,
        fwhm_kms=cell.fwhm_kms,
        length_arcsec=cell.length_arcsec,
        position_angle_deg=seed * TURN_DEG % 360 if cell.position_angle_deg is None else cell.position_angle_deg,
        **cell.jet,
    )


def search_cube(cell: Cell, seed: int) -> dict[str, Recovery]:
    """Inject one line, and ask all contenders."""
    jet = jet_of(cell, seed)
    cube = simulate(
        cell.band, seed=np.random.default_rng([seed, 3]), jets=(jet,), neighbours=cell.neighbours, **cell.scene
    )
    verdicts = {
        name: contender(cube.sci, cube.wavelength_um, jet.line, cube.pixel_arcsec)
        for name, contender in CONTENDERS.items()
    }
    return {name: recover(verdict, cube.truth[0]) for name, verdict in verdicts.items()}


def recover(verdict: Verdict, truth: InjectedLine) -> Recovery:
    """Compare a verdict with the truth."""
    off_kms = verdict.velocity_kms - truth.jet.velocity_kms
    overlaps = verdict.mask is not None and bool((verdict.mask & truth.mask).any())
    found = verdict.detected and abs(off_kms) <= FOUND_KMS and overlaps
    ratio = verdict.flux / float(truth.flux_map[verdict.mask].sum()) if found else np.nan
    return Recovery(found, verdict.detected and not found, off_kms if found else np.nan, ratio)


def describe(cell: Cell) -> dict[str, Any]:
    """Return a cell as columns."""
    return {
        "grid": cell.grid,
        "band": cell.band,
        "snr": cell.snr,
        "velocity_kms": cell.velocity_kms,
        "fwhm_kms": cell.fwhm_kms,
        "length_arcsec": cell.length_arcsec,
        "position_angle_deg": "any" if cell.position_angle_deg is None else cell.position_angle_deg,
        "star": cell.scene["star"],
    }


def summary(results: list[Recovery]) -> dict[str, Any]:
    """Return completeness, the share of false alarms, and how far off velocity and flux are."""
    found = [result for result in results if result.found]
    off_kms = [result.velocity_kms for result in found]
    fluxes = [result.flux for result in found if np.isfinite(result.flux)]
    return {
        **share(len(found), len(results)),
        "false_alarms": sum(result.alarm for result in results),
        "velocity_bias_kms": f"{np.mean(off_kms):.1f}" if off_kms else "",
        "velocity_scatter_kms": f"{np.std(off_kms):.1f}" if off_kms else "",
        "flux_ratio": f"{np.median(fluxes):.3f}" if fluxes else "",
        "flux_scatter": f"{np.std(fluxes):.3f}" if fluxes else "",
    }
