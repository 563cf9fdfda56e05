"""Wavelength grids, spaxels and resolving powers of JWST's spectral cubes."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from feii_dask.errors import SettingsError

__all__ = ["BANDS", "Band", "find_band"]


PIPELINE_SR_PER_ARCSEC2 = 2.3504e-11  # as the pipeline rounds it


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One spectral setting, and the grid of its cubes.

    Attributes
    ----------
    name : str
        As in the names of the files: channel and band, grating and filter, or the detector of a multi-channel cube.
    instrument : str
        ``MIRI`` or ``NIRSPEC``.
    start_um : float
        Lower edge of the first plane, µm.
    step_um : float
        Width of a plane, µm.
    planes : int
        Number of planes.
    pixel_arcsec : float
        Width of a spaxel, arcsec.
    resolving_power : float
        Wavelength over the FWHM of the line-spread function.
    fringe_per_cm : float
        Spacing of the fringes in wavenumber, cm⁻¹.
    next_channel : tuple of (float, int), or None
        Step in µm, and number, of the planes that follow in a multi-channel cube; its wavelengths are tabulated.
    no_data_um : tuple of float, or None
        Wavelengths between which the planes are empty.
    """

    name: str
    instrument: str
    start_um: float
    step_um: float
    planes: int
    pixel_arcsec: float
    resolving_power: float
    fringe_per_cm: float
    next_channel: tuple[float, int] | None = None
    no_data_um: tuple[float, float] | None = None

    @property
    def spaxel_sr(self) -> float:
        """Solid angle of a spaxel, sr."""
        return self.pixel_arcsec**2 * PIPELINE_SR_PER_ARCSEC2

    @property
    def tabulated(self) -> bool:
        """Whether the wavelengths are in a table (``WAVE-TAB``), not in the header."""
        return self.next_channel is not None

    @property
    def wavelength_um(self) -> NDArray[np.float64]:
        """Wavelength of every plane, µm, with the pipeline's single-precision start and step."""
        start, step = float(np.float32(self.start_um)), float(np.float32(self.step_um))
        wavelength_um = start + step / 2 + step * np.arange(self.planes, dtype=np.float64)
        if self.next_channel is None:
            return wavelength_um
        next_step, next_planes = self.next_channel
        following_um = wavelength_um[-1] + (step + next_step) / 2 + next_step * np.arange(next_planes, dtype=np.float64)
        return np.concatenate([wavelength_um, following_um]).astype(np.float32).astype(np.float64)

    @property
    def filters(self) -> str:
        """MAST's value of the column ``filters``; empty where it has none."""
        if self.tabulated:
            return ""
        return ";".join(reversed(self.name.upper().split("-"))) if self.instrument == "NIRSPEC" else self.name.upper()


def mrs_band(
    name: str, start_um: float, planes: int, resolving_power: float, no_data_um: tuple[float, float] | None = None
) -> Band:
    """Return a band of the MRS; step, spaxel and fringes are the channel's."""
    step_um, pixel_arcsec, fringe_per_cm = MRS_CHANNELS[name[2]]
    return Band(
        name=name,
        instrument="MIRI",
        start_um=start_um,
        step_um=step_um,
        planes=planes,
        pixel_arcsec=pixel_arcsec,
        resolving_power=resolving_power,
        fringe_per_cm=fringe_per_cm,
        no_data_um=no_data_um,
    )


def nirspec_grating(name: str, start_um: float, step_um: float, planes: int, resolving_power: float) -> Band:
    """Return a grating of NIRSpec's IFU.

    It has no known fringes: a spacing of five planes stands for the undersampling of a point source.
    """
    middle_um = start_um + step_um * planes / 2
    return Band(
        name=name,
        instrument="NIRSPEC",
        start_um=start_um,
        step_um=step_um,
        planes=planes,
        pixel_arcsec=0.1,
        resolving_power=resolving_power,
        fringe_per_cm=1e4 * 5 * step_um / middle_um**2,
    )


# Step (µm) and spaxel (arcsec) of the channel, as in flight cubes. Fringe spacing (cm⁻¹): the strongest periods, by a
# Lomb-Scargle periodogram in wavenumber, of twelve real MRS spectra of the galaxy VV 114: 2.9 2.8 2.7 in channel 1,
# 3.1 2.7 2.2 in channel 2 (the detector as an etalon), 0.37 in channel 3, 0.36 in channel 4 (the dichroics). The
# protostar TMC1A has 0.352 cm⁻¹, four planes, at 26 µm, with an amplitude of 1.8 % of its continuum.
MRS_CHANNELS = {
    "1": (0.0008, 0.13, 2.9),
    "2": (0.0013, 0.17, 2.8),
    "3": (0.0025, 0.20, 0.37),
    "4": (0.006, 0.35, 0.355),
}

# Grids: the cubes of TMC1A (1A, 3C, 4A, 4C and G140H, to all digits), otherwise nominal edges. The resolving powers are
# those in the middle of each band: Labiano et al. 2021 for the MRS, the nominal 1000 and 2700 of NIRSpec's gratings.
BANDS = {
    band.name: band
    for band in (
        mrs_band("ch1-short", 4.90, 1050, 3632),
        mrs_band("ch1-medium", 5.66, 1213, 3619),
        mrs_band("ch1-long", 6.53, 1400, 3594),
        mrs_band("ch2-short", 7.51, 970, 3516),
        mrs_band("ch2-medium", 8.67, 1124, 3293),
        mrs_band("ch2-long", 10.02, 1293, 3247),
        mrs_band("ch3-short", 11.55, 769, 3011),
        mrs_band("ch3-medium", 13.34, 892, 2371),
        mrs_band("ch3-long", 15.41, 1028, 2472),
        mrs_band("ch4-short", 17.70, 542, 1745),
        mrs_band("ch4-medium", 20.69, 632, 1727),
        mrs_band(
            "ch4-long", 24.40, 717, 1440, no_data_um=(28.624, 28.71)
        ),  # the last 13 planes of TMC1A's cube are empty
        nirspec_grating("g140m-f100lp", 0.97, 0.000636, 1447, 1000),
        nirspec_grating("g140h-f100lp", 0.97, 0.000235, 3915, 2700),
        nirspec_grating("g235h-f170lp", 1.66, 0.000396, 3813, 2700),
        nirspec_grating("g395h-f290lp", 2.87, 0.000665, 3609, 2700),
        # One exposure of the short-wavelength detector: 1A, a gap, and 2A, on the pipeline's multi-channel table.
        Band(
            name="mirifushort",
            instrument="MIRI",
            start_um=4.90,
            step_um=0.0008,
            planes=3262,
            pixel_arcsec=0.13,
            resolving_power=3600,
            fringe_per_cm=2.9,
            next_channel=(0.0013, 970),
            no_data_um=(5.74, 7.51),
        ),
    )
}


def find_band(name: str) -> Band:
    """Return a band by its name.

    Raises
    ------
    SettingsError
        If there is none; the message names the nearest.

    Examples
    --------
    >>> find_band("ch1-short").wavelength_um[:2].round(5)
    array([4.9004, 4.9012])
    """
    band = BANDS.get(name)
    if band is None:
        near = get_close_matches(name, BANDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(BANDS)}"
        raise SettingsError(f"no band is called {name!r}: {hint}")
    return band
