"""Detectors of spectral lines in cubes; the notebook's, which takes long to import, is loaded when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from feii_dask.detectors.contract import Detector
from feii_dask.detectors.line_window import LineWindow
from feii_dask.detectors.registry import load_detector

if TYPE_CHECKING:
    from feii_dask.detectors import notebook

__all__ = ["Detector", "LineWindow", "load_detector", "notebook"]


def __getattr__(name: str) -> Any:
    if name == "notebook":
        return importlib.import_module("feii_dask.detectors.notebook")
    raise AttributeError(f"feii_dask.detectors has no attribute {name!r}")
