from __future__ import annotations

from base64 import b64decode
from io import BytesIO

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.image import imread
from numpy.typing import NDArray

from feii_dask.report.thumbnails import png_data_url

Floats = NDArray[np.float64]


def pixels_of(source: str) -> Floats:
    prefix = "data:image/png;base64,"
    assert source.startswith(prefix)
    return imread(BytesIO(b64decode(source.removeprefix(prefix))))


def test_one_pixel_for_each_spaxel_north_up() -> None:
    image = np.arange(12.0).reshape(3, 4)
    image[0, 0] = np.nan
    pixels = pixels_of(png_data_url(image))
    assert pixels.shape[:2] == (3, 4)
    np.testing.assert_allclose(pixels[2, 0, :3], 0.8, atol=1 / 255)  # no data, and the first row is at the bottom
    np.testing.assert_allclose(pixels[0, 3, :3], mpl.colormaps["viridis"](1.0)[:3], atol=1 / 255)


@pytest.mark.parametrize(("shape", "size"), [((64, 64), (64, 64)), ((65, 20), (33, 10)), ((300, 101), (60, 21))])
def test_large_images_are_averaged(shape: tuple[int, int], size: tuple[int, int]) -> None:
    assert pixels_of(png_data_url(np.random.default_rng(3).normal(size=shape))).shape[:2] == size


def test_the_average_passes_over_what_is_missing() -> None:
    image = np.zeros((120, 120))
    image[::2] = np.nan
    image[:2, :2] = np.nan
    image[100:, 100:] = 5.0
    pixels = pixels_of(png_data_url(image))
    viridis = mpl.colormaps["viridis"]
    np.testing.assert_allclose(pixels[-1, 0, :3], 0.8, atol=1 / 255)
    np.testing.assert_allclose(pixels[0, -1, :3], viridis(1.0)[:3], atol=1 / 255)
    np.testing.assert_allclose(pixels[10, 10, :3], viridis(0.0)[:3], atol=1 / 255)


def test_noise_is_the_worst_case_and_yet_small() -> None:
    noise = np.random.default_rng(4).normal(size=(64, 64))
    assert len(png_data_url(noise)) < 6_500


def test_an_image_without_data() -> None:
    assert pixels_of(png_data_url(np.full((5, 5), np.nan))).shape[:2] == (5, 5)
