"""A line is extended where neither a point nor light that follows the continuum explains it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from feii_dask.detectors.matched import MatchedFilter
from feii_dask.detectors.matched.excess import tail_of_largest
from feii_dask.model import Detection, Kind, Line
from feii_dask.simulate.drizzled import (
    CLEAN,
    Cavity,
    DrizzledCube,
    Field,
    JetLobe,
    Light,
    Point,
    SpectralLine,
    make_drizzled_cube,
    reflected,
)

LINE = Line("Fe II", 5.340169)
STAR = Light(Point(), continuum=100.0)


def emits(snr: float, velocity_kms: float = 60.0) -> tuple[SpectralLine, ...]:
    return (SpectralLine(LINE.wavelength_um, snr, velocity_kms),)


def cube(*lights: Light, seed: int, **optics: float) -> DrizzledCube:
    return make_drizzled_cube(lights=lights, faults=CLEAN, shape=(32, 32), seed=seed, **optics)


def measured(made: DrizzledCube) -> Detection:
    return MatchedFilter().measure(made.sci, made.wavelength_um, LINE, pixel_arcsec=made.pixel_arcsec)


@pytest.mark.parametrize("snr", [6.0, 30.0, 1000.0])
@pytest.mark.parametrize("optics", [{}, {"psf_scale": 1.1, "psf_elongation": 1.3}], ids=["nominal", "broad"])
def test_a_jet_is_extended_at_any_brightness(snr: float, optics: dict[str, float]) -> None:
    for seed in range(2):
        jet = Light(JetLobe(position_angle_deg=70.0 * seed), lines=emits(snr))
        found = measured(cube(STAR, jet, seed=seed, **optics))
        assert found.kind is Kind.EXTENDED, (seed, found.p_extent)
        assert found.detected
        assert "scattered" not in found.flags


@pytest.mark.parametrize("snr", [20.0, 200.0, 1000.0])
@pytest.mark.parametrize(
    "optics",
    [{"psf_scale": 0.9}, {"psf_scale": 1.1, "psf_elongation": 1.3}],
    ids=["narrow", "broad"],
)
def test_a_point_is_not_extended_however_bright_its_line_is(snr: float, optics: dict[str, float]) -> None:
    for seed in range(2):
        beside = Light(Point(offset_arcsec=(0.4, -0.53)), lines=emits(snr))
        at_star = replace(STAR, lines=emits(snr))
        for made in (cube(STAR, beside, seed=seed, **optics), cube(at_star, seed=seed, **optics)):
            found = measured(made)
            assert found.kind is not Kind.EXTENDED, (seed, found.p_extent)
            assert not found.detected
            if snr >= 200:
                assert found.kind is Kind.COMPACT, (seed, found.compact_share, found.compact_share_error)


def test_two_stars_with_lines_of_different_strength_are_points() -> None:
    other = Light(Point(offset_arcsec=(-0.9, 0.6)), continuum=60.0, lines=emits(150.0))
    found = measured(cube(replace(STAR, lines=emits(40.0)), other, seed=3))
    assert found.kind.is_line
    assert found.kind is not Kind.EXTENDED


@pytest.mark.parametrize("star_is_seen", [True, False])
def test_a_jet_in_a_cavity_is_extended_and_reflected_starlight_is_not(star_is_seen: bool) -> None:
    for seed in range(2):
        walls = Cavity(position_angle_deg=50.0 + 90 * seed, length_arcsec=1.5 + seed)
        seen = (STAR,) * star_is_seen
        jet = Light(JetLobe(position_angle_deg=walls.position_angle_deg, start_arcsec=0.1), lines=emits(10.0))
        found = measured(cube(*seen, reflected(STAR, walls, continuum=40.0), jet, seed=seed))
        assert found.kind is Kind.EXTENDED, (seed, found.p_extent)
        assert "scattered" not in found.flags
        star = replace(STAR, lines=emits(75.0))
        found = measured(cube(*(star,) * star_is_seen, reflected(star, walls, continuum=40.0), seed=seed))
        assert found.kind.is_line
        assert found.kind is not Kind.EXTENDED or "scattered" in found.flags, (seed, found.p_extent)


def test_light_that_fills_the_field_is_extended_and_says_so() -> None:
    found = measured(cube(STAR, Light(Field(), lines=emits(15.0)), seed=4))
    assert found.kind is Kind.EXTENDED
    assert "fills_field" in found.flags


def test_the_largest_of_many_is_as_improbable_as_it_says_though_a_fifth_of_the_others_are_lines() -> None:
    rng = np.random.default_rng(5)
    draws = 600
    chance = np.sqrt(8 - 2 * np.log(rng.exponential(size=(draws, 130))))
    chance[:, 1:27] += rng.uniform(3, 30, (draws, 26))
    p_values = np.array([tail_of_largest(row[0], row[1:]) for row in chance])
    for alpha in (0.3, 0.1, 0.03):
        assert np.mean(p_values <= alpha) <= 1.3 * alpha + 2 * np.sqrt(alpha / draws), alpha
    assert np.mean(p_values <= 0.1) > 0.02
    assert tail_of_largest(12.0, chance[0, 27:]) < 1e-4
