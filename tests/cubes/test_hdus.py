"""The HDUs that a walk finds are those that astropy finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from feii_dask.cubes.hdus import PLAIN_CARD, FitsFile, are_plain, format_errors
from feii_dask.cubes.storage import RangeReader
from feii_dask.errors import CubeFormatError, CubeReadError
from tests.cubes.samples import TEMPLATES, unpack


def test_every_kind_of_hdu(tmp_path: Path) -> None:
    columns = [fits.Column("name", "PA(20)", array=["a", "longer"]), fits.Column("x", "D", array=[1.0, 2.0])]
    hdus = [
        fits.PrimaryHDU(),
        fits.ImageHDU(np.arange(7, dtype=np.int16), name="SHORT"),
        fits.BinTableHDU.from_columns(columns, name="HEAP"),
        fits.TableHDU.from_columns([fits.Column("y", "F10.3", array=[1.5, 2.5])], name="TEXT"),
        fits.ImageHDU(name="NOTHING"),
        fits.ImageHDU(np.ones((3, 3)), name="LAST"),
    ]
    fits.HDUList(hdus).writeto(tmp_path / "file.fits")
    file = FitsFile(RangeReader("file.fits"))
    with fits.open("file.fits") as expected:
        for number, hdu in enumerate(expected):
            found = file.find(hdu.name)
            assert (found.start, found.data_start) == (hdu.fileinfo()["hdrLoc"], hdu.fileinfo()["datLoc"])
            assert found.stop == found.data_start + hdu.fileinfo()["datSpan"]
            assert repr(file.parse(found).header) == repr(hdu.header)
            if number:
                np.testing.assert_array_equal(file.parse(found).data, hdu.data)
        assert file.primary.name == "PRIMARY"


def test_a_file_without_its_last_padding(tmp_path: Path) -> None:
    """Some writers leave it out; astropy reads such files too."""
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.arange(10.0), name="SCI")]).writeto(tmp_path / "file.fits")
    raw = (tmp_path / "file.fits").read_bytes()
    (tmp_path / "file.fits").write_bytes(raw[: 2880 * 2 + 80])
    file = FitsFile(RangeReader("file.fits"))
    np.testing.assert_array_equal(file.parse(file.find("SCI")).data, np.arange(10.0))


def test_templates_are_walked_to_the_end(tmp_path: Path) -> None:
    file = FitsFile(RangeReader(str(unpack("linear", tmp_path))))
    assert file.parse(file.find("ASDF")).data["ASDF_METADATA"].size > 1000


def test_an_unknown_kind_of_extension(tmp_path: Path) -> None:
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.ones(3), name="SCI")]).writeto(tmp_path / "file.fits")
    raw = (tmp_path / "file.fits").read_bytes()
    (tmp_path / "file.fits").write_bytes(raw.replace(b"XTENSION= 'IMAGE   '", b"XTENSION= 'FOREIGN '"))
    file = FitsFile(RangeReader("file.fits"))
    with pytest.raises(CubeFormatError, match="type 'FOREIGN'"):
        file.parse(file.find("SCI"))


@pytest.mark.parametrize(
    ("raised", "becomes", "says"),
    [
        (KeyError("CRVAL3"), CubeFormatError, "cube.fits cannot be understood: KeyError: 'CRVAL3'"),
        (CubeFormatError("has no CRVAL3"), CubeFormatError, "cube.fits has no CRVAL3"),
        (CubeReadError("cube.fits is truncated"), CubeReadError, "cube.fits is truncated"),
        (MemoryError(), CubeReadError, "cube.fits needs more memory than there is"),
    ],
)
def test_errors_name_the_file(raised: Exception, becomes: type[Exception], says: str) -> None:
    with pytest.raises(becomes) as caught, format_errors("cube.fits"):
        raise raised
    assert str(caught.value) == says


@given(st.sampled_from(["OBJECT", "NAXIS1", "A_B-C", "abc"]), st.text("'TF0123456789.+-ED/&x= ", max_size=70))
def test_a_card_that_counts_as_plain_can_be_read(keyword: str, rest: str) -> None:
    image = f"{keyword:8}= {rest}".ljust(80).encode()
    if PLAIN_CARD.fullmatch(image):
        assert fits.Card.fromstring(image).value is not None


CARDS = st.sampled_from(
    [
        *("OBJECT  = 'T Tau'", "SIMPLE  =                    T", "COMMENT some text &", "", "NAXIS1  = 12 / a comment"),
        *("S_REGION= 'POLYGON ICRS 1.5 &'", "S_REGION= 'POLYGON&' / goes on", "LONG    = 'it''s &'"),
        *("CONTINUE  '2.5 3.5&'", "CONTINUE  '4.5' / the end", "CONTINUE  '' / the end", "CONTINUE  4.5", "CONTINUE"),
        *("NAXIS2  = 12.5.5", "WRONG   = 'no end"),
    ]
)


@given(st.lists(CARDS, max_size=6))
def test_headers_that_count_as_plain_hold_what_a_card_by_card_reading_keeps(cards: list[str]) -> None:
    images = [f"{card:80}".encode() for card in [*cards, "END"]]
    if are_plain(images):
        header = fits.Header.fromstring(b"".join(images))
        assert all(card.value is not None for card in header.cards)
        assert header.tostring(padding=False, endcard=False).encode() == b"".join(images[:-1])
        continued = [before.rstrip().endswith(b"&'") for before in [b"", *images[:-1]]]
        assert all(ok for ok, image in zip(continued, images, strict=True) if image.startswith(b"CONTINUE"))


@pytest.mark.parametrize("template", TEMPLATES)
def test_headers_of_jwst_count_as_plain(template: str, tmp_path: Path) -> None:
    """Their footprints take two cards or three."""
    path = unpack(template, tmp_path)
    hdu = FitsFile(RangeReader(str(path))).find("SCI")
    raw = path.read_bytes()[hdu.start : hdu.data_start]
    assert b"CONTINUE" in raw
    assert are_plain(raw[start : start + 80] for start in range(0, len(raw), 80))
