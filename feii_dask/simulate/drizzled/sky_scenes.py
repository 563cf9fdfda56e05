"""Scenes: what is on the sky around a jet, for one band each, drawn by a seed."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from feii_dask.cubes.lines import ALL_LINES
from feii_dask.errors import SettingsError
from feii_dask.model import SPEED_OF_LIGHT_KMS
from feii_dask.simulate.bands import find_band
from feii_dask.simulate.drizzled.detector_faults import ALL_FAULTS, Faults
from feii_dask.simulate.drizzled.geometry import planes_around
from feii_dask.simulate.drizzled.lights import Light, SpectralLine, reflected
from feii_dask.simulate.drizzled.shapes_on_sky import Cavity, Field, Nebula, Point
from feii_dask.simulate.noise import log_uniform

__all__ = ["SCENES", "scene", "unlisted_lines"]

PLANES, SHAPE = 481, (36, 36)
STAR_SNR = (30.0, 500.0)
LINE_FWHM_KMS = (20.0, 150.0)
EDGE_PLANES = 10  # a line keeps this distance from the first and the last plane

# Band, wavelength of the line that is looked for (µm), roll (deg), and range of the background over the rms: one
# geometry for each scene.
SETTINGS: dict[str, tuple[str, float, float, tuple[float, float]]] = {
    "MRS 1A": ("ch1-short", 5.340169, 30.0, (1.0, 5.0)),
    "MRS 3C": ("ch3-long", 17.936026, 340.0, (5.0, 20.0)),
    "MRS 4C": ("ch4-long", 25.988390, 55.0, (10.0, 60.0)),
    "NIRSpec G140H": ("g140h-f100lp", 1.644002, 12.0, (0.2, 2.0)),
    "NIRSpec G395H": ("g395h-f290lp", 4.889139, 40.0, (0.5, 3.0)),
    "two stars": ("ch1-short", 5.340169, 75.0, (1.0, 5.0)),
    "embedded": ("ch1-short", 5.340169, 8.0, (1.0, 5.0)),
}
SCENES = tuple(SETTINGS)


def scene(name: str, seed: int, faults: Faults = ALL_FAULTS) -> dict[str, Any]:
    """Return the arguments of `make_drizzled_cube` for a scene, without a jet.

    Parameters
    ----------
    name : str
        One of `SCENES`.
    seed : int
        Draws the stars and the rest, and is the cube's.
    faults : Faults
        Faults of the detectors.

    Raises
    ------
    SettingsError
        If there is no such scene.

    Examples
    --------
    >>> arguments = scene("MRS 1A", 1)
    >>> arguments["band"], len(arguments["lights"])
    ('ch1-short', 3)
    """
    if name not in SETTINGS:
        near = get_close_matches(name, SCENES, n=1)
        raise SettingsError(f"no scene is called {name!r}: choose {', '.join(map(repr, near or SCENES))}")
    band, middle_um, roll_deg, background = SETTINGS[name]
    rng = np.random.default_rng([seed, SCENES.index(name)])
    lights = {"two stars": two_stars, "embedded": embedded}.get(name, one_star)(rng)
    return {
        "band": band,
        "middle_um": middle_um,
        "planes": PLANES,
        "shape": SHAPE,
        "roll_deg": roll_deg,
        "lights": lights + surroundings(rng),
        "faults": faults,
        "background": log_uniform(rng, background).item(),
        "seed": seed,
    }


def draw_star(rng: Generator) -> Light:
    """Return a star anywhere in the middle spaxels."""
    snr, (y, x) = log_uniform(rng, STAR_SNR).item(), rng.uniform(-0.2, 0.2, 2).tolist()
    return Light(Point(offset_arcsec=(y, x)), continuum=snr, slope=rng.uniform(-1, 3))


def one_star(rng: Generator) -> tuple[Light, ...]:
    """Return a star."""
    return (draw_star(rng),)


def two_stars(rng: Generator) -> tuple[Light, ...]:
    """Return two stars, 0.5 to 1.5 arcsec from each other."""
    first = draw_star(rng)
    separation, angle = rng.uniform(0.5, 1.5), rng.uniform(0, 2 * np.pi)
    y, x = first.shape.offset_arcsec
    place = (y + separation * np.cos(angle), x - separation * np.sin(angle))
    return first, replace(draw_star(rng), shape=Point(offset_arcsec=place))


def embedded(rng: Generator) -> tuple[Light, ...]:
    """Return a cavity of 1 to 3 arcsec in scattered light, with its star in half of the scenes."""
    star = draw_star(rng)
    cavity = Cavity(
        offset_arcsec=star.shape.offset_arcsec,
        position_angle_deg=rng.uniform(0, 360),
        length_arcsec=rng.uniform(1, 3),
        opening_deg=rng.uniform(40, 110),
        rim=rng.uniform(1, 4),
    )
    walls = reflected(star, cavity, continuum=log_uniform(rng, (10.0, 100.0)).item())
    return (star, walls) if rng.random() < 0.5 else (walls,)


def surroundings(rng: Generator) -> tuple[Light, ...]:
    """Return a nebula and a component that fills the field, both with a faint continuum."""
    y, x = rng.uniform(-0.5, 0.5, 2).tolist()
    nebula = Nebula(offset_arcsec=(y, x), fwhm_arcsec=rng.uniform(0.8, 2.5))
    field = Field(direction_deg=rng.uniform(0, 360), scale_arcsec=rng.uniform(5, 12))
    return (
        Light(nebula, continuum=log_uniform(rng, (1.0, 20.0)).item(), slope=rng.uniform(-1, 3)),
        Light(field, continuum=log_uniform(rng, (0.5, 5.0)).item(), slope=rng.uniform(-1, 3)),
    )


def unlisted_lines(
    arguments: dict[str, Any],
    *,
    count: int = 5,
    snr_range: tuple[float, float] = (10.0, 100.0),
    seed: int = 0,
    line_um: float | None = None,
    clear_kms: float = 300.0,
    where: str = "star",
    sign: int = 1,
) -> dict[str, Any]:
    """Return a scene with more lines, at wavelengths that no catalogue lists.

    Parameters
    ----------
    arguments : dict
        A scene, as `scene` returns it.
    count : int
        Number of lines.
    snr_range : tuple of float
        Their S/N is log-uniform between these.
    seed : int
        Draws the lines.
    line_um : float, optional
        No line is within ``clear_kms`` of this wavelength (by default the scene's), nor of a line of `ALL_LINES`.
    clear_kms : float
        See ``line_um``.
    where : str
        ``star``: on the brightest star, and in the same proportion to the continuum on another star and on a cavity
        that reflects it; ``nebula`` or ``field``: on that component.
    sign : int
        1 for emission, -1 for absorption, 0 for either.

    Raises
    ------
    SettingsError
        If ``where`` is unknown, or the scene has no such light.

    Examples
    --------
    >>> crowded = unlisted_lines(scene("MRS 1A", 1), count=3, where="nebula")
    >>> [len(light.lines) for light in crowded["lights"]]
    [0, 3, 0]
    """
    kinds = {"star": (Point, Cavity), "nebula": (Nebula,), "field": (Field,)}
    if where not in kinds:
        raise SettingsError(f"where={where!r} must be one of {', '.join(kinds)}")
    lights: tuple[Light, ...] = arguments["lights"]
    shining = [light for light in lights if isinstance(light.shape, kinds[where]) and light.continuum]
    if not shining:
        raise SettingsError(f"the scene has no {where} with a continuum to put lines on")
    first = max(shining, key=lambda light: light.continuum)
    rng = np.random.default_rng([seed, len(where)])
    free_um = free_wavelengths(arguments, arguments["middle_um"] if line_um is None else line_um, clear_kms)
    drawn = [
        SpectralLine(
            wavelength_um,
            log_uniform(rng, snr_range).item() * (sign or int(rng.choice([-1, 1]))),
            fwhm_kms=log_uniform(rng, LINE_FWHM_KMS).item(),
            name="unlisted",
        )
        for wavelength_um in rng.choice(free_um, count).tolist()
    ]
    added = tuple(with_lines(light, first, drawn) if light in shining else light for light in lights)
    return arguments | {"lights": added}


def free_wavelengths(arguments: dict[str, Any], line_um: float, clear_kms: float) -> NDArray[np.float64]:
    """Return wavelengths in a scene's planes, ten for each, that are far from a line and from all listed lines."""
    planes_um = planes_around(find_band(arguments["band"]), arguments["middle_um"], arguments["planes"])
    samples_um = np.linspace(planes_um[EDGE_PLANES], planes_um[-EDGE_PLANES - 1], 10 * planes_um.size)
    listed_um = np.array([line_um, *(line.wavelength_um for line in ALL_LINES)])
    distance_kms = abs(listed_um / samples_um[:, None] - 1).min(axis=1) * SPEED_OF_LIGHT_KMS
    free_um: NDArray[np.float64] = samples_um[distance_kms >= clear_kms]
    if not free_um.size:
        raise SettingsError(f"no wavelength of the scene is {clear_kms:g} km/s away from all lines; lower clear_kms")
    return free_um


def with_lines(light: Light, first: Light, drawn: list[SpectralLine]) -> Light:
    """Return a light with more lines, in proportion to its continuum over that of the first light."""
    ratio = light.continuum / first.continuum
    return replace(light, lines=light.lines + tuple(replace(line, snr=line.snr * ratio) for line in drawn))
