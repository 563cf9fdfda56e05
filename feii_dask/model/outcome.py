"""What one scan returned: detections, or the reason there are none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from feii_dask.model.detection import Cutout, Detection
from feii_dask.model.line import Line
from feii_dask.model.matched_cube import MatchedCube
from feii_dask.model.status import Status

__all__ = ["Outcome"]

# What differs between reasons of one kind: paths and addresses, numbers, and what is quoted.
PARTICULARS = re.compile(r"\S*[/\\]\S*|\d+|'[^']*'")


@dataclass(frozen=True, eq=False, kw_only=True)
class Outcome:
    """What one scan returned: detections, or the reason there are none.

    Attributes
    ----------
    obs_id : str
        The observation's identifier.
    status : Status
        That of the line with the least `Status.precedence`: ``scanned`` if a line was measured and none failed.
    reason : str
        In words, what went wrong, or why nothing was measured.
    detections : tuple of Detection
        One for each planned line, whatever became of it.
    cutouts : tuple of Cutout
        One for each line that was found, extended or not.
    seconds, bytes_read, requests : float, int, int
        What the scan cost.
    worker : str
        Address of the worker that ran it.
    attempt : int
        1 for the first scan of this cube, one more each time it is tried again.
    may_pass : bool
        Whether it failed for a reason that may pass: a storage that was busy, silent or not reached.
    """

    obs_id: str
    status: Status
    reason: str = ""
    detections: tuple[Detection, ...] = ()
    cutouts: tuple[Cutout, ...] = ()
    seconds: float = 0.0
    bytes_read: int = 0
    requests: int = 0
    worker: str = ""
    attempt: int = 1
    may_pass: bool = False

    @property
    def failure_kind(self) -> tuple[Status, str] | None:
        """Status and reason of a failure without what differs between failures of one kind; None if none failed."""
        return (self.status, PARTICULARS.sub("", self.reason)) if self.status.failed else None

    @classmethod
    def without_scan(
        cls, matched: MatchedCube, lines: tuple[Line, ...], status: Status, reason: str, **bookkeeping: Any
    ) -> Outcome:
        """Account for a cube in which nothing could be measured."""
        return cls(
            obs_id=matched.obs_id,
            status=status,
            reason=reason,
            detections=tuple(
                Detection(line=line, status=status, reason=reason) for line in matched.planned_lines(lines)
            ),
            **bookkeeping,
        )
