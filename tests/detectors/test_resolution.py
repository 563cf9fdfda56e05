"""Point-spread and line-spread functions: those of JWST, or given ones; extent is judged with them only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from feii_dask.detectors.matched import MatchedFilter
from feii_dask.detectors.matched.resolution import resolution_at
from feii_dask.errors import DetectorError
from feii_dask.model import Kind, Line
from feii_dask.simulate import BANDS, Jet, SimulatedCube, make_cube

LINE = Line("Fe II", 5.340169)
SODIUM = Line("Na I", 0.7)


def jet(shape: tuple[int, int] = (25, 25)) -> SimulatedCube:
    return make_cube(jets=(Jet(line=LINE, snr=15.0),), seed=1, shape=shape, planes_um=(5.15, 5.53))


@pytest.mark.parametrize("band", [name for name in BANDS if name != "mirifushort"])
def test_the_instruments_are_known_in_all_bands(band: str) -> None:
    setting = BANDS[band]
    for plane in (0, setting.planes // 2, setting.planes - 1):
        found = resolution_at(setting.wavelength_um, plane, setting.pixel_arcsec)
        assert found.psf_is_known
        assert 9 <= found.calibration_kms <= 27


@pytest.mark.parametrize(
    ("middle_um", "step_um", "pixel_arcsec"),
    [(0.7, 0.000125, 0.2), (2.12, 0.00028, 0.2), (0.65, 0.0002, 0.1), (10.0, 0.02, 0.3), (5.34, 0.0008, 1.5)],
    ids=["MUSE", "KMOS", "GMOS", "coarse", "large spaxels"],
)
def test_other_instruments_are_not(middle_um: float, step_um: float, pixel_arcsec: float) -> None:
    wavelength_um = middle_um + step_um * np.arange(-5, 6)
    assert not resolution_at(wavelength_um, 5, pixel_arcsec).psf_is_known
    assert np.isnan(resolution_at(wavelength_um, 5, pixel_arcsec).calibration_kms)
    given = resolution_at(wavelength_um, 5, pixel_arcsec, psf_arcsec=0.6, lsf_kms=100.0)
    assert given.psf_is_known
    assert given.psf_px * pixel_arcsec == pytest.approx(0.6)
    assert given.line_planes * given.plane_kms == pytest.approx(100.0)


def test_extent_is_judged_only_where_the_point_spread_function_is_known() -> None:
    made = jet()
    muse_um = SODIUM.wavelength_um + 0.000125 * (np.arange(len(made.sci)) - len(made.sci) // 2)
    options: dict[str, Any] = {"pixel_arcsec": 0.2}
    unjudged = MatchedFilter(lsf_kms=110.0).measure(made.sci, muse_um, SODIUM, **options)
    assert unjudged.kind is Kind.UNDECIDED
    assert not unjudged.detected
    assert "extent_not_judged" in unjudged.flags
    assert np.isnan(unjudged.p_extent)
    judged = MatchedFilter(psf_arcsec=0.43, lsf_kms=110.0).measure(made.sci, muse_um, SODIUM, **options)
    assert judged.kind is Kind.EXTENDED
    assert judged.detected


@pytest.mark.parametrize("name", ["psf_arcsec", "lsf_kms"])
@pytest.mark.parametrize("width", [0.0, -1.0, float("nan"), float("inf")])
def test_widths_that_are_none_are_refused(name: str, width: float) -> None:
    with pytest.raises(DetectorError, match=name):
        MatchedFilter(**{name: width})


def test_a_wide_point_spread_function_makes_a_short_jet_a_point() -> None:
    made = jet()
    found = MatchedFilter(psf_arcsec=1.6).measure(made.sci, made.wavelength_um, LINE)
    assert found.kind is not Kind.EXTENDED
