"""Faults of detectors, in every exposure of a cube."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ALL_FAULTS", "CLEAN", "Faults"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How many faults there are, and how strong; by default none.

    Parameters
    ----------
    hits : float
        Cosmic-ray hits that the rejection left, per million detector pixels of an exposure.
    warm : float
        Warm pixels that no mask names, per million detector pixels; the same in all exposures.
    showers_per_exposure : float
        Residuals of cosmic-ray showers in every exposure.
    stripes : float
        Scatter of the detector's rows, over the rms of the empty sky.
    dead : float
        Share of the detector's pixels that are masked in all exposures.
    rejected : float
        Share of the pixels of an exposure that are masked in it alone.
    flat : float
        Residual scatter of the flat field.
    fringes : float
        Amplitude of the residual fringes on the detector.
    """

    hits: float = 0.0
    warm: float = 0.0
    showers_per_exposure: float = 0.0
    stripes: float = 0.0
    dead: float = 0.0
    rejected: float = 0.0
    flat: float = 0.0
    fringes: float = 0.0


CLEAN = Faults()
ALL_FAULTS = Faults(
    hits=100.0, warm=50.0, showers_per_exposure=2.0, stripes=0.1, dead=0.01, rejected=0.005, flat=0.005, fringes=0.01
)
