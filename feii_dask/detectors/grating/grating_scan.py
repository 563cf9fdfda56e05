"""Least-squares fits of a line and its continuum at every plane and spaxel of a cube that holds one line.

A far-infrared spectrograph such as FIFI-LS scans its grating over one line. Its cubes have some sixty planes, eight to
a resolution element, and some forty beams; at their borders and at either end fewer exposures overlap, or none. There
is too little spectrum beside the line to learn from line-free windows how rare a chance peak is, as the matched filter
for JWST does. Instead a line and a straight continuum are fitted together, centred on every plane of every spaxel with
the data that it has, and all of these fits together say how much they scatter. The p-value is that of a smooth random
field reaching the best of them; windows beside the line can only make it larger.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isnan, log, nan, pi
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.ndimage import gaussian_filter, label

from feii_dask.detectors.contract import MeasuresArrays
from feii_dask.detectors.grating.line_fits import LineFits, fit_lines
from feii_dask.detectors.line_window import LineWindow, doppler_um, planes_within
from feii_dask.detectors.p_values import KEPT_P
from feii_dask.model import Detection, Line

__all__ = ["GratingScan"]

REACH_KMS = 150.0  # of the search, about the source's velocity
REACH_PLANES = 120  # on either side of the line, of longer cubes
FEWEST_CUBE_PLANES = 2  # that have a step in velocity
FWHM = 2.3548  # over the standard deviation of a Gaussian
MAD = 1.4826  # standard deviation over median absolute deviation
# Degrees of freedom that each beam and resolution element adds to the scale: a median absolute deviation has the
# efficiency 0.37, and neighbours are correlated by the filter (1.2) and, in resampled cubes, before it (about 1.6).
FREEDOM = 0.37 / (1.2 * 1.6)
JOINED = 3.0  # significance of the spaxels that belong to a region
POINT = 1.4  # FWHM over that of the point-spread function, up to which a region may be a point
W_HZ_PER_JY = 1e-26

Cube64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GratingScan(MeasuresArrays):
    """Searches for one line of a source in a cube that holds little else.

    Follows `feii_dask.detectors.contract.Detector`. ``statistic`` and ``snr`` are the significance of the best beam and
    resolution element, in standard deviations; ``statistic_curve`` is that of the best beam in each plane.

    Parameters
    ----------
    psf_px : float
        FWHM of the point-spread function, spaxels.
    line_planes : float
        FWHM of the line-spread function, planes.
    jy_per_unit : float
        What one unit of the cube is, Jy in a spaxel; without it there is no flux.
    highest_p : float
        Largest p-value of a detection.
    """

    copies: ClassVar[float] = 36.0  # of its planes in memory, measured with 61 to 241 planes; they are few and small

    psf_px: float = 5.0
    line_planes: float = 8.0
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
        velocity_kms = window.velocity_kms - window.rv_kms
        plane_kms = float(np.diff(velocity_kms).max())
        searched = np.abs(velocity_kms) <= max(REACH_KMS, plane_kms)
        line_mask = np.abs(velocity_kms) <= REACH_KMS + self.line_planes * plane_kms
        with np.errstate(invalid="ignore"):  # of signalling NaN, which flipped bits make
            planes = np.asarray(window.planes, dtype=np.float64)
        fits = fit_lines(planes, self.line_planes, line_mask)
        significance, without_line = self._significances(fits, planes, line_mask)
        if not np.isfinite(significance[searched]).any():
            reason = f"no spaxel has enough data about {window.line.name} to tell a line from its continuum"
            return window.without_data(reason)
        nulls = [height for sign in (1, -1) for height in off_line_maxima(sign * without_line, searched)]
        answer = self._decide(significance, searched, nulls, window.line)
        if not answer.detected:
            return answer
        return replace(answer, **self._measurements(answer, fits, significance, velocity_kms + window.rv_kms))

    def _significances(self, fits: LineFits, planes: Cube64, line_mask: NDArray[np.bool_]) -> tuple[Cube64, Cube64]:
        """Return how significant a line is at every voxel, whatever the covariance of its neighbours; NaN if unknown.

        The first is that of all data, the second of those beside the line only: a strong line bends the continua of
        fits beside it. Both are scaled to unit scatter: that beside the line, or that of the negative ones at the line,
        where emission only adds, if it is larger.
        """
        off_line = fit_lines(np.where(line_mask[:, None, None], np.nan, planes), self.line_planes, line_mask)
        raw, raw_off_line = self._of_beams(fits), self._of_beams(off_line)
        noise = raw_off_line[np.isfinite(raw_off_line)], raw[line_mask][raw[line_mask] < 0]
        scale = MAD * max((float(np.median(np.abs(values))) for values in noise if values.size), default=0.0) or 1.0
        return raw / scale, raw_off_line / scale

    def _of_beams(self, fits: LineFits) -> Cube64:
        """Return amplitudes averaged over the beam, weighted by what each spaxel knows, over their formal error."""
        constrained = fits.information > 0
        weight = np.where(constrained, fits.information, 0.0) / np.square(fits.noise)
        spread = self.psf_px / FWHM
        amplitude = np.where(constrained, fits.amplitude, 0.0)
        total = gaussian_filter(weight * amplitude, spread, axes=(1, 2), mode="constant")
        square = gaussian_filter(weight, spread / np.sqrt(2), axes=(1, 2), mode="constant")
        return np.where(constrained, total / np.sqrt(np.maximum(square, 1e-300)), np.nan)

    def _decide(self, significance: Cube64, searched: NDArray[np.bool_], nulls: list[float], line: Line) -> Detection:
        """Decide whether the best voxel of the search is more than chance."""
        known = np.isfinite(significance)
        curve = np.where(known, significance, -np.inf).max(axis=(1, 2))
        beams = max(1.0, np.count_nonzero(known.any(axis=0)) / self.psf_px**2)
        elements = np.count_nonzero(searched) / self.line_planes
        elements_off_line = max(1.0, (len(curve) - np.count_nonzero(searched)) / self.line_planes - 2)
        freedom = FREEDOM * beams * elements_off_line
        plane = int(np.argmax(np.where(searched, curve, -np.inf)))
        statistic = max(float(curve[plane]), 0.0)
        as_large = sum(null >= statistic for null in nulls)
        p_value = max(random_field_p_value(statistic, beams, elements, freedom), as_large / (1 + len(nulls)))
        null_p = [random_field_p_value(null, beams, elements, freedom) for null in nulls]
        answer = Detection(
            line=line,
            detected=statistic > JOINED and p_value <= self.highest_p,
            statistic=statistic,
            p_value=p_value,
            null_windows=len(nulls),
            null_p_values=tuple(p for p in null_p if p <= KEPT_P),
            statistic_curve=np.where(np.isfinite(curve), curve, np.nan),
        )
        return replace(answer, snr=statistic, plane=plane) if answer.detected else answer

    def _measurements(
        self, answer: Detection, fits: LineFits, significance: Cube64, velocity_kms: NDArray[np.float64]
    ) -> dict[str, Any]:
        """Return place, velocity, flux and size of the region about the best voxel, as fields of `Detection`."""
        top = int(answer.plane or 0)
        best = np.where(np.isfinite(significance[top]), significance[top], 0.0)
        y, x = np.unravel_index(int(best.argmax()), best.shape)
        labels, _ = label(best > JOINED)
        region = labels == labels[y, x]
        offset = parabolic_offset(significance[:, y, x], top)
        amplitude = np.where(region & (fits.information[top] > 0), fits.amplitude[top], 0.0)
        plane_hz = abs(float(np.gradient(velocity_kms)[top])) * 1e9 / answer.line.wavelength_um
        profile_planes = self.line_planes * np.sqrt(pi / log(2)) / 2  # area of a Gaussian of peak 1
        flux = float(amplitude.sum()) * self.jy_per_unit * profile_planes * plane_hz * W_HZ_PER_JY
        point = np.count_nonzero(best > best[y, x] / 2) <= pi / 4 * 2 * (POINT * self.psf_px) ** 2  # √2 by the filter
        return {
            "velocity_kms": float(np.interp(top + offset, np.arange(len(velocity_kms)), velocity_kms)),
            "flux": nan if isnan(self.jy_per_unit) else flux,
            "area_px": int(np.count_nonzero(region)),
            "mask": region,
            "peak_yx": (int(y), int(x)),
            "flags": ("point",) if point else (),
        }


def random_field_p_value(height: float, beams: float, elements: float, freedom: float) -> float:
    """Return the probability that noise reaches a significance somewhere in the search.

    The expected number of such peaks of a smooth Gaussian field in two dimensions and in three (Worsley et al. 1996,
    Human Brain Mapping 4, 58, table II), after the significance has been made normal: its scale is known from a limited
    number of independent voxels, as Student's t.

    Parameters
    ----------
    height : float
        Significance.
    beams, elements : float
        Field and range of the search, in FWHM² and FWHM.
    freedom : float
        Degrees of freedom of the scale.
    """
    u = float(stats.norm.isf(stats.t.sf(height, freedom)))
    if u < 2:
        return 1.0
    per_fwhm = 4 * log(2)
    in_plane = per_fwhm * (2 * pi) ** -1.5 * u
    in_space = per_fwhm**1.5 * (2 * pi) ** -2 * (u**2 - 1) * elements
    return float(min(1.0, beams * (in_plane + in_space) * np.exp(-(u**2) / 2)))


def off_line_maxima(significance: Cube64, searched: NDArray[np.bool_]) -> list[float]:
    """Return the largest significance in windows beside the search, each as long."""
    length = max(1, int(np.count_nonzero(searched)))
    first, last = np.flatnonzero(searched)[[0, -1]]
    starts = [*range(first - 2 * length, -1, -length), *range(last + 1 + length, len(searched) - length + 1, length)]
    heights = [float(np.fmax.reduce(significance[start : start + length], axis=None)) for start in starts]
    return [height for height in heights if np.isfinite(height)]


def parabolic_offset(curve: NDArray[np.float64], top: int) -> float:
    """Return how far the vertex of the parabola through three points is from the middle one."""
    if not 0 < top < len(curve) - 1:
        return 0.0
    left, middle, right = curve[top - 1 : top + 2]
    bend = left - 2 * middle + right
    return float(np.clip((left - right) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0
