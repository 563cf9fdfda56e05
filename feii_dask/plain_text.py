"""Text of strangers as it may be shown: on a terminal, in a log, a message, a table or a page."""

from __future__ import annotations

import unicodedata

__all__ = ["plain_text"]

# Control characters (C0, C1), marks of direction and others without a glyph, lone surrogates, breaks of lines and
# paragraphs: the categories of the Unicode Standard, 4.5. A terminal obeys some of them.
NOT_SHOWN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def plain_text(text: str, longest: int | None = None, keep: str = "") -> str:
    r"""Return text in which what is not shown is escaped, which no terminal obeys.

    Parameters
    ----------
    text : str
        What an archive, a file or somebody else's run says.
    longest : int, optional
        Most characters; of a longer text the end is replaced by an ellipsis.
    keep : str
        Characters that are left as they are, such as a line break of our own.

    Examples
    --------
    >>> plain_text("TMC 1A\x1b]0;mine\x07")
    'TMC 1A\\x1b]0;mine\\x07'
    >>> plain_text("a very long name", longest=7)
    'a very…'
    """
    if longest is not None and len(text) > longest:
        text = text[: longest - 1] + "…"
    if text.isprintable():
        return text
    return "".join(letter if letter in keep else escape(letter) for letter in text)


def escape(letter: str) -> str:
    """Return a character as Python writes it, if it is not shown."""
    if unicodedata.category(letter) not in NOT_SHOWN:
        return letter
    return letter.encode("unicode_escape").decode("ascii")
