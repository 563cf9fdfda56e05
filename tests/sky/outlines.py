"""Outlines on the sky for the tests, laid out by wcslib and judged on its plane, without the package's geometry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.wcs import WCS
from hypothesis import settings
from hypothesis import strategies as st
from matplotlib.path import Path

__all__ = ["CENTRES", "SEEDS", "Outline", "examples", "numbers_of", "on_sky", "outlines", "staircase", "star"]

SEEDS = st.integers(0, 2**32 - 1)
CENTRES = st.one_of(
    st.tuples(st.floats(0.0, 360.0), st.floats(-90.0, 90.0)),
    st.tuples(st.sampled_from([0.0, 1e-4, 359.9999, 180.0]), st.floats(-80.0, 80.0)),
    st.tuples(st.floats(0.0, 360.0), st.sampled_from([-90.0, -89.9995, 89.9995, 90.0])),
)


def examples(count: int) -> Callable[[Any], Any]:
    """Run a property on the same examples each time, however slow the machine is."""
    return settings(max_examples=count, deadline=None, derandomize=True)


def on_sky(centre: tuple[float, float], plane: np.ndarray) -> np.ndarray:
    """Turn (n, 2) places on the plane that touches the sky at the centre, deg, into ra and dec, deg."""
    wcs = WCS(naxis=2)
    wcs.wcs.crpix, wcs.wcs.cdelt, wcs.wcs.crval = [0.0, 0.0], [1.0, 1.0], list(centre)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    return np.asarray(wcs.wcs_pix2world(plane, 0))


def numbers_of(vertices: np.ndarray) -> str:
    """Write vertices as in an s_region, every digit kept."""
    return " ".join(f"{ra!r} {dec!r}" for ra, dec in vertices.tolist())


@dataclass(frozen=True, eq=False)
class Outline:
    """A ring on a plane, and where it lies on the sky."""

    centre: tuple[float, float]
    size_deg: float
    plane: np.ndarray

    @property
    def vertices(self) -> np.ndarray:
        return on_sky(self.centre, self.plane)

    @property
    def text(self) -> str:
        return "POLYGON ICRS  " + numbers_of(self.vertices)

    def scatter(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return places in and around it, ra and dec, and whether matplotlib finds each inside (even-odd rule)."""
        plane = rng.uniform(-1.3, 1.3, (count, 2)) * self.size_deg
        return on_sky(self.centre, plane), Path(self.plane).contains_points(plane)


def star(rng: np.random.Generator, corners: int) -> np.ndarray:
    """Return a ring, within 1 of the origin, that never crosses itself and has the origin inside."""
    angle = (np.arange(corners) + rng.uniform(-0.2, 0.2, corners)) * 2.0 * np.pi / corners
    radius = rng.uniform(0.4, 1.0, corners)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)


def tangle(rng: np.random.Generator, corners: int) -> np.ndarray:
    """Return a ring, within 1 of the origin, that crosses itself."""
    return rng.uniform(-0.7, 0.7, (corners, 2))


def staircase(rng: np.random.Generator, corners: int) -> np.ndarray:
    """Return a ring of steps, up on one side and down on the other, as mosaics of rotated slices have it."""
    steps = max(corners // 4, 1)
    x = np.linspace(-0.7, 0.7, steps + 1)
    low, high = rng.uniform(-0.7, -0.1, steps), rng.uniform(0.1, 0.7, steps)
    edges = np.repeat(x, 2)[1:-1]
    return np.concatenate(
        [
            np.stack([edges, np.repeat(low, 2)], axis=-1),
            np.stack([edges[::-1], np.repeat(high[::-1], 2)], axis=-1),
        ]
    )


@st.composite
def outlines(
    draw: st.DrawFn,
    kinds: tuple[Callable[[np.random.Generator, int], np.ndarray], ...] = (star, staircase, tangle),
    size_deg: tuple[float, float] = (1e-4, 100.0),
    corners: tuple[int, int] = (4, 100),
) -> Outline:
    """Draw an outline of any kind and size, anywhere; 100 deg on the plane are 60 on the sky."""
    rng = np.random.default_rng(draw(SEEDS))
    size = float(np.exp(rng.uniform(*np.log(size_deg))))
    unit = draw(st.sampled_from(kinds))(rng, draw(st.integers(*corners)))
    return Outline(draw(CENTRES), size, unit * size)
