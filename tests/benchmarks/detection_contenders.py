"""The detectors that are compared, each as its user would run it on one line of one cube."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import nan
from warnings import catch_warnings

import numpy as np
from photutils.segmentation import detect_sources
from photutils.utils.exceptions import NoDetectionsWarning

from feii_dask.detectors.matched.matched_filter import MatchedFilter
from feii_dask.detectors.notebook import NotebookDetector
from feii_dask.model import SPEED_OF_LIGHT_KMS, Line

__all__ = ["CONTENDERS", "Verdict", "keep_only"]

# MUSELET (Piqueras et al., in MPDAF): narrow bands of five planes, less the medians of twenty planes on both sides,
# each segmented. Its SExtractor is photutils here; three standard deviations in five joined spaxels are a usual choice.
BAND_REACH, SIDE_PLANES = 2, 20
SEGMENT_SIGMA, SEGMENT_PX = 3.0, 5
REACH_KMS = 300.0


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a detector said about one line."""

    detected: bool
    velocity_kms: float = nan
    mask: np.ndarray | None = None
    p_value: float = nan
    null_windows: int = 0
    null_p_values: tuple[float, ...] = ()
    flux: float = nan


def notebook(sci: np.ndarray, wavelength_um: np.ndarray, line: Line, pixel_arcsec: float) -> Verdict:
    """Run the notebook's detector."""
    found = NotebookDetector().measure(sci, wavelength_um, line, pixel_arcsec=pixel_arcsec)
    return Verdict(found.detected, found.velocity_kms, found.mask)


def matched(sci: np.ndarray, wavelength_um: np.ndarray, line: Line, pixel_arcsec: float) -> Verdict:
    """Run the matched filter on exactly the planes that a search reads; lines of any extent count."""
    detector = MatchedFilter()
    start, stop = detector.plane_range(wavelength_um, line) or (0, 0)
    found = detector.measure(sci[start:stop].copy(), wavelength_um[start:stop], line, pixel_arcsec=pixel_arcsec)
    return Verdict(
        found.kind.is_line,
        found.velocity_kms,
        found.mask,
        found.p_value,
        found.null_windows,
        found.null_p_values,
        found.flux,
    )


def muselet(sci: np.ndarray, wavelength_um: np.ndarray, line: Line, pixel_arcsec: float) -> Verdict:
    """Run MUSELET's recipe on every plane within 300 km/s of the line; the brightest source of all counts."""
    velocity = SPEED_OF_LIGHT_KMS * (wavelength_um / line.wavelength_um - 1)
    best, brightest = Verdict(False), 0.0
    for plane in np.flatnonzero(abs(velocity) <= REACH_KMS):
        image = narrow_band(sci, int(plane))
        if image is None:
            continue
        level = np.nanmedian(image)
        scatter = np.nanmedian(abs(image - level)) / 0.6745
        filled = np.where(np.isfinite(image), image - level, 0.0)
        with catch_warnings(action="ignore", category=NoDetectionsWarning):
            segments = detect_sources(filled, SEGMENT_SIGMA * scatter, SEGMENT_PX, connectivity=8)
        if segments is None:
            continue
        for label in segments.labels:
            mask = segments.data == label
            brightness = float(filled[mask].sum() / scatter)
            if brightness > brightest:
                best, brightest = Verdict(True, float(velocity[plane]), mask), brightness
    return best


def narrow_band(sci: np.ndarray, plane: int) -> np.ndarray | None:
    """Return a five-plane band less its two-sided continuum; None where there are no planes for it."""
    low, high = plane - BAND_REACH, plane + BAND_REACH + 1
    sides = [
        side for side in (sci[max(0, low - SIDE_PLANES) : max(0, low)], sci[high : high + SIDE_PLANES]) if len(side)
    ]
    band = sci[max(0, low) : high]
    if not sides or not np.isfinite(band).any():
        return None
    seen = np.isfinite(band).any(axis=0) & np.all([np.isfinite(side).any(axis=0) for side in sides], axis=0)
    image = np.full(seen.shape, np.nan)
    image[seen] = np.nanmean(band[:, seen], axis=0) - np.mean(
        [np.nanmedian(side[:, seen], axis=0) for side in sides], axis=0
    )
    return image


CONTENDERS: dict[str, Callable[[np.ndarray, np.ndarray, Line, float], Verdict]] = {
    "notebook": notebook,
    "muselet": muselet,
    "matched": matched,
}


def keep_only(name: str | None) -> None:
    """Leave one contender only, in this process; all if none is named."""
    for other in set(CONTENDERS) - {name or other for other in CONTENDERS}:
        del CONTENDERS[other]
