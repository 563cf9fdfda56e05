from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from feii_dask.errors import SettingsError
from feii_dask.model import Line
from feii_dask.simulate import Jet, make_cube

QUIET = {"star": 0.0, "pedestal": 0.0, "wiggles": 0.0, "fringes": 0.0, "showers": 0, "spikes": 0}
WINDOW = {"shape": (21, 23), "planes_um": (5.3, 5.4)}
IRON = Line("Fe II", 5.340169)


def test_the_same_seed_gives_the_same_pixels_and_another_does_not() -> None:
    first, again, other = (make_cube(seed=seed, jets=(Jet(line=IRON),), **WINDOW) for seed in (3, 3, 4))
    for name in ("sci", "err", "dq", "wmap"):
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()
    assert first.sci.tobytes() != other.sci.tobytes()
    assert np.array_equal(first.truth[0].flux_map, again.truth[0].flux_map)


def test_a_generator_is_a_source_of_new_cubes() -> None:
    rng = np.random.default_rng(0)
    assert make_cube(seed=rng, **WINDOW).sci.tobytes() != make_cube(seed=rng, **WINDOW).sci.tobytes()


def test_empty_sky_has_the_stated_rms_and_a_formal_error_that_is_too_small() -> None:
    cube = make_cube(shape=(41, 41), planes_um=(5.2, 5.4), rms=2.5, **QUIET)
    assert np.nanstd(cube.sci) == pytest.approx(2.5, rel=0.01)
    assert np.nanmean(cube.sci) == pytest.approx(0, abs=0.05)
    assert 4 <= 2.5 / np.nanmedian(cube.err) <= 10


def test_the_sky_near_a_star_has_the_stated_rms_and_level() -> None:
    cube = make_cube(shape=(41, 41), planes_um=(5.2, 5.5), star=20.0, pedestal=3.0, spikes=0, showers=0)
    corner = cube.sci[:, 8:12, 18:23]  # 1.4 arcsec south of the star
    assert np.nanstd(corner[1:] - corner[:-1]) == pytest.approx(np.sqrt(2 * (1 - 0.287)), rel=0.03)
    assert np.nanmean(corner) == pytest.approx(3.0, rel=0.05)


def test_the_star_is_as_bright_and_as_wide_as_stated_and_its_photons_are_noisy() -> None:
    calm = QUIET | {"star": 2000.0}
    cube = make_cube(shape=(41, 41), planes_um=(5.25, 5.39), roll_deg=0.0, **calm)
    image = np.nanmean(cube.sci, axis=0)
    assert image[20, 20] == pytest.approx(2000, rel=0.02)
    assert np.unravel_index(np.nanargmax(image), image.shape) == (20, 20)
    half_width = np.interp(-image[20, 20] / 2, -image[20, 20:26], np.arange(6))
    assert 2 * half_width * cube.pixel_arcsec == pytest.approx(0.033 * 5.32 + 0.106, rel=0.05)
    assert np.nanstd(cube.sci[:, 20, 20]) > 3
    assert np.nanmedian(cube.err[:, 20, 20]) > 3 * np.nanmedian(cube.err[:, 2, 20])


def test_wiggles_follow_the_star_and_fringes_all_emission() -> None:
    base = QUIET | {"star": 500.0, "pedestal": 20.0, "shape": (21, 21), "planes_um": (5.1, 5.5)}

    def ripple_of(**change: float) -> np.ndarray:
        return make_cube(**(base | change)).sci - make_cube(**base).sci

    wiggles, fringes = ripple_of(wiggles=0.05), ripple_of(fringes=0.01)
    assert np.nanstd(wiggles[:, 10, 10]) == pytest.approx(0.05 * 500 / np.sqrt(2), rel=0.25)
    assert np.nanstd(wiggles[:, 4, 10]) < 0.02 * np.nanstd(wiggles[:, 10, 10])
    assert np.nanstd(fringes[:, 4, 10]) == pytest.approx(0.01 * 21 / np.sqrt(2), rel=0.3)


def test_borders_are_as_the_pipeline_leaves_them() -> None:
    cube = make_cube(shape=(49, 53), planes_um=(5.3, 5.34))
    outside = cube.dq == 513
    assert 0.43 < outside.mean() < 0.49  # 46.4 % in a real cube
    assert outside.all(axis=0).sum() == outside[0].sum()
    assert set(np.unique(cube.dq)) == {0, 1, 513}
    assert 0 < np.mean(cube.dq[~outside] == 1) < 0.01
    for pixels in (cube.sci, cube.err):
        assert np.array_equal(np.isnan(pixels), cube.dq % 2 == 1)
    assert np.array_equal(cube.wmap == 0, cube.dq > 0)
    assert (cube.sci.dtype, cube.err.dtype, cube.dq.dtype, cube.wmap.dtype) == ("f4", "f4", "u4", "f4")


def test_a_field_that_is_not_rolled_fills_its_box() -> None:
    assert not np.any(make_cube(roll_deg=0.0, **WINDOW).dq == 513)


def test_planes_without_data() -> None:
    cube = make_cube(band="ch4-long", shape=(5, 5))
    empty = np.isnan(cube.sci).all(axis=(1, 2))
    assert empty[-13:].all()
    assert not empty[:-13].any()
    short = make_cube(band="mirifushort", shape=(5, 5))
    gap = np.isnan(short.sci).all(axis=(1, 2))
    assert short.wavelength_um[gap].min() == pytest.approx(5.74, abs=0.001)
    assert short.wavelength_um[gap].max() == pytest.approx(7.51, abs=0.001)


def test_a_window_has_the_wavelengths_of_the_band() -> None:
    whole, window = make_cube(shape=(3, 3)), make_cube(shape=(3, 3), planes_um=(5.3, 5.4))
    kept = (whole.wavelength_um >= 5.3) & (whole.wavelength_um <= 5.4)
    assert np.array_equal(window.wavelength_um, whole.wavelength_um[kept])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"band": "ch5-short"}, "no band is called 'ch5-short'"),
        ({"shape": (20, 21)}, "two odd numbers"),
        ({"shape": (1, 21)}, "two odd numbers"),
        ({"planes_um": (6.0, 6.1)}, "fewer than two planes"),
        ({"jets": (Jet(line=Line("Fe II", 17.936026)),)}, "Fe II 17.936"),
        ({"neighbours": (Jet(line=IRON, offset_arcsec=9.0),)}, "not inside this cube"),
    ],
)
def test_what_cannot_be_simulated_is_said(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        make_cube(**(WINDOW | change))
