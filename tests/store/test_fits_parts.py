"""HDUs that are read without astropy are what astropy reads."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from feii_dask.store.fits_parts import FitsPart, fits_parts

texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=150)
texts = texts.filter(lambda text: ": " not in text)  # which astropy takes for a record
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**60), 2**60)


def parts_of(*hdus: fits.PrimaryHDU | fits.ImageHDU | fits.BinTableHDU) -> list[FitsPart]:
    """Write a file and read it."""
    content = BytesIO()
    fits.HDUList(list(hdus)).writeto(content, checksum=True)
    return list(fits_parts(content.getvalue()))


@given(texts | numbers | st.booleans())
def test_a_value_is_what_astropy_reads(value: str | float | bool) -> None:
    primary = fits.PrimaryHDU()
    primary.header["VALUE"] = value
    (part,) = parts_of(primary)
    expected = fits.Header.fromstring(primary.header.tostring())["VALUE"]
    assert part.value("VALUE") == expected
    assert type(part.value("VALUE")) is type(expected)


@pytest.mark.parametrize(
    "card",
    ["1.5 / [deg] it's", "'a/b   ' / c", "''", "'it''s'", "1E5", "1.5D3", "-.5", "+7", "T", "(1, 2)", "1.", "' a'"],
)
def test_a_card_of_another_program_is_what_astropy_reads(card: str) -> None:
    image = f"VALUE   = {card}".ljust(80).encode()
    value, expected = FitsPart({"VALUE": image}).value("VALUE"), fits.Card.fromstring(image).value
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize("dtype", ["u1", ">i2", ">i4", ">i8", ">f4", ">f8"])
def test_images_and_tables_are_what_was_written(dtype: str) -> None:
    image = np.arange(60).reshape(3, 4, 5).astype(dtype)
    columns = [fits.Column(name, "D", array=np.arange(7.0) * factor) for factor, name in enumerate(("a", "b"), 1)]
    primary, first, table = parts_of(
        fits.PrimaryHDU(), fits.ImageHDU(image, name="one"), fits.BinTableHDU.from_columns(columns, name="TABLE")
    )
    assert (primary.name, primary.shape, first.name, table.name) == ("", (), "ONE", "TABLE")
    np.testing.assert_array_equal(first.image, image)
    assert table.table["b"].tolist() == [2.0 * number for number in range(7)]


def test_what_is_not_read_here_is_refused() -> None:
    unsigned = fits.ImageHDU(np.zeros((2, 2), dtype=np.uint16))  # stored with an offset
    integers = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1, 2])])
    _, image, table = parts_of(fits.PrimaryHDU(), unsigned, integers)
    with pytest.raises(ValueError, match="scaled by BSCALE"):
        _ = image.image
    with pytest.raises(ValueError, match="columns of type J"):
        _ = table.table


def test_a_file_that_ends_early_is_an_error() -> None:
    content = BytesIO()
    fits.PrimaryHDU(np.zeros((50, 50))).writeto(content)
    for length in (100, 2880, 2880 * 2):
        with pytest.raises(ValueError, match="it ends"):
            list(fits_parts(content.getvalue()[:length]))


@pytest.mark.parametrize(
    "card", [b"XT\x05NSION= 1", b"XT NSION= 1", b"value   = 1", b"VALUE   = 'a\x07'", b"VALUE   = 1E999"]
)
def test_a_damaged_card_is_an_error(card: bytes) -> None:
    content = BytesIO()
    fits.PrimaryHDU().writeto(content)
    damaged = content.getvalue().replace(b"END".ljust(80), card.ljust(80) + b"END".ljust(80), 1)[:2880]
    with pytest.raises(ValueError, match="is no card|is too large"):
        [part.value("VALUE") for part in fits_parts(damaged)]
