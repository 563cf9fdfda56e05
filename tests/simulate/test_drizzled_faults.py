"""Faults of detectors, and what they become in a drizzled cube."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from feii_dask.simulate.drizzled import ALL_FAULTS, CLEAN, DrizzledCube, Faults, Light, Point, make_drizzled_cube
from feii_dask.simulate.drizzled.combination import Combination
from feii_dask.simulate.drizzled.detector_faults import added_light, good_pixels, spread, uneven_response
from feii_dask.simulate.drizzled.drizzle import drizzle_of
from feii_dask.simulate.drizzled.geometry import Exposures, exposures_of

SMALL: dict[str, Any] = {"planes": 81, "shape": (24, 22)}


def made(faults: Faults, **changes: Any) -> DrizzledCube:
    return make_drizzled_cube(**{**SMALL, "seed": 11, "faults": faults, **changes})


def small_exposures(band: str = "ch1-short", middle_um: float = 5.340169) -> Exposures:
    return exposures_of(band, middle_um, 81, (24, 22), 4, 30.0)


def added(**faults: float) -> NDArray[np.float32]:
    return added_light(small_exposures(), Faults(**faults), np.random.default_rng(5))


def test_a_hit_leaves_an_eighth_of_its_charge_in_the_nearest_four() -> None:
    image = np.zeros((9, 9), dtype=np.float32)
    image[4, 4] = 100.0
    seen = spread(image)
    assert seen[4, 4] == pytest.approx(88)
    assert [float(seen[place]) for place in ((3, 4), (5, 4), (4, 3), (4, 5))] == pytest.approx([3, 3, 3, 3])
    assert seen.sum() == pytest.approx(100)
    assert np.count_nonzero(seen) == 5


def test_a_hit_becomes_a_blob_as_large_as_a_pixel() -> None:
    """One exposure of four has it: its peak is diluted; it reaches a pixel and its neighbours, and no further."""
    drizzle = drizzle_of("ch1-short", 5.340169, 81, (24, 22), 4, 30.0)
    pixels = np.zeros(drizzle.exposures.pixels_shape, dtype=np.float32)
    middle = tuple(size // 2 for size in pixels.shape)
    pixels[middle] = 100.0
    blob = Combination(drizzle).combined(pixels)
    planes, rows, columns = (np.unique(axis) for axis in np.nonzero(blob))
    assert (np.ptp(planes), np.ptp(rows) <= 3, np.ptp(columns) <= 3) == (1, True, True)
    assert 5 < blob.max() < 80
    volume = 0.196 * 0.177 / 0.13**2 * 1050 / 1024  # of the pixel, in voxels
    assert 100 * volume / 4 < blob.sum() < 100 * volume  # one to four exposures overlap


def test_the_same_hits_add_to_the_same_noise() -> None:
    light = np.nan_to_num(made(Faults(hits=300.0)).sci - made(CLEAN).sci)
    assert light.max() > 20
    assert 0.001 < (light > 0.1).mean() < 0.2
    assert light.min() > -1e-2


def test_strengths_are_log_uniform() -> None:
    """The brightest of some hundred hits is nearly the strongest possible, and half are below the geometric mean."""
    light = added(hits=5000.0)
    cores = light[light > 5.0 * 0.88]  # neighbours of strong hits are among them
    assert 500 < light.max() < 1000
    assert 0.3 < np.mean(cores < np.sqrt(5 * 1000) * 0.88) < 0.8


def test_warm_pixels_come_back_in_all_exposures_and_hits_do_not() -> None:
    warm, hits = added(warm=2000.0), added(hits=2000.0)
    assert warm.max() > 3
    for exposure in (1, 2, 3):
        np.testing.assert_array_equal(warm[0], warm[exposure])
    assert np.corrcoef(hits[0].ravel(), hits[1].ravel())[0, 1] < 0.1


@pytest.mark.parametrize("count", [2.0, 15.0])
def test_showers_are_extended_and_as_many_as_said(count: float) -> None:
    light = added(showers_per_exposure=count)
    covered = (light > 1.0).sum() / 4 / count
    assert 20 < covered < 1000  # the detector is larger than its slices, and some fall on its edge
    assert light.max() < 2 * 20 * count


def test_showers_are_of_their_exposure() -> None:
    light = added(showers_per_exposure=3.0)
    common = np.minimum(light[0], light[1])
    assert common.max() < 0.5 * light.max()


def test_stripes_are_common_to_a_row_of_the_detector() -> None:
    light = added(stripes=0.5)
    np.testing.assert_array_equal(light, np.broadcast_to(light[:, :1, :, :1], light.shape))
    assert light[:, 0, :, 0].std() == pytest.approx(0.5, rel=0.1)


def test_stripes_raise_the_scatter_of_the_fields_mean() -> None:
    means = [np.nanstd(np.nanmean(made(faults).sci, axis=(1, 2))) for faults in (CLEAN, Faults(stripes=0.5))]
    assert means[1] > 2 * means[0]


def test_masked_pixels_are_as_many_as_said_and_dead_ones_masked_in_all_exposures() -> None:
    exposures = small_exposures()
    dead = good_pixels(exposures, Faults(dead=0.02), np.random.default_rng(1))
    rejected = good_pixels(exposures, Faults(rejected=0.01), np.random.default_rng(1))
    assert dead is not None
    assert rejected is not None
    assert 1 - dead.mean() == pytest.approx(0.02, rel=0.2)
    assert 1 - rejected.mean() == pytest.approx(0.01, rel=0.1)
    np.testing.assert_array_equal(dead[0], dead[3])
    assert not np.array_equal(rejected[0], rejected[1])
    assert good_pixels(exposures, CLEAN, np.random.default_rng(1)) is None


@pytest.mark.parametrize(("faults", "dithers"), [(CLEAN, 4), (ALL_FAULTS, 4), (replace(ALL_FAULTS, dead=0.2), 1)])
def test_quality_is_as_the_pipeline_gives_it(faults: Faults, dithers: int) -> None:
    cube = made(faults, dithers=dithers, shape=(40, 40))
    assert set(np.unique(cube.dq)) <= {0, 1, 513}
    bad = cube.dq % 2 == 1
    assert np.array_equal(np.isnan(cube.sci), bad)
    assert np.array_equal(np.isnan(cube.err), bad)
    assert np.array_equal(cube.wmap == 0, bad)
    assert np.array_equal(cube.wmap, np.round(cube.wmap))
    assert (cube.dq[:, 0, 0] == 513).all()  # the field is rolled in its box
    assert (cube.dq[:, 20, 20] != 513).all()
    assert ((cube.dq == 1).sum() > 0) == (faults != CLEAN)
    assert (cube.sci.dtype, cube.err.dtype, cube.dq.dtype, cube.wmap.dtype) == ("f4", "f4", "u4", "f4")


def test_masked_pixels_do_not_count_in_the_means() -> None:
    drizzle = drizzle_of("ch1-short", 5.340169, 81, (24, 22), 4, 30.0)
    good = good_pixels(drizzle.exposures, Faults(dead=0.1), np.random.default_rng(1))
    assert good is not None
    combination = Combination(drizzle, good)
    pixels = np.where(good > 0, np.float32(7), np.float32(1e6))
    np.testing.assert_allclose(combination.combined(pixels)[combination.weight > 0], 7, rtol=1e-5)


def test_masked_pixels_lower_the_number_of_contributions() -> None:
    full, holed = made(CLEAN), made(Faults(dead=0.1))
    assert (holed.wmap <= full.wmap).all()
    assert holed.wmap.sum() == pytest.approx(0.9 * full.wmap.sum(), rel=0.03)
    holes = (holed.dq == 1) & (full.dq == 0)
    assert holed.err[~holes & (full.dq == 0)].mean() > full.err[~holes & (full.dq == 0)].mean()


def test_planes_without_data_are_outside() -> None:
    cube = make_drizzled_cube(band="ch4-long", middle_um=28.6, planes=61, shape=(16, 16), faults=CLEAN)
    empty = cube.wavelength_um > 28.624
    assert empty.any()
    assert (cube.dq[empty] == 513).all()
    assert np.isnan(cube.sci[empty]).all()
    assert np.isfinite(cube.sci[~empty]).any()


def test_the_flat_field_is_the_detectors_and_fringes_are_the_bands() -> None:
    rng = np.random.default_rng(2)
    flat = uneven_response(small_exposures(), Faults(flat=0.01), rng)
    assert flat is not None
    np.testing.assert_array_equal(flat[0], flat[3])
    assert flat.std() == pytest.approx(0.01, rel=0.05)
    fringes = uneven_response(small_exposures(), Faults(fringes=0.01), rng)
    assert fringes is not None
    assert 0.008 < abs(fringes - 1).max() < 0.016
    assert uneven_response(small_exposures("g140h-f100lp", 1.644), Faults(fringes=0.01), rng) is None
    assert uneven_response(small_exposures(), CLEAN, rng) is None


def test_fringes_have_the_period_of_the_band() -> None:
    """4 cm⁻¹ apart by 0.355 cm⁻¹ each at 26 µm: every fourth plane."""
    bright = {"band": "ch4-long", "middle_um": 25.98839, "background": 1000.0}
    light = made(Faults(fringes=0.02), **bright).sci - made(CLEAN, **bright).sci
    spectrum = np.nanmean(light[:, 10:14, 9:13], axis=(1, 2))
    power = abs(np.fft.rfft(spectrum - spectrum.mean())) ** 2
    period_planes = spectrum.size / (power[1:].argmax() + 1)
    assert period_planes == pytest.approx(0.355e-4 * 25.98839**2 / 0.006, rel=0.06)
    assert 2 < np.ptp(spectrum) < 60


def test_a_star_has_more_photon_noise_than_empty_sky() -> None:
    star = Light(Point(), continuum=1000.0)
    bright, blank = made(CLEAN, lights=(star,)), made(CLEAN)
    middle = np.s_[:, 12, 11]
    ratio = np.median(bright.err[middle]) / np.median(blank.err[middle])
    assert 1.5 < ratio < np.sqrt(1 + 1000 / 100)
