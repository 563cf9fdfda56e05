"""How rarely noise reaches a significance somewhere in a search, however significant."""

from __future__ import annotations

from math import exp, inf, isfinite, log, pi

import numpy as np
from scipy import special, stats

__all__ = ["random_field_p_value"]

FAR = 30.0  # heights from which the tail of Student's t is computed as a series
FREEDOM = 1.0, 1e5  # beyond, nothing changes
LEAST_P = float(np.finfo(np.float64).tiny)


def random_field_p_value(height: float, beams: float, elements: float, freedom: float) -> float:
    """Return the probability that noise reaches a significance somewhere in the search; never NaN, never 0.

    The expected number of such peaks of a smooth Gaussian field in two dimensions and in three (Worsley et al. 1996,
    Human Brain Mapping 4, 58, table II), after the significance has been made normal: its scale is known from a limited
    number of independent voxels, as Student's t. All is done with logarithms, which do not underflow.

    Parameters
    ----------
    height : float
        Significance; NaN is none.
    beams, elements : float
        Field and range of the search, in FWHM² and FWHM.
    freedom : float
        Degrees of freedom of the scale.

    Examples
    --------
    >>> round(random_field_p_value(5.0, 40.0, 2.0, 300.0), 4), random_field_p_value(400.0, 40.0, 2.0, 300.0) > 0
    (0.0016, True)
    """
    if not height > 0:
        return 1.0
    u = normal_height(log_student_tail(height, min(max(freedom, FREEDOM[0]), FREEDOM[1])))
    if u < 2:
        return 1.0
    if not isfinite(u):
        return LEAST_P
    per_fwhm = 4 * log(2)
    in_plane = per_fwhm * (2 * pi) ** -1.5 * u
    in_space = per_fwhm**1.5 * (2 * pi) ** -2 * (u**2 - 1) * elements
    return min(1.0, max(exp(max(log(beams * (in_plane + in_space)) - u**2 / 2, -1e4)), LEAST_P))


def log_student_tail(height: float, freedom: float) -> float:
    """Return the logarithm of the probability that Student's t exceeds a positive height.

    Far out it is the first form of the incomplete beta function (NIST DLMF 8.17.8), whose series has positive terms.
    """
    if height < FAR:
        return float(stats.t.logsf(height, freedom))
    if height == inf:
        return -inf
    a = freedom / 2
    x = 1 / (1 + (height / freedom) * height)
    log_x = -float(np.logaddexp(0.0, 2 * log(height) - log(freedom)))
    series = log(float(special.hyp2f1(a + 0.5, 1, a + 1, x)))
    return a * log_x + 0.5 * float(np.log1p(-x)) - log(a) - float(special.betaln(a, 0.5)) + series - log(2)


def normal_height(log_tail: float) -> float:
    """Return the height that a standard normal variable exceeds with a probability of which the logarithm is given."""
    return -float(special.ndtri_exp(log_tail))
