"""What became of a cube, or of one line in it."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Status"]


class Status(StrEnum):
    """What became of a cube, or of one line in it."""

    SCANNED = "scanned"
    NO_LINE_IN_BAND = "no_line_in_band"
    NO_CLOUD_COPY = "no_cloud_copy"
    STALE_PRODUCT = "stale_product"
    BAD_REGION = "bad_region"
    NO_DATA = "no_data"
    UNREADABLE = "unreadable"
    FORMAT_ERROR = "format_error"
    TIMEOUT = "timeout"
    WORKER_LOST = "worker_lost"
    DETECTOR_ERROR = "detector_error"

    @property
    def failed(self) -> bool:
        """Whether this should have worked and did not."""
        return self in FAILED

    @property
    def precedence(self) -> int:
        """Which status stands for a cube whose lines fared differently: the least.

        A failure comes first, so that none hides behind a line that was measured.
        """
        if self.failed:
            return 0
        return {Status.SCANNED: 1, Status.NO_LINE_IN_BAND: 3}.get(self, 2)


FAILED = frozenset({Status.UNREADABLE, Status.FORMAT_ERROR, Status.TIMEOUT, Status.WORKER_LOST, Status.DETECTOR_ERROR})
