"""What can be made to go wrong, for a while or for good."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Fault", "Faults"]

ANYWHERE = ("refuse", "reset", "stall", "cut", "hang", "status", "whole", "shifted", "replaced")
OF_TABLES = ("executing", "incomplete", "overflow")


@dataclass
class Fault:
    """One kind of failure.

    Parameters
    ----------
    kind : str
        ``refuse`` (no connection), ``reset`` and ``stall`` (the connection breaks, or is silent, instead of an
        answer), ``cut`` and ``hang`` (the same in the middle of the answer), ``status`` (an HTTP error), ``whole``
        (all of a file in place of a range), ``shifted`` (the range a FITS block further on), ``replaced`` (with the
        ETag of another file); of tables
        ``overflow`` (the answer ends after `rows`); of MAST ``executing``, and ``incomplete`` (a page whose status is
        neither complete nor an error).
    host : str
        Where.
    path : str
        Only requests whose path contains this. Of MAST's ``invoke`` it holds the service and the page as well, as
        in ``/api/v0/invoke Mast.Caom.Filtered * page 2``.
    times : int or None
        How often; None for ever.
    after : int
        How many such requests pass before it begins.
    status : int
        The HTTP status of ``status``.
    retry_after : str
        Its ``Retry-After``.
    rows : int
        Rows of an ``overflow``.
    """

    kind: str
    host: str
    path: str = ""
    times: int | None = None
    after: int = 0
    status: int = 500
    retry_after: str = ""
    rows: int = 0

    def __post_init__(self) -> None:
        known = ANYWHERE + OF_TABLES
        if self.kind not in known:
            raise ValueError(f"no fault is called {self.kind!r}; there are {', '.join(known)}")


class Faults(list[Fault]):
    """The failures that are still to come."""

    def take(self, kinds: tuple[str, ...], host: str, path: str) -> Fault | None:
        """Return the first that applies to a request, and count it."""
        for fault in self:
            if fault.kind not in kinds or fault.host != host or fault.path not in path or fault.times == 0:
                continue
            if fault.after:
                fault.after -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None
