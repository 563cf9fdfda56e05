"""The planes about a line, and the contract of those who look for it there."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import feii_dask as fd
from feii_dask.cubes.planes import covers, first_plane_from, nearest_plane
from feii_dask.detectors import load_detector
from feii_dask.detectors.contract import Detector
from feii_dask.detectors.grating.grating_scan import GratingScan
from feii_dask.detectors.line_window import LineWindow, doppler_um, planes_about, planes_within
from feii_dask.detectors.matched.matched_filter import MatchedFilter
from feii_dask.detectors.notebook import NotebookDetector
from feii_dask.detectors.registry import FROM_MEASURE_TO_DETECT
from feii_dask.errors import DetectorError
from feii_dask.model import Detection, Line, Status

LINE = Line("Fe II", 5.340169)
WAVELENGTH_UM = LINE.wavelength_um + 0.0008 * np.arange(-30.0, 31.0)


def window(**changes: Any) -> LineWindow:
    given = {"planes": np.zeros((61, 3, 3), np.float32), "wavelength_um": WAVELENGTH_UM, "line": LINE}
    return LineWindow(**{**given, **changes})


def test_the_plane_of_the_line_follows_the_source() -> None:
    assert window().nearest_plane == 30
    assert window(rv_kms=200.0).nearest_plane == 34  # planes of 45 km/s
    shift_kms = window().velocity_kms
    assert shift_kms[30] == 0
    assert shift_kms[window(rv_kms=200.0).nearest_plane] == pytest.approx(200.0, abs=23)
    assert doppler_um(LINE, float(shift_kms[50])) == pytest.approx(WAVELENGTH_UM[50])


def test_a_part_knows_where_it_is() -> None:
    part = window(start=400).part(20, 45).part(2, 20)
    assert (part.start, len(part.planes)) == (422, 18)
    np.testing.assert_array_equal(part.wavelength_um, WAVELENGTH_UM[22:40])
    assert part.nearest_plane == 30 - 22


@pytest.mark.parametrize("planes", [np.zeros((60, 3, 3)), np.zeros((61, 3)), np.zeros(61)])
def test_planes_without_as_many_wavelengths_are_refused(planes: NDArray[Any]) -> None:
    with pytest.raises(DetectorError, match="a cube .* and its wavelengths are needed"):
        window(planes=planes)


def test_errors_are_cut_with_the_planes_and_must_be_of_their_shape() -> None:
    errors = np.arange(61.0)[:, None, None] * np.ones((3, 3))
    part = window(errors=errors).part(20, 45).part(2, 20)
    assert part.errors is not None
    np.testing.assert_array_equal(part.errors[:, 0, 0], np.arange(22, 40))
    with pytest.raises(DetectorError, match=r"must be of one shape, not \(61, 3, 3\) and \(61, 3\)"):
        window(errors=np.ones((61, 3)))


def test_planes_at_the_ends_of_a_cube() -> None:
    wavelength_um = np.arange(100.0)
    assert [planes_about(10, wavelength_um, at) for at in (3, 50, 97)] == [(0, 21), (40, 61), (79, 100)]
    assert [planes_within(10, wavelength_um, at) for at in (3, 50, 97)] == [(0, 14), (40, 61), (87, 100)]
    assert planes_about(60, wavelength_um, 50) == planes_within(60, wavelength_um, 50) == (0, 100)
    for rule in (planes_about, planes_within):
        assert [rule(10, wavelength_um, at) for at in (-0.1, 99.1, np.nan)] == [None, None, None]
        assert rule(10, np.empty(0), 5.0) is None


def test_the_notebooks_plane_is_not_always_the_nearest() -> None:
    wavelength_um = np.array([5.0, 5.1, 5.2])
    wanted_um = (5.0, 5.02, 5.08, 5.2)
    assert [nearest_plane(wavelength_um, each) for each in wanted_um] == [0, 0, 1, 2]
    assert [first_plane_from(wavelength_um, each) for each in wanted_um] == [0, 1, 1, 2]
    assert [covers(wavelength_um, each) for each in (4.99, *wanted_um, 5.21)] == [False, *[True] * 4, False]


@pytest.mark.parametrize("make", [NotebookDetector, MatchedFilter, GratingScan])
def test_a_line_outside_is_said_alike_by_all(make: Callable[[], Any]) -> None:
    found = make().measure(np.zeros((61, 3, 3), np.float32), WAVELENGTH_UM, Line("Fe II", 6.721277))
    assert found.status is Status.NO_LINE_IN_BAND
    assert found.reason == "Fe II 6.721 is outside the cube, 5.3162-5.3642 µm"


class OfBefore:
    """A detector as they were."""

    def plane_range(self, wavelength_um: NDArray[np.float64], line: Line, rv_kms: float = 0.0) -> tuple[int, int]:
        return 0, 5

    def measure(
        self,
        sci: NDArray[np.float32],
        wavelength_um: NDArray[np.float64],
        line: Line,
        err: NDArray[np.float32] | None = None,
        rv_kms: float = 0.0,
        pixel_arcsec: float = 0.13,
    ) -> Detection:
        return Detection(line=line, statistic=len(sci), velocity_kms=rv_kms, area_arcsec2=pixel_arcsec, plane=3)


def test_a_detector_of_before_is_refused_with_the_lines_that_it_needs() -> None:
    with pytest.raises(DetectorError) as refused:
        load_detector("tests.detectors.test_line_window:OfBefore")
    assert "feii_dask.LineWindow" in str(refused.value)
    assert FROM_MEASURE_TO_DETECT.rstrip() in str(refused.value)


def test_the_lines_that_are_shown_make_it_a_detector() -> None:
    namespace: dict[str, Any] = {"OfBefore": OfBefore}
    exec(f"class Mended(OfBefore):\n{FROM_MEASURE_TO_DETECT}", namespace)
    mended = namespace["Mended"]()
    assert isinstance(mended, Detector)
    found = mended.detect(window(rv_kms=7.5, pixel_arcsec=0.2))
    assert (found.statistic, found.velocity_kms, found.area_arcsec2, found.plane) == (61, 7.5, 0.2, 3)


def test_anything_with_both_methods_is_a_detector() -> None:
    assert isinstance(SimpleNamespace(plane_range=len, detect=len), Detector)
    assert not isinstance(OfBefore(), Detector)
    assert fd.LineWindow is fd.detectors.LineWindow is LineWindow
