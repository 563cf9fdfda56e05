"""What cubes may be like: an answer or its reason, no exception, and nothing that is taken for a jet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from feii_dask.detectors.matched.matched_filter import MatchedFilter
from feii_dask.model import Line
from feii_dask.simulate import make_cube

LINE = Line("Fe II", 5.340169)
Change = Callable[[NDArray[np.float32]], NDArray[Any]]


def absorbed(sci: NDArray[np.float32]) -> NDArray[Any]:
    """Let lines take half of the light, one of them at the line, everywhere."""
    depth = np.zeros(len(sci))
    for plane in range(30, len(sci), 60):
        depth += 0.5 * np.exp(-np.square((np.arange(len(sci)) - plane) / 2.0))
    return sci * (1 - np.roll(depth, middle_of(sci) % 60 - 30))[:, None, None]


def middle_of(sci: NDArray[np.float32]) -> int:
    return len(sci) // 2


def one_spaxel(sci: NDArray[np.float32]) -> NDArray[Any]:
    return sci[:, 9:10, 9:10]


def thirds_missing(sci: NDArray[np.float32]) -> NDArray[Any]:
    return np.where(np.arange(len(sci))[:, None, None] % 3, sci, np.nan)


def cut_short(sci: NDArray[np.float32]) -> NDArray[Any]:
    return sci[middle_of(sci) - 12 : middle_of(sci) + 12]


CHANGES: dict[str, Change] = {
    "absorption only": absorbed,
    "one spaxel": one_spaxel,
    "all negative": lambda sci: sci - 2 * abs(sci).max() - 1,
    "turned": lambda sci: -sci,
    "one plane in three missing": thirds_missing,
    "cut short": cut_short,
    "a border without data": lambda sci: np.pad(sci[:, 4:-4, 4:-4], ((0, 0), (4, 4), (4, 4)), constant_values=np.nan),
    "a field of zeros": lambda sci: np.where(np.arange(sci.shape[2]) < 12, sci, 0),
}
NEVER_MEASURED = {"one spaxel", "cut short"}


@pytest.mark.parametrize("star", [0.0, 50.0, 1000.0])
@pytest.mark.parametrize("change", CHANGES)
def test_without_a_jet(change: str, star: float) -> None:
    for seed in range(2):
        cube = make_cube(seed=seed, star=star, shape=(19, 19), planes_um=(5.15, 5.53))
        sci = CHANGES[change](cube.sci).astype(np.float32)
        first = int(np.argmin(abs(cube.wavelength_um - LINE.wavelength_um))) - middle_of(sci) if len(sci) < 30 else 0
        wavelength_um = cube.wavelength_um[first : first + len(sci)]
        found = MatchedFilter().measure(sci, wavelength_um, LINE)
        assert not found.kind.is_line, (change, star, seed)
        if change in NEVER_MEASURED:
            assert found.reason
        else:
            assert found.reason or 0 < found.p_value <= 1
