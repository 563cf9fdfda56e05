"""Light is broad and smooth, whatever its brightness; faults of the detector are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from feii_dask.detectors.matched.filters import filter_cube, gaussian
from feii_dask.detectors.matched.line_regions import Regions, at_border, find_regions
from feii_dask.detectors.matched.resolution import Resolution, resolution_at
from feii_dask.detectors.matched.sharpness import broad_parts, is_smooth
from feii_dask.detectors.matched.whitening import remove_continuum
from feii_dask.simulate.drizzled import CLEAN, Faults, SpectralLine, make_drizzled_cube, scene, two_sided_jet

SAMPLED = Resolution(step_um=0.0008, plane_kms=45.0, psf_px=2.2, line_planes=2.0)
UNDERSAMPLED = Resolution(step_um=0.000235, plane_kms=43.0, psf_px=1.1, line_planes=2.2)
SHAPE = (441, 25, 25)
PROFILE = gaussian(np.arange(SHAPE[0]) - 220.3, 2.5).astype(np.float32)
FLAT = np.ones(SHAPE[1:], dtype=np.float32)


def smooth(image: NDArray[np.float64], noise: NDArray[np.float32] = FLAT, seed: int = 1) -> bool:
    """Judge an image, over the noise of empty sky, whose spectra are lines."""
    rng = np.random.default_rng(seed)
    lines = (PROFILE[:, None, None] * image / noise).astype(np.float32)
    normalized = lines + rng.standard_normal(SHAPE, dtype=np.float32)
    brightest = lines[220].max()
    mask = lines[220] > max(min(2.0, brightest / 2), 0.01 * brightest)
    return is_smooth(normalized, noise, mask, PROFILE, SAMPLED)


def points(fwhm_px: float, count: int, seed: int) -> NDArray[np.float64]:
    """Return an image of points in a row, as knots of a jet are, of peak 1."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(SHAPE[1:])
    angle = rng.uniform(0, np.pi)
    image = np.zeros(SHAPE[1:])
    for distance in range(count):
        square = (y - 12 - distance * np.sin(angle) / 2) ** 2 + (x - 12 - distance * np.cos(angle) / 2) ** 2
        image += gaussian(np.sqrt(square), fwhm_px)
    return image / image.max()


@pytest.mark.parametrize("snr", [3.0, 10.0, 100.0, 1000.0])
@pytest.mark.parametrize("count", [1, 9])
def test_light_is_smooth_at_any_brightness_and_width(snr: float, count: int) -> None:
    widths = (0.9, 1.0, 1.1)
    judged = [smooth(snr * points(2.2 * width, count, seed), seed=seed) for seed in range(4) for width in widths]
    assert np.mean(judged) > (0.75 if snr < 5 else 0.9), judged


@pytest.mark.parametrize("snr", [10.0, 300.0])
def test_light_beside_a_star_is_smooth(snr: float) -> None:
    y, x = np.indices(SHAPE[1:])
    star = gaussian(np.hypot(y - 12, x - 12), 2.2)
    noise = np.sqrt(1 + 300 * star).astype(np.float32)
    assert all(smooth(snr * noise.max() * points(2.2, 5, seed), noise, seed) for seed in range(4))


def test_a_stripe_as_thin_as_a_slice_is_not_smooth() -> None:
    y, x = np.indices(SHAPE[1:])
    for seed in range(4):
        angle = np.deg2rad(20 + 20 * seed)
        along = (x - 12) * np.cos(angle) + (y - 12) * np.sin(angle)
        across = (y - 12) * np.cos(angle) - (x - 12) * np.sin(angle)
        assert not smooth(12.0 * (np.abs(across) < 0.6) * gaussian(along, 9.0), seed=seed), seed


def test_light_is_broad_where_the_image_is_undersampled() -> None:
    y, x = np.indices((15, 15))
    star = 20 * gaussian(np.hypot(y - 7.3, x - 6.8), 1.7) > 3
    pixels = (np.abs(y - 7) < 1) & (np.abs(x - 7.5) < 2)
    stripe = np.abs(y - 0.3 * x - 4) < 0.7
    found = broad_parts(np.array([star, pixels, stripe, np.zeros_like(star)]), UNDERSAMPLED)
    assert found.any(axis=(1, 2)).tolist() == [True, False, False, False]


def test_any_spaxel_is_broad_where_neighbours_have_nothing_of_a_point() -> None:
    one = np.zeros((1, 7, 7), dtype=bool)
    one[0, 3, 3] = True
    assert not broad_parts(one, UNDERSAMPLED).any()
    assert (broad_parts(one, replace(UNDERSAMPLED, psf_px=0.9)) == one).all()


def test_a_region_that_fills_a_small_field_is_not_at_its_border() -> None:
    valid = np.ones((6, 8), dtype=bool)
    most, edge = valid.copy(), np.zeros_like(valid)
    most[0, 0] = most[3, 3] = False
    edge[:, 0] = True
    assert at_border(np.array([most, edge]), valid).tolist() == [False, True]
    wide = np.ones((30, 30), dtype=bool)
    two = np.zeros((2, 30, 30), dtype=bool)
    two[0, :3], two[1, :, :2] = True, True
    assert at_border(two, wide).tolist() == [False, True]


def lines_of(**arguments: Any) -> tuple[Regions, Resolution]:
    """Return what is found in emission in all windows of a cube, of 14 planes each."""
    cube = make_drizzled_cube(**arguments)
    resolution = resolution_at(cube.wavelength_um, 240, cube.pixel_arcsec)
    filtered = filter_cube(remove_continuum(cube.sci, resolution), resolution)
    return find_regions(filtered, 1, np.arange(31, 451).reshape(-1, 14), resolution), resolution


def test_showers_are_no_lines_and_jets_are() -> None:
    arguments = scene("NIRSpec G140H", 1005, faults=Faults(showers_per_exposure=6.0))
    showers, _ = lines_of(**arguments)
    assert np.count_nonzero(showers.significance > 9) > 5
    assert np.count_nonzero(showers.passed & (showers.significance > 9)) == 0
    jet = two_sided_jet(SpectralLine(arguments["middle_um"], 0.0), snr=5.0, velocity_kms=100.0)[:1]
    jets, resolution = lines_of(**arguments | {"lights": arguments["lights"] + jet, "faults": CLEAN})
    found = jets.plane[jets.passed & (jets.significance > 9)]
    assert found.size
    assert np.abs((found - 240) * resolution.plane_kms - 100).max() < 60
