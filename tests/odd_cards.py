"""Files with cards that astropy would not write."""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_raw_cards"]

CARD = 80


def write_raw_cards(path: Path, *cards: bytes, extension: int = 1) -> None:
    """Put cards, byte by byte, over those of the same keywords in an extension's header (0: the file's)."""
    content = bytearray(path.read_bytes())
    header = 0
    for _ in range(extension):
        header = content.index(b"XTENSION", header + 1)
    for card in cards:
        place = header
        while content[place : place + 8] != card[:8]:
            assert content[place : place + 8].strip() != b"END", card
            place += CARD
        content[place : place + CARD] = card.ljust(CARD)
    path.write_bytes(bytes(content))
