"""Spaxels are where wcslib says, whatever the third axis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from feii_dask.cubes.celestial import celestial_cards, celestial_wcs, on_data, pixel_arcsec
from tests.cubes.samples import WCS_CARDS, unpack


@pytest.mark.parametrize("template", ["linear", "wavetab"])
def test_templates(template: str, tmp_path: Path) -> None:
    with fits.open(unpack(template, tmp_path)) as hdus:
        header = hdus["SCI"].header
        expected = WCS(header, fobj=hdus).celestial
    x, y = np.meshgrid(np.arange(37), np.arange(41))
    wcs = celestial_wcs(header)
    assert wcs is not None
    np.testing.assert_allclose(wcs.wcs_pix2world(x, y, 0), expected.wcs_pix2world(x, y, 0), rtol=1e-13)
    assert not any("3" in card for card in celestial_cards(header))


@pytest.mark.parametrize("cards", [{}, {"CTYPE1": "LINEAR"}, {"CTYPE1": "RA---XYZ"}, {"CRVAL1": "here"}])
def test_headers_that_place_nothing(cards: dict[str, str]) -> None:
    header = fits.Header({**WCS_CARDS, **cards} if cards else {})
    assert celestial_wcs(header) is None
    assert str(pixel_arcsec(header, None)) == ("0.13" if cards else "nan")  # the steps are stated all the same


def test_width_from_a_cd_matrix() -> None:
    cards = {key: value for key, value in WCS_CARDS.items() if not key.startswith(("PC", "CDELT"))}
    angle, step = np.radians(30), 0.2 / 3600
    matrix = {"CD1_1": -step * np.cos(angle), "CD1_2": step * np.sin(angle)}
    matrix |= {"CD2_1": step * np.sin(angle), "CD2_2": step * np.cos(angle)}
    header = fits.Header({**cards, **matrix})
    assert pixel_arcsec(header, celestial_wcs(header)) == pytest.approx(0.2)


@pytest.mark.parametrize("area", [0.0, -1.0, "large"])
def test_areas_that_are_none(area: object) -> None:
    header = fits.Header({**WCS_CARDS, "PIXAR_A2": area})
    assert pixel_arcsec(header, celestial_wcs(header)) == pytest.approx(0.13)


def test_objects_on_data_off_data_and_off_the_cube() -> None:
    wcs = celestial_wcs(fits.Header(WCS_CARDS))
    assert wcs is not None
    sci = np.zeros((3, 8, 10), dtype=np.float32)
    sci[:, 2, 7] = np.nan
    sci[:2, 5, 1] = np.nan  # in one plane there is data
    spaxels = {4: (0, 0), 7: (7, 2), 1: (1, 5), 9: (9.4, 7.4), 2: (10, 3), 3: (-1, 3), 5: (3, -1), 6: (3, 8)}
    objects = tuple((index, *map(float, wcs.pixel_to_world_values(x, y))) for index, (x, y) in spaxels.items())
    assert on_data(sci, wcs, objects) == (4, 1, 9)
    assert on_data(sci, wcs, ()) == ()
    assert on_data(sci, None, objects) == ()
