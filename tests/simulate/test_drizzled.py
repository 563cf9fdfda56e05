"""Cubes drizzled from detector pixels: what was put in comes out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from feii_dask.errors import SettingsError
from feii_dask.model import SPEED_OF_LIGHT_KMS, Line
from feii_dask.simulate.drizzled import (
    ALL_FAULTS,
    CLEAN,
    Cavity,
    DrizzledCube,
    Field,
    JetLobe,
    Light,
    Nebula,
    Point,
    SpectralLine,
    make_drizzled_cube,
    reflected,
    two_sided_jet,
)
from feii_dask.simulate.drizzled.combination import Combination
from feii_dask.simulate.drizzled.drizzle import drizzle_of
from feii_dask.simulate.drizzled.line_light import pixels_of_line
from feii_dask.simulate.drizzled.optics import Optics

IRON = SpectralLine(5.340169, 30.0, name="Fe II")
IRON_3C = SpectralLine(16.5, 30.0)
SMALL: dict[str, Any] = {"planes": 61, "shape": (22, 20)}
BANDS = (("ch1-short", 5.340169), ("ch3-long", 16.5), ("ch4-long", 25.98839), ("g395h-f290lp", 4.889139))


def made(*lights: Light, **changes: Any) -> DrizzledCube:
    return make_drizzled_cube(**{**SMALL, "faults": CLEAN, "seed": 7, "lights": lights, **changes})


def difference(*lights: Light, **changes: Any) -> NDArray[np.float64]:
    """Return what the lines of lights add to a cube; 0 outside of the field."""
    without = tuple(replace(light, lines=()) for light in lights)
    with_lines, empty = made(*lights, **changes), made(*without, **changes)
    assert np.array_equal(with_lines.dq, empty.dq)
    return np.nan_to_num(with_lines.sci.astype(np.float64) - empty.sci)


def test_the_same_seed_gives_the_same_pixels_and_another_does_not() -> None:
    first, again, other = (
        made(Light(Point(), 50.0, lines=(IRON,)), seed=seed, faults=ALL_FAULTS) for seed in (3, 3, 4)
    )
    for name in ("sci", "err", "dq", "wmap"):
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()
    assert first.sci.tobytes() != other.sci.tobytes()
    assert np.array_equal(first.truth[0].flux_map, again.truth[0].flux_map)


@pytest.mark.parametrize("shape", [Point(), Nebula(), Field(), Cavity(), JetLobe(knots=2, bow=True)])
@pytest.mark.parametrize("snr", [30.0, 1000.0])
def test_snr_is_that_of_the_brightest_voxel(shape: Any, snr: float) -> None:
    added = difference(Light(shape, lines=(replace(IRON, snr=snr),)), rms=2.5)
    assert added.max() == pytest.approx(2.5 * snr, rel=2e-3)


@pytest.mark.parametrize("faults", [CLEAN, ALL_FAULTS], ids=["clean", "faults"])
def test_truth_is_the_difference_of_two_cubes(faults: Any) -> None:
    lights = two_sided_jet(IRON, snr=200.0, velocity_kms=-150.0, ratio=5.0, lobe=JetLobe(length_arcsec=0.8))
    arguments = {"faults": faults, "rms": 1.5}
    cube = made(*lights, **arguments)
    added = difference(*lights, **arguments)
    plane_hz = SPEED_OF_LIGHT_KMS * 1e9 * cube.band.step_um / cube.wavelength_um**2
    expected = np.tensordot(plane_hz, added, axes=1) * 1e-20 * cube.band.spaxel_sr
    total = sum(truth.flux_map for truth in cube.truth)
    holes = (cube.dq == 1).any(axis=0)
    np.testing.assert_allclose(np.asarray(total)[~holes], expected[~holes], atol=2e-3 * expected.max(), rtol=1e-3)
    assert cube.truth[0].flux == pytest.approx(5 * cube.truth[1].flux, rel=0.1)


def test_the_lines_do_not_change_the_noise() -> None:
    star = Light(Point(), continuum=100.0)
    blank, lined = made(star), made(replace(star, lines=(IRON,)))
    far = slice(0, 15)
    np.testing.assert_array_equal(blank.sci[far], lined.sci[far])


@pytest.mark.parametrize(("band", "middle_um"), BANDS)
@pytest.mark.parametrize("shape", [Point(offset_arcsec=(0.03, -0.04)), Nebula(fwhm_arcsec=0.5)])
def test_flux_is_conserved(band: str, middle_um: float, shape: Any) -> None:
    drizzle = drizzle_of(band, middle_um, 21, (36, 36), 4, 20.0)
    ((seen, _),) = Optics(drizzle.exposures).seen(shape, middle_um)
    image = Combination(drizzle).combined(drizzle.exposures.on_traces(seen))
    flux = image.sum(axis=(1, 2)).mean() * drizzle.exposures.band.pixel_arcsec**2
    put_in = 1.0 if isinstance(shape, Point) else np.pi / 4 / np.log(2) * shape.fwhm_arcsec**2
    assert flux == pytest.approx(put_in, rel=0.02)


@pytest.mark.parametrize(("band", "middle_um"), BANDS)
@pytest.mark.parametrize("lsf_scale", [0.9, 1.0, 1.1])
def test_lines_are_where_they_belong_and_as_wide_as_they_should_be(
    band: str, middle_um: float, lsf_scale: float
) -> None:
    """Detector rows enter twice (the pixel sees, and is drizzled), the plane once, each as a box."""
    line = SpectralLine(middle_um, 100.0, velocity_kms=73.0, fwhm_kms=30.0)
    arguments = {"band": band, "middle_um": middle_um, "lsf_scale": lsf_scale}
    cube = made(Light(Nebula(), lines=(line,)), **arguments)
    spectrum = difference(Light(Nebula(), lines=(line,)), **arguments).sum(axis=(1, 2))
    plane = np.arange(spectrum.size)
    (height, centre, sigma), _ = curve_fit(gaussian, plane, spectrum, p0=(spectrum.max(), spectrum.argmax(), 1.5))
    assert spectrum.sum() == pytest.approx(height * sigma * np.sqrt(2 * np.pi), rel=0.01)  # its wings are there
    assert np.interp(centre, plane, cube.wavelength_um) == pytest.approx(line.observed_um, abs=0.02 * cube.band.step_um)
    plane_kms = SPEED_OF_LIGHT_KMS * cube.band.step_um / line.observed_um
    rows = drizzle_of(band, middle_um, 61, (22, 20), 4, 30.0).exposures.spectrograph.row_planes
    optics_fwhm = np.hypot(cube.lsf_fwhm_kms, line.fwhm_kms) / plane_kms
    assert 2.3548 * sigma == pytest.approx(np.sqrt(optics_fwhm**2 + 5.545 * (2 * rows**2 + 1) / 12), rel=0.02)


@pytest.mark.parametrize(
    "shape",
    [Nebula(), JetLobe(position_angle_deg=0.0, length_arcsec=1.0, gradient_kms_per_arcsec=800.0)],
    ids=["wide", "fast"],
)
def test_wide_and_fast_lines_are_not_cut_off(shape: Any) -> None:
    line = replace(IRON, fwhm_kms=250.0)
    spectrum = difference(Light(shape, lines=(line,)), planes=161).sum(axis=(1, 2))
    plane = np.arange(spectrum.size)
    centre = (plane * spectrum).sum() / spectrum.sum()
    sigma = np.sqrt(((plane - centre) ** 2 * spectrum).sum() / spectrum.sum())
    plane_kms = SPEED_OF_LIGHT_KMS * 0.0008 / 5.340169
    assert spectrum[abs(plane - centre) > 60].max() < 1e-3 * spectrum.max()
    if isinstance(shape, Nebula):  # 0.0037 of a Gaussian
        assert spectrum[abs(plane - centre) > 2.9 * sigma].sum() > 0.002 * spectrum.sum()
    velocities = 800.0 / np.sqrt(12) if isinstance(shape, JetLobe) else 0.0
    assert sigma * plane_kms == pytest.approx(np.hypot(np.hypot(250, 82.5) / 2.3548, velocities), rel=0.08)


@pytest.mark.parametrize("shape", [Point, Nebula])
def test_lights_are_where_they_belong(shape: Any) -> None:
    place = (0.35, -0.2)
    (truth,) = made(Light(shape(offset_arcsec=place), lines=(IRON,)), shape=(30, 30), roll_deg=20.0).truth
    y, x = (np.indices((30, 30)) - 14.5) * 0.13
    core = np.where(truth.mask & (truth.flux_map > 0.5 * truth.flux_map.max()), truth.flux_map, 0)
    assert (y * core).sum() / core.sum() == pytest.approx(place[0], abs=0.03)
    assert (x * core).sum() / core.sum() == pytest.approx(place[1], abs=0.03)


@pytest.mark.parametrize("shape", [JetLobe(position_angle_deg=90.0), Cavity(position_angle_deg=90.0)])
def test_position_angles_are_east_of_north(shape: Any) -> None:
    """East is at small x."""
    (truth,) = made(Light(shape, lines=(IRON,)), shape=(30, 30)).truth
    y, x = np.indices((30, 30)) - 14.5
    assert (x * truth.flux_map).sum() / truth.flux < -1
    assert abs((y * truth.flux_map).sum() / truth.flux) < 0.5


def gaussian(position: Any, height: float, centre: float, sigma: float) -> Any:
    return height * np.exp(-0.5 * ((position - centre) / sigma) ** 2)


def star_widths(band: str, middle_um: float, **changes: Any) -> NDArray[np.float64]:
    """Return the FWHM of a star along and across the slices, arcsec, with the roll of `SMALL`'s default."""
    shape = (30, 30)
    cube = made(
        Light(Point(), lines=(SpectralLine(middle_um, 1.0),)), band=band, middle_um=middle_um, shape=shape, **changes
    )
    image = cube.truth[0].flux_map / cube.truth[0].flux_map.max()
    y, x = (np.indices(shape) - 14.5) * cube.pixel_arcsec
    roll = np.deg2rad(30.0)
    along, across = x * np.cos(roll) + y * np.sin(roll), y * np.cos(roll) - x * np.sin(roll)
    core = image > 0.1

    def model(_: Any, height: float, a: float, b: float, width_along: float, width_across: float) -> Any:
        return (gaussian(along, height, a, width_along) * gaussian(across, 1.0, b, width_across))[core]

    start = (1.0, 0.0, 0.0, cube.psf_fwhm_arcsec / 2.35, cube.psf_fwhm_arcsec / 2.35)
    parameters, _ = curve_fit(model, np.zeros(core.sum()), image[core], p0=start)
    return np.asarray(2.3548 * abs(parameters[3:]))


@pytest.mark.parametrize(("band", "middle_um"), BANDS)
@pytest.mark.parametrize("psf_scale", [0.9, 1.0, 1.1])
def test_stars_are_as_wide_as_published(band: str, middle_um: float, psf_scale: float) -> None:
    """For the MRS, 0.033 λ + 0.106 arcsec (Law et al. 2023); one place of the star on the pixels is not their mean."""
    widths = star_widths(band, middle_um, psf_scale=psf_scale)
    cube = made(band=band, middle_um=middle_um, psf_scale=psf_scale)
    assert np.sqrt(widths.prod()) == pytest.approx(cube.psf_fwhm_arcsec, rel=0.12)
    if band.startswith("ch"):
        assert cube.psf_fwhm_arcsec == pytest.approx(psf_scale * (0.033 * middle_um + 0.106), rel=0.01)


def test_elongation_is_along_the_slices() -> None:
    round_star, long_star = (star_widths("ch3-long", 16.5, psf_elongation=ratio) for ratio in (1.0, 1.2))
    assert long_star[0] > 1.04 * round_star[0]
    assert long_star[1] < round_star[1] / 1.04


def test_the_wings_hold_light() -> None:
    """About 84 % within one FWHM of the cube, as of an obstructed Airy pattern; a Gaussian would have 94 %."""
    drizzle = drizzle_of("ch1-short", 5.340169, 21, (36, 36), 4, 20.0)
    optics = Optics(drizzle.exposures)
    image = Combination(drizzle).combined(drizzle.exposures.on_traces(optics.seen(Point(), 5.34)[0][0])).mean(axis=0)
    y, x = (np.indices(image.shape) - 17.5) * 0.13
    radius = np.hypot(y, x) / optics.psf_fwhm_arcsec(5.34)
    encircled = [float(image[radius < r].sum() * 0.13**2) for r in (1, 3)]
    assert encircled[0] == pytest.approx(0.84, abs=0.04)
    assert encircled[1] == pytest.approx(0.96, abs=0.02)


def test_absorption_is_never_deeper_than_the_continuum() -> None:
    star = Light(Point(), continuum=50.0, slope=1.0, lines=(replace(IRON, snr=-1000.0, fwhm_kms=200.0),))
    cube = made(star)
    assert -50.0 < cube.truth[0].snr < -40.0
    assert cube.truth[0].flux < 0
    drizzle = drizzle_of("ch1-short", 5.340169, 61, (22, 20), 4, 30.0)
    line_light = difference(star)
    emission = difference(Light(Point(), lines=(replace(IRON, snr=50.0, fwhm_kms=2000.0),)))  # as flat as a continuum
    near = slice(28, 33)
    inside = drizzle.full_weight[near] > 0
    assert (emission[near] * 1.02 + line_light[near])[inside].min() > -1e-3


def test_absorption_that_is_shallow_has_its_snr() -> None:
    star = Light(Point(), continuum=50.0, lines=(replace(IRON, snr=-20.0),))
    assert difference(star).min() == pytest.approx(-20.0, rel=2e-3)
    with pytest.raises(SettingsError, match="the light has no continuum"):
        Light(Point(), lines=(replace(IRON, snr=-20.0),))


def test_a_star_has_its_continuum_in_the_middle_plane_and_its_slope() -> None:
    star = Light(Nebula(fwhm_arcsec=1.0), continuum=5000.0, slope=4.0)
    cube = made(star, planes=241, background=0.0)
    brightest = np.nanmax(cube.sci, axis=(1, 2))
    assert brightest[120] == pytest.approx(5000, rel=0.02)
    expected = (cube.wavelength_um[-1] / cube.wavelength_um[0]) ** 4
    assert np.median(brightest[-9:]) / np.median(brightest[:9]) == pytest.approx(expected, rel=0.03)


def test_two_lobes_have_opposite_velocities_and_sides() -> None:
    lobe = JetLobe(position_angle_deg=0.0, length_arcsec=0.8, gradient_kms_per_arcsec=100.0)
    north, south = made(*two_sided_jet(Line("Fe II", 5.340169), snr=100.0, velocity_kms=100.0, lobe=lobe)).truth
    assert north.velocity_kms == pytest.approx(100, abs=10)
    assert south.velocity_kms == pytest.approx(-100, abs=10)
    y = np.indices(north.flux_map.shape)[0] - 10.5
    assert (y * north.flux_map).sum() > 0 > (y * south.flux_map).sum()
    assert north.is_extended
    assert north.line.name == "Fe II 5.340"


def test_a_gradient_moves_the_line_along_the_lobe() -> None:
    lobe = JetLobe(position_angle_deg=0.0, start_arcsec=-0.9, length_arcsec=1.8, gradient_kms_per_arcsec=150.0)
    added = difference(Light(lobe, lines=(replace(IRON, snr=100.0, fwhm_kms=40.0),)), roll_deg=0.0)
    spectra = added.sum(axis=2)
    bright = spectra.max(axis=0) > 0.5 * spectra.max()
    centre = (np.arange(61)[:, None] * spectra).sum(axis=0) / spectra.sum(axis=0)
    offset_arcsec = (np.arange(22) - 10.5) * 0.13
    gradient_planes = np.polyfit(offset_arcsec[bright], centre[bright], 1)[0]
    assert gradient_planes * SPEED_OF_LIGHT_KMS * 0.0008 / 5.340169 == pytest.approx(150, rel=0.15)


def test_a_cavity_reflects_the_star() -> None:
    star = Light(Point(), continuum=200.0, slope=2.0, lines=(IRON, replace(IRON, wavelength_um=5.35, snr=-50.0)))
    walls = reflected(star, Cavity(length_arcsec=1.0), continuum=20.0)
    assert [line.snr for line in walls.lines] == [3.0, -5.0]
    assert walls.slope == star.slope
    with pytest.raises(SettingsError, match="no spectrum to be reflected"):
        reflected(Light(Point()), Cavity(), 10.0)


@pytest.mark.parametrize(
    ("lights", "changes", "message"),
    [
        ((Light(Point(), lines=(replace(IRON, wavelength_um=5.9),)),), {}, "5.90000 µm is not in this cube"),
        ((Light(Nebula(offset_arcsec=(40.0, 0.0), fwhm_arcsec=0.3), lines=(IRON,)),), {}, "no light inside this cube"),
        ((Light(Nebula(offset_arcsec=(40.0, 0.0), fwhm_arcsec=0.3), continuum=5.0),), {}, "inside this cube"),
        ((Light(Point(offset_arcsec=(0.0, -30.0)), continuum=5.0),), {}, "inside this cube"),
        ((), {"rms": 0.0}, "must be positive"),
        ((), {"psf_scale": -1.0}, "must be positive"),
    ],
)
def test_impossible_skies(lights: tuple[Light, ...], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        made(*lights, **changes)


def test_a_continuum_is_not_negative() -> None:
    with pytest.raises(SettingsError, match="continuum=-1.0"):
        Light(Point(), continuum=-1.0)


def test_light_at_the_edge_of_a_slice_is_displaced_in_wavelength() -> None:
    """A star between two slices is redder in one than in the other; a nebula is not."""
    exposures = drizzle_of("ch3-long", 16.5, 61, (22, 20), 1, 0.0).exposures
    optics = Optics(exposures)
    middles = exposures.across_arcsec[0]
    left = int(np.flatnonzero(middles < 0)[-1])
    between = float((middles[left] + middles[left + 1]) / 2)
    (star,) = optics.off_centre(Point(offset_arcsec=(between, 0.0)), 16.5)
    (nebula,) = optics.off_centre(Nebula(fwhm_arcsec=4.0), 16.5)
    column = exposures.pixels_shape[3] // 2
    assert 0.1 < star[0, left, 16, column] < 0.5
    assert -0.5 < star[0, left + 1, 16, column] < -0.1
    assert abs(nebula[0, left, 16, column]) < 0.02
    ((pixels, _),) = pixels_of_line(optics, Light(Point(offset_arcsec=(between, 0.0))), IRON_3C, slice(15, 46))
    light = pixels[0, left : left + 2, :, column]
    planes = exposures.plane[0, left : left + 2, :, column]
    first, second = (light * planes).sum(axis=1) / light.sum(axis=1)
    assert 0.2 < first - second < 1.0
    (centred,) = optics.off_centre(Point(offset_arcsec=(float(middles[left]), 0.0)), 16.5)
    assert abs(centred[0, left, 16, column]) < 0.01
