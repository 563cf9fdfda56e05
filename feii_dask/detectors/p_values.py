"""Empirical p-values of a line from line-free windows of the same cube."""

from __future__ import annotations

from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "FEWEST_NULLS",
    "KEPT_P",
    "exponential_tail",
    "least_significant",
    "null_p_values",
    "p_value",
    "window_p_value",
]

FEWEST_NULLS = 2  # line-free windows without which nothing is known of the noise
TAIL_SHARE = 1 / 3  # of the null statistics, to which the tail is fitted
TAIL_BEGINS = 16.0  # square of a significance below which regions may fall short of being joined at all
# What is known of a tail's scale before any null is seen counts as much as so many nulls. In normal noise the squared
# significance of the best of many places has a scale of 2 far out and 3 to 4 where cubes are searched; 5 is cautious.
PRIOR_NULLS, PRIOR_SCALE = 4, 5.0
# What no cube can say of itself is how often something else looks like a line: showers of cosmic rays did in 1 of 300
# simulated windows, the rarer the more significant.
IMPOSTORS = 0.003
LARGEST_STATISTIC, STATISTIC_STEP = 1000.0, 0.01
KEPT_P = 0.1  # null p-values up to here are kept for a run's pool


def exponential_tail(value: float, nulls: NDArray[np.float64], count: int, begins: float, scale: float) -> float:
    """Return the probability that chance reaches a value, given what it reached elsewhere.

    At or below ``begins`` it is a rank, (1 + number as large) / (1 + number). Beyond, values fall off exponentially.
    Of k nulls beyond, let S be the sum of what they exceed ``begins`` by; then a new one exceeds it by t with
    probability (k + 1) / (n + 1) (1 + t / S)⁻ᵏ. That is exact for a scale that is known from k values only (a Lomax
    distribution); exp(-t k / S) would promise too much. `PRIOR_NULLS` of the expected scale are added to k and S. A
    null that is as large keeps the probability up.

    Parameters
    ----------
    value : float
        In question.
    nulls : (k,) float64 ndarray
        What chance reached; what is far below ``begins`` may be left out.
    count : int
        How often it was tried.
    begins : float
        Where the tail begins.
    scale : float
        Mean of what values are expected to exceed that by.
    """
    as_large = int(np.count_nonzero(nulls >= value))
    if value <= begins:
        return (1 + as_large) / (1 + count)
    excess = nulls[nulls > begins] - begins
    known, total = excess.size + PRIOR_NULLS, float(excess.sum()) + PRIOR_NULLS * scale
    beyond = (1 + (value - begins) / total) ** -known
    return max((excess.size + 1) / (count + 1) * beyond, as_large / (count + 1))


def p_value(statistic: float, nulls: ArrayLike) -> float:
    """Return the probability that chance reaches a significance, given what it reached elsewhere.

    The squared significance of the best of many places has an exponential tail (Gumbel's limit for normal noise), which
    is fitted to the largest third of the nulls; see `exponential_tail`.

    Parameters
    ----------
    statistic : float
        Not negative.
    nulls : (n,) array_like
        Not negative.

    Examples
    --------
    >>> nulls = np.sqrt(np.linspace(16, 25, 30))
    >>> round(p_value(4.5, nulls), 2), p_value(7.0, nulls) < 0.01
    (0.55, True)
    """
    squares = np.sort(np.square(np.asarray(nulls, dtype=np.float64)))[::-1]
    begins = max(float(squares[int(TAIL_SHARE * squares.size)]), TAIL_BEGINS) if squares.size else TAIL_BEGINS
    return exponential_tail(statistic**2, squares, squares.size, begins, PRIOR_SCALE)


def window_p_value(statistic: float, positive: ArrayLike, negative: ArrayLike) -> float:
    """Return the probability that a window without a line reaches a statistic.

    With the sign turned the windows double what is known of the noise, but lack what is only ever positive, such as
    showers of cosmic rays. So the larger p-value counts: that among the line-free windows, or that among both kinds. To
    it is added how often something is taken for a line that the windows of one cube are too few to show.

    Parameters
    ----------
    statistic : float
        Of the window in question.
    positive, negative : (n,) array_like
        Of line-free windows, as they are and with the sign turned.
    """
    both = np.concatenate([np.asarray(positive, dtype=np.float64), np.asarray(negative, dtype=np.float64)])
    impostors = IMPOSTORS * TAIL_BEGINS / max(statistic**2, TAIL_BEGINS)
    return min(1.0, max(p_value(statistic, positive), p_value(statistic, both)) + impostors)


def least_significant(highest_p: float, positive: ArrayLike, negative: ArrayLike) -> float:
    """Return the least statistic whose `window_p_value` is at most some value; infinite if none below 1000 is."""
    low, high = 0.0, LARGEST_STATISTIC
    if window_p_value(high, positive, negative) > highest_p:
        return inf
    while high - low > STATISTIC_STEP:
        middle = (low + high) / 2
        is_small = window_p_value(middle, positive, negative) <= highest_p
        low, high = (low, middle) if is_small else (middle, high)
    return high


def null_p_values(positive: ArrayLike, negative: ArrayLike) -> NDArray[np.float64]:
    """Return the p-value, (n,), of each line-free window among all others; see `window_p_value`."""
    positive = np.asarray(positive, dtype=np.float64)
    return np.array([window_p_value(value, np.delete(positive, i), negative) for i, value in enumerate(positive)])
