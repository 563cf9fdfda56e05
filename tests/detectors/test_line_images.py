"""The image of a line, and of other wavelengths."""

from __future__ import annotations

import numpy as np

from feii_dask.detectors.matched.line_images import line_images
from feii_dask.detectors.matched.resolution import resolution_at
from feii_dask.detectors.matched.whitening import Residuals, remove_continuum

PLANES, SIDE, PLANE = 241, 12, 120
WEIGHTS = np.array([0.3, 0.8, 1.0, 0.8, 0.3])
RESOLUTION = resolution_at(np.linspace(5.18, 5.5, PLANES), PLANE, 0.13)
HERE = slice(PLANE - 2, PLANE + 3)
FREE = abs(np.arange(PLANES) - PLANE) > 3


def residuals_with_a_line(height: float) -> Residuals:
    """Return noise of 1, and a line that is as bright everywhere."""
    cube = np.random.default_rng(8).normal(100, 1, (PLANES, SIDE, SIDE)).astype(np.float32)
    cube[HERE] += (height * WEIGHTS[:, None, None]).astype(np.float32)
    return remove_continuum(cube, RESOLUTION)


def test_what_was_removed_as_a_spike_is_missing_and_not_dark() -> None:
    residuals = residuals_with_a_line(40.0)
    residuals.normalized[HERE, 2, 3] = 0
    residuals.normalized[PLANE + 1, 5, 5] = 0
    images = line_images(residuals, WEIGHTS / np.square(WEIGHTS).sum(), HERE.start, FREE, FREE)
    assert not images.valid[2, 3]
    assert np.isinf(images.noise[2, 3])
    assert np.count_nonzero(images.valid) == SIDE**2 - 1
    assert np.allclose(images.line[images.valid], 40, atol=5 * np.median(images.noise))
    assert images.noise[5, 5] > 1.1 * np.median(images.noise)  # fewer planes, more noise


def test_planes_with_other_lines_say_nothing_of_the_noise() -> None:
    residuals = residuals_with_a_line(0.0)
    lines = np.arange(PLANES) % 12 < 3
    residuals.normalized[lines & FREE] += 30
    quiet, loud = (
        line_images(residuals, WEIGHTS, HERE.start, FREE, FREE & empty) for empty in (~lines, np.ones_like(lines))
    )
    assert len(quiet.others) >= 10
    assert np.median(quiet.noise) < 0.2 * np.median(loud.noise)
