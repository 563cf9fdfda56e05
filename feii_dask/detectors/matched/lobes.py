"""The two lobes of a jet: one side of it has another velocity than the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feii_dask.detectors.matched.line_profile import Profiles, fit_profiles, noise_covariance
from feii_dask.detectors.matched.resolution import Resolution

__all__ = ["Sides", "find_sides"]

CUTS = 9  # places along the major axis at which a region is divided
GAIN = 36.0  # of χ² by a second velocity
LEAST_KMS = 20.0  # difference of velocities that are told apart
LEAST_SIGMAS = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """Two sides of a region, and the two velocities that their spectra show.

    Attributes
    ----------
    masks : (2, y, x) bool ndarray
        The sides.
    profiles : Profiles
        Of two lines in the spectra of both.
    """

    masks: NDArray[np.bool_]
    profiles: Profiles
