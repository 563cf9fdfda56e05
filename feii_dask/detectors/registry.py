"""Detectors by their names, and the memory that they take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from feii_dask.config.plugins import import_named
from feii_dask.detectors.contract import Detector
from feii_dask.errors import DetectorError

__all__ = ["load_detector", "working_bytes"]

FEWEST_COPIES = 2.0  # of its planes that a detector holds, if it does not say: they, and something made of them

BUILT_IN = {
    "notebook": "feii_dask.detectors.notebook:NotebookDetector",
    "matched": "feii_dask.detectors.matched.matched_filter:MatchedFilter",
    "grating": "feii_dask.detectors.grating.grating_scan:GratingScan",
}

FROM_MEASURE_TO_DETECT = """\
    def detect(self, window):
        return self.measure(
            window.planes, window.wavelength_um, window.line, rv_kms=window.rv_kms, pixel_arcsec=window.pixel_arcsec
        )
"""


def working_bytes(detector: Detector, planes: int, spaxels: float) -> int:
    """Return the memory that a detector takes for so many planes; its own attribute ``copies`` says how many of them.

    Examples
    --------
    >>> working_bytes(load_detector("notebook"), planes=41, spaxels=45 * 45)
    996300
    """
    return int(getattr(detector, "copies", FEWEST_COPIES) * planes * spaxels * np.float32().itemsize)


def load_detector(name: str, options: Mapping[str, Any] | None = None, *, fresh: bool = False) -> Detector:
    """Return the detector that a setting names.

    Parameters
    ----------
    name : str
        ``notebook``, ``matched``, ``grating``, or ``package.module:Name`` for a class without required arguments (or an
        instance) that follows `Detector`, or for a function from a cube, (n, y, x), to n numbers.
    options : mapping, optional
        Arguments for the class.
    fresh : bool
        Import a user's own module again; see `feii_dask.config.plugins.import_named`.

    Raises
    ------
    DetectorError
        If there is no such module or name, if what is there is not a detector, or if it cannot be made with the
        options.

    Examples
    --------
    >>> type(load_detector("notebook")).__name__
    'NotebookDetector'
    """
    module_name, colon, attribute = BUILT_IN.get(name, name).partition(":")
    if not (module_name and colon and attribute):
        known = ", ".join(BUILT_IN)
        raise DetectorError(f"no detector is called {name!r}; choose {known}, or name your own as package.module:Name")
    try:
        found = import_named(f"{module_name}:{attribute}", fresh=fresh)
        detector = found(**(options or {})) if isinstance(found, type) else found
    except ImportError as error:
        raise DetectorError(f"the detector {name!r} cannot be imported here: {error}") from error
    except Exception as error:  # whatever a user's class does when it is made
        raise DetectorError(f"the detector {name!r} cannot be made: {type(error).__name__}: {error}") from error
    if isinstance(detector, Detector):
        return detector
    if hasattr(detector, "plane_range") and hasattr(detector, "measure"):
        raise DetectorError(
            f"{name!r} has plane_range() and measure(), as detectors had before: it now needs detect(), "
            f"which gets a feii_dask.LineWindow in place of six arguments. These lines make it one:",
            "",
            *FROM_MEASURE_TO_DETECT.splitlines(),
        )
    if callable(detector):
        from feii_dask.detectors.function import FunctionDetector  # noqa: PLC0415 - with scipy.signal, half a second

        return FunctionDetector(detector)
    raise DetectorError(f"{name!r} is not a detector: it lacks plane_range() or detect(), and cannot be called either")
