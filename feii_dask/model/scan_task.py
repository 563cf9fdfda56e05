"""Which cubes are scanned: what a run plans, and what need not be read."""

from __future__ import annotations

from dataclasses import dataclass

from feii_dask.model.line import Line
from feii_dask.model.matched_cube import MatchedCube
from feii_dask.model.status import Status

__all__ = ["ScanTask", "skip_reason"]


@dataclass(frozen=True, slots=True)
class ScanTask:
    """A cube to scan, as a run plans it and a cluster takes it.

    Attributes
    ----------
    matched : MatchedCube
        What to scan.
    attempt : int
        1 the first time; more when an earlier outcome is to be replaced.
    lost : int
        How often the cluster lost this scan.
    alone : bool
        Whether to scan it while nothing else runs, because a worker died over it.
    sent_at, put_off_at : float or None
        When it was sent to the cluster, and when it failed first for a reason that may pass, s of the client's clock.
    """

    matched: MatchedCube
    attempt: int = 1
    lost: int = 0
    alone: bool = False
    sent_at: float | None = None
    put_off_at: float | None = None


def skip_reason(matched: MatchedCube, lines: tuple[Line, ...]) -> tuple[Status, str] | None:
    """Say why a cube need not be scanned, from what the archive says of it; None if it should be.

    These are the notebook's conditions. That there is no copy is said last, of cubes that are wanted otherwise.
    """
    if "shortmediumlong" in matched.obs_id:
        return Status.STALE_PRODUCT, "products named 'shortmediumlong' are no longer made, and no longer kept"
    if not any(matched.may_hold(line) for line in lines):
        band = f"{matched.em_min_um:g}-{matched.em_max_um:g} µm"
        return Status.NO_LINE_IN_BAND, f"none of the lines is in the observation's band, {band}"
    if matched.uri is None:
        return Status.NO_CLOUD_COPY, "the archive names no copy of the cube"
    return None
