"""Matched filter in velocity, with p-values from line-free windows of the same cube.

What happens to a cube, module by module: `whitening` removes the continuum and scales to the noise, `filters` looks for
lines, `windows` says in which planes, `line_regions` finds regions of significant spaxels and tells lines from what is
none, `p_values` says how often noise is as significant, and `measurement` measures. All of it comes from the cube's
own pixels: the formal errors of real cubes are 4 to 10 times too small in places, and are not used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import hypot, isfinite
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.contract import MeasuresArrays
from feii_dask.detectors.identification import count_alike, counted_offset_kms, identification_p_value
from feii_dask.detectors.line_window import LineWindow, doppler_um, planes_about
from feii_dask.detectors.matched.bright_lines import is_crowded, without_bright_lines
from feii_dask.detectors.matched.emission_region import Seed
from feii_dask.detectors.matched.filters import FilteredCube, filter_cube
from feii_dask.detectors.matched.line_regions import SUSPECT, Regions, best_of_windows, border_of, find_regions
from feii_dask.detectors.matched.measurement import measure_line
from feii_dask.detectors.matched.met_lines import lines_met
from feii_dask.detectors.matched.nulls import find_nulls
from feii_dask.detectors.matched.resolution import Resolution, resolution_at
from feii_dask.detectors.matched.sensitivity import flux_sensitivities
from feii_dask.detectors.matched.whitening import remove_continuum
from feii_dask.detectors.matched.windows import REACH_KMS, Windows, lay_windows, null_windows
from feii_dask.detectors.p_values import FEWEST_NULLS, KEPT_P, least_significant, null_p_values, window_p_value
from feii_dask.errors import DetectorError
from feii_dask.model import Detection, Kind, Line

__all__ = ["MatchedFilter"]

# What noise might have done as well needs a surer extent: largest product of the p-values of line and extent. Of jets
# of S/N 5 in simulated drizzled cubes none has a larger one, of windows called extended without a line most have.
LARGEST_PRODUCT = 2e-5
# FWHM before the spectrograph, km/s, of lines that are called extended only if they are so significant: jets' lines are
# narrower, and in simulated drizzled cubes a third of what is called extended without a line, showers, is as broad.
BROAD_KMS, SURE_OF_BROAD = 300.0, 20.0
REACH_PLANES = 240  # on either side of the line: enough for some thirty windows without a line
FEWEST_LINE_PLANES = 2
CURVE_PLANES = 40  # of the statistic on either side of the line


@dataclass(frozen=True, slots=True)
class MatchedFilter(MeasuresArrays):
    """Searches for extended line emission within 300 km/s of a source's radial velocity.

    Follows `feii_dask.detectors.contract.Detector`. ``statistic`` is the significance, in standard deviations, of the
    best region's spectrum; ``statistic_curve`` that of the best spaxel in each plane. ``p_value`` says how often a
    window of the same cube without a line reaches the statistic.

    Parameters
    ----------
    highest_p : float
        Largest p-value of a line.
    psf_arcsec, lsf_kms : float, optional
        FWHM of the point-spread and line-spread functions; by default those of JWST's spectrographs. Without the first,
        a cube of another instrument is not judged for extent, so nothing in it is ``detected``.

    Raises
    ------
    DetectorError
        If a width is not a positive number.

    Examples
    --------
    >>> from feii_dask.simulate import Jet, make_cube
    >>> line = Line("Fe II", 5.340169)
    >>> cube = make_cube(jets=(Jet(line=line, snr=8.0, velocity_kms=-150.0),), planes_um=(5.15, 5.53), shape=(27, 27))
    >>> detection = MatchedFilter().measure(cube.sci, cube.wavelength_um, line)
    >>> detection.detected, -160 < detection.velocity_kms < -140
    (True, True)
    """

    highest_p: float = 0.0075
    psf_arcsec: float | None = None
    lsf_kms: float | None = None
    copies: ClassVar[float] = 13.0  # of its planes in memory: 12 beside them, measured with 45² to 312² spaxels

    def __post_init__(self) -> None:
        """Refuse widths that are none."""
        for name in ("psf_arcsec", "lsf_kms"):
            width = getattr(self, name)
            if width is not None and not (isfinite(width) and width > 0):
                raise DetectorError(f"{name}={width!r} of MatchedFilter must be a positive number, or None")

    def plane_range(
        self, wavelength_um: NDArray[np.float64], line: Line, rv_kms: float = 0.0
    ) -> tuple[int, int] | None:
        """Return the planes, at most 481, that decide about a line; None where it is outside the cube."""
        return planes_about(REACH_PLANES, wavelength_um, doppler_um(line, rv_kms))

    def detect(self, window: LineWindow) -> Detection:
        """Look for the line; see `feii_dask.detectors.contract.Detector.detect`.

        Raises
        ------
        DetectorError
            If the spaxels have no width.
        """
        if not (isfinite(window.pixel_arcsec) and window.pixel_arcsec > 0):
            raise DetectorError(
                f"the width of a spaxel is {window.pixel_arcsec!r} arcsec; it must be a positive number"
            )
        planes = np.asarray(window.planes, dtype=np.float32)
        line = window.line
        if len(planes) < 2 or 0 in planes.shape:
            return window.without_data(f"a cube of shape {planes.shape} is too small")
        resolution = resolution_at(
            window.wavelength_um, window.nearest_plane, window.pixel_arcsec, self.psf_arcsec, self.lsf_kms
        )
        residuals = remove_continuum(planes, resolution)
        valid = np.isfinite(residuals.noise)
        inner = np.count_nonzero(valid & ~border_of(valid))
        if inner < resolution.beam_px:
            few = f"{inner} spaxels away from a border have data about {line.name}"
            return window.without_data(f"{few}: less than the beam")
        present = residuals.good[:, valid].mean(axis=1)
        windows = lay_windows(window, present, resolution)
        if len(windows.tested) < FEWEST_LINE_PLANES:
            return window.without_data(
                f"{len(windows.tested)} planes within {REACH_KMS:g} km/s of {line.name} have data"
            )
        whole = filter_cube(residuals, resolution)
        crowded = is_crowded(whole, resolution)
        filtered = without_bright_lines(planes, whole, windows, resolution) if crowded else whole
        return self._decide(filtered, whole, windows, window, resolution)

    def _decide(
        self, filtered: FilteredCube, whole: FilteredCube, windows: Windows, window: LineWindow, resolution: Resolution
    ) -> Detection:
        """Compare the best region about the line with what noise reaches elsewhere, and measure it."""
        nulls = find_nulls(filtered, windows.free, len(windows.tested), resolution)
        if nulls.positive.size < FEWEST_NULLS:
            few = f"{nulls.positive.size} windows without a line are too few"
            return window.without_data(f"{few} to calibrate {window.line.name} with")
        regions = find_regions(filtered, 1, windows.tested[None], resolution)
        statistic = float(best_of_windows(regions, 1)[0])
        p_value = window_p_value(statistic, nulls.positive, nulls.negative)
        null_p = null_p_values(nulls.positive, nulls.negative)
        least = least_significant(self.highest_p, nulls.positive, nulls.negative)
        of_beam, of_jet = flux_sensitivities(filtered, least, windows.tested, window, resolution)
        first = max(0, int(windows.tested[0]) - CURVE_PLANES)
        curve = filtered.largest[first : windows.tested[-1] + CURVE_PLANES + 1].max(axis=(1, 2)).astype(float)
        answer = Detection(
            line=window.line,
            statistic=statistic,
            p_value=p_value,
            null_windows=null_p.size,
            null_p_values=tuple(null_p[null_p <= KEPT_P].tolist()),
            flags=windows.flags,
            statistic_start=first,
            statistic_curve=curve,
            kind=Kind.NONE,
            unidentified=lines_met(nulls.lines, filtered, whole, window, resolution),
            flux_sensitivity_beam=of_beam,
            flux_sensitivity_jet=of_jet,
            searched_kms=null_windows(windows.free, len(windows.tested)).size * resolution.plane_kms,
        )
        if statistic == 0 or p_value > self.highest_p:
            return answer
        measured = measure_line(filtered, best_seed(regions), windows.tested, window, resolution)
        of_extent = measured.pop("flags")
        line = replace(answer, flags=answer.flags + of_extent, **measured)
        return identified(with_sure_extent(line, resolution), of_extent, window)


def with_sure_extent(line: Detection, resolution: Resolution) -> Detection:
    """Return a line as undecided, if it was called extended and noise or a shower may as well be so."""
    is_noise = line.p_value * line.p_extent > LARGEST_PRODUCT
    lsf_kms = resolution.line_planes * resolution.plane_kms
    is_shower = line.width_kms > hypot(BROAD_KMS, lsf_kms) and line.statistic < SURE_OF_BROAD
    if line.detected and (is_noise or is_shower):
        return replace(line, kind=Kind.UNDECIDED, detected=False)
    return line


def identified(line: Detection, flags: tuple[str, ...], window: LineWindow) -> Detection:
    """Return a line with the probability that it is one that nobody listed; the flags are those of its extent."""
    offset_kms = counted_offset_kms(line.velocity_kms - window.rv_kms, line.kind, flags)
    alike = count_alike(line.unidentified, line.kind, flags)
    return replace(line, p_identification=identification_p_value(offset_kms, alike, line.searched_kms))


def best_seed(regions: Regions) -> Seed:
    """Return the most significant region that passed."""
    best = int(np.argmax(np.where(regions.passed, regions.significance, -1)))
    start, stop = regions.line_extent[best]
    mask = regions.mask[best]
    faults = regions.mask[~regions.passed & (regions.significance > SUSPECT)]
    beside = faults[(faults & mask).sum(axis=(1, 2)) < mask.sum() / 2].any(axis=0) & ~mask
    return Seed(mask, int(regions.plane[best]), (int(start), int(stop)), float(regions.significance[best]), beside)
