"""Cubes of FIFI-LS: the pipeline's layout, and the truth that they claim."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.wcs import WCS

import feii_dask as fd
from feii_dask.cubes.lines import find_lines
from feii_dask.cubes.reader import open_cube
from feii_dask.errors import SettingsError
from feii_dask.simulate.fifi import LINE_PLANES, RESOLVING_POWER, make_fifi_cube, write_fifi_cube

(OI,) = find_lines("O I 63.184")


def test_our_reader_and_astropy_read_what_was_written(tmp_path: Path) -> None:
    cube = make_fifi_cube(OI, snr=5.0, center_deg=(83.8, -5.4), seed=1)
    path = write_fifi_cube(tmp_path / "cube.fits", cube)
    ours = open_cube(str(path), extension="FLUX")
    np.testing.assert_allclose(ours.wavelength_um, cube.wavelength_um, rtol=1e-12)
    np.testing.assert_array_equal(ours.planes(0, 5), cube.flux[:5].astype(np.float32))
    assert ours.pixel_arcsec == pytest.approx(cube.pixel_arcsec)
    assert ours.header["BUNIT"] == "Jy/pixel"
    with fits.open(path) as hdus:
        assert [hdu.name for hdu in hdus[1:]] == ["FLUX", "ERROR", "WAVELENGTH", "TRANSMISSION", "EXPOSURE_MAP"]
        assert hdus["FLUX"].header["BITPIX"] == -64
        assert hdus["EXPOSURE_MAP"].data.max() == 5
        metres = WCS(hdus["FLUX"].header).spectral.pixel_to_world_values(np.arange(len(cube.flux)))
    np.testing.assert_allclose(metres, cube.wavelength_um * 1e-6, rtol=1e-9)


@pytest.mark.parametrize("roll_deg", [0.0, 33.0, 251.0, None])
def test_rotated_skies_are_where_astropy_has_them(roll_deg: float | None, tmp_path: Path) -> None:
    """With the cards of the pipeline, CROTA2 among them and no matrix."""
    cube = make_fifi_cube(OI, roll_deg=roll_deg, seed=5)
    path = write_fifi_cube(tmp_path / "cube.fits", cube)
    ours = open_cube(str(path), extension="FLUX")
    with fits.open(path) as hdus:
        header = hdus["FLUX"].header
        expected = WCS(header).celestial
    assert header["CROTA2"] == -cube.roll_deg
    assert not any(key.startswith(("PC1_", "PC2_", "CD1_", "CD2_")) for key in header)
    x, y = np.meshgrid(np.arange(33), np.arange(35))
    assert ours.wcs is not None
    places = ours.wcs.pixel_to_world(x, y)
    assert places.separation(expected.pixel_to_world(x, y)).arcsec.max() < 1e-6
    up_deg = places[17, 16].position_angle(places[18, 16]).deg
    assert (up_deg - cube.roll_deg + 180) % 360 - 180 == pytest.approx(0, abs=0.1)
    corners = np.array(cube.footprint.split()[2:], dtype=float).reshape(-1, 2)
    np.testing.assert_allclose(corners, expected.calc_footprint(axes=(33, 35), center=False), atol=1e-5)


def test_the_roll_leaves_the_noise_as_it_is() -> None:
    np.testing.assert_array_equal(make_fifi_cube(OI, seed=6).flux, make_fifi_cube(OI, seed=6, roll_deg=0.0).flux)
    rolls = {make_fifi_cube(OI, seed=seed).roll_deg for seed in range(3)}
    assert len(rolls) == 3


def test_the_footprint_holds_its_centre() -> None:
    cube = make_fifi_cube(OI, center_deg=(0.001, 60.0))
    observations = pd.DataFrame({"s_ra": [0.001], "s_dec": [60.0], "s_region": [cube.footprint]})
    ysos = pd.DataFrame({"ra": [0.001, 0.1], "dec": [60.0, 60.0]})
    assert fd.crossmatch(observations, ysos)["yso_index"].tolist() == [0]


def test_coverage_varies_with_place_and_plane() -> None:
    cube = make_fifi_cube(OI, seed=3)
    seen = np.isfinite(cube.flux).sum(axis=(1, 2))
    assert seen[0] < seen[len(seen) // 2]
    assert np.isnan(cube.flux).any(axis=0).sum() > np.isnan(cube.flux).all(axis=0).sum()
    np.testing.assert_array_equal(np.isfinite(cube.flux), cube.exposures > 0)
    assert (cube.error[cube.exposures == 1].min()) > cube.error[cube.exposures == 5].min()


def test_two_cubes_of_a_seed_differ_by_the_line_alone() -> None:
    blank, with_line = make_fifi_cube(OI, seed=4), make_fifi_cube(OI, seed=4, snr=8.0, velocity_kms=60.0)
    line = np.nan_to_num(with_line.flux) - np.nan_to_num(blank.flux)
    peak = np.unravel_index(np.argmax(line), line.shape)
    assert line.max() == pytest.approx(8.0 * 0.05, rel=0.05)
    shift_kms = 299_792.458 * (with_line.wavelength_um[peak[0]] / OI.wavelength_um - 1)
    assert shift_kms == pytest.approx(60.0, abs=299_792 / RESOLVING_POWER / LINE_PLANES)


def test_lines_that_the_instrument_cannot_see() -> None:
    with pytest.raises(SettingsError, match="FIFI-LS sees 51 to 203"):
        make_fifi_cube(find_lines("Fe II 5.340")[0])
