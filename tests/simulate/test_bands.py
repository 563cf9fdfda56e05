from __future__ import annotations

import numpy as np
import pytest

from feii_dask.errors import SettingsError
from feii_dask.simulate.bands import BANDS, Band, find_band


@pytest.mark.parametrize(
    ("band", "wavelength_um"),
    [  # planes of real cubes: the aperture spectrum of TMC1A gives them to nine digits
        ("ch1-short", 4.9004000954),
        ("ch1-short", 5.340400084),
        ("ch2-short", 7.51065),
        ("ch3-long", 17.918749791),
        ("ch3-long", 17.97875),
        ("ch4-short", 17.703000763),
        ("ch4-long", 25.986999632),
        ("g140h-f100lp", 0.97011752861),
        ("g140h-f100lp", 1.663837527),
    ],
)
def test_grids_have_the_planes_of_real_cubes(band: str, wavelength_um: float) -> None:
    assert np.min(abs(BANDS[band].wavelength_um - wavelength_um)) < 2e-6


@pytest.mark.parametrize("band", BANDS.values(), ids=BANDS)
def test_wavelengths_increase_and_are_as_many_as_stated(band: Band) -> None:
    following = band.next_channel[1] if band.tabulated else 0
    assert band.wavelength_um.size == band.planes + following
    steps = np.diff(band.wavelength_um)
    assert steps.min() > 0.9 * band.step_um
    assert band.tabulated == (steps.max() > 1.01 * steps.min())


def test_real_cubes_give_their_number_of_planes() -> None:
    counts = {"ch1-long": 1400, "ch3-long": 1028, "ch4-long": 717, "g140h-f100lp": 3915, "g140m-f100lp": 1447}
    assert {name: BANDS[name].wavelength_um.size for name in counts} == counts


def test_filters_are_worded_as_mast_words_them() -> None:
    assert BANDS["ch1-short"].filters == "CH1-SHORT"
    assert BANDS["g395h-f290lp"].filters == "F290LP;G395H"
    assert BANDS["mirifushort"].filters == ""


def test_an_unknown_band_is_told_the_nearest() -> None:
    with pytest.raises(SettingsError, match="did you mean 'ch1-short'"):
        find_band("ch1_short")
    with pytest.raises(SettingsError, match="there are ch1-short"):
        find_band("xyz")
