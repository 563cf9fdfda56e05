"""A cube to scan, and what all scans of a run have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Any

from feii_dask.model.line import Line

__all__ = ["Context", "MatchedCube"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedCube:
    """An observation with the targets inside its footprint: a cube to scan.

    Attributes
    ----------
    obs_id : str
        The archive's identifier; unique within a run.
    uri : str or None
        Where the cube is (``s3://``, ``https://`` or a path), or None where there is no copy.
    em_min_um, em_max_um : float
        The band that the archive states, µm; NaN where it states none and the cube's header decides.
    rv_kms : float
        Radial velocity of the YSO, km/s; 0 where SIMBAD has none.
    ysos : tuple of (int, float, float)
        Of each object inside: its ``yso_index``, right ascension and declination (ICRS, degrees).
    object_name : str
        Name of the one nearest to the centre.
    """

    obs_id: str
    uri: str | None
    em_min_um: float = nan
    em_max_um: float = nan
    rv_kms: float = 0.0
    ysos: tuple[tuple[int, float, float], ...] = ()
    object_name: str = ""

    def may_hold(self, line: Line) -> bool:
        """Whether the line lies in the band that the archive states, or the archive states none."""
        if not (isfinite(self.em_min_um) and isfinite(self.em_max_um)):
            return True
        return self.em_min_um <= line.wavelength_um <= self.em_max_um

    def planned_lines(self, lines: tuple[Line, ...]) -> tuple[Line, ...]:
        """Return the lines that an outcome accounts for: those in the stated band, or else all of them."""
        return tuple(line for line in lines if self.may_hold(line)) or lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every scan of a run has in common; it reaches each worker once.

    Attributes
    ----------
    lines : tuple of Line
        The lines that are looked for.
    detector : str
        A name that `feii_dask.detectors.load_detector` knows, or ``package.module:Name``.
    detector_options : mapping
        Its arguments.
    extension : str
        Name of the FITS extension that holds the light.
    storage_options : mapping
        Options of the file system, as fsspec takes them.
    fingerprint : str
        Of the run, for what is cut out of cubes.
    """

    lines: tuple[Line, ...]
    detector: str = "matched"
    detector_options: Mapping[str, Any] = field(default_factory=dict)
    extension: str = "SCI"
    storage_options: Mapping[str, Any] = field(default_factory=dict, repr=False)  # keys may be among them
    fingerprint: str = ""
