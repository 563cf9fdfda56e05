"""Scan of one cube for spectral lines: the function that a worker runs."""

from __future__ import annotations

import operator
import reprlib
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from math import isfinite, nan
from typing import Any, TypeAlias

import numpy as np

from feii_dask.addresses import shown
from feii_dask.cubes.celestial import icrs_deg, places_on_data
from feii_dask.cubes.cutout import make_cutout
from feii_dask.cubes.hdus import text_card
from feii_dask.cubes.memory import MemoryBudget
from feii_dask.cubes.reader import Cube, read_cube
from feii_dask.cubes.storage import RangeReader
from feii_dask.detectors.contract import Detector, detect_in_cube
from feii_dask.detectors.flux_sigma import flux_sigmas
from feii_dask.detectors.line_window import LineWindow, line_outside
from feii_dask.detectors.registry import load_detector, working_bytes
from feii_dask.errors import (
    CubeError,
    CubeFormatError,
    CubeMissingError,
    CubeReadError,
    CubeTimeoutError,
    DetectorError,
)
from feii_dask.model import Context, Cutout, Detection, Line, MatchedCube, Outcome, ScanTask, Status, skip_reason

__all__ = ["ScanTask", "scan_cube", "skip_reason"]

TRACEBACK_LINES = 6

Measured: TypeAlias = tuple[Detection, Cutout | None]


@dataclass(frozen=True, slots=True)
class PlaneRange:
    """The planes ``[start, stop)`` that a detector needs for a line."""

    line: Line
    start: int
    stop: int


def scan_cube(matched: MatchedCube, context: Context, memory: MemoryBudget | None = None) -> Outcome:
    """Look for lines in one cube.

    Whatever happens to the cube becomes the outcome's status and reason; no exception leaves this function once it has
    a matched cube and a context. Nothing in the outcome refers to the planes that were read.

    Parameters
    ----------
    matched : MatchedCube
        The cube, and what is known of it.
    context : Context
        What to look for, and how.
    memory : MemoryBudget, optional
        What there is for this scan and others; a cube that takes more is refused rather than read.

    Returns
    -------
    Outcome
        With a detection for each planned line, and for each other line of the context that is in the cube.

    Raises
    ------
    TypeError
        If it is given anything but a matched cube and a context.
    """
    for given, kind in ((matched, MatchedCube), (context, Context)):
        if not isinstance(given, kind):
            expected = "a MatchedCube, which holds the cube's uri, and a Context"
            raise TypeError(f"scan_cube takes {expected}, not {reprlib.repr(given)}")
    started = time.perf_counter()
    refused = skip_reason(matched, context.lines)
    if refused is not None:
        return Outcome.without_scan(matched, context.lines, *refused)
    reader = RangeReader(matched.uri or "", context.storage_options, memory.most_bytes if memory else None)
    try:
        detector = load_detector(context.detector, context.detector_options)
        cube = read_cube(reader, context.extension)
        outcome = search_lines(cube, detector, matched, context, memory)
    except Exception as error:  # noqa: BLE001 - the promise above
        outcome = Outcome.without_scan(matched, context.lines, *explain(error, reader.uri))
    return replace(
        outcome,
        seconds=time.perf_counter() - started,
        bytes_read=reader.bytes_read,
        requests=reader.requests,
        may_pass=reader.may_pass and outcome.status.failed,
    )


def search_lines(
    cube: Cube, detector: Detector, matched: MatchedCube, context: Context, memory: MemoryBudget | None
) -> Outcome:
    """Look for the lines of a context in an open cube."""
    planned = matched.planned_lines(context.lines)
    measured: dict[Line, Measured] = {}
    ranges = []
    cube.wavelength_um.setflags(write=False)  # all lines share them
    for line in context.lines:
        planes = find_planes(cube, detector, line, matched.rv_kms)
        if isinstance(planes, PlaneRange):
            ranges.append(planes)
        elif line in planned or planes.status is not Status.NO_LINE_IN_BAND:
            measured[line] = (planes, None)
    with take_memory(cube, detector, ranges, memory) if memory else nullcontext():
        measured |= measure_ranges(cube, detector, ranges, matched, context.lines)
    in_order = [measured[line] for line in context.lines if line in measured]
    origin: dict[str, str | float | int] = {"OBJECT": matched.object_name, "FINGERPR": context.fingerprint}
    detections = tuple(replace(detection, flags=(*detection.flags, *cube.flags)) for detection, _ in in_order)
    decisive = min(detections, key=lambda detection: detection.status.precedence)
    return Outcome(
        obs_id=matched.obs_id,
        status=decisive.status,
        reason=decisive.reason,
        detections=detections,
        cutouts=tuple(replace(cutout, origin=cutout.origin | origin) for _, cutout in in_order if cutout is not None),
    )


def find_planes(cube: Cube, detector: Detector, line: Line, rv_kms: float) -> PlaneRange | Detection:
    """Ask the detector for the planes that it needs, or account for a line without."""
    planes = cube.shape[0]
    try:
        needed = detector.plane_range(cube.wavelength_um, line, rv_kms)
        if needed is None:
            return line_outside(line, cube.wavelength_um)
        start, stop = whole_numbers(needed)
        if not 0 <= start < stop <= planes:
            raise DetectorError(f"the detector asks for planes {start} to {stop} of {planes}")
    except Exception as error:  # noqa: BLE001 - a user's code
        return detector_failure(line, error)
    return PlaneRange(line, start, stop)


def whole_numbers(needed: Any) -> tuple[int, int]:
    """Return the two planes that a detector asks for."""
    try:
        start, stop = map(operator.index, needed)
    except (TypeError, ValueError) as error:
        given = reprlib.repr(needed)
        raise DetectorError(f"plane_range() must return two whole numbers, or None, not {given}") from error
    return start, stop


def take_memory(
    cube: Cube, detector: Detector, ranges: list[PlaneRange], memory: MemoryBudget
) -> AbstractContextManager[None]:
    """Take the memory for a search; refuse a cube that would cost its worker's life, and its neighbours' scans."""
    planes = max((each.stop - each.start for each in ranges), default=0)
    needed = working_bytes(detector, planes, cube.shape[1] * cube.shape[2]) + cube.held_bytes
    if needed > memory.most_bytes:
        raise CubeReadError(
            f"{cube.uri} takes {needed / 1e9:.2g} GB of memory to search, and there are "
            f"{memory.most_bytes / 1e9:.2g}: give each worker more, then scan again what failed"
        )
    return memory.take(needed)


def measure_ranges(
    cube: Cube, detector: Detector, ranges: Iterable[PlaneRange], matched: MatchedCube, searched: tuple[Line, ...]
) -> dict[Line, Measured]:
    """Read and measure all lines; after a failed read no other is tried."""
    measured: dict[Line, Measured] = {}
    failure: tuple[Status, str] | None = None
    for group in overlapping(ranges):
        if failure is None:
            try:
                measured |= measure_group(cube, detector, group, matched, searched)
            except CubeError as error:
                failure = explain(error, cube.uri)
        if failure is not None:
            status, reason = failure
            measured |= {each.line: (Detection(line=each.line, status=status, reason=reason), None) for each in group}
    return measured


def overlapping(ranges: Iterable[PlaneRange]) -> Iterator[list[PlaneRange]]:
    """Group ranges that overlap or touch: one read is cheaper than two."""
    group: list[PlaneRange] = []
    for each in sorted(ranges, key=lambda each: each.start):
        if group and each.start > max(other.stop for other in group):
            yield group
            group = []
        group.append(each)
    if group:
        yield group


def measure_group(
    cube: Cube, detector: Detector, group: list[PlaneRange], matched: MatchedCube, searched: tuple[Line, ...]
) -> dict[Line, Measured]:
    """Read the planes of some lines at once, measure, and forget the planes."""
    first, stop = group[0].start, max(each.stop for each in group)
    slab = cube.planes(first, stop)
    slab.setflags(write=False)  # a detector that wrote into it would change what the others see, and what is stored
    errors = cube.errors(first, stop) if getattr(detector, "reads_errors", False) else None
    if errors is not None:
        errors.setflags(write=False)
    known: dict[str, Any] = {"rv_kms": matched.rv_kms, "searched": searched}
    if isfinite(cube.pixel_arcsec):
        known["pixel_arcsec"] = cube.pixel_arcsec
    measured = {}
    whole = LineWindow(slab, cube.wavelength_um[first:stop], group[0].line, start=first, errors=errors, **known)
    for each in group:
        window = replace(whole, line=each.line).part(each.start - first, each.stop - first)
        measured[each.line] = measure_window(cube, detector, window, matched)
    return measured


def measure_window(cube: Cube, detector: Detector, window: LineWindow, matched: MatchedCube) -> Measured:
    """Return what the detector finds in a window, and a cutout if that is a line, extended or not."""
    try:
        detection = on_the_sky(detect_in_cube(detector, window), cube)
        detection = at_objects(detection, detector, window, cube, matched)
        found = detection.detected or detection.kind.is_line
        cutout = make_cutout(cube, window.planes, window.start, detection) if found else None
    except Exception as error:  # noqa: BLE001 - a user's code
        return detector_failure(window.line, error), None
    return detection, cutout


def at_objects(
    detection: Detection, detector: Detector, window: LineWindow, cube: Cube, matched: MatchedCube
) -> Detection:
    """Return a detection with the objects that are on data, and how faint a line would be seen at each."""
    places = places_on_data(window.planes, cube.wcs, matched.ysos)
    measure = getattr(detector, "flux_sigmas", None)
    in_known_unit = measure is not None or text_card(cube.header, "BUNIT").replace(" ", "").lower() == "mjy/sr"
    measurable = in_known_unit and detection.status is Status.SCANNED
    sigmas = (measure or flux_sigmas)(window, list(places.values())) if measurable else ((nan, nan),) * len(places)
    if not in_known_unit:
        detection = replace(detection, flux_sensitivity_beam=nan, flux_sensitivity_jet=nan)
    return replace(
        detection,
        on_data=tuple(places),
        flux_sigma_beam=tuple(beam for beam, _ in sigmas),
        flux_sigma_jet=tuple(jet for _, jet in sigmas),
        spectral_frame=text_card(cube.header, "SPECSYS").upper(),
    )


def on_the_sky(detection: Detection, cube: Cube) -> Detection:
    """Return a detection with its place and size on the sky, its arrays copied."""
    changes: dict[str, Any] = {}
    if detection.mask is not None:
        changes["mask"] = np.array(detection.mask, dtype=bool)
    if detection.statistic_curve is not None:
        changes["statistic_curve"] = np.array(detection.statistic_curve, dtype=np.float64)
    if detection.area_px:
        changes["area_arcsec2"] = detection.area_px * cube.pixel_arcsec**2
    if detection.peak_yx is not None and cube.wcs is not None:
        y, x = detection.peak_yx
        changes["peak_ra_deg"], changes["peak_dec_deg"] = icrs_deg(cube.wcs, x, y)
    return replace(detection, **changes)


def detector_failure(line: Line, error: Exception) -> Detection:
    """Account for a line at which a detector failed."""
    return Detection(line=line, status=Status.DETECTOR_ERROR, reason=last_lines(error))


def last_lines(error: Exception) -> str:
    """Return the end of an error's traceback."""
    return shown("\n".join("".join(traceback.format_exception(error)).strip().splitlines()[-TRACEBACK_LINES:]))


def explain(error: Exception, uri: str) -> tuple[Status, str]:
    """Return the status and the reason that an error amounts to."""
    if isinstance(error, CubeMissingError):
        return Status.NO_CLOUD_COPY if uri.startswith("s3://") else Status.UNREADABLE, str(error)
    if isinstance(error, CubeTimeoutError):
        return Status.TIMEOUT, str(error)
    if isinstance(error, CubeFormatError):
        return Status.FORMAT_ERROR, str(error)
    if isinstance(error, DetectorError):
        return Status.DETECTOR_ERROR, str(error)
    return Status.UNREADABLE, str(error) if isinstance(error, CubeError) else last_lines(error)
