"""HDUs of a small FITS file, of which only those cards are understood that are asked for.

astropy understands every card of every header, which takes 7 ms for a cutout; a report shows hundreds of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import isinf, prod

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from feii_dask.cubes.hdus import CARD, PLAIN_CARD, padded

__all__ = ["FitsPart", "fits_parts"]

TYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}  # FITS 4.0, table 8
SCALING = ("BSCALE", "BZERO", "TSCAL1", "TZERO1")
KEYWORD, TEXT = re.compile(rb"[A-Z0-9_-]* *"), re.compile(rb"[ -~]*")  # FITS 4.0, section 4.1.2
FLOATS = ("D", "1D")  # of a table's columns, all that is read here


@dataclass(frozen=True, slots=True)
class FitsPart:
    """One header-data unit.

    Attributes
    ----------
    cards : dict of str to bytes
        The cards by keyword, each with those that continue it; of several with one keyword the first.
    data : bytes
        Its data, without padding.
    """

    cards: dict[str, bytes]
    data: bytes = b""

    @property
    def name(self) -> str:
        """EXTNAME, empty where there is none."""
        return str(self.value("EXTNAME")) if "EXTNAME" in self.cards else ""

    def value(self, keyword: str) -> str | float | int | bool:
        """Return the value of a card, as astropy's headers do; KeyError where there is no such card."""
        found = value_of(self.cards[keyword])
        if isinstance(found, float) and isinf(found):  # which no header can take
            raise ValueError(f"{keyword} is too large, {self.cards[keyword]!r}")
        return found

    def integer(self, keyword: str) -> int:
        """Return the value of a card that must be an integer, at least 0 but for BITPIX."""
        found = int(self.cards[keyword][10:30])
        if found < 0 and keyword != "BITPIX":
            raise ValueError(f"{keyword} is {found}")
        return found

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the data's axes, the first is the slowest."""
        return tuple(self.integer(f"NAXIS{axis}") for axis in range(self.integer("NAXIS"), 0, -1))

    @property
    def size(self) -> int:
        """Bytes of the data, without padding (FITS 4.0, equation 2)."""
        shape = self.shape
        extra = self.integer("PCOUNT") if "PCOUNT" in self.cards else 0
        return abs(self.integer("BITPIX")) // 8 * (prod(shape) + extra) if shape else 0

    @property
    def image(self) -> NDArray[np.generic]:
        """The data of an image, in the file's byte order."""
        self._refuse_scaling()
        return np.frombuffer(self.data, TYPES[self.integer("BITPIX")]).reshape(self.shape)

    @property
    def table(self) -> NDArray[np.void]:
        """The rows of a table of which all columns are numbers of eight bytes."""
        self._refuse_scaling()
        columns = range(1, self.integer("TFIELDS") + 1)
        if other := {str(self.value(f"TFORM{number}")) for number in columns}.difference(FLOATS):
            raise ValueError(f"its table has columns of type {', '.join(sorted(other))}")
        names = [str(self.value(f"TTYPE{number}")) for number in columns]
        rows: NDArray[np.void] = np.frombuffer(self.data, [(name, ">f8") for name in names])
        return rows[: self.shape[0]]

    def _refuse_scaling(self) -> None:
        """Refuse numbers that are not what they look like: this program scales none."""
        if scaled := [keyword for keyword in SCALING if keyword in self.cards]:
            raise ValueError(f"its data are scaled by {scaled[0]}")


def fits_parts(content: bytes) -> Iterator[FitsPart]:
    """Yield the HDUs of a file, one after the other, as far as they are asked for.

    Raises
    ------
    ValueError, KeyError
        If it is no FITS file, ends too early, or lacks a card that is needed.

    Examples
    --------
    >>> from io import BytesIO
    >>> file = BytesIO()
    >>> fits.PrimaryHDU(np.eye(2)).writeto(file)
    >>> [part.image.tolist() for part in fits_parts(file.getvalue())]
    [[[1.0, 0.0], [0.0, 1.0]]]
    """
    if not content.startswith(b"SIMPLE  ="):
        raise ValueError("it does not begin as FITS does")
    position = 0
    while position < len(content):
        cards, position = read_cards(content, position)
        stop = position + FitsPart(cards).size
        if stop > len(content):
            raise ValueError(f"it ends at byte {len(content)} of {stop}")
        yield FitsPart(cards, content[position:stop])
        position += padded(stop - position)


def value_of(card: bytes) -> str | float | int | bool:
    """Return the value of a card, which astropy reads where it is of an unusual kind."""
    if not (plain := PLAIN_CARD.fullmatch(card)):
        found: str | float | int | bool = fits.Card.fromstring(card).value
        return found
    if plain["text"] is not None:
        return plain["text"].decode("ascii").rstrip()
    if plain["logical"]:
        return plain["logical"] == b"T"
    return int(plain["integer"]) if plain["integer"] else float(plain["real"])


def read_cards(content: bytes, start: int) -> tuple[dict[str, bytes], int]:
    """Return the cards of the header that begins at a byte, and where its data begin."""
    cards: dict[str, bytes] = {}
    last = ""
    for position in range(start, len(content), CARD):
        card = content[position : position + CARD]
        if not (KEYWORD.fullmatch(card[:8]) and TEXT.fullmatch(card)):
            raise ValueError(f"{card!r} is no card")
        keyword = card[:8].rstrip().decode("ascii")
        if keyword == "END":
            return cards, start + padded(position + CARD - start)
        if keyword == "CONTINUE":
            cards[last] += card
            continue
        last = keyword
        cards.setdefault(keyword, card)
    raise ValueError("it ends in a header")
