"""Find extended [Fe II] emission in spectral cubes of young stellar objects, with Dask.

The names below are loaded when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from feii_dask._version import __version__

if TYPE_CHECKING:
    from feii_dask import detectors, errors, notebook, simulate
    from feii_dask.config.loading import load_settings
    from feii_dask.config.settings import Settings
    from feii_dask.cubes.lines import FE_II_LINES, NOTEBOOK_LINES
    from feii_dask.cubes.reader import Cube, open_cube
    from feii_dask.detectors.line_window import LineWindow
    from feii_dask.engine.cluster import connect
    from feii_dask.engine.crossmatch import crossmatch
    from feii_dask.errors import FeiiDaskError, RegionError
    from feii_dask.model import Context, Detection, Line, MatchedCube, Outcome, Status
    from feii_dask.results.search_result import SearchResult, open_run
    from feii_dask.scan import scan_cube
    from feii_dask.sky.regions import parse_region
    from feii_dask.sky.shapes import Region
    from feii_dask.workflow import search

PACKAGE_DATA = ("cubes/*.csv", "cubes/line_lists/*.csv", "monitor/*.html", "report/templates/*")  # as sent to clusters

__all__ = [
    "FE_II_LINES",
    "NOTEBOOK_LINES",
    "Context",
    "Cube",
    "Detection",
    "FeiiDaskError",
    "Line",
    "LineWindow",
    "MatchedCube",
    "Outcome",
    "Region",
    "RegionError",
    "SearchResult",
    "Settings",
    "Status",
    "__version__",
    "connect",
    "crossmatch",
    "detectors",
    "errors",
    "load_settings",
    "notebook",
    "open_cube",
    "open_run",
    "parse_region",
    "scan_cube",
    "search",
    "simulate",
]

HOMES = {
    "FE_II_LINES": "cubes.lines",
    "NOTEBOOK_LINES": "cubes.lines",
    "Context": "model",
    "Cube": "cubes.reader",
    "Detection": "model",
    "FeiiDaskError": "errors",
    "Line": "model",
    "LineWindow": "detectors.line_window",
    "MatchedCube": "model",
    "Outcome": "model",
    "Region": "sky.shapes",
    "RegionError": "errors",
    "SearchResult": "results.search_result",
    "Settings": "config.settings",
    "Status": "model",
    "connect": "engine.cluster",
    "crossmatch": "engine.crossmatch",
    "load_settings": "config.loading",
    "open_cube": "cubes.reader",
    "open_run": "results.search_result",
    "parse_region": "sky.regions",
    "scan_cube": "scan",
    "search": "workflow",
}
MODULES = ("detectors", "errors", "notebook", "simulate")


def __getattr__(name: str) -> Any:
    if name in HOMES:
        return getattr(importlib.import_module(f"feii_dask.{HOMES[name]}"), name)
    if name in MODULES:
        return importlib.import_module(f"feii_dask.{name}")
    raise AttributeError(f"feii_dask has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
