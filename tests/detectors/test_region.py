"""What is measured of a line is measured of all of its light: flux, shape, velocities."""

from __future__ import annotations

import numpy as np
import pytest

from feii_dask.detectors.matched import MatchedFilter
from feii_dask.model import Detection, Line
from feii_dask.simulate.drizzled import (
    CLEAN,
    DrizzledCube,
    JetLobe,
    Light,
    Point,
    SpectralLine,
    make_drizzled_cube,
    two_sided_jet,
)

LINE = Line("Fe II", 5.340169)
STAR = Light(Point(), continuum=50.0)


def jet(snr: float, velocity_kms: float = -80.0, position_angle_deg: float = 30.0, gradient: float = 0.0) -> Light:
    lobe = JetLobe(position_angle_deg=position_angle_deg, gradient_kms_per_arcsec=gradient, length_arcsec=1.6)
    return Light(lobe, lines=(SpectralLine(LINE.wavelength_um, snr, velocity_kms),))


def cube(*lights: Light, seed: int) -> DrizzledCube:
    return make_drizzled_cube(lights=(STAR, *lights), faults=CLEAN, shape=(34, 34), seed=seed)


def measured(made: DrizzledCube) -> Detection:
    return MatchedFilter().measure(made.sci, made.wavelength_um, LINE, pixel_arcsec=made.pixel_arcsec)


@pytest.mark.parametrize(("snr", "tolerance"), [(10.0, 0.2), (50.0, 0.06), (1000.0, 0.02)])
def test_the_mask_has_most_of_a_jet_and_the_flux_is_that_in_it(snr: float, tolerance: float) -> None:
    shares, ratios = [], []
    for seed in range(3):
        made = cube(jet(snr, position_angle_deg=30.0 + 60 * seed), seed=seed)
        found, true = measured(made), made.truth[0]
        assert found.mask is not None
        inside = true.flux_map[found.mask].sum()
        shares.append(inside / true.flux)
        ratios.append(found.flux / inside)
        assert abs(found.flux - inside) < 5 * found.flux_error
        assert found.area_px == found.mask.sum() > true.mask.sum() / 2
        assert found.elongation > 1.3
        turned = abs((found.position_angle_deg - 30.0 - 60 * seed + 90) % 180 - 90)
        assert turned < 15
    assert min(shares) > 0.9
    assert abs(np.mean(ratios) - 1) < tolerance / np.sqrt(3)


def test_signal_to_noise_is_over_that_of_empty_sky() -> None:
    made = cube(Light(Point(), lines=(SpectralLine(LINE.wavelength_um, 400.0),)), seed=1)
    found = measured(made)
    assert 200 < found.snr < 440
    assert found.local_snr < found.snr


@pytest.mark.parametrize("ratio", [1.0, 5.0])
@pytest.mark.parametrize("velocity_kms", [-230.0, 70.0])
def test_two_lobes_are_reported_with_both_velocities_and_fluxes(ratio: float, velocity_kms: float) -> None:
    line = SpectralLine(LINE.wavelength_um, 1.0)
    for seed in range(2):
        lobes = two_sided_jet(line, snr=20.0, velocity_kms=velocity_kms, ratio=ratio, lobe=JetLobe())
        made = cube(*lobes, seed=seed)
        found = measured(made)
        assert len(found.lobes) == 2
        fast = sorted(found.lobes, key=lambda lobe: lobe.velocity_kms)
        for lobe, true in zip(fast, sorted(made.truth, key=lambda line: line.velocity_kms), strict=True):
            assert abs(lobe.velocity_kms - true.velocity_kms) < max(15.0, 3 * lobe.velocity_error_kms)
            assert abs(lobe.flux / true.flux - 1) < max(0.15, 3 * lobe.flux_error / true.flux)
        assert 0.85 < found.flux / sum(true.flux for true in made.truth) < 1.15


def test_one_velocity_has_no_lobes() -> None:
    assert all(measured(cube(jet(snr), seed=seed)).lobes == () for seed in range(2) for snr in (10.0, 300.0))


def test_a_gradient_keeps_flux_and_mean_velocity() -> None:
    made = cube(jet(30.0, velocity_kms=50.0, gradient=60.0), seed=2)
    found, true = measured(made), made.truth[0]
    assert abs(found.velocity_kms - true.velocity_kms) < 15
    assert 0.9 < found.flux / true.flux < 1.1


def test_velocities_are_as_exact_as_they_say() -> None:
    pulls = []
    for seed in range(12):
        made = cube(jet(float(np.geomspace(5, 100, 12)[seed]), velocity_kms=20.0 * seed - 115), seed=seed)
        found = measured(made)
        pulls.append((found.velocity_kms - made.truth[0].velocity_kms) / found.velocity_error_kms)
        assert 9 < found.velocity_calibration_kms < 10  # Argyriou et al. 2023: 9 km/s at 5 µm
    assert 0.5 < np.sqrt(np.mean(np.square(np.clip(pulls, -5, 5)))) < 1.6, pulls


@pytest.mark.parametrize("border", ["east", "south"])
def test_a_jet_that_leaves_the_field_is_measured(border: str) -> None:
    made = cube(jet(30.0), seed=3)
    brightest = np.unravel_index(int(np.argmax(made.truth[0].flux_map)), made.sci.shape[1:])
    sci = made.sci.copy()
    sci[(slice(None), slice(0, brightest[0])) if border == "south" else (..., slice(0, brightest[1]))] = np.nan
    found = MatchedFilter().measure(sci, made.wavelength_um, LINE, pixel_arcsec=made.pixel_arcsec)
    assert found.kind.is_line
    assert found.mask is not None
    assert not found.mask[np.isnan(sci).all(axis=0)].any()
    numbers = (found.flux, found.flux_error, found.velocity_error_kms, found.snr, found.local_snr, found.p_extent)
    assert np.isfinite(numbers).all()


def test_a_missing_plane_in_three_leaves_numbers() -> None:
    made = cube(jet(40.0), seed=4)
    sci = made.sci.copy()
    sci[::3] = np.nan
    found = MatchedFilter().measure(sci, made.wavelength_um, LINE, pixel_arcsec=made.pixel_arcsec)
    assert found.reason or found.kind.is_line
    if found.kind.is_line:
        assert np.isfinite((found.flux, found.velocity_kms, found.velocity_error_kms, found.snr)).all()
        assert abs(found.velocity_kms + 80) < 40


def test_absorption_only_is_no_line() -> None:
    made = cube(jet(40.0), seed=5)
    found = MatchedFilter().measure(-made.sci, made.wavelength_um, LINE, pixel_arcsec=made.pixel_arcsec)
    assert not found.detected
