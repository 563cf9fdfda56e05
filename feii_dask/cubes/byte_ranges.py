"""What a server says of the bytes that it sends, which are held against it, and no more of them than were asked for."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiobotocore.session import AioSession
from fsspec.implementations.http import HTTPFileSystem

from feii_dask.errors import CubeChangedError

__all__ = ["AskedRange", "HTTPRanges", "KnownFile", "asking", "check_sent_range", "s3_session"]

CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")  # RFC 9110, section 14.4
WEAK = "W/"  # ETags of files that mean the same, whatever their bytes (RFC 9110, section 8.8.1)
OK, PARTIAL = 200, 206
LONGEST_WHOLE = 32 * 1024**2  # of a file that a server sends in place of a part, to be kept
CHUNK = 1024**2


@dataclass
class KnownFile:
    """What is known of a file that is read in parts.

    Attributes
    ----------
    name : str
        What messages call it.
    size : int or None
        Its bytes.
    version : str
        What changes with its bytes: the ETag of a server, the time of a path.
    came_whole : bool
        Whether the last answer was all of it, where a part was asked for.
    skipped : int
        Bytes that came before the part that was asked for, in the last answer.
    """

    name: str
    size: int | None = None
    version: str = ""
    came_whole: bool = False
    skipped: int = 0

    def note(self, size: int | None, version: str) -> None:
        """Note what an answer says of the file.

        Raises
        ------
        CubeChangedError
            If it is not the file of before.
        """
        if self.size is not None and size is not None and size != self.size:
            raise CubeChangedError(
                f"{self.name} had {self.size} bytes and now has {size}: it changed while it was read"
            )
        if self.version and version and version != self.version:
            raise CubeChangedError(f"{self.name} was replaced while it was read")
        self.size, self.version = size or self.size, version or self.version


class AskedRange(NamedTuple):
    """The bytes ``[start, stop)`` of a file, which a server is asked for."""

    start: int
    stop: int
    file: KnownFile

    async def take(self, answer: Answer, read: Callable[[int], Awaitable[bytes]]) -> bytes:
        """Return what was asked for out of an answer, whose body comes in pieces of at most so many bytes.

        Where the whole file comes in place of the part, it is read up to the part's end, and only the part is kept;
        unless the file is short: then all of it is returned, and `file` says so.

        Raises
        ------
        ConnectionError
            If these are other bytes: a proxy that mixes up its answers may do better the next time.
        CubeChangedError
            If they are of another file than those of before.
        """
        wanted = self._accept(answer)
        skipped = self.file.skipped
        while skipped and (piece := await read(min(skipped, CHUNK))):
            skipped -= len(piece)
        pieces, left = [], wanted
        while left and (piece := await read(min(left, CHUNK))):
            pieces.append(piece)
            left -= len(piece)
        if answer.status == PARTIAL and left:
            raise ConnectionError(f"the server sent {wanted - left} bytes and calls them {answer.content_range!r}")
        return b"".join(pieces)

    def _accept(self, answer: Answer) -> int:
        """Hold an answer against what was asked for, and return how many bytes to take from it."""
        wanted = self.stop - self.start
        self.file.skipped, self.file.came_whole = 0, False
        if answer.status == PARTIAL:
            size = check_sent_range(answer.content_range, self.start, self.stop, self.file.size)
            self.file.note(size, answer.version)
            wanted = min(self.stop, size or self.stop) - self.start
            if answer.length not in (None, wanted):
                raise ConnectionError(f"the server sent {answer.length} bytes and calls them {answer.content_range!r}")
            return wanted
        self.file.note(answer.length, answer.version)
        if answer.length is not None and answer.length <= LONGEST_WHOLE:
            self.file.came_whole = True
            return answer.length
        self.file.skipped = self.start
        return wanted


class Answer(NamedTuple):
    """What a server says of the body that follows."""

    status: int
    length: int | None
    content_range: str
    version: str

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str]) -> Answer:
        """Read the headers, whose names are taken in any case."""
        said = {name.lower(): value for name, value in headers.items()}
        length, tag = said.get("content-length", ""), said.get("etag", "")
        version = "" if tag.startswith(WEAK) else tag
        return cls(status, int(length) if length.isdecimal() else None, said.get("content-range", ""), version)


def check_sent_range(sent: str, start: int, stop: int, size: int | None) -> int | None:
    """Hold what a server sent against the bytes ``[start, stop)`` that it was asked for.

    Parameters
    ----------
    sent : str
        Its ``Content-Range``.
    start, stop : int
        What was asked for.
    size : int or None
        Bytes of the whole file, as an earlier answer stated them.

    Returns
    -------
    int or None
        Bytes of the whole file, where the server states them.

    Raises
    ------
    ConnectionError
        If these are other bytes, or of another file: a proxy that mixes up its answers may do better the next time.

    Examples
    --------
    >>> check_sent_range("bytes 100-199/5000", 100, 200, None)
    5000
    >>> check_sent_range("bytes 0-99/5000", 100, 200, None)
    Traceback (most recent call last):
        ...
    ConnectionError: the server sent 'bytes 0-99/5000' for bytes 100-199
    """
    match = CONTENT_RANGE.fullmatch(sent.strip())
    first, last, total = match.groups() if match else ("-1", "-1", "*")
    stated = size if total == "*" else int(total)
    expected = stop - 1 if stated is None else min(stop, stated) - 1
    # A shorter part is the file's last, or else a server that has its own way.
    if int(first) != start or int(last) != expected:
        raise ConnectionError(f"the server sent {sent!r} for bytes {start}-{stop - 1}")
    return stated


asked_range: ContextVar[AskedRange | None] = ContextVar("asked_range", default=None)


@contextmanager
def asking(asked: AskedRange) -> Iterator[None]:
    """Let `HTTPRanges` and `s3_session` know what is asked for: they run in a thread with a copy of the context."""
    token = asked_range.set(asked)
    try:
        yield
    finally:
        asked_range.reset(token)


class HTTPRanges(HTTPFileSystem):  # type: ignore[misc]
    """Web servers, of whose answers no more is read than was asked for."""

    async def _cat_file(self, url: str, start: int | None = None, end: int | None = None, **options: Any) -> Any:
        asked = asked_range.get()
        if asked is None:
            return await super()._cat_file(url, start, end, **options)
        wanted = {**self.kwargs, **options}
        wanted["headers"] = {**wanted.get("headers", {}), "Range": f"bytes={asked.start}-{asked.stop - 1}"}
        session = await self.set_session()
        async with session.get(self.encode_url(url), **wanted) as response:
            self._raise_not_found_for_status(response, url)
            return await asked.take(Answer.of(response.status, response.headers), response.content.read)


def s3_session() -> Any:
    """Return a session of S3 of whose answers no more is read than was asked for."""
    session = AioSession()
    session.register("after-call.s3.GetObject", bound_body)
    return session


def bound_body(parsed: dict[str, Any], **_: Any) -> None:
    """Have the body of an object read as `AskedRange.take` does."""
    asked, said = asked_range.get(), parsed.get("ResponseMetadata", {})
    if asked is not None and "Body" in parsed:
        answer = Answer.of(said.get("HTTPStatusCode", OK), said.get("HTTPHeaders", {}))
        parsed["Body"] = BoundBody(parsed["Body"], asked, answer)


class BoundBody:
    """A body of S3, as far as s3fs uses it."""

    def __init__(self, body: Any, asked: AskedRange, answer: Answer) -> None:
        self._body, self._asked, self._answer = body, asked, answer

    async def read(self) -> bytes:
        return await self._asked.take(self._answer, self._body.read)

    def close(self) -> None:
        self._body.close()
