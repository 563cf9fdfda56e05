"""Detectors of spectral lines in cubes."""

from feii_dask.detectors import notebook
from feii_dask.detectors.contract import Detector
from feii_dask.detectors.line_window import LineWindow
from feii_dask.detectors.registry import load_detector

__all__ = ["Detector", "LineWindow", "load_detector", "notebook"]
