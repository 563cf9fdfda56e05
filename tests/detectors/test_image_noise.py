"""The noise of images: patterns that spaxels share are told from chance and from lines."""

from __future__ import annotations

import numpy as np
import pytest

from feii_dask.detectors.matched.image_noise import ImageNoise, noise_of_images, spread_of

SHAPE = (20, 22)


def star_patterns() -> np.ndarray:
    y, x = np.indices(SHAPE) - np.array([9, 11])[:, None, None]
    core = np.exp(-(y**2 + x**2) / 6)
    return np.array([12 * core * (-1.0) ** (y + x), 8 * core * np.sign(y + 0.5)])


def noisy_images(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    images: np.ndarray = rng.normal(size=(count, *SHAPE)) + np.tensordot(
        rng.normal(size=(count, 2)), star_patterns(), 1
    )
    return images


def noise_of(images: np.ndarray) -> ImageNoise:
    return noise_of_images(images, np.ones(SHAPE, dtype=bool), spread_of(images))


def test_patterns_about_a_star_are_found_and_taken_out_of_images_that_did_not_show_them() -> None:
    noise = noise_of(noisy_images(110, seed=1))
    assert len(noise.modes) == 2
    new = noisy_images(400, seed=2)
    bright = spread_of(new) > 4
    white = noise.white(new)[:, bright.ravel()]
    assert np.std(new[:, bright]) > 6
    assert 0.9 < np.std(white) < 1.15
    assert noise.scale.max() < 2


def test_white_noise_has_no_patterns() -> None:
    assert len(noise_of(np.random.default_rng(3).normal(size=(110, *SHAPE))).modes) == 0


def test_a_line_in_some_of_the_images_makes_no_pattern() -> None:
    y, x = np.indices(SHAPE)
    line = np.exp(-((y - 9) ** 2 + (x - 13) ** 2) / 8).ravel()
    for seed in range(3):
        images = noisy_images(110, seed)
        plain = variance_along(line, noise_of(images))
        images[40:46] += 100 * line.reshape(SHAPE)
        assert variance_along(line, noise_of(images)) < 2 * plain, seed


def variance_along(image: np.ndarray, noise: ImageNoise) -> float:
    along = noise.modes.reshape(len(noise.modes), -1) @ (image / np.linalg.norm(image))
    return float(along @ along)


def test_what_makes_noise_white_is_the_inverse_of_its_covariance() -> None:
    scale = np.random.default_rng(5).uniform(1, 2, SHAPE)
    scale[:2] = np.inf
    noise = ImageNoise.of(scale, star_patterns())
    inside = np.isfinite(scale)
    modes = noise.modes[:, inside]
    covariance = np.diag(scale[inside] ** 2) + modes.T @ modes
    image = np.random.default_rng(6).normal(size=SHAPE)
    expected = np.linalg.solve(covariance, image[inside])
    assert noise.over_variance(image)[inside] == pytest.approx(expected, abs=1e-9)
    assert (noise.over_variance(image)[:2] == 0).all()
    assert noise.white(image) @ noise.white(image) == pytest.approx(image[inside] @ expected)
    part = noise.within(inside & (np.arange(SHAPE[1]) < 14))
    few = part.inside[inside]
    assert part.over_variance(image)[part.inside] == pytest.approx(
        np.linalg.solve(covariance[np.ix_(few, few)], image[part.inside]), abs=1e-9
    )


def test_without_images_noise_is_the_scale() -> None:
    noise = noise_of_images(np.zeros((0, *SHAPE)), np.ones(SHAPE, dtype=bool), np.full(SHAPE, 2.0))
    assert noise.white(np.ones(SHAPE)) == pytest.approx(np.full(noise.inside.sum(), 0.5))
