"""HDUs of a FITS file, found by reading their headers only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite, prod
from typing import TYPE_CHECKING, Any

from astropy.io import fits
from astropy.io.fits.card import Undefined

from feii_dask.errors import CubeError, CubeFormatError, CubeReadError

if TYPE_CHECKING:
    from feii_dask.cubes.storage import RangeReader  # which loads s3fs; headers of cutouts are read without

__all__ = [
    "BLOCK",
    "CARD",
    "PLAIN_CARD",
    "FitsFile",
    "Hdu",
    "are_plain",
    "format_errors",
    "integer_card",
    "number_card",
    "padded",
    "text_card",
]

BLOCK = 2880  # FITS 4.0, section 3.1
CARD = 80
KEYWORD = "KEYWORD ="
# Cards of the usual kinds: a text without quotation marks, a number, a logical value. astropy reads the others.
PLAIN_CARD = re.compile(
    rb"(?=.{8}= )[A-Z0-9_-]+ *= +(?:'(?P<text>[ -%(-~]*)'|(?P<integer>[+-]?\d{1,18})"
    rb"|(?P<real>[+-]?\d+\.\d*(?:E[+-]?\d+)?)|(?P<logical>[TF])) *(?:/[ -~]*)?"
)
# A text that goes on in the next card (FITS 4.0, section 4.2.1.2), as JWST's footprints do, and the next card.
LONG_TEXT = re.compile(rb"(?:(?=.{8}= )[A-Z0-9_-]+ *= +|CONTINUE  )'[ -%(-~]*&' *")
CONTINUED = re.compile(rb"CONTINUE  '[ -%(-~]*&?' *(?:/[ -~]*)?")
WITHOUT_VALUE = (b"COMMENT ", b"HISTORY ", b"        ", b"END     ")
FIRST_READ = 64 * 1024  # primary and SCI header of an s3d file take about 30 kB
NEXT_READ = 4 * BLOCK  # other headers fit in one or two blocks, but for those of long tables
LONGEST_HEADER = 4 * 1024**2
MOST_HDUS = 100
HDU_TYPES = {"PRIMARY": fits.PrimaryHDU, "IMAGE": fits.ImageHDU, "BINTABLE": fits.BinTableHDU, "TABLE": fits.TableHDU}
LARGEST_READ = 2 * 1024**3  # 41 planes of 500 x 500 spaxels are 41 MB


@dataclass(frozen=True, eq=False, slots=True)
class Hdu:
    """One header-data unit: its header, and where its data are.

    Attributes
    ----------
    name : str
        EXTNAME in capitals; the first is ``PRIMARY`` where it has none.
    header : fits.Header
        The header; cards that cannot be read, such as ``OBJECT  = L1551 IRS 5``, have no value.
    start, data_start, data_stop : int
        Bytes of the file at which the header begins, and the data begin and end.
    unreadable : frozenset of str
        Keywords of the cards that cannot be read.
    """

    name: str
    header: fits.Header
    start: int
    data_start: int
    data_stop: int
    unreadable: frozenset[str] = frozenset()

    @property
    def stop(self) -> int:
        """Where the next HDU begins: data are padded to full blocks."""
        return padded(self.data_stop)


class FitsFile:
    """A FITS file whose HDUs are looked up by name; each header is read when it is first needed.

    Parameters
    ----------
    reader : RangeReader
        The file's bytes.
    """

    def __init__(self, reader: RangeReader) -> None:
        self.reader = reader
        self._hdus: list[Hdu] = []

    @property
    def primary(self) -> Hdu:
        """The first HDU."""
        return self._hdus[0] if self._hdus else self._read_next()

    def find(self, *names: str) -> Hdu:
        """Return the first HDU that has one of some names, in any case.

        Raises
        ------
        CubeFormatError
            If there is none; the message lists those that there are.
        CubeError
            If a header cannot be read.
        """
        wanted = [name.strip().upper() for name in names]
        shown = " or ".join(wanted)
        for hdu in self._hdus:
            if hdu.name in wanted:
                return hdu
        while len(self._hdus) < MOST_HDUS:
            hdu = self._read_next(shown)
            if hdu.name in wanted:
                return hdu
        raise CubeFormatError(f"has no extension {shown} among its first {MOST_HDUS}")

    def find_any(self, *names: str) -> Hdu | None:
        """Return what `find` does, or None where there is none; raises `CubeReadError`."""
        try:
            return self.find(*names)
        except CubeFormatError:
            return None

    def find_at(self, start: int, name: str) -> Hdu | None:
        """Return the HDU of a name if it begins at this byte; None if it does not, or its header is long.

        One request, in which the data of a small HDU come along.
        """
        block = self.reader.read(start, start + FIRST_READ)
        length = header_length(block) if block.startswith(b"XTENSION=") else None
        hdu = None if length is None else parse_header(block[:length], start)
        return hdu if hdu is not None and hdu.name == name.strip().upper() else None

    def read(self, start: int, stop: int) -> bytes:
        """Return exactly the bytes ``[start, stop)``.

        Raises
        ------
        CubeReadError
            If the file ends before.
        CubeFormatError
            If that is more than any cube needs: the header is wrong.
        """
        if stop - start > LARGEST_READ:
            raise CubeFormatError(f"asks for {stop - start:.3g} bytes at once; its header must be wrong")
        data = self.reader.read(start, stop)
        if len(data) < stop - start:
            size = str(start + len(data)) if data else f"at most {start}"
            raise CubeReadError(f"{self.reader.name} is truncated: it has {size} of {stop} bytes")
        return data

    def parse(self, hdu: Hdu) -> Any:
        """Read an HDU whole, and return it as astropy's."""
        kind = hdu.header.get("XTENSION", "PRIMARY")
        if kind not in HDU_TYPES:
            raise CubeFormatError(f"has in {hdu.name} an extension of type {kind!r}, which is not known here")
        raw = self.read(hdu.start, hdu.data_stop)
        return HDU_TYPES[kind].fromstring(raw.ljust(hdu.stop - hdu.start, b"\0"))  # some writers leave out padding

    def _read_next(self, wanted: str = "") -> Hdu:
        """Read the next header."""
        start = self._hdus[-1].stop if self._hdus else 0
        hdu = parse_header(self._read_header(start, wanted), start)
        self._hdus.append(hdu)
        return hdu

    def _read_header(self, start: int, wanted: str) -> bytes:
        asked = NEXT_READ if start else FIRST_READ
        block = self.reader.read(start, start + asked)
        if start == 0:
            check_is_fits(block)
        elif not block.startswith(b"XTENSION="):
            names = ", ".join(hdu.name for hdu in self._hdus)
            raise CubeFormatError(f"has no extension {wanted}; it has {names} (--extension NAME takes another)")
        while (length := header_length(block)) is None:
            if len(block) < asked:
                size = start + len(block)
                raise CubeReadError(f"{self.reader.name} is truncated: it ends in a header, at byte {size}")
            if asked >= LONGEST_HEADER:
                raise CubeFormatError(f"has a header without END in its first {asked} bytes")
            asked *= 4
            block = self.reader.read(start, start + asked)
        return block[:length]


@contextmanager
def format_errors(uri: str) -> Iterator[None]:
    """Turn whatever a damaged file provokes into a `CubeError` that names it."""
    try:
        yield
    except CubeFormatError as error:
        raise CubeFormatError(f"{uri} {error}") from error.__cause__
    except CubeError:
        raise
    except MemoryError as error:
        raise CubeReadError(f"{uri} needs more memory than there is") from error
    except Exception as error:  # astropy raises many kinds
        raise CubeFormatError(f"{uri} cannot be understood: {type(error).__name__}: {error}") from error


def integer_card(header: fits.Header, key: str, least: int, most: int, default: int | None = None) -> int:
    """Return an integer of a header.

    Raises
    ------
    CubeFormatError
        If it is absent (and there is no default), not an integer, or outside ``[least, most]``.
    """
    value = header.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise CubeFormatError(f"has {key} = {value!r}; it must be an integer from {least} to {most}")
    return value


def number_card(header: fits.Header, key: str, default: float | None = None) -> float:
    """Return a finite number of a header.

    Raises
    ------
    CubeFormatError
        If it is absent (and there is no default), or not a finite number.
    """
    value = header.get(key, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
        raise CubeFormatError(f"has {key} = {value!r}; it must be a finite number")
    return float(value)


def text_card(header: fits.Header, key: str) -> str:
    """Return what a header says under a keyword, as text; empty where it says nothing."""
    value = header.get(key)
    return "" if value is None or isinstance(value, Undefined) else str(value).strip()


def parse_header(raw: bytes, start: int) -> Hdu:
    """Return the HDU whose header begins at a byte of the file."""
    header, unreadable = without_unreadable(raw)
    data_start = start + len(raw)
    name = (text_card(header, "EXTNAME") or ("" if start else "PRIMARY")).upper()
    return Hdu(name, header, start, data_start, data_start + data_size(header), unreadable)


def without_unreadable(raw: bytes) -> tuple[fits.Header, frozenset[str]]:
    """Return a header in which the cards that cannot be read have no value, and the keywords of these cards."""
    header, images = fits.Header.fromstring(raw), [raw[start : start + CARD] for start in range(0, len(raw), CARD)]
    if are_plain(images) or all(is_readable(card) for card in header.cards):
        return header, frozenset()
    kept: list[bytes] = []
    unreadable = set()
    for image in images:
        card, kept_image = fits.Card.fromstring(image), image
        if image.startswith(b"CONTINUE") and b"&" not in kept[-1]:  # it continues nothing
            kept_image = b" " * CARD
        elif not is_readable(card):
            unreadable.add(card.keyword)
            kept_image = (image[: len(KEYWORD)] if image[len(KEYWORD) - 1 :].startswith(b"=") else b"").ljust(CARD)
        kept.append(kept_image)
    return fits.Header.fromstring(b"".join(kept)), frozenset(unreadable)


def are_plain(images: Iterable[bytes]) -> bool:
    """Whether cards can certainly be read; astropy takes 20 µs to say so of one, and a header has a hundred."""
    goes_on = False
    for image in images:
        if not (CONTINUED.fullmatch(image) if goes_on else starts_plainly(image)):
            return False
        goes_on = LONG_TEXT.fullmatch(image) is not None
    return not goes_on


def starts_plainly(image: bytes) -> bool:
    """Whether a card that continues no other can certainly be read, together with those that continue it."""
    if image.startswith(WITHOUT_VALUE) or PLAIN_CARD.fullmatch(image):
        return True
    return not image.startswith(b"CONTINUE") and LONG_TEXT.fullmatch(image) is not None


def is_readable(card: fits.Card) -> bool:
    """Whether the value of a card can be read."""
    try:
        _ = card.value
    except (fits.VerifyError, ValueError):
        return False
    return True


def check_is_fits(block: bytes) -> None:
    """Refuse a file that does not begin as FITS does."""
    if not block:
        raise CubeFormatError("is empty")
    if not block.startswith(b"SIMPLE  ="):
        raise CubeFormatError(f"is not a FITS file: it begins with {block[:9]!r}")


def header_length(block: bytes) -> int | None:
    """Return the length of the header that begins a block of bytes, or None where its END is not in it."""
    for start in range(0, len(block), CARD):
        if block[start : start + CARD].rstrip() == b"END":
            length = padded(start + CARD)
            return length if length <= len(block) else None
    return None


def data_size(header: fits.Header) -> int:
    """Return the bytes of an HDU's data, unpadded (FITS 4.0, equation 2)."""
    bits = abs(integer_card(header, "BITPIX", -64, 64))
    axes = integer_card(header, "NAXIS", 0, 999)
    if axes == 0:
        return 0
    values = prod(integer_card(header, f"NAXIS{axis}", 0, 2**48) for axis in range(1, axes + 1))
    groups = integer_card(header, "GCOUNT", 1, 2**31, 1)
    return bits // 8 * groups * (values + integer_card(header, "PCOUNT", 0, 2**48, 0))


def padded(size: int) -> int:
    """Return the bytes that data of this size take in a file."""
    return -(-size // BLOCK) * BLOCK
