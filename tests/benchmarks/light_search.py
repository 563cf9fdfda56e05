"""One line of one cube: what the detector says, reduced to what is compared, and the comparison with the truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.matched.matched_filter import MatchedFilter
from feii_dask.model import Detection, Line

__all__ = ["FOUND_KMS", "Answer", "CubeLike", "Found", "Truth", "answer_of", "compare", "detect", "search", "truth_of"]

FOUND_KMS = 40.0  # as in the benchmark on the simulator's own skies
MASK_SHARE = 0.1  # of the brightest spaxel, that a spaxel of the truth has


class CubeLike(Protocol):
    """What is searched: any cube in memory."""

    @property
    def sci(self) -> NDArray[np.float32]:
        """Surface brightness, (λ, y, x)."""
        ...

    @property
    def wavelength_um(self) -> NDArray[np.float64]:
        """Wavelength of every plane, (λ,), µm."""
        ...

    @property
    def pixel_arcsec(self) -> float:
        """Width of a spaxel, arcsec."""
        ...


@dataclass(frozen=True, eq=False)
class Answer:
    """What the detector said about one line.

    A detector that tells no kinds claims extended emission with each detection, but for what it flags as compact.
    """

    is_line: bool
    is_extended: bool
    kind: str
    p_value: float = nan
    p_identification: float = nan
    velocity_kms: float = nan
    velocity_error_kms: float = nan
    flux: float = nan
    flux_error: float = nan
    flags: tuple[str, ...] = ()
    lobe_velocities_kms: tuple[float, ...] = ()
    mask: NDArray[np.bool_] | None = None
    peak_yx: tuple[int, int] | None = None

    @property
    def is_scattered(self) -> bool:
        """Whether the line is flagged as light that follows an extended continuum."""
        return any("scattered" in flag for flag in self.flags)


def detect(cube: CubeLike, line: Line, detector: MatchedFilter | None = None) -> Detection:
    """Search one line in exactly the planes that a search reads."""
    detector = detector or MatchedFilter()
    start, stop = detector.plane_range(cube.wavelength_um, line) or (0, 0)
    planes, wavelength_um = np.array(cube.sci[start:stop], dtype=np.float32), cube.wavelength_um[start:stop]
    return detector.measure(planes, wavelength_um, line, pixel_arcsec=cube.pixel_arcsec)


def search(cube: CubeLike, line: Line, detector: MatchedFilter | None = None) -> Answer:
    """Search one line, and keep what is compared."""
    return answer_of(detect(cube, line, detector))


def answer_of(detection: Detection) -> Answer:
    """Return what a detection says, whichever fields its detector has."""
    kind = str(getattr(detection, "kind", "unjudged"))
    if kind == "unjudged":
        compact = any("compact" in flag for flag in detection.flags)
        kind = ("compact" if compact else "extended") if detection.detected else "none"
    lobes = getattr(detection, "lobes", None) or ()
    return Answer(
        is_line=detection.detected or kind in {"extended", "compact", "undecided"},
        is_extended=detection.detected,
        kind=kind,
        p_value=detection.p_value,
        p_identification=float(getattr(detection, "p_identification", nan)),
        velocity_kms=detection.velocity_kms,
        velocity_error_kms=detection.velocity_error_kms,
        flux=detection.flux,
        flux_error=detection.flux_error,
        flags=tuple(detection.flags),
        lobe_velocities_kms=tuple(float(lobe.velocity_kms) for lobe in lobes) or (detection.velocity_kms,),
        mask=detection.mask,
        peak_yx=detection.peak_yx,
    )


@dataclass(frozen=True, eq=False)
class Truth:
    """What one line of a cube truly is: the light of all its parts.

    Attributes
    ----------
    velocities_kms : tuple of float
        Of each part; two for a jet with two lobes.
    flux_map : (y, x) float64 ndarray
        W m⁻².
    mask : (y, x) bool ndarray
        Spaxels with at least a tenth of the brightest spaxel's flux.
    """

    velocities_kms: tuple[float, ...]
    flux_map: NDArray[np.float64]
    mask: NDArray[np.bool_]


def truth_of(lines: Sequence[Any]) -> Truth:
    """Join the parts of one line, each a `TrueLine` of the drizzled simulator."""
    flux_map = np.sum([line.flux_map for line in lines], axis=0)
    mask = np.any([line.mask for line in lines], axis=0)
    return Truth(tuple(line.velocity_kms for line in lines), flux_map, mask)


@dataclass(frozen=True)
class Found:
    """What became of a line that is there.

    Attributes
    ----------
    line, extended : bool
        Whether a line was found where it truly is, of any kind, and as extended emission.
    compact : bool
        Whether it was found and called compact.
    alarm : bool
        Whether extended emission was reported elsewhere in place or velocity.
    off_kms, pull : float
        Velocity less the truth, and in units of its error.
    flux_ratio : float
        Flux over the true flux inside the mask.
    total_ratio : float
        Flux over all of the true flux.
    mask_share : float
        Share of the true flux inside the mask.
    lobes_right : tuple of int
        How many of how many true parts have a measured velocity within 15 km/s; of one part, that of all light.
    """

    line: bool
    extended: bool
    compact: bool = False
    alarm: bool = False
    off_kms: float = nan
    pull: float = nan
    flux_ratio: float = nan
    total_ratio: float = nan
    mask_share: float = nan
    lobes_right: tuple[int, int] = (0, 0)


LOBE_KMS = 15.0


def compare(answer: Answer, truth: Truth) -> Found:
    """Compare an answer with the truth.

    Found is a velocity within 40 km/s of the truth, or of what lies between the parts of the truth, at a place where
    there is light of it.
    """
    parts = len(truth.velocities_kms)
    nothing = Found(False, False, alarm=answer.is_extended, lobes_right=(0, parts))
    low, high = min(truth.velocities_kms) - FOUND_KMS, max(truth.velocities_kms) + FOUND_KMS
    if not (answer.is_line and low <= answer.velocity_kms <= high and overlaps(answer, truth)):
        return nothing
    found = Found(True, answer.is_extended, compact=answer.kind == "compact")
    off_kms = answer.velocity_kms - truth.velocities_kms[0] if parts == 1 else nan
    error_kms = answer.velocity_error_kms
    measured_kms = answer.lobe_velocities_kms if parts > 1 else (answer.velocity_kms,)
    found = replace(
        found,
        off_kms=off_kms,
        pull=off_kms / error_kms if error_kms > 0 else nan,
        lobes_right=(right_parts(measured_kms, truth.velocities_kms), parts),
    )
    if answer.mask is None:
        return found
    total, inside = float(truth.flux_map.sum()), float(truth.flux_map[answer.mask].sum())
    return replace(
        found, flux_ratio=answer.flux / inside, total_ratio=answer.flux / total, mask_share=inside / total
    )  # fmt: skip


def overlaps(answer: Answer, truth: Truth) -> bool:
    """Whether an answer's spaxels, or its peak where it has no others, are among those of the truth."""
    if answer.mask is not None:
        return bool((answer.mask & truth.mask).any())
    return answer.peak_yx is not None and bool(truth.mask[answer.peak_yx])


def right_parts(measured_kms: Iterable[float], true_kms: Iterable[float]) -> int:
    """Count the true velocities that a measured one is near to, each measured one used once."""
    rest = list(measured_kms)
    right = 0
    for velocity_kms in true_kms:
        nearest = min(rest, key=lambda value: abs(value - velocity_kms), default=nan)
        if abs(nearest - velocity_kms) <= LOBE_KMS:
            rest.remove(nearest)
            right += 1
    return right
