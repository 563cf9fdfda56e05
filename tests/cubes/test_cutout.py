"""Cutouts show the line's plane, what is beside it, and the spectrum at the peak."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from feii_dask.cubes.cutout import make_cutout, planes_about_line
from feii_dask.cubes.reader import Cube, open_cube
from feii_dask.model import Detection, Line
from tests.cubes.samples import write_cube

LINE = Line("Fe II", 5.340169)


def ramp() -> NDArray[np.float32]:
    """Return planes of which each is one brighter than the one before, with a line in plane 30 at spaxel (2, 3)."""
    sci = np.broadcast_to(np.arange(60.0)[:, np.newaxis, np.newaxis], (60, 5, 6)).astype(np.float32)
    sci[29:32, 2, 3] += [10, 20, 10]
    sci[:, 0, 0] = np.nan
    return sci


@pytest.fixture
def cube(tmp_path: Path) -> Cube:
    return open_cube(write_cube(tmp_path / "cube.fits", ramp()))


def test_the_maps(cube: Cube) -> None:
    detection = Detection(line=LINE, detected=True, plane=30, peak_yx=(2, 3))
    cutout = make_cutout(cube, ramp()[10:51], 10, detection)
    np.testing.assert_array_equal(cutout.line_map, ramp()[30])
    np.testing.assert_array_equal(cutout.before_map, ramp()[20])
    np.testing.assert_array_equal(cutout.after_map, ramp()[40])
    np.testing.assert_array_equal(cutout.off_line_map, (ramp()[20] + ramp()[40]) / 2)
    moment = np.zeros((5, 6))
    moment[2, 3] = 40 * 0.0008
    moment[0, 0] = np.nan
    np.testing.assert_allclose(cutout.moment_map, moment, atol=1e-6)
    np.testing.assert_array_equal(cutout.wavelength_um, cube.wavelength_um[10:51])
    np.testing.assert_array_equal(cutout.spectrum, ramp()[10:51, 2, 3])
    assert {cutout.line_map.dtype, cutout.off_line_map.dtype, cutout.moment_map.dtype} == {np.dtype(np.float32)}


def test_the_statistic_lies_at_its_planes(cube: Cube) -> None:
    curve = np.arange(21.0)
    detection = Detection(line=LINE, plane=30, peak_yx=(2, 3), statistic_start=20, statistic_curve=curve)
    statistic = make_cutout(cube, ramp()[10:51], 10, detection).statistic
    np.testing.assert_array_equal(statistic[10:31], curve)
    assert np.isnan(statistic[:10]).all()
    assert np.isnan(statistic[31:]).all()


def test_the_header_places_the_maps_on_the_sky(cube: Cube) -> None:
    cutout = make_cutout(cube, ramp()[10:51], 10, Detection(line=LINE, plane=30, peak_yx=(2, 3)))
    assert cutout.header["BUNIT"] == "MJy/sr"
    assert cube.wcs is not None
    expected = cube.wcs.pixel_to_world_values(3, 2)
    np.testing.assert_allclose(WCS(fits.Header(cutout.header)).pixel_to_world_values(3, 2), expected)


def test_detections_without_plane_or_peak(cube: Cube) -> None:
    """A user's detector may not say; then the line's rest wavelength and the brightest spaxel stand in."""
    wavelength_um = float(cube.wavelength_um[30]) + 1e-5
    cutout = make_cutout(cube, ramp(), 0, Detection(line=Line("Fe II", wavelength_um)))
    np.testing.assert_array_equal(cutout.line_map, ramp()[30])
    np.testing.assert_array_equal(cutout.spectrum, ramp()[:, 2, 3])
    assert np.isnan(cutout.statistic).all()


@pytest.mark.parametrize(("plane", "before", "after"), [(3, 0, 13), (57, 47, 59)])
def test_at_the_cubes_ends(cube: Cube, plane: int, before: int, after: int) -> None:
    cutout = make_cutout(cube, ramp(), 0, Detection(line=LINE, plane=plane, peak_yx=(0, 1)))
    np.testing.assert_array_equal(cutout.off_line_map, (ramp()[before] + ramp()[after]) / 2)
    assert np.isnan(cutout.before_map).all() == (plane < 10)
    assert np.isnan(cutout.after_map).all() == (plane > 49)
    assert np.isfinite(cutout.moment_map[1:]).all()


def test_a_side_without_data_leaves_the_other(cube: Cube) -> None:
    sci = ramp()
    sci[20, 1] = np.nan
    sci[40, 2] = np.nan
    cutout = make_cutout(cube, sci, 0, Detection(line=LINE, plane=30, peak_yx=(2, 3)))
    np.testing.assert_array_equal(cutout.off_line_map[1], 40)
    np.testing.assert_array_equal(cutout.off_line_map[2, 0], 20)


def test_one_plane_has_no_width_and_may_have_no_header(tmp_path: Path) -> None:
    cube = open_cube(write_cube(tmp_path / "one.fits", ramp()[:1], CTYPE1=None, BUNIT=None))
    cutout = make_cutout(cube, ramp()[:1], 0, Detection(line=LINE, plane=0, peak_yx=(1, 1)))
    assert np.isnan(cutout.moment_map).all()
    assert cutout.header == {}


def test_the_planes_about_the_line(cube: Cube) -> None:
    cutout = make_cutout(cube, ramp()[5:56], 5, Detection(line=LINE, plane=30, peak_yx=(2, 3), velocity_kms=12.0))
    assert cutout.planes is not None
    assert cutout.planes_start == 5
    np.testing.assert_array_equal(cutout.planes, ramp()[10:51])
    assert cutout.planes.dtype == np.float32
    assert cutout.origin["PLANE"] == 30
    assert cutout.origin["WAVELEN"] == pytest.approx(cube.wavelength_um[30])
    assert cutout.origin["VELOCITY"] == 12.0
    assert "FLUX" not in cutout.origin


def test_large_fields_have_fewer_planes() -> None:
    assert planes_about_line(np.zeros((100, 1, 1), dtype=np.float32), 50) == (30, 71)
    assert planes_about_line(np.zeros((60, 320, 320), dtype=np.float32), 30) == (26, 35)
    assert planes_about_line(np.zeros((10, 1, 1), dtype=np.float32), 2) == (0, 10)


def test_the_jets_spectrum_is_the_sum_over_its_mask(cube: Cube) -> None:
    mask = np.zeros((5, 6), dtype=bool)
    mask[2, 3] = mask[3, 3] = mask[0, 0] = True  # of which the last has no data
    cutout = make_cutout(cube, ramp()[10:51], 10, Detection(line=LINE, plane=30, peak_yx=(2, 3), mask=mask))
    assert cutout.jet_unit == "Jy"
    spaxel_sr = (cube.pixel_arcsec * np.pi / 180 / 3600) ** 2
    mean = (ramp()[10:51, 2, 3] + ramp()[10:51, 3, 3]) / 2
    np.testing.assert_allclose(cutout.jet_spectrum, 3 * mean * 1e6 * spaxel_sr, rtol=1e-6)
    assert cutout.jet_error < 1e-12  # a ramp has no scatter
