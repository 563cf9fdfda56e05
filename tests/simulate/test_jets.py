from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from numpy.typing import NDArray

from feii_dask.model import Line
from feii_dask.simulate import BANDS, Jet, SimulatedCube, make_cube
from feii_dask.simulate.s3d import science_header

Floats = NDArray[np.float64]

LIGHT_KMS = 299792.458
LINES = {
    "ch1-short": 5.340169,
    "ch1-long": 6.721277,
    "ch3-long": 17.936026,
    "ch4-long": 25.988390,
    "g140h-f100lp": 1.644002,
    "g395h-f290lp": 4.889139,
}


def around(wavelength_um: float, band: str) -> tuple[float, float]:
    reach_um = 40 * BANDS[band].step_um
    return wavelength_um - reach_um, wavelength_um + reach_um


def with_emission(
    jet: Jet, *, band: str = "ch1-short", shape: tuple[int, int] = (31, 31), **scene: Any
) -> tuple[SimulatedCube, Floats]:
    """Return the cube with the jet, and what the jet alone adds to it."""
    scene |= {"band": band, "shape": shape, "planes_um": around(jet.line.wavelength_um, band)}
    with_jet, without = make_cube(jets=(jet,), **scene), make_cube(**scene)
    return with_jet, np.nan_to_num(with_jet.sci.astype(float) - without.sci)


@pytest.mark.parametrize("band", LINES)
@pytest.mark.parametrize(
    ("velocity_kms", "fwhm_kms", "snr"), [(-250.0, 80.0, 3.0), (0.0, 115.0, 10.0), (150.0, 250.0, 30.0)]
)
def test_the_pixels_hold_what_the_truth_says(band: str, velocity_kms: float, fwhm_kms: float, snr: float) -> None:
    line = Line("Fe II", LINES[band])
    jet = Jet(line=line, snr=snr, velocity_kms=velocity_kms, fwhm_kms=fwhm_kms)
    cube, emission = with_emission(jet, band=band, rms=0.7)
    assert emission.max() / cube.rms == pytest.approx(snr, rel=1e-3)

    spectrum = emission.sum(axis=(1, 2))
    kms = (cube.wavelength_um / line.wavelength_um - 1) * LIGHT_KMS
    centroid = np.average(kms, weights=spectrum)
    assert centroid == pytest.approx(velocity_kms, abs=2)
    fwhm = np.sqrt(8 * np.log(2) * np.average((kms - centroid) ** 2, weights=spectrum))
    assert fwhm == pytest.approx(np.hypot(fwhm_kms, LIGHT_KMS / BANDS[band].resolving_power), rel=0.02)

    truth = cube.truth[0]
    whole = ~np.isnan(cube.sci).any(axis=0)
    per_spaxel, brightest = integrate(emission, cube.wavelength_um, cube.pixel_arcsec), truth.flux_map.max()
    assert abs(per_spaxel - truth.flux_map)[whole].max() < 2e-3 * brightest
    assert truth.flux == pytest.approx(per_spaxel.sum(), rel=0.03)  # holes take a little from the pixels
    assert np.array_equal(truth.mask, truth.flux_map >= 0.1 * truth.flux_map.max())


def integrate(emission: Floats, wavelength_um: Floats, pixel_arcsec: float) -> Floats:
    """Return the line flux of every spaxel, W/m², by way of astropy's units."""
    edges = np.concatenate(
        [[1.5 * wavelength_um[0] - 0.5 * wavelength_um[1]], wavelength_um[:-1] + np.diff(wavelength_um) / 2]
    )
    edges = np.append(edges, 1.5 * wavelength_um[-1] - 0.5 * wavelength_um[-2]) * u.um
    width_hz = -np.diff(edges.to(u.Hz, equivalencies=u.spectral()))
    flux = (emission * (u.MJy / u.sr) * (pixel_arcsec * u.arcsec) ** 2 * width_hz[:, None, None]).sum(axis=0)
    return flux.to_value(u.W / u.m**2)


def test_a_line_can_be_recovered_from_the_noise() -> None:
    """S/N, velocity and flux from one noisy cube, by sums over the mask and a straight continuum."""
    line = Line("Fe II", LINES["ch1-short"])
    jet = Jet(line=line, snr=20.0, velocity_kms=-150.0)
    cube, _ = with_emission(jet, star=10.0, wiggles=0.0, spikes=0, showers=0, roll_deg=0.0)
    kms = (cube.wavelength_um / line.wavelength_um - 1) * LIGHT_KMS
    near, side = abs(kms + 150) < 250, abs(kms + 150) > 400
    continuum = np.nanmedian(cube.sci[side], axis=0)
    noise = np.nanstd((cube.sci - continuum)[side][:, ~cube.truth[0].mask])
    assert noise == pytest.approx(cube.rms, rel=0.05)
    residual = np.nan_to_num(cube.sci - continuum) * cube.truth[0].mask
    assert residual.max() / noise == pytest.approx(20, abs=3)
    spectrum = residual[near].sum(axis=(1, 2))
    assert np.average(kms[near], weights=spectrum) == pytest.approx(-150, abs=15)
    flux = integrate(residual[near], cube.wavelength_um[near], cube.pixel_arcsec).sum()
    assert flux == pytest.approx(cube.truth[0].flux_map[cube.truth[0].mask].sum(), rel=0.1)


@pytest.mark.parametrize("position_angle_deg", [20.0, 135.0, 250.0])
def test_the_position_angle_is_east_of_north_on_the_sky(position_angle_deg: float) -> None:
    jet = Jet(line=Line("Fe II", 5.340169), position_angle_deg=position_angle_deg, length_arcsec=1.5)
    cube, emission = with_emission(jet, roll_deg=0.0)
    y, x = np.mgrid[: emission.shape[1], : emission.shape[2]]
    weight = emission.sum(axis=0)
    wcs = WCS(science_header(cube), naxis=2)
    centroid = wcs.pixel_to_world(np.average(x, weights=weight), np.average(y, weights=weight))
    star = SkyCoord(*cube.center_deg, unit="deg")
    assert star.position_angle(centroid).deg == pytest.approx(position_angle_deg, abs=2)
    assert star.separation(centroid).arcsec == pytest.approx(0.75, abs=0.1)


def test_a_jet_of_one_spaxel_is_blurred_and_a_wide_one_fills_half_of_the_field() -> None:
    line = Line("Fe II", 5.340169)
    thin = Jet(line=line, width_arcsec=0.13, length_arcsec=9.0, position_angle_deg=45.0)
    cube, _ = with_emission(thin)
    across = cube.truth[0].flux_map[20, :]  # a cut five spaxels above the star
    assert 2 <= np.sum(across > across.max() / 2) <= 5
    assert across.argmax() == 10  # and five to its east
    wide = Jet(line=line, width_arcsec=99.0, length_arcsec=99.0)
    cube, _ = with_emission(wide)
    field = ~np.isnan(cube.sci).all(axis=0)
    assert 0.45 < np.mean(cube.truth[0].mask[field]) < 0.65


def test_emission_and_truth_stay_inside_the_field() -> None:
    cube, _ = with_emission(Jet(line=Line("Fe II", 5.340169), length_arcsec=99.0))
    assert not cube.truth[0].flux_map[np.isnan(cube.sci).all(axis=0)].any()


def test_neighbours_are_told_from_jets() -> None:
    jet = Jet(line=Line("Fe II", 5.340169))
    neighbour = Jet(line=Line("H2", 5.340169 + 8 * 0.0008), snr=40.0, width_arcsec=2.0)
    cube = make_cube(jets=(jet,), neighbours=(neighbour,), planes_um=(5.3, 5.38), shape=(21, 21))
    assert [(truth.jet, truth.is_neighbour) for truth in cube.truth] == [(jet, False), (neighbour, True)]
    brightest = np.nansum(cube.sci, axis=(1, 2)).argmax()
    assert cube.wavelength_um[brightest] == pytest.approx(neighbour.line.wavelength_um, abs=0.0008)
