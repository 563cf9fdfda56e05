"""The contract of a detector: which planes it needs for a line, and what it finds in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.line_window import LineWindow, line_outside
from feii_dask.errors import DetectorError
from feii_dask.model import Detection, Line

__all__ = ["Detector", "MeasuresArrays", "detect_in_cube"]


@runtime_checkable
class Detector(Protocol):
    """Says which planes it needs for a line, and looks for the line in them.

    Three attributes are optional: ``copies``, how many copies of its planes it holds in memory (see
    `feii_dask.detectors.registry.working_bytes`); ``reads_errors``, whether its windows shall have the errors that
    the cube states (for a detector without it they are not read); and ``flux_sigmas``, a function that takes the place
    of `feii_dask.detectors.flux_sigma.flux_sigmas`, for cubes whose unit or resolution it alone knows.
    """

    def plane_range(
        self, wavelength_um: NDArray[np.float64], line: Line, rv_kms: float = 0.0
    ) -> tuple[int, int] | None:
        """Return the planes ``[start, stop)`` that `detect` needs, or None where the line is outside the cube.

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

    def detect(self, window: LineWindow) -> Detection:
        """Look for one line.

        Parameters
        ----------
        window : LineWindow
            The planes of `plane_range`, their wavelengths, and the line.

        Returns
        -------
        Detection
            Its planes are counted from the first of the window.
        """
        ...


class MeasuresArrays:
    """Lets a detector measure arrays in hand, which need not be cut to the planes that it needs."""

    __slots__ = ()

    def measure(
        self: Detector,
        sci: NDArray[np.floating],
        wavelength_um: NDArray[np.float64],
        line: Line,
        rv_kms: float = 0.0,
        pixel_arcsec: float = 0.13,
        errors: NDArray[np.floating] | None = None,
    ) -> Detection:
        """Look for one line in arrays.

        Parameters
        ----------
        sci : (n, y, x) float32 ndarray
            A whole cube, or some planes of it: those of ``plane_range`` give the same answer.
        wavelength_um : (n,) float64 ndarray
            Wavelength of every plane, µm, increasing.
        line : Line
            The line at rest.
        rv_kms : float
            Radial velocity of the source, km/s.
        pixel_arcsec : float
            Width of a spaxel, arcsec.
        errors : (n, y, x) float32 ndarray, optional
            Standard deviations, for a detector that reads them.

        Returns
        -------
        Detection
            Its planes are counted from the first of ``sci``.

        Raises
        ------
        DetectorError
            If the arrays are not a cube and its wavelengths, or the detector cannot use them.
        """
        wavelength_um = np.asarray(wavelength_um, dtype=np.float64)
        errors = None if errors is None else np.asarray(errors)
        given = LineWindow(np.asarray(sci), wavelength_um, line, rv_kms, pixel_arcsec, errors=errors)
        needed = self.plane_range(given.wavelength_um, line, rv_kms)
        if needed is None:
            return line_outside(line, given.wavelength_um)
        return detect_in_cube(self, given.part(*needed))


def detect_in_cube(detector: Detector, window: LineWindow) -> Detection:
    """Return what a detector finds in a window, its planes counted from the first of the whole cube.

    Raises
    ------
    DetectorError
        If it returns anything but a Detection.
    """
    detection = detector.detect(window)
    if not isinstance(detection, Detection):
        raise DetectorError(f"the detector returned a {type(detection).__name__}, not a Detection")
    changes: dict[str, Any] = {"statistic_start": detection.statistic_start + window.start}
    if detection.plane is not None:
        changes["plane"] = detection.plane + window.start
    return replace(detection, line=window.line, **changes)
