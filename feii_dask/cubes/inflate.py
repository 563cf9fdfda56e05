"""Decompression of files that were compressed whole with gzip, as archives serve those of Herschel."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from feii_dask.errors import CubeFormatError, CubeReadError

__all__ = ["inflate", "is_gzip"]

MAGIC = b"\x1f\x8b"  # RFC 1952, section 2.3.1
GZIP_BITS = 31  # of zlib's window, with a gzip header


def is_gzip(start: bytes) -> bool:
    """Whether a file that begins with these bytes is compressed with gzip."""
    return start.startswith(MAGIC)


def inflate(chunks: Iterable[bytes], most_bytes: int) -> bytes:
    """Return what was compressed.

    Parameters
    ----------
    chunks : iterable of bytes
        The compressed file in pieces, each of which is forgotten before the next is asked for.
    most_bytes : int
        What it may be at most; nothing more is decompressed.

    Raises
    ------
    CubeReadError
        If it is more, or the file ends too early.
    CubeFormatError
        If it is damaged.

    Examples
    --------
    >>> import gzip
    >>> inflate([gzip.compress(b"SIMPLE  =")], most_bytes=100)
    b'SIMPLE  ='
    """
    member, data = zlib.decompressobj(GZIP_BITS), bytearray()
    for chunk in chunks:
        rest = chunk
        while rest:
            if member.eof:  # files may be compressed in several members, or padded with zeros
                rest = rest.lstrip(b"\0")
                member = zlib.decompressobj(GZIP_BITS) if rest else member
            if rest:
                data += decompress_some(member, rest, most_bytes + 1 - len(data))
                rest = member.unused_data
            if len(data) > most_bytes:
                raise CubeReadError(f"takes more than {most_bytes / 1e9:.2g} GB of memory to decompress")
    if not member.eof:
        raise CubeReadError(f"is truncated: its compressed data end early, after {len(data)} bytes of content")
    return bytes(data)


def decompress_some(member: zlib._Decompress, compressed: bytes, most_bytes: int) -> bytes:
    """Return what a piece of a member holds, at most so much."""
    try:
        return member.decompress(compressed, most_bytes)
    except zlib.error as error:
        raise CubeFormatError(f"cannot be decompressed: {error}") from error
