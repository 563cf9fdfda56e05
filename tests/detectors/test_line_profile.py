"""Gaussian fits: their errors hold where noise is correlated, and limits are kept."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import correlate1d
from scipy.optimize import least_squares

from feii_dask.detectors.matched.damped_fit import damped_fit
from feii_dask.detectors.matched.filters import gaussian
from feii_dask.detectors.matched.image_noise import ImageNoise
from feii_dask.detectors.matched.line_profile import WhiteSpectra, fit_profiles
from feii_dask.detectors.matched.point_source import Freedom, PointShape, fit_points, point_image

PLANES = np.arange(300)
FITTED = np.arange(142, 159)


def noisy(rng: np.random.Generator, weights: tuple[float, ...], *lines: tuple[float, float]) -> np.ndarray:
    noise = correlate1d(rng.standard_normal(PLANES.size), np.array(weights) / np.linalg.norm(weights), mode="wrap")
    return noise + sum((height * gaussian(PLANES - centre, 3.0) for height, centre in lines), np.zeros(PLANES.size))


def white(*spectra: np.ndarray) -> WhiteSpectra:
    off_line = abs(PLANES - 150) > 12
    return WhiteSpectra.of(np.array(spectra), off_line, FITTED)


@pytest.mark.parametrize("weights", [(1.0,), (0.4, 1.0, 0.4), (-0.3, 1.0, -0.3)], ids=["white", "alike", "unlike"])
@pytest.mark.parametrize("height", [8.0, 30.0])
def test_errors_of_centres_hold_whatever_the_covariance(weights: tuple[float, ...], height: float) -> None:
    rng = np.random.default_rng(int(height))
    pulls = []
    for _ in range(120):
        centre = 150 + rng.uniform(-0.5, 0.5)
        found = fit_profiles(white(noisy(rng, weights, (height, centre))), np.array([150.0]), 2.5, (1.5, 8.0))
        pulls.append((found.centre[0] - centre) / found.centre_error[0])
    assert 0.8 < np.sqrt(np.mean(np.square(np.clip(pulls, -5, 5)))) < 1.25


def test_two_lines_in_two_spectra_are_told_apart_though_each_has_both() -> None:
    rng = np.random.default_rng(3)
    spectra = white(noisy(rng, (1.0,), (40.0, 147.0), (10.0, 152.5)), noisy(rng, (1.0,), (8.0, 147.0), (30.0, 152.5)))
    found = fit_profiles(spectra, np.array([147.6, 151.9]), 2.5, (1.5, 8.0), np.ones((2, 2), dtype=bool))
    assert np.allclose(found.centre, [147.0, 152.5], atol=5 * found.centre_error.max())
    assert np.allclose(found.peak, [[40, 10], [8, 30]], atol=5)


def test_a_width_stays_within_its_limits() -> None:
    rng = np.random.default_rng(4)
    found = fit_profiles(white(noisy(rng, (1.0,), (30.0, 150.0))), np.array([150.0]), 4.5, (4.0, 8.0))
    assert found.fwhm == pytest.approx(4.0, abs=0.01)


def test_spectra_without_noise_or_light_give_numbers() -> None:
    found = fit_profiles(white(np.zeros(PLANES.size)), np.array([150.0]), 2.5, (1.5, 8.0))
    assert np.isfinite(found.centre).all()
    assert np.isfinite(found.fwhm)


def test_damped_fits_agree_with_scipy() -> None:
    rng = np.random.default_rng(6)
    x = np.linspace(-3, 3, 60)
    data = 2 * np.exp(-np.square(x - 0.4) / 1.5) + 0.05 * rng.standard_normal(x.size)

    def residuals(rows: np.ndarray) -> np.ndarray:
        return rows[:, :1] * np.exp(-np.square(x - rows[:, 1:2]) / rows[:, 2:]) - data

    start, low, high = np.array([1.0, 0.0, 1.0]), np.array([0.0, -1.0, 0.1]), np.array([5.0, 1.0, 5.0])
    found, jacobian = damped_fit(residuals, start, low, high)
    expected = least_squares(lambda row: residuals(row[None])[0], start)
    assert np.allclose(found, expected.x, atol=1e-3)
    assert np.allclose(jacobian, expected.jac, atol=1e-2)


@pytest.mark.parametrize("stretch", [(0.0, 0.0), (0.15, 0.1), (-0.2, 0.05)])
def test_the_shape_of_a_point_is_found(stretch: tuple[float, float]) -> None:
    rng = np.random.default_rng(7)
    true = PointShape(2.6, stretch, 0.02)
    image = 200 * point_image((25, 25), (11.3, 13.4), true) + rng.standard_normal((25, 25))
    noise = ImageNoise.of(np.ones((25, 25)))
    found = fit_points(image, noise, [(11, 13)], PointShape(2.4), Freedom(0.2, 0.3, 0.02))
    assert np.allclose(found.places, [(11.3, 13.4)], atol=0.03)
    assert found.shape.fwhm_px == pytest.approx(2.6, rel=0.03)
    assert np.allclose(found.shape.stretch, stretch, atol=0.04)
    assert found.heights == pytest.approx((200,), rel=0.03)


def test_two_points_in_a_nebula_are_told_from_it_and_have_one_shape() -> None:
    rng = np.random.default_rng(8)
    true = PointShape(2.6, (0.1, 0.0), 0.012)
    y, x = np.indices((30, 30))
    nebula = 20 * np.exp(-((y - 12) ** 2 + (x - 18) ** 2) / 90)
    points = 200 * point_image((30, 30), (11.3, 13.4), true) + 50 * point_image((30, 30), (16.8, 17.1), true)
    image = nebula + points + rng.standard_normal((30, 30))
    found = fit_points(
        image,
        ImageNoise.of(np.ones((30, 30))),
        [(11, 13), (17, 17)],
        PointShape(2.4),
        Freedom(0.2, 0.3, 0.02),
        over_smooth_light=True,
    )
    assert np.allclose(found.places, [(11.3, 13.4), (16.8, 17.1)], atol=0.15)
    assert found.shape.fwhm_px == pytest.approx(2.6, rel=0.04)
    assert np.allclose(found.shape.stretch, (0.1, 0.0), atol=0.05)
    assert found.heights == pytest.approx((200, 50), rel=0.1)
