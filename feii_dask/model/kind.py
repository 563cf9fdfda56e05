"""What kind of emission was found at a line."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Kind"]


class Kind(StrEnum):
    """What kind of emission was found at a line.

    Attributes
    ----------
    EXTENDED
        Emission that is shown to be extended: neither a point nor light that follows the continuum explains it.
    COMPACT
        What lies beyond an unresolved core is less than a fifth of the line, at 95 % confidence.
    UNDECIDED
        A line whose extent is shown neither way.
    NONE
        No line.
    UNJUDGED
        The detector does not test for extent.
    """

    EXTENDED = "extended"
    COMPACT = "compact"
    UNDECIDED = "undecided"
    NONE = "none"
    UNJUDGED = "unjudged"

    @property
    def is_line(self) -> bool:
        """Whether a line was found, of any extent."""
        return self in {Kind.EXTENDED, Kind.COMPACT, Kind.UNDECIDED}
