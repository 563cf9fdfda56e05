"""Wavelengths agree with wcslib's, and anything that is not a wavelength is refused."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st

from feii_dask.cubes.wavelengths import runs_backwards, table_places, wavelengths_um
from feii_dask.errors import CubeFormatError


def linear(**cards: object) -> fits.Header:
    header = {"NAXIS3": 40, "CTYPE3": "WAVE", "CUNIT3": "um", "CRPIX3": 1.0, "CRVAL3": 4.9, "CDELT3": 0.0008} | cards
    return fits.Header({key: value for key, value in header.items() if value is not None})


@given(
    unit=st.sampled_from(["um", "m", "nm", "Angstrom"]),
    reference_pixel=st.floats(-100, 100),
    start_um=st.floats(0.6, 28),
    step_um=st.floats(1e-4, 1e-2),
)
def test_linear_axes_as_wcslib_has_them(unit: str, reference_pixel: float, start_um: float, step_um: float) -> None:
    per_unit = u.um.to(unit)
    cards = {
        "CUNIT3": unit,
        "CRPIX3": reference_pixel,
        "CRVAL3": (start_um + 1) * per_unit,
        "CDELT3": step_um * per_unit,
    }
    wcs = WCS(naxis=1)
    wcs.wcs.ctype, wcs.wcs.cunit = ["WAVE"], [unit]
    wcs.wcs.crpix, wcs.wcs.crval, wcs.wcs.cdelt = [reference_pixel], [cards["CRVAL3"]], [cards["CDELT3"]]
    expected_m = wcs.wcs_pix2world(np.arange(40), 0)[0]
    if expected_m[0] > 0:
        np.testing.assert_allclose(wavelengths_um(linear(**cards)), expected_m * 1e6, rtol=1e-12)


@pytest.mark.parametrize("step", [1.25, -1.25])
def test_frequencies_as_astropy_converts_them(step: float) -> None:
    """As SPIRE's cubes have them."""
    header = linear(CTYPE3="FREQ", CUNIT3="GHz", CRVAL3=1000.0, CDELT3=step)
    expected = np.sort(((1000.0 + step * np.arange(40)) * u.GHz).to_value(u.um, u.spectral()))
    np.testing.assert_allclose(wavelengths_um(header), expected, rtol=1e-14)
    assert runs_backwards(header) == (step > 0)


def test_equal_to_the_notebook_bit_by_bit() -> None:
    """The line's plane depends on it."""
    header = linear(NAXIS3=1050, CRVAL3=4.9004000954, CDELT3=0.000799999979790300)
    expected = header["CRVAL3"] + header["CDELT3"] * np.arange(header["NAXIS3"])
    np.testing.assert_array_equal(wavelengths_um(header), expected)


def test_steps_in_a_matrix() -> None:
    expected = wavelengths_um(linear())
    np.testing.assert_array_equal(wavelengths_um(linear(CDELT3=None, CD3_3=0.0008)), expected)
    np.testing.assert_array_equal(wavelengths_um(linear(CDELT3=0.0004, PC3_3=2.0)), expected)


def test_integers_and_missing_reference_pixels() -> None:
    np.testing.assert_array_equal(wavelengths_um(linear(NAXIS3=3, CRVAL3=5, CDELT3=1, CRPIX3=None)), [6, 7, 8])
    np.testing.assert_array_equal(wavelengths_um(linear(NAXIS3=3, CRVAL3=5, CDELT3=1, CTYPE3=None)), [5, 6, 7])


def test_the_table_counts_only_where_the_axis_says_so() -> None:
    """Since jwst 2.0 linear cubes have a WCS-TABLE too."""
    assert table_places(linear()) == ()
    header = linear(CTYPE3="WAVE-TAB", CDELT3=None, CRVAL3=1.0, PS3_0="WCS-TABLE", PS3_1="wavelength", NAXIS3=3)
    assert table_places(header) == (("WCS-TABLE", "wavelength"),)
    table = np.array([[[4.9], [5.0], [5.2]]], dtype=">f4")
    np.testing.assert_array_equal(wavelengths_um(header, table), table.ravel().astype(float))
    header["CUNIT3"] = "nm"
    np.testing.assert_allclose(wavelengths_um(header, table * 1000), table.ravel(), rtol=1e-6)


UNDEFINED = fits.card.Undefined()


@pytest.mark.parametrize(
    "cards",
    [
        {"CTYPE3": "WAVE-TAB", "PS3_0": None},
        {"CTYPE3": "WAVE-TAB", "PS3_0": UNDEFINED, "CRVAL3": UNDEFINED},
        dict.fromkeys(("CTYPE3", "CRPIX3", "CRVAL3", "CDELT3"), UNDEFINED),
        dict.fromkeys(("CTYPE3", "CRPIX3", "CRVAL3", "CDELT3"), None),
        {"CTYPE3": "Wavelength", "CDELT3": UNDEFINED},
    ],
)
@pytest.mark.parametrize("unit", ["um", "Micrometer", "microns", UNDEFINED])
def test_axes_that_say_nothing_have_a_table(cards: dict[str, object], unit: object) -> None:
    """As of PACS's mosaic cubes; where CUNIT3 has no value either, the table's column has one."""
    header = linear(NAXIS3=3, CUNIT3=unit, **cards)
    assert table_places(header) == (("WCS-TABLE", "wavelength"), ("WCS-TAB", "wavelen"))
    table = np.array([[63.1], [63.2], [63.4]])
    np.testing.assert_allclose(wavelengths_um(header, table, "um"), table.ravel(), rtol=1e-14)
    assert not runs_backwards(header)
    with pytest.raises(CubeFormatError, match="was not given|CRPIX3|CRVAL3|CDELT3"):
        wavelengths_um(header)


@pytest.mark.parametrize(
    ("cards", "says"),
    [
        ({"CTYPE3": "FREQ"}, "CUNIT3 = 'um'; it must be a unit of frequency"),
        ({"CTYPE3": "FREQ", "CUNIT3": "GHz", "CRVAL3": -1.0}, "frequencies that are not positive"),
        ({"CTYPE3": "VELO"}, "CTYPE3 = 'VELO'"),
        ({"CTYPE3": "AWAV"}, "vacuum"),
        ({"CTYPE3": "WAVE-TAB"}, "was not given"),
        ({"CUNIT3": None}, "CUNIT3 = None"),
        ({"CUNIT3": ""}, "CUNIT3 = ''"),
        ({"CUNIT3": "Hz"}, "CUNIT3 = 'Hz'"),
        ({"CUNIT3": "furlongs"}, "CUNIT3 = 'furlongs'"),
        ({"CDELT3": None}, "CDELT3 = None"),
        ({"CDELT3": -0.0008}, "strictly increasing"),
        ({"CDELT3": 0.0}, "strictly increasing"),
        ({"CRVAL3": -4.9}, "not positive"),
        ({"CRVAL3": "4.9"}, "CRVAL3 = '4.9'"),
        ({"CRVAL3": None}, "CRVAL3 = None"),
        ({"NAXIS3": 0}, "NAXIS3 = 0"),
        ({"NAXIS3": 10**9}, "NAXIS3 = 1000000000"),
        ({"NAXIS3": True}, "NAXIS3 = True"),
    ],
)
def test_what_is_not_a_wavelength(cards: dict[str, object], says: str) -> None:
    with pytest.raises(CubeFormatError, match=says):
        wavelengths_um(linear(**cards))
