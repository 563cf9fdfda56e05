"""Whether there is a line, and whether it is real."""

from feii_dask.detectors import notebook
from feii_dask.detectors.base import Detector, load_detector

__all__ = ["Detector", "load_detector", "notebook"]
