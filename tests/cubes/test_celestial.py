"""Spaxels are where wcslib says, whatever the third axis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_area

from feii_dask.cubes.celestial import (
    celestial_cards,
    celestial_wcs,
    cutout_cards,
    icrs_deg,
    pixel_arcsec,
    places_on_data,
    spaxel_arcsec,
)
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
    sci = np.random.default_rng(3).normal(size=(30, 8, 10)).astype(np.float32)
    sci[:, 2, 7] = np.nan
    sci[:20, 5, 1] = np.nan  # in some planes there are data
    spaxels = {4: (0, 0), 7: (7, 2), 1: (1, 5), 9: (9.4, 7.4), 2: (10, 3), 3: (-1, 3), 5: (3, -1), 6: (3, 8)}
    for index, filling in enumerate([0.0, -1e20, np.inf, 1e30, sci[:, 0, 0] * np.float32(1e-9)]):
        sci[:, 6, index] = filling
        spaxels[10 + index] = (index, 6)
    sci[::2, 6, 5] = np.nan
    sci[1::2, 6, 5] = -1e20
    spaxels[15] = (5, 6)
    objects = tuple((index, *map(float, wcs.pixel_to_world_values(x, y))) for index, (x, y) in spaxels.items())
    assert tuple(places_on_data(sci, wcs, objects)) == (4, 1, 9)
    assert places_on_data(np.zeros_like(sci), wcs, objects) == {}
    assert places_on_data(sci, wcs, ()) == {}
    assert places_on_data(sci, None, objects) == {}


@pytest.mark.parametrize(
    "cards",
    [
        {"RADESYS": "galactic"},
        {"RADESYS": "J2000"},
        {"RADESYS": 5},
        {"CTYPE1": "SLON-TAN", "CTYPE2": "SLAT-TAN"},  # of a planet
        {"CTYPE1": "AZ---TAN", "CTYPE2": "EL---TAN"},
        {"CUNIT1": "parsnip"},
        {"CRVAL2": 95.0},
        {"CDELT1": 0.0},
        {"RADESYS": "FK5", "EQUINOX": 1e308},
        {"PC1_3": 0.1},  # another place in every plane
    ],
)
def test_frames_and_places_that_no_sky_has(cards: dict[str, object]) -> None:
    assert celestial_wcs(fits.Header({**WCS_CARDS, **cards})) is None


def test_places_that_are_stated_twice_or_cannot_be_read() -> None:
    header = fits.Header(WCS_CARDS)
    header.append(("CRVAL1", WCS_CARDS["CRVAL1"]))
    assert celestial_wcs(header) is not None
    header.append(("CRVAL1", 12.0))
    assert celestial_wcs(header) is None
    assert celestial_wcs(fits.Header(WCS_CARDS), frozenset({"OBJECT"})) is not None
    assert celestial_wcs(fits.Header(WCS_CARDS), frozenset({"LONPOLE"})) is None


STEPS = {"CDELT1": -1e-3, "CDELT2": 1e-3}
SPELLINGS = {
    "CROTA2": {**STEPS, "CROTA2": 30.0},
    "CROTA1": {**STEPS, "CROTA1": -30.0},
    "PC": {**STEPS, "PC1_1": 0.8, "PC1_2": 0.6, "PC2_1": -0.6, "PC2_2": 0.8},
    "PC001001": {**STEPS, "PC001001": 0.8, "PC001002": 0.6, "PC002001": -0.6, "PC002002": 0.8},
    "CD": {"CD1_1": -1e-3, "CD1_2": 2e-4, "CD2_1": 2e-4, "CD2_2": 1e-3},
    "ICRS": {**STEPS, "CROTA2": 20.0, "RADESYS": "ICRS"},
    "ICRS at 0 h": {**STEPS, "RADESYS": "ICRS", "CRVAL1": -0.01},
    "B1950": {**STEPS, "CROTA2": 10.0, "EPOCH": 1950.0},
    "FK4": {**STEPS, "EQUINOX": 1950.0, "RADESYS": "FK4"},
    "PV": {**STEPS, "CTYPE1": "RA---COP", "CTYPE2": "DEC--COP", "PV2_1": 45.0, "LONPOLE": 160.0},
    "SIP": {
        **STEPS,
        "CTYPE1": "RA---TAN-SIP",
        "CTYPE2": "DEC--TAN-SIP",
        "A_ORDER": 2,
        "B_ORDER": 2,
        "A_2_0": 1e-4,
        "B_0_2": -1e-4,
        "AP_ORDER": 2,
        "BP_ORDER": 2,
        "AP_2_0": -1e-4,
        "BP_0_2": 1e-4,
    },
    "no values": {**STEPS, "LONPOLE": fits.card.Undefined(), "CROTA2": 5.0},
}


@pytest.mark.parametrize("unit", ["deg", "Degrees"])
@pytest.mark.parametrize("name", SPELLINGS)
@pytest.mark.filterwarnings("ignore::astropy.wcs.FITSFixedWarning")  # astropy's of the header as it is
def test_every_spelling_of_a_place(name: str, unit: str) -> None:
    """With units as HIPE words them, and again from the cards that a cutout keeps."""
    header = fits.Header({**WCS_CARDS, "CUNIT1": unit, "CUNIT2": unit})
    for key in [key for key in header if key.startswith(("PC", "CDELT"))]:
        del header[key]
    header.update(SPELLINGS[name])
    stated = fits.Header([card for card in header.cards if not isinstance(card.value, fits.card.Undefined)])
    x, y = np.meshgrid(np.arange(0, 60, 7), np.arange(0, 50, 7))
    expected = WCS(stated).pixel_to_world(x, y).icrs
    wcs = celestial_wcs(header)
    assert wcs is not None
    again = celestial_wcs(fits.Header(cutout_cards(wcs)))
    assert again is not None
    for found in (wcs, again):
        assert found.pixel_to_world(x, y).icrs.separation(expected).arcsec.max() < 1e-3
    np.testing.assert_allclose(
        icrs_deg(wcs, x[2, 3], y[2, 3]), (expected.ra.deg[2, 3], expected.dec.deg[2, 3]), rtol=1e-9
    )
    assert 0 <= icrs_deg(wcs, 59.0, 0.0)[0] < 360


@pytest.mark.parametrize("cards", [{"CD1_1": -2e-5, "CD1_2": 1e-5, "CD2_1": 1e-5, "CD2_2": 3e-5}, {"CDELT1": -1e-4}])
@pytest.mark.parametrize("axes", [("RA---TAN", "DEC--TAN"), ("DEC--TAN", "RA---TAN")])
def test_the_side_of_a_spaxel_is_that_of_its_area_in_astropy(cards: dict[str, float], axes: tuple[str, str]) -> None:
    wcs = celestial_wcs(fits.Header(dict(zip(("CTYPE1", "CTYPE2"), axes, strict=True)) | cards))
    assert wcs is not None
    assert spaxel_arcsec(wcs) == pytest.approx(3600 * proj_plane_pixel_area(wcs) ** 0.5, rel=1e-12)
