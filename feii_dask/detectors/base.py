"""What a detector is, and how one is found by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from feii_dask.config.plugins import import_named
from feii_dask.detectors.function import FunctionDetector
from feii_dask.errors import DetectorError
from feii_dask.model import Detection, Line

__all__ = ["Detector", "load_detector", "working_bytes"]

FEWEST_COPIES = 2.0  # of its planes that a detector holds, if it does not say: they, and something made of them

BUILT_IN = {
    "notebook": "feii_dask.detectors.notebook:NotebookDetector",
    "matched": "feii_dask.detectors.matched.matched_filter:MatchedFilter",
    "grating": "feii_dask.detectors.grating.grating_scan:GratingScan",
}


@runtime_checkable
class Detector(Protocol):
    """Says which planes it needs for a line, and turns them into a measurement."""

    def plane_range(
        self, wavelength_um: NDArray[np.float64], line: Line, rv_kms: float = 0.0
    ) -> tuple[int, int] | None:
        """Return the planes ``[start, stop)`` that `measure` needs, or None where the line is outside the cube.

        Parameters
        ----------
        wavelength_um : (n,) float64 ndarray
            Wavelength of every plane of the cube, µm, increasing.
        line : Line
            The line at rest.
        rv_kms : float
            Radial velocity of the source, km/s.
        """
        ...

    def measure(
        self,
        sci: NDArray[np.float32],
        wavelength_um: NDArray[np.float64],
        line: Line,
        err: NDArray[np.float32] | None = None,
        rv_kms: float = 0.0,
        pixel_arcsec: float = 0.13,
    ) -> Detection:
        """Measure one line.

        Parameters
        ----------
        sci : (n, y, x) float32 ndarray
            The whole cube, or exactly the planes of `plane_range`; either gives the same answer. Not to be written
            into: neighbouring lines share it, and so does what is stored.
        wavelength_um : (n,) float64 ndarray
            Wavelengths of these planes, µm, increasing.
        line : Line
            The line at rest.
        err : (n, y, x) float32 ndarray, optional
            Formal 1-σ errors of the same planes.
        rv_kms : float
            Radial velocity of the source, km/s.
        pixel_arcsec : float
            Width of a spaxel, arcsec.

        Returns
        -------
        Detection
            Its planes are counted from the first plane of ``sci``.
        """
        ...


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
    if callable(detector):
        return FunctionDetector(detector)
    raise DetectorError(f"{name!r} is not a detector: it lacks plane_range() or measure(), and cannot be called either")
