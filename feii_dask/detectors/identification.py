"""Which line it is: how often an unlisted line of another species falls where a line of a jet is expected."""

from __future__ import annotations

from math import comb, isfinite, nan, prod

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["NEAREST_KMS", "identification_p_value", "joint_identification_p_value", "narrowed_p_value"]

# A line's velocity is not expected more closely than this: radial velocities of young stars, where SIMBAD has none and
# 0 is taken, scatter by some 20 km/s about the Sun's, and jets rarely move at right angles to the line of sight.
NEAREST_KMS = 30.0


def identification_p_value(offset_kms: float, extended_lines: int, searched_kms: float) -> float:
    """Return how often an extended line of another species falls as near to the expected velocity.

    Unlisted extended lines are taken to lie anywhere in a cube, independently of each other, with some density λ per
    km/s. What is known of it are the n of them in those B km/s in which no line was expected. With a flat prior of λ
    its posterior is Gamma(n + 1, B), of mean (n + 1) / B, as if one line more had been seen: a cube that shows none is
    expected to hold one in a stretch as long as the one that was searched. No line is within ±x of the expected
    velocity with a probability exp(-2 x λ), which averages over that posterior to (1 + 2 x / B)⁻⁽ⁿ⁺¹⁾.

    Over cubes of any one density this errs on the cautious side: for small α, the p-value is at most α where a line is
    within 2 x = α B / (n + 1), and over n that has the probability α λ B ⟨1 / (n + 1)⟩ = α (1 - exp(-λ B)).

    The expected velocity is that of the source, because jets of any velocity, to some 300 km/s, are found on either
    side of it, and the slower the more; it is not known more closely than `NEAREST_KMS`.

    Parameters
    ----------
    offset_kms : float
        Velocity of the line, less the radial velocity of the source, km/s.
    extended_lines : int
        Extended lines in emission that were found in the cube where none was expected. Compact ones do not count:
        they cannot be taken for extended ones.
    searched_kms : float
        Total length of the stretches in which they were looked for, km/s.

    Returns
    -------
    float
        NaN where the velocity is not known; 1 where nothing was searched.

    Examples
    --------
    >>> round(identification_p_value(-100.0, 0, 30_000.0), 4), round(identification_p_value(-100.0, 4, 30_000.0), 3)
    (0.0066, 0.033)
    """
    if not isfinite(offset_kms):
        return nan
    if not searched_kms > 0:
        return 1.0
    return float(1 - (1 + 2 * reach_kms(offset_kms) / searched_kms) ** -(extended_lines + 1.0))


def reach_kms(offset_kms: float) -> float:
    """Return how near to the expected velocity a line is, km/s, as far as that is known."""
    return max(abs(offset_kms), NEAREST_KMS)


def narrowed_p_value(p: float, offset_kms: float, window_kms: float) -> float:
    """Return how often an unlisted line falls within a narrower window than that of its p-value.

    The chance that there is none falls off exponentially with the width that it may lie in, so that a p-value for ±x
    becomes 1 - (1 - p)ᵗᐟˣ for ±t; a window that is wider than ±x does not count as wider.

    Parameters
    ----------
    p : float
        As `identification_p_value` returns it.
    offset_kms : float
        What that was given, km/s.
    window_kms : float
        Half width t of the narrower window, km/s.

    Examples
    --------
    >>> narrowed_p_value(0.19, 200.0, 100.0)
    0.1
    """
    share = min(window_kms / reach_kms(offset_kms), 1.0)
    return float(-np.expm1(share * np.log1p(-p))) if p < 1 else 1.0


def joint_identification_p_value(leading: float, following: ArrayLike, tested: int) -> float:
    """Return how often unlisted lines agree with each other in velocity as some lines of an object do.

    Of m lines that were tested, k agree. Take one of them as the leading one. An unlisted line falls as near to the
    expected velocity as it does with the probability p₁, and each of the k - 1 others, whose expected velocity is now
    that of the leading one, has an unlisted line within the narrower window of their agreement with a probability qⱼ.
    As unlisted lines are where they are without regard to each other, the chance is the product. Any of the m lines may
    lead, and any k - 1 of the others follow, so that as many sets are expected among unlisted lines as

        m · C(m - 1, k - 1) · p₁ · q₂ ⋯ qₖ,

    and the probability of one is no larger. Fewer of the lines may be less of a coincidence, where lines are so dense
    that of m some will agree anyway: the number of those that agree best is chosen which makes it least.

    Parameters
    ----------
    leading : float
        p₁, as `identification_p_value` returns it.
    following : (k - 1,) array_like
        qⱼ of the lines that agree with it: p-values by `narrowed_p_value`, and what else might be in their place.
    tested : int
        m, at least k.

    Examples
    --------
    >>> joint_identification_p_value(0.01, [], 1), round(joint_identification_p_value(0.01, [0.005], 3), 5)
    (0.01, 0.0003)
    """
    best_first = sorted(np.asarray(following, dtype=np.float64).tolist())
    sets = [comb(tested - 1, number) * prod(best_first[:number]) for number in range(len(best_first) + 1)]
    return float(min(1.0, tested * leading * min(sets)))
