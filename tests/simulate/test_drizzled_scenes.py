"""Scenes around a jet, and lines that no catalogue lists."""

from __future__ import annotations

import numpy as np
import pytest

from feii_dask.cubes.lines import ALL_LINES
from feii_dask.errors import SettingsError
from feii_dask.model import SPEED_OF_LIGHT_KMS
from feii_dask.simulate import BANDS
from feii_dask.simulate.drizzled import (
    CLEAN,
    SCENES,
    Cavity,
    Light,
    Nebula,
    Point,
    make_drizzled_cube,
    scene,
    two_sided_jet,
    unlisted_lines,
)
from feii_dask.simulate.drizzled.geometry import planes_around


def lines_of(lights: tuple[Light, ...]) -> list[float]:
    return [line.wavelength_um for light in lights for line in light.lines]


@pytest.mark.parametrize("name", SCENES)
def test_a_jet_fits_into_every_scene(name: str) -> None:
    arguments = scene(name, 1)
    assert (arguments["planes"], arguments["shape"]) == (481, (36, 36))
    (line,) = [line for line in ALL_LINES if abs(line.wavelength_um - arguments["middle_um"]) < 1e-5]
    jet = two_sided_jet(line, snr=40.0, velocity_kms=200.0)
    small = {"lights": arguments["lights"] + jet, "planes": 61, "shape": (24, 24), "faults": CLEAN}
    cube = make_drizzled_cube(**{**arguments, **small})
    assert [round(truth.snr) for truth in cube.truth] == [40, 40]
    assert np.isfinite(cube.sci[:, 12, 12]).all()


@pytest.mark.parametrize("name", SCENES)
def test_scenes_are_drawn_by_their_seed(name: str) -> None:
    assert scene(name, 4) == scene(name, 4)
    assert scene(name, 4)["lights"] != scene(name, 5)["lights"]


def test_two_stars_are_apart() -> None:
    for seed in range(10):
        first, second = (light.shape.offset_arcsec for light in scene("two stars", seed)["lights"][:2])
        assert 0.5 <= np.hypot(first[0] - second[0], first[1] - second[1]) <= 1.5


def test_an_embedded_star_is_hidden_in_some_scenes_and_its_cavity_seen_in_all() -> None:
    skies = [scene("embedded", seed)["lights"] for seed in range(20)]
    seen = [any(isinstance(light.shape, Point) for light in lights) for lights in skies]
    assert 3 < sum(seen) < 17
    assert all(any(isinstance(light.shape, Cavity) for light in lights) for lights in skies)


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize(("where", "sign"), [("star", 0), ("nebula", 1), ("field", -1)])
def test_unlisted_lines_are_far_from_all_others(name: str, where: str, sign: int) -> None:
    arguments = scene(name, 2)
    crowded = unlisted_lines(arguments, count=30, where=where, sign=sign, clear_kms=400.0, seed=9)
    wavelengths_um = np.array(lines_of(crowded["lights"]))
    others_um = np.array([arguments["middle_um"], *(line.wavelength_um for line in ALL_LINES)])
    distance_kms = abs(wavelengths_um[:, None] / others_um - 1) * SPEED_OF_LIGHT_KMS
    assert wavelengths_um.size >= 30
    assert distance_kms.min() > 395
    planes_um = planes_around(BANDS[arguments["band"]], arguments["middle_um"], 481)
    assert planes_um[0] < wavelengths_um.min() < wavelengths_um.max() < planes_um[-1]
    assert lines_of(arguments["lights"]) == []
    signs = {np.sign(line.snr) for light in crowded["lights"] for line in light.lines}
    assert signs == ({-1.0, 1.0} if sign == 0 else {float(sign)})


def test_a_cavity_has_the_stars_lines_in_proportion() -> None:
    seed = next(seed for seed in range(20) if isinstance(scene("embedded", seed)["lights"][0].shape, Point))
    star, walls = unlisted_lines(scene("embedded", seed), count=3)["lights"][:2]
    for emitted, reflection in zip(star.lines, walls.lines, strict=True):
        assert reflection.wavelength_um == emitted.wavelength_um
        assert reflection.snr / walls.continuum == pytest.approx(emitted.snr / star.continuum)


def test_snr_is_in_its_range_on_the_brightest_light() -> None:
    (nebula,) = [
        light
        for light in unlisted_lines(scene("MRS 3C", 1), count=50, snr_range=(5.0, 7.0), where="nebula")["lights"]
        if isinstance(light.shape, Nebula)
    ]
    assert 5 <= min(line.snr for line in nebula.lines) <= max(line.snr for line in nebula.lines) <= 7


def test_lines_are_added_to_those_that_are_there() -> None:
    once = unlisted_lines(scene("MRS 1A", 1), count=2)
    twice = unlisted_lines(once, count=3, seed=1)
    assert len(lines_of(twice["lights"])) == 5


def test_wrong_names() -> None:
    with pytest.raises(SettingsError, match="choose 'MRS 1A'"):
        scene("MRS 1B", 0)
    with pytest.raises(SettingsError, match="where='disc'"):
        unlisted_lines(scene("MRS 1A", 0), where="disc")
    with pytest.raises(SettingsError, match="no star with a continuum"):
        unlisted_lines(scene("MRS 1A", 0) | {"lights": ()})
    with pytest.raises(SettingsError, match="lower clear_kms"):
        unlisted_lines(scene("MRS 1A", 0), clear_kms=1e5)
