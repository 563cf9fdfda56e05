"""Nonlinear least squares of a few parameters within limits, for models that are evaluated many at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["damped_fit"]

Array = NDArray[np.float64]

STEP = 1e-4  # of the range of a parameter, for derivatives
FIRST_DAMPING, LESS, MORE, MOST_DAMPING = 1e-2, 0.2, 5.0, 1e6
CONVERGED = 1e-5  # relative change of the sum of squares
MOST_ROUNDS = 25


def damped_fit(residuals: Callable[[Array], Array], start: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Minimize a sum of squares as Levenberg and Marquardt do, and return parameters and derivatives.

    Parameters
    ----------
    residuals : callable
        Takes parameters, (k, p), and returns residuals, (k, m).
    start : (p,) float64 ndarray
        First guess.
    low, high : (p,) float64 ndarray
        Limits.

    Returns
    -------
    parameters : (p,) float64 ndarray
        Those of the least sum of squares.
    jacobian : (m, p) float64 ndarray
        Derivatives of the residuals there.

    Examples
    --------
    >>> x = np.linspace(0, 1, 9)
    >>> model = lambda p: np.exp(-p[:, :1] * x) - np.exp(-0.7 * x)
    >>> found, _ = damped_fit(model, np.array([2.0]), np.array([0.0]), np.array([5.0]))
    >>> found.round(3)
    array([0.7])
    """
    steps = STEP * (high - low)
    best = np.clip(start, low + steps, high - steps)
    damping = FIRST_DAMPING
    for _ in range(MOST_ROUNDS):
        left = residuals(best + np.vstack([np.zeros(best.size), np.diag(steps)]))
        jacobian = (left[1:] - left[0]).T / steps
        cost = float(left[0] @ left[0])
        normal, slope = jacobian.T @ jacobian, jacobian.T @ left[0]
        diagonal = np.diag(normal) + 1e-12 * (np.trace(normal) or 1.0)
        improved = False
        while damping < MOST_DAMPING:
            moved = np.clip(best - np.linalg.solve(normal + damping * np.diag(diagonal), slope), low, high - steps)
            new = residuals(moved[None])[0]
            if new @ new < cost:
                improved = True
                break
            damping *= MORE
        if not improved:
            break
        damping = max(damping * LESS, 1e-9)
        best = moved
        if cost - float(new @ new) < CONVERGED * cost:
            break
    left = residuals(best + np.vstack([np.zeros(best.size), np.diag(steps)]))
    return best, (left[1:] - left[0]).T / steps
