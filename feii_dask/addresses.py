"""Addresses as they may be shown: without what may be a secret."""

from __future__ import annotations

import re

__all__ = ["shown"]

QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s?#'\"<>]*)[?#][^\s'\"<>]*", re.IGNORECASE)
USER = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/?#'\"<>]+@", re.IGNORECASE)


def shown(text: str) -> str:
    """Return an address, or a text with some, without what may be a secret: queries, and names with passwords.

    Examples
    --------
    >>> shown("https://me:pass@host/a_s3d.fits?token=5ec3et could not be read")
    'https://…@host/a_s3d.fits could not be read'
    """
    return USER.sub(r"\1…@", QUERY.sub(r"\1", text))
