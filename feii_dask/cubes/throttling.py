"""Archives that ask for fewer requests: all scans of a process heed what one of them is told."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

__all__ = ["SPREAD", "keep_away", "retry_after_s", "wait_until_welcome"]

LONGEST_S = 120.0  # that an archive is heeded
SPREAD = 0.2  # so that those who waited do not all come back at once

welcome_at: dict[str, float] = {}
welcome_lock = Lock()


def retry_after_s(error: Exception) -> float:
    """Return how long the answer behind an error asks to wait, s; 0 where it does not say (RFC 9110, 10.2.3)."""
    asked = headers_of(error).get("retry-after", "").strip()
    if asked.isdecimal():
        return min(float(asked), LONGEST_S)
    try:
        seconds = (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):  # none, one that is no date, or a date without a zone
        return 0.0
    return min(max(seconds, 0.0), LONGEST_S)


def headers_of(error: Exception) -> dict[str, str]:
    """Return the headers of the answer behind an error: aiohttp keeps them there, s3fs in the error's cause."""
    headers: Any = getattr(error, "headers", None)
    response = getattr(error.__cause__, "response", None)
    if not isinstance(headers, Mapping) and isinstance(response, dict):
        headers = response.get("ResponseMetadata", {}).get("HTTPHeaders")
    return {str(name).lower(): str(value) for name, value in (headers or {}).items()}


def keep_away(uri: str, seconds: float) -> None:
    """Have all scans of this process leave an archive alone for a while."""
    until = time.monotonic() + seconds * random.uniform(1, 1 + SPREAD)  # noqa: S311 - jitter, no secret
    with welcome_lock:
        welcome_at[place_of(uri)] = max(until, welcome_at.get(place_of(uri), 0.0))


def wait_until_welcome(uri: str, deadline: float) -> None:
    """Wait as long as the archive of a file is to be left alone, but no longer than a deadline."""
    until = min(welcome_at.get(place_of(uri), 0.0), deadline)
    if (seconds := until - time.monotonic()) > 0:
        time.sleep(seconds * random.uniform(1, 1 + SPREAD))  # noqa: S311 - jitter, no secret


def place_of(uri: str) -> str:
    """Return the server or the bucket of an address."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"
