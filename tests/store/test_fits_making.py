"""FITS files that are made without astropy are what astropy would have made."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from feii_dask.store.fits_making import CardTuple, image_hdu, primary_hdu, table_hdu

CARDS: list[CardTuple] = [("NUMBER", 1.5e-7, "[um] of it"), ("TEXT", "a 'b'"), ("COUNT", 7), ("LONG", "x" * 100)]


def opened(content: bytes) -> fits.HDUList:
    """Open a file; a checksum that is wrong, or anything that is against the standard, is an error."""
    hdus = fits.open(BytesIO(content), checksum=True)
    for hdu in hdus:
        assert "CHECKSUM" in hdu.header
        assert hdu.verify_checksum() == hdu.verify_datasum() == 1
    hdus.verify("exception")
    return hdus


@pytest.mark.parametrize("dtype", ["u1", "<i2", "<i4", "<i8", "<f4", "<f8", ">f4"])
def test_the_file_is_the_one_that_astropy_makes(dtype: str) -> None:
    image = np.arange(60).reshape(3, 4, 5).astype(dtype)
    curve = np.array([1.0, np.nan, -3.0])
    made = opened(
        primary_hdu(CARDS)
        + table_hdu("CURVE", [("a", curve, "um"), ("b", -curve, "")])
        + image_hdu("MAP", image, CARDS)
    )
    columns = [fits.Column("a", "D", unit="um", array=curve), fits.Column("b", "D", array=-curve)]
    table, extension = fits.BinTableHDU.from_columns(columns, name="CURVE"), fits.ImageHDU(image, name="MAP")
    expected = fits.HDUList([fits.PrimaryHDU(), table, extension])
    for hdu in (expected[0], expected[2]):
        hdu.header.update(fits.Header(CARDS))
    for hdu in expected:
        hdu.add_checksum()
    difference = fits.FITSDiff(made, expected, ignore_keywords=["CHECKSUM"], ignore_comments=["*"])
    assert difference.identical, difference.report()


@given(st.binary(max_size=500), st.text("abcXYZ019' ", max_size=30))
def test_checksums_are_right_whatever_is_summed(data: bytes, text: str) -> None:
    opened(primary_hdu([("TEXT", text)]) + image_hdu("MAP", np.frombuffer(data, "u1"), [("TEXT", text)]))


def test_numbers_that_are_equal_but_of_different_types_are_different_cards() -> None:
    values = (1, 1.0, True)
    stored = [opened(primary_hdu([("VALUE", value)]))[0].header["VALUE"] for value in values]
    assert [type(value) for value in stored] == [int, float, bool]
