"""Least-squares fits of a line and its continuum at every plane and spaxel of a cube that holds one line.

A far-infrared spectrograph such as FIFI-LS scans its grating over one line. Its cubes have some sixty planes, eight to
a resolution element, and some forty beams; at their borders and at either end fewer exposures overlap, or none. There
is too little spectrum beside the line to learn from line-free windows how rare a chance peak is, as the matched filter
for JWST does. Instead a line and a straight continuum are fitted together, centred on every plane of every spaxel with
the data that it has, and the fits beside the best one say how much all of them scatter. The p-value is that of a smooth
random field reaching the best of them; what is higher elsewhere in the cube, with either sign, can only make it larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot, inf, log, nan, sqrt
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from feii_dask.detectors.contract import MeasuresArrays
from feii_dask.detectors.flux_units import LIMIT_WIDTH_KMS
from feii_dask.detectors.grating.beam_extent import judge_beam_extent
from feii_dask.detectors.grating.beam_significance import LineSearch, search_lines
from feii_dask.detectors.grating.limits import aperture_sigmas, sensitivities
from feii_dask.detectors.grating.line_fits import fit_lines
from feii_dask.detectors.grating.line_fluxes import AREA, measure_emission
from feii_dask.detectors.grating.random_field import random_field_p_value
from feii_dask.detectors.grating.weighed_spectra import weighed_spectra
from feii_dask.detectors.line_window import LineWindow, doppler_kms, doppler_um, planes_within
from feii_dask.detectors.p_values import KEPT_P
from feii_dask.model import Detection, Kind, Line

__all__ = ["GratingScan"]

REACH_KMS = 300.0  # of the search, about the source's velocity
REACH_PLANES = 120  # on either side of the line, of longer cubes
FEWEST_CUBE_PLANES = 2  # that have a step in velocity
LEAST = 3.0  # statistic of a detection
W_HZ_PER_JY = 1e-26
HIGHEST = 50.0  # statistic that may be asked for
ROUNDS = 3  # of looking for the best plane, whose surroundings then tell the noise
LINE_REACH = 1.1  # resolution elements on either side of a line that are kept out of the noise
# Degrees of freedom that each beam and resolution element adds to the scale, and how much more often than in a smooth
# random field chance is as high: both are those of simulated cubes with baselines and uneven coverage, of which 2 %
# were false alarms with the first alone and 0.4 % with both (tests/benchmarks/far_infrared_scenes.py, seeds 63000 on).
FREEDOM, UNEVEN = 0.54, 20.0
LEAST_BESIDE = 0.5  # resolution elements beside the line that tell the scale, of the shortest cubes

Cube64 = NDArray[np.float64]
Planes = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class GratingScan(MeasuresArrays):
    """Searches for one line of a source in a cube that holds little else.

    Follows `feii_dask.detectors.contract.Detector`. ``statistic`` and ``snr`` are the significance of the best beam and
    resolution element, in standard deviations; ``statistic_curve`` is that of the best beam in each plane.

    A line is ``detected`` unless it is shown to be ``compact``. JWST's lines must be shown to be extended; in a field
    of forty beams of 6 to 20″ few outflows could be, and the others would be lost.

    Parameters
    ----------
    psf_px : float
        FWHM of the point-spread function, spaxels, unless ``beam_arcsec`` is given.
    line_planes : float
        FWHM of the line-spread function, planes.
    beam_arcsec : tuple of (float, float)
        Wavelengths, µm, increasing, and the FWHM there, arcsec, between which that of a line is interpolated; spaxels
        of each cube are as wide as its header says.
    jy_per_unit : float
        What one unit of the cube is, Jy in a spaxel; without it there is no flux.
    highest_p : float
        Largest p-value of a detection.
    """

    copies: ClassVar[float] = 58.0  # of its planes in memory, measured with 61 to 241 planes; they are few and small

    reads_errors: ClassVar[bool] = True

    psf_px: float = 5.0
    line_planes: float = 8.0
    beam_arcsec: tuple[tuple[float, float], ...] = ()
    jy_per_unit: float = nan
    highest_p: float = 0.01

    def plane_range(
        self, wavelength_um: NDArray[np.float64], line: Line, rv_kms: float = 0.0
    ) -> tuple[int, int] | None:
        """Return the planes, at most 241, that decide about a line; None where it is outside the cube."""
        if len(wavelength_um) < FEWEST_CUBE_PLANES:
            return None
        return planes_within(REACH_PLANES, wavelength_um, doppler_um(line, rv_kms))

    def detect(self, window: LineWindow) -> Detection:
        """Look for the line; see `feii_dask.detectors.contract.Detector.detect`."""
        if self.beam_arcsec:
            return self._for_beam(window).detect(window)
        velocity_kms = window.velocity_kms - window.rv_kms
        searched = searched_planes(velocity_kms)
        search = self._search(window, searched)
        if not np.isfinite(search.curve[searched]).any():
            reason = f"no spaxel has enough data about {window.line.name} to tell a line from its continuum"
            return window.without_data(reason)
        answer = self._decide(search, searched, window.line)
        of_point, of_jet = self._sensitivities(search, searched, window)
        answer = replace(answer, flux_sensitivity_beam=of_point, flux_sensitivity_jet=of_jet)
        return self._measured(answer, search, velocity_kms, window) if answer.kind.is_line else answer

    def flux_sigmas(
        self, window: LineWindow, places_yx: Sequence[tuple[float, float]]
    ) -> tuple[tuple[float, float], ...]:
        """Return the 1-σ error of a line's flux at some places; see `feii_dask.detectors.flux_sigma.flux_sigmas`.

        The line is where the object's velocity puts it. NaN where there are too few data, and without ``jy_per_unit``.
        """
        if self.beam_arcsec:
            return self._for_beam(window).flux_sigmas(window, places_yx)
        if not np.isfinite(self.jy_per_unit):
            return ((nan, nan),) * len(places_yx)
        velocity_kms = window.velocity_kms - window.rv_kms
        search = self._search(window, searched_planes(velocity_kms))
        centre = np.interp([0.0], velocity_kms, np.arange(velocity_kms.size))
        width = self._width_planes(velocity_kms)
        line = fit_lines(search.spectra.without(self._others(window)), centre, width)
        unit = self._flux_unit(window) * AREA * width
        sigmas = aperture_sigmas(line, search, places_yx, self.psf_px)
        return tuple((beam * unit, jet * unit) for beam, jet in sigmas)

    def _for_beam(self, window: LineWindow) -> GratingScan:
        """Return the same with the FWHM of the point-spread function at a line: from a spaxel to the field."""
        wavelength_um, fwhm_arcsec = zip(*self.beam_arcsec, strict=True)
        beam_px = float(np.interp(window.line.wavelength_um, wavelength_um, fwhm_arcsec)) / window.pixel_arcsec
        return replace(self, psf_px=min(max(beam_px, 1.0), float(max(window.planes.shape[1:]))), beam_arcsec=())

    def _width_planes(self, velocity_kms: NDArray[np.float64]) -> float:
        """Return the FWHM of the line that limits are of, planes."""
        return float(np.hypot(self.line_planes, LIMIT_WIDTH_KMS / np.median(np.diff(velocity_kms))))

    def _flux_unit(self, window: LineWindow) -> float:
        """Return the flux, W m⁻², of one unit of the cube in one spaxel and one plane."""
        plane_kms = float(np.median(np.diff(window.velocity_kms)))
        return self.jy_per_unit * plane_kms * 1e9 / window.line.wavelength_um * W_HZ_PER_JY

    def _others(self, window: LineWindow) -> Planes:
        """Return the planes of the other lines that are looked for."""
        reach_kms = LINE_REACH * self.line_planes * float(np.diff(window.velocity_kms).max())
        others = np.zeros(len(window.wavelength_um), dtype=bool)
        for line in window.searched:
            if line.wavelength_um != window.line.wavelength_um:
                others |= np.abs(doppler_kms(window.wavelength_um, doppler_um(line, window.rv_kms))) <= reach_kms
        return others

    def _search(self, window: LineWindow, searched: Planes) -> LineSearch:
        """Return the significance of a line at every voxel; the planes about the best do not tell the noise.

        Fits that are centred beside a bright line are negative there, since their continua run through it. So noise and
        scale are those of the fits to the other planes only.
        """
        with np.errstate(invalid="ignore"):  # of signalling NaN, which flipped bits make
            planes = np.asarray(window.planes, dtype=np.float64)
        planes = np.where(np.isfinite(planes), planes, np.nan)
        plane = np.arange(len(planes), dtype=np.float64)
        mask = others = self._others(window)
        for _ in range(ROUNDS):
            spectra = weighed_spectra(planes, mask, window.errors)
            fits = fit_lines(spectra.without(others), plane, self.line_planes)
            beside = fits if mask is others else fit_lines(spectra.without(mask), plane, self.line_planes)
            search = search_lines(spectra, fits, beside, ~mask, self.psf_px)
            best = int(np.argmax(np.where(searched & np.isfinite(search.curve), search.curve, -np.inf)))
            used, mask = mask, others | (np.abs(plane - best) <= LINE_REACH * self.line_planes)
            if np.array_equal(used, mask):
                break
        return search

    def _decide(self, search: LineSearch, searched: Planes, line: Line) -> Detection:
        """Decide whether the best voxel of the search is more than chance."""
        curve = np.where(np.isfinite(search.curve), search.curve, np.nan)
        plane = int(np.nanargmax(np.where(searched, curve, np.nan)))
        statistic = max(float(curve[plane]), 0.0)
        as_large = sum(null >= statistic for null in search.nulls)
        chance, *null_p = (self._chance(search, searched, height) for height in (statistic, *search.nulls))
        p_value = max(chance, as_large / (1 + len(search.nulls)))
        answer = Detection(
            line=line,
            kind=Kind.NONE,
            statistic=statistic,
            p_value=p_value,
            null_windows=len(search.nulls),
            null_p_values=tuple(p for p in null_p if p <= KEPT_P),
            statistic_curve=curve,
        )
        found = statistic > LEAST and p_value <= self.highest_p
        return replace(answer, kind=Kind.UNDECIDED, snr=statistic, plane=plane) if found else answer

    def _chance(self, search: LineSearch, searched: Planes, height: float) -> float:
        """Return the probability that noise is as significant somewhere in the search."""
        elements = np.count_nonzero(searched) / self.line_planes
        beams = search.beams(self.psf_px)
        freedom = FREEDOM * beams * max(LEAST_BESIDE, np.count_nonzero(search.off_line) / self.line_planes - 1)
        return min(1.0, UNEVEN * random_field_p_value(height, beams, elements, freedom))

    def _least_height(self, search: LineSearch, searched: Planes) -> float:
        """Return the significance that noise reaches with the largest p-value of a detection."""

        def excess(height: float) -> float:
            return log(self._chance(search, searched, height) / self.highest_p)

        if excess(LEAST) <= 0:
            return LEAST
        return float(brentq(excess, LEAST, HIGHEST, xtol=0.01)) if excess(HIGHEST) < 0 else inf

    def _sensitivities(self, search: LineSearch, searched: Planes, window: LineWindow) -> tuple[float, float]:
        """Return the fluxes, W m⁻², of which 95 % are found anywhere in the field and in the range that is searched."""
        if not np.isfinite(self.jy_per_unit):
            return nan, nan
        least = max(self._least_height(search, searched), *search.nulls, LEAST)
        width = self._width_planes(window.velocity_kms)
        found = sqrt(2) * width / hypot(self.line_planes, width)  # of the amplitude, by a narrower profile
        unit = self._flux_unit(window) * AREA * width / found
        of_point, of_jet = sensitivities(search, searched, least, self.psf_px)
        return of_point * unit, of_jet * unit

    def _measured(
        self, answer: Detection, search: LineSearch, velocity_kms: NDArray[np.float64], window: LineWindow
    ) -> Detection:
        """Add place, velocity, flux and extent of the region about the best voxel."""
        emission = measure_emission(search, int(answer.plane or 0), self.psf_px, self.line_planes)
        extent = judge_beam_extent(emission, self.psf_px)
        plane = np.arange(len(velocity_kms))
        plane_kms = float(np.median(np.diff(velocity_kms)))
        flux_unit = self._flux_unit(window)
        shift_kms = float(np.interp(emission.centre, plane, velocity_kms))
        at_edge = abs(shift_kms) > REACH_KMS or not emission.is_peak
        return replace(
            answer,
            detected=extent.kind is not Kind.COMPACT,
            kind=extent.kind,
            p_extent=extent.p_extent,
            compact_share=extent.compact_share,
            compact_share_error=extent.compact_share_error,
            velocity_kms=shift_kms + window.rv_kms,
            velocity_error_kms=emission.centre_error * plane_kms,
            width_kms=emission.width * plane_kms,
            flux=emission.flux * flux_unit,
            flux_error=emission.flux_error * flux_unit,
            area_px=int(np.count_nonzero(emission.region)),
            mask=emission.region,
            peak_yx=emission.peak_yx,
            flags=extent.flags + ("edge_of_search",) * at_edge,
        )


def searched_planes(velocity_kms: NDArray[np.float64]) -> Planes:
    """Return the planes in which a line may be, (n,), two at least."""
    return np.asarray(np.abs(velocity_kms) <= max(REACH_KMS, float(np.diff(velocity_kms).max())))
