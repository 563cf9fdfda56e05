"""The detector for cubes of one line: what it finds, what it does not, and what coverage does to it."""

from __future__ import annotations

import numpy as np
import pytest

from feii_dask.cubes.lines import FAR_INFRARED_LINES, find_lines
from feii_dask.detectors.grating.grating_scan import GratingScan
from feii_dask.detectors.grating.random_field import random_field_p_value
from feii_dask.model import Detection, Kind, Status
from feii_dask.simulate.fifi import FifiCube, make_fifi_cube

(CII,) = find_lines("C II 157.741")
DETECTOR = GratingScan(jy_per_unit=1.0)
CONTINUA = (0.0, 5.0, 15.0, 50.0, 150.0)


def measure(cube: FifiCube, rv_kms: float = 0.0) -> Detection:
    return DETECTOR.measure(cube.flux.astype(np.float32), cube.wavelength_um, cube.line, rv_kms=rv_kms)


def test_cubes_without_a_line() -> None:
    """Of forty cubes four are expected at p <= 0.1; nine are 2.6 standard deviations more."""
    found = [
        measure(make_fifi_cube(FAR_INFRARED_LINES[seed % 20], continuum=CONTINUA[seed % 5], seed=seed))
        for seed in range(40)
    ]
    p = np.array([detection.p_value for detection in found])
    assert np.count_nonzero(p <= 0.1) <= 9
    assert sum(detection.detected for detection in found) <= 2
    assert all(detection.null_windows > 0 for detection in found)


def test_lines_are_found_where_and_as_they_are() -> None:
    velocities = np.linspace(-120, 120, 12)
    for seed, velocity_kms in enumerate(velocities):
        cube = make_fifi_cube(
            CII, snr=12.0, velocity_kms=velocity_kms, continuum=CONTINUA[seed % 5], seed=100 + seed, extent_px=9.0
        )
        detection = measure(cube)
        assert detection.kind.is_line
        assert detection.velocity_kms == pytest.approx(velocity_kms, abs=45)  # an eighth of the resolution
        assert detection.flux == pytest.approx(cube.truth["flux"], rel=0.5)
        assert detection.mask is not None
        assert detection.mask[detection.peak_yx]
        assert detection.plane is not None
        assert detection.statistic_curve is not None
        assert detection.statistic_curve[detection.plane - detection.statistic_start] == pytest.approx(detection.snr)


def test_a_source_that_moves_is_searched_where_it_is() -> None:
    cube = make_fifi_cube(CII, snr=15.0, velocity_kms=450.0, planes=121, seed=5)
    unaware = measure(cube)
    assert not unaware.kind.is_line or "edge_of_search" in unaware.flags
    aware = measure(cube, rv_kms=450.0)
    assert aware.velocity_kms == pytest.approx(450.0, abs=40)
    assert aware.flags == ()


def test_a_line_at_the_end_of_the_search_has_its_velocity_and_flux() -> None:
    cube = make_fifi_cube(CII, snr=30.0, velocity_kms=285.0, planes=81, seed=11)
    detection = measure(cube)
    assert detection.velocity_kms == pytest.approx(285.0, abs=20)
    assert detection.flux == pytest.approx(cube.truth["flux"], rel=0.25)


@pytest.mark.parametrize("planes", [43, 50])
def test_a_line_that_fills_the_field_of_a_short_cube(planes: int) -> None:
    cube = make_fifi_cube(CII, planes=planes, seed=planes)
    offset_kms = 299792.458 * (cube.wavelength_um / CII.wavelength_um - 1)
    cube.flux[:] += 10 * 0.05 * np.exp(-4 * np.log(2) * (offset_kms / 273)[:, None, None] ** 2)
    detection = measure(cube)
    assert detection.detected
    assert detection.flags == ("fills_field",)
    assert abs(detection.velocity_kms) < 20


@pytest.mark.parametrize("snr", [40.0, 1000.0])
def test_the_brightest_lines_of_large_fields_are_found(snr: float) -> None:
    cube = make_fifi_cube(CII, snr=snr, planes=73, shape=(60, 60), seed=3)
    detection = measure(cube)
    assert detection.detected
    assert 0 < detection.p_value < 1e-10


def test_a_beam_in_arcseconds_is_as_many_spaxels_as_the_cube_has() -> None:
    cube = make_fifi_cube(CII, snr=20.0, seed=21)
    planes = cube.flux.astype(np.float32)
    beams = ((100.0, 5.0), (CII.wavelength_um, 10.0), (200.0, 30.0))
    by_wavelength = GratingScan(beam_arcsec=beams).measure(planes, cube.wavelength_um, CII, pixel_arcsec=2.5)
    in_spaxels = GratingScan(psf_px=4.0).measure(planes, cube.wavelength_um, CII)
    assert by_wavelength.statistic == pytest.approx(in_spaxels.statistic, rel=1e-12)
    assert by_wavelength.p_extent == pytest.approx(in_spaxels.p_extent, rel=1e-12)
    coarse = GratingScan(beam_arcsec=beams).measure(planes, cube.wavelength_um, CII, pixel_arcsec=60.0)
    assert coarse.kind.is_line  # a beam of less than a spaxel counts as one


def test_a_point_is_no_outflow() -> None:
    points = [measure(make_fifi_cube(CII, snr=20.0, extent_px=1.0, seed=seed)) for seed in range(200, 204)]
    outflows = [measure(make_fifi_cube(CII, snr=20.0, extent_px=16.0, seed=seed)) for seed in range(200, 204)]
    assert all(point.kind.is_line for point in points)
    assert not any(point.kind is Kind.EXTENDED for point in points)
    assert any(point.kind is Kind.COMPACT and not point.detected for point in points)
    assert all(outflow.kind is Kind.EXTENDED and outflow.detected for outflow in outflows)


def test_coverage_that_ends_at_the_line_is_no_line() -> None:
    cube = make_fifi_cube(CII, continuum=100.0, seed=8)
    middle = len(cube.flux) // 2
    cube.flux[middle:, :, 17:] = np.nan
    assert not measure(cube).detected


@pytest.mark.parametrize("spoil", ["blank", "few", "no planes beside", "one spaxel"])
def test_too_few_data_are_said_to_be(spoil: str) -> None:
    cube = make_fifi_cube(CII, snr=20.0, seed=9)
    if spoil == "blank":
        cube.flux[:] = np.nan
    elif spoil == "few":
        cube.flux[10:] = np.nan
    elif spoil == "no planes beside":
        cube.flux[:22] = cube.flux[40:] = np.nan
    else:
        cube.flux[:, 1:] = np.nan
        cube.flux[:, :, 1:] = np.nan
    detection = measure(cube)
    assert detection.status is Status.NO_DATA
    assert "to tell a line from its continuum" in detection.reason


def test_a_line_outside_the_cube() -> None:
    cube = make_fifi_cube(CII, seed=1)
    (other,) = find_lines("O I 63.184")
    assert DETECTOR.plane_range(cube.wavelength_um, other) is None
    assert DETECTOR.measure(cube.flux, cube.wavelength_um, other).status is Status.NO_LINE_IN_BAND


def test_cubes_in_other_units_have_no_flux() -> None:
    cube = make_fifi_cube(CII, snr=20.0, seed=2)
    found = GratingScan().measure(cube.flux, cube.wavelength_um, CII)
    assert found.kind.is_line
    assert np.isnan(found.flux)


def test_chance_falls_with_height_and_rises_with_the_field() -> None:
    heights = np.linspace(0, 12, 60)
    p = np.array([random_field_p_value(height, 40.0, 1.0, 100.0) for height in heights])
    assert (np.diff(p) <= 0).all()
    assert p[0] == 1
    assert random_field_p_value(5.0, 80.0, 1.0, 100.0) == pytest.approx(2 * random_field_p_value(5.0, 40.0, 1.0, 100.0))
    assert random_field_p_value(5.0, 40.0, 1.0, 20.0) > random_field_p_value(5.0, 40.0, 1.0, 1000.0)
