"""Where detector pixels look on the sky and in wavelength, in all exposures of one cube.

The sky has two frames: that of the cube, y to the north and x to the west, and that of the instrument, along and
across the slices, turned by the roll. Offsets are from the middle of the cube.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from feii_dask.errors import SettingsError
from feii_dask.simulate.bands import Band, find_band
from feii_dask.simulate.drizzled.spectrographs import Spectrograph, spectrograph_of

__all__ = ["PHASES", "Exposures", "exposures_of", "planes_around"]

PHASES = 32  # positions of a trace between two columns; traces move in steps of this fraction of a column
MARGIN_ROWS = 4  # rows beyond the first and the last plane
GAP_COLUMNS = 4  # dark columns between the traces of two slices (assumed)
GOLDEN_SECTION = (np.sqrt(5) - 1) / 2
OPTICS_SEED = 20231  # small irregularities of the slices are the instrument's, the same in all cubes


@dataclass(frozen=True, kw_only=True, eq=False)
class Exposures:
    """Detector pixels of all exposures; they are arranged as (exposure, slice, row, column along the slice).

    Attributes
    ----------
    band : Band
        Spectral setting.
    spectrograph : Spectrograph
        Slices and pixels.
    wavelength_um : (λ,) float64 ndarray
        Wavelengths of the cube's planes, µm.
    shape : tuple of int
        Spaxels of the cube, (y, x).
    roll_deg : float
        Angle of the slices against the cube's x axis.
    across_arcsec : (exposure, slice) float64 ndarray
        Middle of every slice on the sky.
    along_arcsec : (exposure, phase, column) float64 ndarray
        Middle of every pixel along its slice, for every phase of the trace.
    phase : (slice, row) int64 ndarray
        Phase of the trace in every row.
    plane : (exposure, slice, row, column) float32 ndarray
        Wavelength in the middle of a pixel, as a fractional plane of the cube.
    detector_index : (slice, row, column) int64 ndarray
        Position of the pixel in the flattened image of the detector.
    detector_shape : tuple of int
        Rows and columns of the part of the detector that is used.
    """

    band: Band
    spectrograph: Spectrograph
    wavelength_um: NDArray[np.float64]
    shape: tuple[int, int]
    roll_deg: float
    across_arcsec: NDArray[np.float64]
    along_arcsec: NDArray[np.float64]
    phase: NDArray[np.int64]
    plane: NDArray[np.float32]
    detector_index: NDArray[np.int64]
    detector_shape: tuple[int, int]

    @property
    def pixels_shape(self) -> tuple[int, int, int, int]:
        """Numbers of exposures, slices, rows and columns."""
        exposures, slices, rows, columns = self.plane.shape
        return exposures, slices, rows, columns

    @property
    def middle_um(self) -> float:
        """Wavelength of the middle plane, µm."""
        return float(self.wavelength_um[self.wavelength_um.size // 2])

    def on_traces(self, seen: NDArray[np.float32], rows: slice = slice(None)) -> NDArray[np.float32]:
        """Return for every pixel, in all or some rows, what is given for every phase of its trace.

        Parameters
        ----------
        seen : (exposure, slice, phase, column) float32 ndarray
            Values for every phase.
        rows : slice
            The rows wanted.
        """
        return seen[:, np.arange(self.phase.shape[0])[:, None], self.phase[:, rows]]

    def rows_of_planes(self, planes: slice) -> slice:
        """Return the detector rows that reach some planes."""
        first, last, _ = planes.indices(self.wavelength_um.size)
        reached = (self.row_bounds[1] > first - 2) & (self.row_bounds[0] < last + 1)
        rows = np.flatnonzero(reached)
        return slice(int(rows[0]), int(rows[-1]) + 1)

    @cached_property
    def row_bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Smallest and largest fractional plane in every row."""
        return self.plane.min(axis=(0, 1, 3)), self.plane.max(axis=(0, 1, 3))

    def on_detector(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the slices' pixels have in images of the detector, (exposure, row, column)."""
        return images.reshape(images.shape[0], -1)[:, self.detector_index]


@lru_cache(maxsize=12)
def exposures_of(
    band_name: str, middle_um: float, planes: int, shape: tuple[int, int], dithers: int, roll_deg: float
) -> Exposures:
    """Return the exposures of one cube.

    The planes are those of the band's grid around ``middle_um``; near an end of the band they are the last ones.

    Raises
    ------
    SettingsError
        If the band has not so many planes, or none at this wavelength, or no uniform grid.

    Examples
    --------
    >>> exposures_of("ch1-short", 5.34, 41, (16, 16), 2, 30.0).pixels_shape[0]
    2
    """
    band = find_band(band_name)
    wavelength_um = planes_around(band, middle_um, planes)
    if min(shape) < 4 or dithers < 1:
        raise SettingsError(f"shape={shape} and dithers={dithers}: at least 4 spaxels a side, and one exposure")
    spectrograph = spectrograph_of(band)
    rng = np.random.default_rng(OPTICS_SEED)
    half_arcsec = np.hypot(*shape) / 2 * band.pixel_arcsec + max(spectrograph.dither_arcsec)
    slices = min(spectrograph.slices, 2 * int(np.ceil(half_arcsec / spectrograph.slice_arcsec)) + 1)
    columns = min(spectrograph.columns, 2 * int(np.ceil(half_arcsec / spectrograph.pixel_arcsec)) + 1)
    rows = int(np.ceil(planes / spectrograph.row_planes + 2 * MARGIN_ROWS + spectrograph.tilt * columns))
    trace = traces(spectrograph, slices, rows, rng)
    along_dither, across_dither = dither_offsets(spectrograph, dithers)
    middle_column = np.arange(columns) - (columns - 1) / 2
    along = middle_column - ((np.arange(PHASES) + 0.5) / PHASES - 0.5)[:, None]
    across = (np.arange(slices) - (slices - 1) / 2) * spectrograph.slice_arcsec
    phase = np.round((trace - np.floor(trace)) * PHASES).astype(np.int64) % PHASES
    detector_index, width = detector_positions(np.floor(trace + 0.5 / PHASES).astype(np.int64), columns)
    return Exposures(
        band=band,
        spectrograph=spectrograph,
        wavelength_um=wavelength_um,
        shape=shape,
        roll_deg=roll_deg,
        across_arcsec=across_dither[:, None] + across,
        along_arcsec=along_dither[:, None, None] + along * spectrograph.pixel_arcsec,
        phase=phase,
        plane=planes_of_pixels(spectrograph, planes, dithers, along[phase], rng),
        detector_index=detector_index,
        detector_shape=(rows, width),
    )


def planes_around(band: Band, middle_um: float, planes: int) -> NDArray[np.float64]:
    """Return the wavelengths of the planes around one wavelength."""
    wavelength_um = band.wavelength_um
    if band.tabulated:
        raise SettingsError(f"{band.name} has no uniform grid of wavelengths; choose a single band")
    if not wavelength_um[0] <= middle_um <= wavelength_um[-1]:
        raise SettingsError(
            f"middle_um={middle_um} is not in {band.name}, {wavelength_um[0]:.4f} to {wavelength_um[-1]:.4f} µm"
        )
    if not 8 <= planes <= wavelength_um.size:
        raise SettingsError(f"planes={planes} must be from 8 to the {wavelength_um.size} of {band.name}")
    middle = int(abs(wavelength_um - middle_um).argmin())
    first = min(max(middle - planes // 2, 0), wavelength_um.size - planes)
    return wavelength_um[first : first + planes]


def traces(spectrograph: Spectrograph, slices: int, rows: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return by how many columns the trace of every slice is displaced in every row, (slice, row).

    The traces fan out from the middle of the detector, and all bend a little.
    """
    row = np.arange(rows) - rows / 2
    slope = spectrograph.trace_slope * np.linspace(-1, 1, slices)[np.argsort(detector_order(slices))]
    bend = spectrograph.trace_slope / 2 / 1024 * row**2
    displaced: NDArray[np.float64] = slope[:, None] * row + bend + rng.uniform(0, 1, slices)[:, None]
    return displaced


def detector_order(slices: int) -> NDArray[np.int64]:
    """Return the slices from left to right on the detector: neighbours there are not neighbours on the sky."""
    half = (slices + 1) // 2
    order = np.full((half, 2), -1)
    order[:, 0] = np.arange(half)
    order[: slices - half, 1] = np.arange(half, slices)
    return order[order >= 0].astype(np.int64)


def detector_positions(trace: NDArray[np.int64], columns: int) -> tuple[NDArray[np.int64], int]:
    """Return the pixels of every slice in the flattened detector, (slice, row, column), and the detector's width."""
    slices, rows = trace.shape
    first = np.zeros(slices, dtype=np.int64)
    order = detector_order(slices)
    for left, right in pairwise(order):
        first[right] = np.max(first[left] + trace[left] + columns + GAP_COLUMNS - trace[right])
    column = first[:, None] + trace
    column -= column.min()
    width = int(column.max()) + columns
    return (np.arange(rows) * width + column)[:, :, None] + np.arange(columns), width


def dither_offsets(spectrograph: Spectrograph, dithers: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the offsets of the exposures along and across the slices, arcsec.

    They are at the corners of a rectangle of whole pixels and slices, plus evenly spaced parts of a pixel and a slice.
    """
    number = np.arange(dithers)
    offsets = []
    for sign, start, distance, width in (
        (1.0 - 2 * (number % 2), None, spectrograph.dither_arcsec[0], spectrograph.pixel_arcsec),
        (1.0 - 2 * ((number + 1) // 2 % 2), 0.5, spectrograph.dither_arcsec[1], spectrograph.slice_arcsec),
    ):
        corner = sign * round(distance / width) if dithers > 1 else 0.0
        offsets.append((corner + parts_of_a_pixel(dithers, start)) * width)
    return offsets[0], offsets[1]


def parts_of_a_pixel(dithers: int, start: float | None) -> NDArray[np.float64]:
    """Return evenly spaced parts of a pixel, from -0.5 to 0.5, in order, or as the golden section mixes them."""
    number = np.arange(dithers)
    order = number if start is None else np.argsort(np.argsort((start + number * GOLDEN_SECTION) % 1))
    parts: NDArray[np.float64] = (order + 0.5) / dithers - 0.5
    return parts


def planes_of_pixels(
    spectrograph: Spectrograph,
    planes: int,
    dithers: int,
    along: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Return the fractional plane in the middle of every pixel, (exposure, slice, row, column).

    Every slice has its own offset, tilt and, within 0.3 %, dispersion (assumed); exposures differ by parts of a row.
    """
    slices, rows = int(along.shape[0]), int(along.shape[1])
    offset = rng.uniform(-0.5, 0.5, size=slices)
    tilt = spectrograph.tilt * rng.uniform(-1, 1, size=slices)
    stretch = 1 + 0.003 * rng.uniform(-1, 1, size=slices)
    part = parts_of_a_pixel(dithers, 0.0)
    row = np.arange(rows) - (rows - 1) / 2
    from_middle = row[:, None] + offset[:, None, None] + tilt[:, None, None] * along
    plane = (from_middle + part[:, None, None, None]) * (spectrograph.row_planes * stretch)[:, None, None]
    centred: NDArray[np.float32] = (plane + (planes - 1) / 2).astype(np.float32)
    return centred
