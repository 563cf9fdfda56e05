"""Simulated spectral cubes, with the truth about their lines.

Not simulated, for want of a real cube to measure it on: how noise correlates between spaxels, the structure
of a real point-spread function (spikes, cruciform, slices), saturated cores, the detector gap of NIRSpec's
high-resolution gratings, light that leaks through NIRSpec's shutters, warm pixels that come back at fixed offsets in a
mosaic, and the molecular forests of hot discs. Assumed are the strengths of showers, of spikes, and of a star's photon
noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from feii_dask.errors import SettingsError
from feii_dask.simulate.bands import Band, find_band
from feii_dask.simulate.jets import InjectedLine, Jet, inject
from feii_dask.simulate.noise import (
    ERR_RATIO,
    add_showers,
    drizzled_noise,
    fringe,
    photon_noise_factor,
    wiggle,
)
from feii_dask.simulate.sources import field_of_view, point_source

__all__ = ["SimulatedCube", "make_cube"]

DO_NOT_USE, OUTSIDE = 1, 513  # values of DQ: a hole, and a voxel outside of the field (513 = 512 NON_SCIENCE + 1)
HOLE_SHARE = 5e-4  # voxels inside the field that no good detector pixel reaches (assumed)
EXPOSURES_PER_VOXEL = 16.0  # mean of WMAP; a real cube has 0 to 46


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedCube:
    """A cube in memory, in the pipeline's units and types, with the truth about its lines.

    Attributes
    ----------
    band : Band
        Spectral setting.
    center_deg : tuple of float
        Right ascension and declination of the central spaxel, ICRS.
    wavelength_um : (λ,) float64 ndarray
        Wavelength of every plane, µm.
    sci, err : (λ, y, x) float32 ndarray
        Surface brightness and its formal error, MJy/sr; NaN where ``dq`` is odd.
    dq : (λ, y, x) uint32 ndarray
        0 good, 1 hole, 513 outside of the field.
    wmap : (λ, y, x) float32 ndarray
        Number of detector pixels in a voxel.
    rms : float
        True noise of a voxel of empty sky, MJy/sr.
    truth : tuple of InjectedLine
        The lines of the jets, then the neighbours.
    """

    band: Band
    center_deg: tuple[float, float]
    wavelength_um: NDArray[np.float64]
    sci: NDArray[np.float32]
    err: NDArray[np.float32]
    dq: NDArray[np.uint32]
    wmap: NDArray[np.float32]
    rms: float
    truth: tuple[InjectedLine, ...]

    @property
    def pixel_arcsec(self) -> float:
        """Width of a spaxel, arcsec."""
        return self.band.pixel_arcsec


def make_cube(
    *,
    band: str = "ch1-short",
    shape: tuple[int, int] = (33, 33),
    center_deg: tuple[float, float] = (69.8967, 25.6956),
    star: float = 50.0,
    pedestal: float = 3.0,
    wiggles: float = 0.02,
    wiggle_planes: float = 7.0,
    fringes: float = 0.01,
    showers: int = 2,
    spikes: int = 60,
    jets: tuple[Jet, ...] = (),
    neighbours: tuple[Jet, ...] = (),
    planes_um: tuple[float, float] | None = None,
    rms: float = 1.0,
    roll_deg: float = 30.0,
    seed: int | Generator = 0,
) -> SimulatedCube:
    """Simulate one cube.

    The noise depends on the seed, not on the lines: the difference of two cubes that differ in ``jets`` only is
    exactly the emission of the jets.

    Parameters
    ----------
    band : str
        A name in `BANDS`.
    shape : tuple of int
        Spaxels, (y, x); both odd, as the pipeline makes them.
    center_deg : tuple of float
        Right ascension and declination of the star, in the central spaxel.
    star, pedestal : float
        Peak of the star, and level of the background, in the middle of the band, over the rms. Both rise in
        proportion to the wavelength. A pedestal of 0 is a background-subtracted cube.
    wiggles, wiggle_planes : float
        Amplitude, as a fraction of the star, and period, in planes, of the wiggles of an undersampled point source.
    fringes : float
        Amplitude of the fringes, as a fraction of star and background; their period is the band's.
    showers, spikes : int
        Number of residuals of cosmic-ray showers, and of single bad voxels, in the cube.
    jets, neighbours : tuple of Jet
        Lines to look for, and lines to confuse them with.
    planes_um : tuple of float, optional
        Keep only the planes between these wavelengths, µm.
    rms : float
        Noise of a voxel of empty sky, MJy/sr.
    roll_deg : float
        Angle between field and sky; at 30° 46 % of the spaxels are empty, as in a real cube.
    seed : int or Generator
        The same seed gives the same pixels.

    Raises
    ------
    SettingsError
        If there is no such band, the shape is not odd, no plane is left, or a line falls outside of the cube.

    Examples
    --------
    >>> from feii_dask.model import Line
    >>> cube = make_cube(jets=(Jet(line=Line("Fe II", 5.340169), snr=20.0),), planes_um=(5.3, 5.4), shape=(21, 21))
    >>> cube.sci.shape, cube.truth[0].jet.line.name
    ((125, 21, 21), 'Fe II 5.340')
    """
    spectral_setting = find_band(band)
    if min(shape) < 3 or not all(size % 2 for size in shape):
        raise SettingsError(f"the shape {shape} of a cube must be two odd numbers of 3 or more, (y, x)")
    wavelength_um = planes_between(spectral_setting, planes_um)
    noise_rng, wiggle_rng, fringe_rng, shower_rng, quality_rng = np.random.default_rng(seed).spawn(5)
    slope = (wavelength_um / spectral_setting.wavelength_um.mean()).astype(np.float32)[:, None, None]
    starlight = point_source(shape, wavelength_um, spectral_setting.pixel_arcsec) * (star * slope)
    sky = starlight * (1 + wiggles * wiggle(wavelength_um.size, shape, wiggle_planes, wiggle_rng)) + pedestal * slope
    sky = sky * (1 + fringes * fringe(wavelength_um, shape, spectral_setting.fringe_per_cm, fringe_rng))
    noise_factor = photon_noise_factor(starlight)
    sky += drizzled_noise(sky.shape, spikes, noise_rng) * noise_factor
    add_showers(sky, showers, roll_deg, shower_rng)
    inside = field_of_view(shape, roll_deg)
    lines = [(jet, False) for jet in jets] + [(jet, True) for jet in neighbours]
    truth = tuple(inject(sky, *line, spectral_setting, wavelength_um, inside, rms) for line in lines)
    dq, wmap = quality_maps(wavelength_um, inside, spectral_setting, quality_rng)
    sci, err = (
        np.where(dq > 0, np.float32(np.nan), pixels)
        for pixels in (sky * np.float32(rms), noise_factor * np.float32(rms / ERR_RATIO))
    )
    return SimulatedCube(spectral_setting, center_deg, wavelength_um, sci, err, dq, wmap, rms, truth)


def planes_between(band: Band, planes_um: tuple[float, float] | None) -> NDArray[np.float64]:
    """Return the wavelengths of a band's planes, of all or of those in a window."""
    wavelength_um = band.wavelength_um
    if planes_um is None:
        return wavelength_um
    low_um, high_um = planes_um
    kept = wavelength_um[(wavelength_um >= low_um) & (wavelength_um <= high_um)]
    if kept.size < 2:
        raise SettingsError(
            f"{band.name} has fewer than two planes between {low_um} and {high_um} µm; "
            f"it goes from {wavelength_um[0]:.4f} to {wavelength_um[-1]:.4f} µm"
        )
    return kept


def quality_maps(
    wavelength_um: NDArray[np.float64], inside: NDArray[np.bool_], band: Band, rng: Generator
) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
    """Return DQ and WMAP: voxels outside of the field or of the detector, and holes."""
    holes = rng.random((wavelength_um.size, *inside.shape), dtype=np.float32) < HOLE_SHARE
    dq = np.where(holes, DO_NOT_USE, 0).astype(np.uint32)
    dq[:, ~inside] = OUTSIDE
    if band.no_data_um is not None:
        low_um, high_um = band.no_data_um
        dq[(wavelength_um > low_um) & (wavelength_um < high_um)] = OUTSIDE
    wmap = 1 + rng.poisson(EXPOSURES_PER_VOXEL - 1, inside.shape).astype(np.float32)
    return dq, np.where(dq > 0, np.float32(0), wmap)
