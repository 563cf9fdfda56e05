"""Whether a line in a field of few beams is extended: what no point within the uncertainty of the beam explains."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import hypot, log, nan

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from feii_dask.detectors.grating.beam_significance import BEAMS, beam_average
from feii_dask.detectors.grating.line_fluxes import SummedLight
from feii_dask.detectors.grating.random_field import random_field_p_value
from feii_dask.model import Kind

__all__ = ["BeamExtent", "judge_beam_extent"]

EXTENDED_P = 0.005  # largest p-value of what is extended
COMPACT_SHARE, COMPACT_SIGMAS = 0.2, 1.645  # beyond the core, at 95 %
NARROWEST, WIDEST = 0.5, 1.25  # FWHM of points, over that of the beam: resampling widens it
CORE_WIDEST = 1.08  # the same, of the core in which a compact line has nearly all of its light
RELATIVE_ERROR = 0.08  # of the model of a point
FIELD_SHARE, FIELD_CONTRAST = 0.6, 8.0  # spaxels with the line, and its peak over its median, where it fills the field
FREEDOM = 300.0  # of the scale, about

Image64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BeamExtent:
    """What is known of the extent of a line.

    Attributes
    ----------
    kind : Kind
        ``extended``, ``compact`` or ``undecided``.
    p_extent : float
        Probability that a point looks as extended.
    compact_share, compact_share_error : float
        Share of the line's light in a point.
    flags : tuple of str
        ``fills_field``.
    """

    kind: Kind
    p_extent: float
    compact_share: float
    compact_share_error: float
    flags: tuple[str, ...]


def judge_beam_extent(emission: SummedLight, psf_px: float) -> BeamExtent:
    """Test whether a point, at any place and nearly as wide as the beam, leaves a significant excess of a line's image.

    Parameters
    ----------
    emission : SummedLight
        The line.
    psf_px : float
        FWHM of the point-spread function, spaxels.
    """
    p_extent = p_of_excess_light(emission, fitted_point(emission, psf_px, WIDEST), psf_px)
    total = float(emission.image.amplitude[0][emission.grown].sum())
    known = emission.image.information[0] > 0
    core = float(fitted_point(emission, psf_px, CORE_WIDEST)[known].sum())
    share = core / total if total > 0 else nan
    error = hypot(emission.flux_error / emission.flux, RELATIVE_ERROR) if total > 0 else nan
    if p_extent <= EXTENDED_P:
        kind = Kind.EXTENDED
    elif 1 - share + COMPACT_SIGMAS * error < COMPACT_SHARE:
        kind = Kind.COMPACT
    else:
        kind = Kind.UNDECIDED
    return BeamExtent(kind, p_extent, share, error, ("fills_field",) * fills_the_field(emission))


def fitted_point(emission: SummedLight, psf_px: float, widest: float) -> Image64:
    """Return the round Gaussian, (y, x), up to so many beams wide, that fits a line's image best about its peak."""
    amplitude, precision = emission.image.amplitude[0], np.sqrt(emission.image.information[0])
    y, x = np.indices(amplitude.shape)
    near = np.hypot(y - emission.peak_yx[0], x - emission.peak_yx[1]) <= 2 * psf_px
    precision = np.where(near, precision, 0.0) / emission.scales[0]

    def point(parameters: NDArray[np.float64]) -> Image64:
        square_px = np.square(y - parameters[0]) + np.square(x - parameters[1])
        shape = np.exp(-4 * log(2) * square_px / np.square(psf_px * np.exp(parameters[2])))
        norm = float(np.square(precision * shape).sum())
        height = float((precision**2 * shape * amplitude).sum()) / norm if norm > 0 else 0.0
        return np.asarray(max(height, 0.0) * shape)

    def misfit(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((precision * (amplitude - point(parameters)))[near])

    start = np.array([*emission.peak_yx, 0.0], dtype=np.float64)
    reach = np.array([psf_px, psf_px])
    bounds = ([*(start[:2] - reach), log(NARROWEST)], [*(start[:2] + reach), log(widest)])
    return point(least_squares(misfit, start, bounds=bounds, x_scale=[1.0, 1.0, 0.1]).x)


def p_of_excess_light(emission: SummedLight, point: Image64, psf_px: float) -> float:
    """Return the probability that noise, or an error of the model, leaves as significant an excess."""
    largest = 0.0
    for width, scale in zip(BEAMS, emission.scales, strict=True):
        left = beam_average(replace(emission.image, amplitude=emission.image.amplitude - point), width * psf_px)[0]
        model = beam_average(replace(emission.image, amplitude=point[None]), width * psf_px)[0]
        excess = left / np.hypot(scale, RELATIVE_ERROR * np.nan_to_num(model))
        largest = max(largest, float(excess[emission.grown].max(initial=0.0)))
    spaxels = float(np.count_nonzero(emission.grown))
    beams = sum(max(1.0, spaxels / (width * psf_px) ** 2) for width in BEAMS)
    return random_field_p_value(largest, beams, 0.0, FREEDOM)


def fills_the_field(emission: SummedLight) -> bool:
    """Say whether a line is seen nearly everywhere, and is nowhere much brighter."""
    known = emission.image.information[0] > 0
    amplitude = emission.image.amplitude[0][known]
    share = float(emission.region[known].mean()) if known.any() else 0.0
    return bool(share > FIELD_SHARE and float(np.median(amplitude)) * FIELD_CONTRAST > float(amplitude.max()))
