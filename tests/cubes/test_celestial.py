"""Spaxels are where wcslib says, whatever the third axis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from feii_dask.cubes.celestial import celestial_cards, celestial_wcs, pixel_arcsec
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
    assert np.isnan(pixel_arcsec(header, None))


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
