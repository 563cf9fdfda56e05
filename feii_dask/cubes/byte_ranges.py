"""What a server says of the bytes that it sends: which they are, and of how many."""

from __future__ import annotations

import re
from typing import Any

import aiohttp
from aiobotocore.session import AioSession

__all__ = ["PARTIAL", "check_sent_range", "s3_session", "tracing"]

CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")  # RFC 9110, section 14.4
PARTIAL = 206


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
    if size is not None and stated != size:
        raise ConnectionError(f"the file had {size} bytes and now has {stated}: it changes while it is read")
    return stated


def tracing() -> aiohttp.TraceConfig:
    """Return what tells a request's ``trace_request_ctx``, a list, each answer's status and ``Content-Range``."""
    factory: Any = own_answers
    trace = aiohttp.TraceConfig(trace_config_ctx_factory=factory)
    trace.on_request_end.append(note_answer)
    return trace


def own_answers(trace_request_ctx: Any = None) -> Any:
    """Hand a request's own list through."""
    return trace_request_ctx


async def note_answer(_session: object, answers: Any, params: aiohttp.TraceRequestEndParams) -> None:
    """Add an answer to those that a request has had."""
    if isinstance(answers, list):
        answers.append((params.response.status, params.response.headers.get("Content-Range", "")))


def s3_session() -> Any:
    """Return a session of S3 that holds each part against what was asked for."""
    session = AioSession()
    session.register("before-call.s3.GetObject", note_asked)
    session.register("after-call.s3.GetObject", check_answered)
    return session


def note_asked(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    """Keep the bytes that are asked for until they are there."""
    context["asked"] = params["headers"].get("Range", "")


def check_answered(parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    """Refuse a part of an object that is another than was asked for."""
    asked = re.fullmatch(r"bytes=(\d+)-(\d+)", context.get("asked", ""))
    if asked and parsed.get("ResponseMetadata", {}).get("HTTPStatusCode") == PARTIAL:
        check_sent_range(str(parsed.get("ContentRange", "")), int(asked[1]), int(asked[2]) + 1, None)
