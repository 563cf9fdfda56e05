"""The nouns of a search: lines, matched cubes, detections and outcomes.

They are frozen, small, and made of the standard library and numpy only, so that they travel to workers and back at no
cost.
"""

from feii_dask.model.detection import Cutout, Detection, Lobe, UnidentifiedLine
from feii_dask.model.kind import Kind
from feii_dask.model.line import SPEED_OF_LIGHT_KMS, Line
from feii_dask.model.matched_cube import Context, MatchedCube
from feii_dask.model.outcome import Outcome
from feii_dask.model.scan_task import ScanTask, skip_reason
from feii_dask.model.status import Status

__all__ = [
    "SPEED_OF_LIGHT_KMS",
    "Context",
    "Cutout",
    "Detection",
    "Kind",
    "Line",
    "Lobe",
    "MatchedCube",
    "Outcome",
    "ScanTask",
    "Status",
    "UnidentifiedLine",
    "skip_reason",
]
