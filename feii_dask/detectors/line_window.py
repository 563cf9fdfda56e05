"""The planes of a cube about one line, as a detector gets them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from feii_dask.cubes.planes import covers, nearest_plane
from feii_dask.errors import DetectorError
from feii_dask.model import SPEED_OF_LIGHT_KMS, Detection, Line, Status

__all__ = ["LineWindow", "doppler_kms", "doppler_um", "line_outside", "planes_about", "planes_within"]

Wavelengths = TypeVar("Wavelengths", float, NDArray[np.float64])


@dataclass(frozen=True, slots=True, eq=False)
class LineWindow:
    """Some planes of a cube, and the line that is looked for in them.

    Parameters
    ----------
    planes : (n, y, x) float32 ndarray
        Surface brightness in the cube's unit, NaN where there are no data. Not to be written into: the windows of
        neighbouring lines share it, and what is stored is cut out of it.
    wavelength_um : (n,) float64 ndarray
        Wavelength of every plane, µm, increasing.
    line : Line
        The line at rest.
    rv_kms : float
        Radial velocity of the source, km/s.
    pixel_arcsec : float
        Width of a spaxel, arcsec; that of MIRI's channel 1 where a cube does not say.
    start : int
        Index of the first of these planes in the whole cube.
    searched : tuple of Line
        All lines that are looked for in the cube: no window without a line holds one of them.
    errors : (n, y, x) float32 ndarray, optional
        Standard deviations that the cube states, of whatever scale; only for detectors that have a true attribute
        ``reads_errors``, and None where the cube has none.

    Raises
    ------
    DetectorError
        If the planes are no cube, there are not as many wavelengths, or errors of another shape.

    Examples
    --------
    >>> window = LineWindow(np.zeros((3, 5, 5)), np.array([5.2, 5.3, 5.4]), Line("Fe II", 5.340169), start=400)
    >>> window.nearest_plane
    1
    >>> window.velocity_kms.round()
    array([-7869., -2255.,  3359.])
    """

    planes: NDArray[np.float32]
    wavelength_um: NDArray[np.float64]
    line: Line
    rv_kms: float = 0.0
    pixel_arcsec: float = 0.13
    start: int = 0
    searched: tuple[Line, ...] = ()
    errors: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if np.ndim(self.planes) != 3 or len(self.planes) != len(self.wavelength_um):
            shapes = f"{np.shape(self.planes)} and {np.shape(self.wavelength_um)}"
            raise DetectorError(f"a cube (wavelength, y, x) and its wavelengths are needed, not shapes {shapes}")
        if self.errors is not None and np.shape(self.errors) != np.shape(self.planes):
            shapes = f"{np.shape(self.planes)} and {np.shape(self.errors)}"
            raise DetectorError(f"a cube and its errors must be of one shape, not {shapes}")

    @property
    def nearest_plane(self) -> int:
        """The plane, counted from the first of these, that is nearest to the line of a source with this velocity."""
        return nearest_plane(self.wavelength_um, doppler_um(self.line, self.rv_kms))

    @property
    def velocity_kms(self) -> NDArray[np.float64]:
        """Doppler shift, (n,), of every plane from the line at rest, km/s (positive: away)."""
        return doppler_kms(self.wavelength_um, self.line.wavelength_um)

    def part(self, start: int, stop: int) -> LineWindow:
        """Return the window of some of these planes, ``[start, stop)``."""
        planes, wavelength_um = self.planes[start:stop], self.wavelength_um[start:stop]
        errors = None if self.errors is None else self.errors[start:stop]
        return replace(self, planes=planes, wavelength_um=wavelength_um, start=self.start + start, errors=errors)

    def without_data(self, reason: str) -> Detection:
        """Return the answer of a detector for which there are too few data, and why."""
        return Detection(line=self.line, status=Status.NO_DATA, reason=reason)


def doppler_kms(wavelength_um: Wavelengths, rest_um: float) -> Wavelengths:
    """Return Doppler shifts from a rest wavelength, km/s (positive: away)."""
    return SPEED_OF_LIGHT_KMS * (wavelength_um / rest_um - 1)


def doppler_um(line: Line, rv_kms: float) -> float:
    """Return the wavelength, µm, at which a source with some radial velocity emits a line."""
    return line.wavelength_um * (1 + rv_kms / SPEED_OF_LIGHT_KMS)


def line_outside(line: Line, wavelength_um: NDArray[np.float64]) -> Detection:
    """Return the answer for a line that is not in a cube of these wavelengths."""
    covered = f", {wavelength_um[0]:.4f}-{wavelength_um[-1]:.4f} µm" if len(wavelength_um) else ""
    reason = f"{line.name} is outside the cube{covered}"
    return Detection(line=line, status=Status.NO_LINE_IN_BAND, reason=reason)


def planes_within(reach: int, wavelength_um: NDArray[np.float64], wanted_um: float) -> tuple[int, int] | None:
    """Return the planes within ``reach`` of a wavelength, fewer at the ends of the cube; None where it is outside."""
    if not covers(wavelength_um, wanted_um):
        return None
    plane = nearest_plane(wavelength_um, wanted_um)
    return max(0, plane - reach), min(plane + reach + 1, len(wavelength_um))


def planes_about(reach: int, wavelength_um: NDArray[np.float64], wanted_um: float) -> tuple[int, int] | None:
    """Return 2 ``reach`` + 1 planes about a wavelength, shifted at the ends of the cube; None where it is outside."""
    if not covers(wavelength_um, wanted_um):
        return None
    length = 2 * reach + 1
    start = max(0, min(nearest_plane(wavelength_um, wanted_um) - reach, len(wavelength_um) - length))
    return start, min(start + length, len(wavelength_um))
