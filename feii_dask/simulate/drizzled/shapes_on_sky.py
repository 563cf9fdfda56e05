"""Shapes of lights on the sky, before the point-spread function.

Offsets are from the middle of the cube, in arcsec, (y, x): y to the north, x to the west. Position angles are east of
north.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

__all__ = ["Cavity", "Field", "JetLobe", "Nebula", "Point", "Shape"]

Image = NDArray[np.float64]
EDGE_ARCSEC = 0.04  # over which a lobe and a cavity end
VELOCITY_STEP_KMS = 20.0  # a gradient is a sum of parts with one velocity; the lines are four times as wide, or more


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What all shapes have: a place, and a brightness around it."""

    offset_arcsec: tuple[float, float] = (0.0, 0.0)
    is_extended: ClassVar[bool] = True

    @property
    def fastest_kms(self) -> float:
        """Largest velocity of a part against the line's, km/s."""
        return 0.0

    def brightness(self, y: Image, x: Image) -> Image:
        """Return the brightness, in any unit, at offsets from the place of the shape, arcsec."""
        raise NotImplementedError

    def components(self, y: Image, x: Image) -> list[tuple[Image, float]]:
        """Return images, at offsets from the middle of the cube, and their velocities against the line's, km/s."""
        return [(self.brightness(y - self.offset_arcsec[0], x - self.offset_arcsec[1]), 0.0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point(Shape):
    """A point, such as a star."""

    is_extended: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Nebula(Shape):
    """A round Gaussian.

    Parameters
    ----------
    fwhm_arcsec : float
        Its width before the point-spread function.
    """

    fwhm_arcsec: float = 1.5

    def brightness(self, y: Image, x: Image) -> Image:
        """Return a Gaussian of peak 1."""
        image: Image = np.exp(-4 * log(2) * (y**2 + x**2) / self.fwhm_arcsec**2)
        return image


@dataclass(frozen=True, slots=True, kw_only=True)
class Field(Shape):
    """Light that fills the field and varies slowly.

    Parameters
    ----------
    variation : float
        Amplitude of the variation over its mean, from 0 to 1.
    scale_arcsec : float
        Length of its waves.
    direction_deg : float
        Direction of its waves, east of north.
    """

    variation: float = 0.3
    scale_arcsec: float = 8.0
    direction_deg: float = 20.0

    def brightness(self, y: Image, x: Image) -> Image:
        """Return two crossed waves about a mean of 1."""
        along, across = turned(y, x, self.direction_deg)
        waves = np.sin(2 * np.pi * along / self.scale_arcsec) + np.cos(2 * np.pi * across / (1.7 * self.scale_arcsec))
        image: Image = 1 + self.variation / 2 * waves
        return image


@dataclass(frozen=True, slots=True, kw_only=True)
class Cavity(Shape):
    """The wall of an outflow's cavity in scattered starlight: a fan, brighter at its rims and near the star.

    Parameters
    ----------
    position_angle_deg : float
        Direction of its axis.
    length_arcsec : float
        From the star to its end.
    opening_deg : float
        Full opening angle.
    rim : float
        Brightness of the rims over that of the axis.
    """

    position_angle_deg: float = 0.0
    length_arcsec: float = 2.0
    opening_deg: float = 60.0
    rim: float = 3.0

    def brightness(self, y: Image, x: Image) -> Image:
        """Return the fan; it falls as the inverse square of the distance, outside of a core of a fifth of it."""
        along, across = turned(y, x, self.position_angle_deg)
        radius = np.hypot(along, across)
        angle = abs(np.arctan2(across, along)) / np.deg2rad(self.opening_deg / 2)
        core = self.length_arcsec / 5
        fall = core**2 / (radius**2 + core**2)
        inside = expit((1 - angle) * np.maximum(radius, EDGE_ARCSEC) / EDGE_ARCSEC)
        end = expit((self.length_arcsec - radius) / EDGE_ARCSEC)
        image: Image = fall * inside * end * (1 + (self.rim - 1) * np.minimum(angle, 1) ** 2)
        return image


@dataclass(frozen=True, slots=True, kw_only=True)
class JetLobe(Shape):
    """One side of a jet.

    Parameters
    ----------
    position_angle_deg : float
        Its direction away from ``offset_arcsec``.
    start_arcsec, length_arcsec, width_arcsec : float
        Where it begins, its length, and its FWHM across.
    knots : int
        Number of knots, which then have most of the light.
    gradient_kms_per_arcsec : float
        Change of the velocity outwards; in the middle of the lobe it is that of the line.
    bow : bool
        Whether it ends in a bow shock, twice as bright.
    """

    position_angle_deg: float = 30.0
    start_arcsec: float = 0.2
    length_arcsec: float = 1.5
    width_arcsec: float = 0.25
    knots: int = 0
    gradient_kms_per_arcsec: float = 0.0
    bow: bool = False

    @property
    def fastest_kms(self) -> float:
        """Velocity of its ends against its middle, km/s."""
        return abs(self.gradient_kms_per_arcsec) * self.length_arcsec / 2

    def brightness(self, y: Image, x: Image) -> Image:
        """Return the lobe, its knots and its bow shock."""
        along, across = turned(y, x, self.position_angle_deg)
        along = along - self.start_arcsec
        inside = expit(along / EDGE_ARCSEC) * expit((self.length_arcsec - along) / EDGE_ARCSEC)
        image: Image = inside * gaussian(across, self.width_arcsec)
        if self.knots:
            centres = (np.arange(self.knots) + 0.5) / self.knots * self.length_arcsec
            knots = [gaussian(along - centre, self.width_arcsec) for centre in centres]
            image = 0.2 * image + np.sum(knots, axis=0) * gaussian(across, self.width_arcsec)
        if self.bow:
            behind = self.length_arcsec - across**2 / (2 * self.width_arcsec) - along
            image = image + 2 * gaussian(behind, self.width_arcsec / 2) * gaussian(across, 2.5 * self.width_arcsec)
        return image

    def components(self, y: Image, x: Image) -> list[tuple[Image, float]]:
        """Return the lobe in parts that each have one velocity."""
        y, x = y - self.offset_arcsec[0], x - self.offset_arcsec[1]
        image = self.brightness(y, x)
        parts = max(ceil(2 * self.fastest_kms / VELOCITY_STEP_KMS), 1)
        along, _ = turned(y, x, self.position_angle_deg)
        position = (along - self.start_arcsec) / self.length_arcsec * parts
        number = np.clip(np.floor(position), 0, parts - 1)
        gradient_kms = self.gradient_kms_per_arcsec * self.length_arcsec
        return [(image * (number == part), gradient_kms * ((part + 0.5) / parts - 0.5)) for part in range(parts)]


def turned(y: Image, x: Image, position_angle_deg: float) -> tuple[Image, Image]:
    """Return offsets along and across a direction, in a cube whose x runs to the west."""
    cosine, sine = np.cos(np.deg2rad(position_angle_deg)), np.sin(np.deg2rad(position_angle_deg))
    return y * cosine - x * sine, y * sine + x * cosine


def gaussian(offset: Image, fwhm: float) -> Image:
    """Return a Gaussian of peak 1."""
    profile: Image = np.exp(-4 * log(2) * (offset / fwhm) ** 2)
    return profile
