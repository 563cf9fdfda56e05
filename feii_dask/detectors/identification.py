"""Which line it is: how often an unlisted line of another species falls where a line of a jet is expected."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from math import comb, isfinite, nan, prod
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from feii_dask.model import Kind, UnidentifiedLine

__all__ = [
    "NEAREST_KMS",
    "LineDensity",
    "count_alike",
    "counted_offset_kms",
    "identification_p_value",
    "is_doubtful",
    "joint_identification_p_value",
    "narrowed_p_value",
]

# A line's velocity is not expected more closely than this: radial velocities of young stars, where SIMBAD has none and
# 0 is taken, scatter by some 20 km/s about the Sun's, and jets rarely move at right angles to the line of sight.
NEAREST_KMS = 30.0
FARTHEST_KMS = 300.0  # to which jets are looked for
# Flags of light that may not be the object's: it fills the field of view, or follows an extended continuum.
DOUBTFUL_FLAGS = frozenset({"fills_field", "scattered"})


class LineDensity(NamedTuple):
    """What is known beforehand of the density of unlisted lines in a cube: a Gamma distribution.

    The default is flat, for a cube of which nothing else is known.

    Attributes
    ----------
    shape : float
        1 for an exponential distribution; the smaller, the more cubes differ.
    searched_kms : float
        The inverse of the scale: ``shape / searched_kms`` is the mean density, per km/s.
    """

    shape: float = 1.0
    searched_kms: float = 0.0


FLAT = LineDensity()


def is_doubtful(flags: object) -> bool:
    """Return whether a line's flags, if it has any, say that its light may not be the object's."""
    return np.iterable(flags) and not DOUBTFUL_FLAGS.isdisjoint(flags)


def count_alike(lines: Iterable[UnidentifiedLine], kind: Kind, flags: Collection[str] = ()) -> int:
    """Count the lines that would have been taken for one of some kind: all in emission that pass its tests.

    Parameters
    ----------
    lines : iterable of UnidentifiedLine
        What was met in the cube.
    kind : Kind
        Of the line in question. For an extended one, extended ones count, for any other one all do.
    flags : collection of str
        Of that line. Those that fill the field, or follow the continuum, cannot be taken for one that does neither.

    Examples
    --------
    >>> kinds = (Kind.EXTENDED, Kind.COMPACT)
    >>> met = [UnidentifiedLine(wavelength_um=5.3, kind=kind, statistic=9.0) for kind in kinds]
    >>> count_alike(met, Kind.EXTENDED), count_alike(met, Kind.COMPACT)
    (1, 2)
    """
    emission = [line for line in lines if line.statistic > 0]
    if kind is not Kind.EXTENDED:
        return len(emission)
    return sum(line.kind is kind and (is_doubtful(flags) or not is_doubtful(line.flags)) for line in emission)


def counted_offset_kms(offset_kms: float, kind: Kind, flags: Collection[str] = ()) -> float:
    """Return how near to the expected velocity a line of some kind counts as, km/s.

    A line that is not shown to be extended, or whose light may not be the object's, is less convincing than one that is
    and has its own, wherever that is in the search. It counts as one at its end: else a line of either kind would have
    its own chance to be near, and one of both would be near too often.

    Parameters
    ----------
    offset_kms : float
        Velocity of the line, less that of the source, km/s.
    kind, flags
        Of the line.

    Examples
    --------
    >>> counted_offset_kms(-80.0, Kind.EXTENDED), counted_offset_kms(-80.0, Kind.EXTENDED, ["fills_field"])
    (-80.0, 300.0)
    """
    if kind is Kind.EXTENDED and not is_doubtful(flags):
        return offset_kms
    return offset_kms + (FARTHEST_KMS - offset_kms) * (abs(offset_kms) < FARTHEST_KMS)


def identification_p_value(offset_kms: float, lines: int, searched_kms: float, density: LineDensity = FLAT) -> float:
    """Return how often a line of another species falls as near to the expected velocity.

    Unlisted lines are taken to lie anywhere in a cube, independently of each other, with some density λ per km/s. What
    the cube says of it are the n of them in those B km/s in which no line was expected. With a prior Gamma(k, β) of λ
    its posterior is Gamma(k + n, β + B). No line is within ±x of the expected velocity with a probability exp(-2 x λ),
    which averages over that posterior to (1 + 2 x / (β + B))⁻⁽ᵏ⁺ⁿ⁾.

    The prior of a cube by itself is flat: k = 1, β = 0, as if one line more had been seen. A cube that shows none is
    then expected to hold one in a stretch as long as the one that was searched. Over cubes of any one density this errs
    on the cautious side: for small α, the p-value is at most α where a line is within 2 x = α B / (n + 1), and over n
    that has the probability α λ B ⟨1 / (n + 1)⟩ = α (1 - exp(-λ B)). The cubes of a run say together how dense lines
    usually are (`feii_dask.ranking.line_density`).

    The expected velocity is that of the source, because jets of any velocity, to some 300 km/s, are found on either
    side of it, and the slower the more; it is not known more closely than `NEAREST_KMS`.

    Parameters
    ----------
    offset_kms : float
        Velocity of the line, less the radial velocity of the source, km/s; see `counted_offset_kms`.
    lines : int
        n, the lines of the same kind that were found in the cube where none was expected (`count_alike`).
    searched_kms : float
        B, the total length of the stretches in which they were looked for, km/s.
    density : LineDensity
        k and β.

    Returns
    -------
    float
        NaN where the velocity is not known; 1 where nothing was searched.

    Examples
    --------
    >>> round(identification_p_value(-100.0, 0, 30_000.0), 4), round(identification_p_value(-100.0, 4, 30_000.0), 3)
    (0.0066, 0.033)
    >>> round(identification_p_value(-100.0, 0, 30_000.0, LineDensity(0.1, 30_000.0)), 5)
    0.00033
    """
    if not isfinite(offset_kms):
        return nan
    stretch_kms = density.searched_kms + searched_kms
    if not (searched_kms > 0 and stretch_kms > 0):
        return 1.0
    return float(-np.expm1(-(density.shape + lines) * np.log1p(2 * reach_kms(offset_kms) / stretch_kms)))


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
