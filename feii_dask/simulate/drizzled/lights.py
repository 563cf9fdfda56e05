"""Lights of the sky: shapes with a continuum and spectral lines."""

from __future__ import annotations

from dataclasses import dataclass, replace

from feii_dask.errors import SettingsError
from feii_dask.model import SPEED_OF_LIGHT_KMS, Line
from feii_dask.simulate.drizzled.shapes_on_sky import JetLobe, Shape

__all__ = ["Light", "SpectralLine", "reflected", "two_sided_jet"]


@dataclass(frozen=True, slots=True)
class SpectralLine:
    """A line in the spectrum of a light.

    Parameters
    ----------
    wavelength_um : float
        Rest wavelength in vacuum, µm.
    snr : float
        Brightest voxel of the line, after optics, detector and drizzling, over the rms of the empty sky. Negative for
        absorption of the light's continuum, which is never deeper than the continuum.
    velocity_kms, fwhm_kms : float
        Velocity, positive away, and intrinsic FWHM.
    name : str
        Any name.
    """

    wavelength_um: float
    snr: float
    velocity_kms: float = 0.0
    fwhm_kms: float = 80.0
    name: str = ""

    @property
    def observed_um(self) -> float:
        """Wavelength at which it is seen, µm."""
        return self.wavelength_um * (1 + self.velocity_kms / SPEED_OF_LIGHT_KMS)


@dataclass(frozen=True, slots=True)
class Light:
    """Something that shines, with one spectrum all over.

    Parameters
    ----------
    shape : Shape
        Where it is on the sky.
    continuum : float
        Brightest spaxel of its continuum in the middle plane over the rms of the empty sky: the S/N of a star.
    slope : float
        Its continuum goes as this power of the wavelength.
    lines : tuple of SpectralLine
        Its lines.

    Raises
    ------
    SettingsError
        If the continuum is negative, or there is an absorption line without a continuum.
    """

    shape: Shape
    continuum: float = 0.0
    slope: float = 0.0
    lines: tuple[SpectralLine, ...] = ()

    def __post_init__(self) -> None:
        if self.continuum < 0:
            raise SettingsError(f"continuum={self.continuum} of a light must not be negative")
        for line in self.lines:
            if line.snr < 0 and not self.continuum:
                raise SettingsError(
                    f"{line.name or 'a line'} at {line.wavelength_um} µm has snr={line.snr}, absorption, but the light "
                    "has no continuum: give it one"
                )


def reflected(light: Light, shape: Shape, continuum: float) -> Light:
    """Return the reflection of a light: another shape, and the same spectrum, its lines in the same proportion.

    Parameters
    ----------
    light : Light
        What is reflected, such as a star; it must have a continuum.
    shape : Shape
        What reflects it.
    continuum : float
        As of `Light`.

    Examples
    --------
    >>> from feii_dask.simulate.drizzled.shapes_on_sky import Cavity, Point
    >>> star = Light(Point(), continuum=100.0, lines=(SpectralLine(5.3, -20.0),))
    >>> reflected(star, Cavity(), continuum=10.0).lines[0].snr
    -2.0
    """
    if not light.continuum:
        raise SettingsError("a light without continuum has no spectrum to be reflected; give the star a continuum")
    ratio = continuum / light.continuum
    lines = tuple(replace(line, snr=line.snr * ratio) for line in light.lines)
    return Light(shape, continuum=continuum, slope=light.slope, lines=lines)


def two_sided_jet(
    line: Line | SpectralLine,
    *,
    snr: float,
    velocity_kms: float = 100.0,
    ratio: float = 1.0,
    fwhm_kms: float = 80.0,
    lobe: JetLobe | None = None,
) -> tuple[Light, Light]:
    """Return the two lobes of a jet, with opposite velocities and directions.

    Parameters
    ----------
    line : Line or SpectralLine
        Its wavelength and its name are taken.
    snr : float
        Of the brighter lobe, as of `SpectralLine`.
    velocity_kms : float
        Velocity of the brighter lobe; the other has the opposite one.
    ratio : float
        Brightness of the first lobe over that of the second.
    fwhm_kms : float
        Intrinsic width of the line.
    lobe : JetLobe, optional
        Shape of the brighter lobe; its gradient is one of speed, so that both lobes speed up, or slow down, outwards.

    Examples
    --------
    >>> near, far = two_sided_jet(SpectralLine(5.340169, 1.0), snr=50.0, velocity_kms=-120.0, ratio=5.0)
    >>> near.lines[0].snr, far.lines[0].snr, far.lines[0].velocity_kms
    (50.0, 10.0, 120.0)
    """
    lobe = lobe or JetLobe()
    lights = []
    for number, (strength, velocity) in enumerate(((snr, velocity_kms), (snr / ratio, -velocity_kms))):
        shape = replace(
            lobe,
            position_angle_deg=(lobe.position_angle_deg + 180 * number) % 360,
            gradient_kms_per_arcsec=lobe.gradient_kms_per_arcsec * (1 if velocity >= 0 else -1),
        )
        emitted = SpectralLine(line.wavelength_um, strength, velocity, fwhm_kms, line.name)
        lights.append(Light(shape, lines=(emitted,)))
    return lights[0], lights[1]
