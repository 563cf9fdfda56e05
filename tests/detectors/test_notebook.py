"""The notebook's answers, exactly; and what ``compat="fixed"`` mends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from feii_dask.detectors.contract import Detector
from feii_dask.detectors.notebook import NotebookDetector, detect_spikes, extension_vs_wavebin, medians, with_values
from feii_dask.detectors.registry import load_detector
from feii_dask.errors import DetectorError
from feii_dask.model import SPEED_OF_LIGHT_KMS, Detection, Line, Status

GOLDEN = Path(__file__).parents[1] / "data" / "notebook_detector.npz"
CUBES = range(12)


@pytest.fixture(scope="module")
def golden() -> Iterator[Any]:
    """Cubes, and what the notebook's own functions made of them."""
    with np.load(GOLDEN) as vectors:
        yield vectors


def wavelengths(planes: int) -> NDArray[np.float64]:
    return 5.0 + 0.0008 * np.arange(planes)


def line_at(plane: int) -> Line:
    return Line("Fe II", float(wavelengths(plane + 1)[plane]))


@pytest.mark.parametrize("k", CUBES)
def test_extension_is_the_notebooks(golden: Any, k: int) -> None:
    blobs = extension_vs_wavebin(golden[f"cube_{k}"])
    assert isinstance(blobs, list)
    assert {type(blob) for blob in blobs} == {float}
    assert blobs == golden[f"blobs_{k}"].tolist()


def test_extension_does_not_depend_on_the_byte_order(golden: Any) -> None:
    """FITS is big-endian, and that is what `load_cloud_data` returns."""
    assert extension_vs_wavebin(golden["cube_0"].astype(">f4")) == golden["blobs_0"].tolist()


@given(
    arrays(
        st.sampled_from([np.float32, np.float64]),
        st.tuples(st.integers(1, 60), st.integers(1, 4), st.integers(1, 4)),
        elements=st.sampled_from([0.0, -0.0, 1.0, 1.5, 2.0, 3.0, 1e30, np.inf, -np.inf, np.nan]),
        fill=st.just(np.nan),
    ),
    st.sampled_from(["notebook", "fixed"]),
)
def test_medians_are_those_of_all_values(data: NDArray[np.floating], compat: Any) -> None:
    planes = with_values(data, compat)
    for plane, median in enumerate(medians(planes, 0, len(data), compat)):
        values = np.concatenate(planes.values[max(0, plane - 10) : plane + (11 if compat == "fixed" else 10)])
        if values.size == 0:
            assert median is None
            continue
        with np.errstate(all="ignore"):
            expected = np.median(values)
        np.testing.assert_array_equal(median, expected)
        assert median is not None
        assert median.dtype == expected.dtype


@pytest.mark.parametrize("k", CUBES)
def test_spikes_are_the_notebooks(golden: Any, k: int) -> None:
    blobs = golden[f"blobs_{k}"].tolist()
    planes = range(len(blobs))
    assert [detect_spikes(blobs, plane, 3.0) for plane in planes] == golden[f"spikes_{k}"].tolist()
    assert [detect_spikes(blobs, plane, 2.0, 8, 3) for plane in planes] == golden[f"spikes_sig2_{k}"].tolist()


@pytest.mark.parametrize("k", CUBES)
def test_measuring_the_needed_planes_is_the_notebooks_answer(golden: Any, k: int) -> None:
    """At most 41 planes are enough, at every plane of every cube, its first and last included."""
    cube, blobs = golden[f"cube_{k}"], golden[f"blobs_{k}"]
    wavelength_um, detector = wavelengths(len(cube)), NotebookDetector()
    for plane in range(len(cube)):
        line = line_at(plane)
        start, stop = detector.plane_range(wavelength_um, line) or (0, 0)
        assert 0 <= start < stop <= len(cube)
        assert stop - start <= 41
        found = detector.measure(cube[start:stop], wavelength_um[start:stop], line)
        assert found.detected == golden[f"spikes_{k}"][plane]
        assert found.statistic_curve is not None
        first = start + found.statistic_start
        assert found.statistic_curve.tolist() == blobs[first : first + found.statistic_curve.size].tolist()
        assert found.statistic == blobs[start + found.plane if found.plane is not None else plane]


@settings(max_examples=40, deadline=None)
@given(
    compat=st.sampled_from(["notebook", "fixed"]),
    shape=st.tuples(st.integers(1, 70), st.integers(3, 9), st.integers(3, 9)),
    seed=st.integers(0, 2**32 - 1),
    place=st.floats(0, 1),
)
def test_whole_cube_and_needed_planes_agree(compat: Any, shape: tuple[int, int, int], seed: int, place: float) -> None:
    rng = np.random.default_rng(seed)
    cube = rng.exponential(1.0, shape).astype(np.float32)
    cube[rng.random(shape) < 0.1] = np.nan
    cube[rng.random(shape) < 0.01] = np.inf
    cube[rng.integers(shape[0]), : 1 + shape[1] // 2] += 20
    wavelength_um, detector = wavelengths(shape[0]), NotebookDetector(compat=compat)
    line = Line("Fe II", float(np.clip(5.0 + place * 0.0008 * (shape[0] - 1), wavelength_um[0], wavelength_um[-1])))
    start, stop = detector.plane_range(wavelength_um, line) or (0, 0)
    assert stop - start <= 41
    whole = detector.measure(cube, wavelength_um, line)
    part = detector.measure(cube[start:stop], wavelength_um[start:stop], line)
    assert plain(whole, 0) == plain(part, start)


def plain(found: Detection, start: int) -> dict[str, Any]:
    """Return all that was measured, in terms of the whole cube."""
    assert found.statistic_curve is not None
    return {
        "status": found.status,
        "detected": found.detected,
        "plane": None if found.plane is None else found.plane + start,
        "statistic": found.statistic,
        "curve": (found.statistic_start + start, found.statistic_curve.tolist()),
        "velocity": repr(found.velocity_kms),
        "peak": found.peak_yx,
        "area": found.area_px,
        "mask": None if found.mask is None else found.mask.tolist(),
    }


def scene(planes: int = 60, blob_at: int = 30) -> NDArray[np.float32]:
    """Return faint noise with one bright blob of 6 × 6 spaxels in one plane, and a flickering star."""
    rng = np.random.default_rng(3)
    cube = rng.uniform(0.9, 1.1, (planes, 12, 14)).astype(np.float32)
    for plane in range(planes):
        cube[plane, 8 : 10 + plane % 3, 8:13] = 9.0
    cube[blob_at, 1:7, 2:8] = 10.0
    cube[blob_at, 3, 4] = 20.0
    return cube


def test_a_detection_has_its_numbers() -> None:
    found = NotebookDetector().measure(scene(), wavelengths(60), line_at(31))
    assert found.detected
    assert found.status is Status.SCANNED
    assert found.plane == 30
    assert found.statistic == 36 / (12 * 14)
    assert found.peak_yx == (3, 4)
    assert found.area_px == 36
    assert found.mask is not None
    np.testing.assert_array_equal(np.argwhere(found.mask).min(axis=0), [1, 2])
    np.testing.assert_array_equal(np.argwhere(found.mask).max(axis=0), [6, 7])
    shift = wavelengths(60)[30] / wavelengths(60)[31] - 1
    assert found.velocity_kms == pytest.approx(SPEED_OF_LIGHT_KMS * shift)


def test_of_two_spikes_the_higher_one_counts() -> None:
    cube = scene()
    cube[32, 1:7, 1:8] = 10.0
    found = NotebookDetector(sig=1.0).measure(cube, wavelengths(60), line_at(31))
    assert found.plane == 32


def test_lines_outside_the_cube() -> None:
    detector = NotebookDetector()
    for wavelength_um in (4.9, 5.1):
        line = Line("Fe II", wavelength_um)
        assert detector.plane_range(wavelengths(60), line) is None
        assert detector.measure(scene(), wavelengths(60), line).status is Status.NO_LINE_IN_BAND
    assert detector.plane_range(np.empty(0), line) is None


@pytest.mark.parametrize("compat", ["notebook", "fixed"])
@pytest.mark.parametrize("shape", [(1, 9, 9), (2, 9, 9), (41, 9, 9), (60, 3, 3), (60, 1, 1)])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, -1.0, 5.0])
def test_cubes_without_a_line_are_no_alarm(compat: Any, shape: tuple[int, int, int], value: float) -> None:
    cube = np.full(shape, value, dtype=np.float32)
    found = NotebookDetector(compat=compat).measure(cube, wavelengths(shape[0]), line_at(shape[0] // 2))
    assert not found.detected
    assert found.status is (Status.SCANNED if np.isfinite(value) else Status.NO_DATA)
    assert bool(found.reason) != np.isfinite(value)


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        np.float32, st.tuples(st.integers(1, 30), st.integers(1, 5), st.integers(1, 5)), elements=st.floats(width=32)
    ),
    st.sampled_from(["notebook", "fixed"]),
)
def test_no_content_raises(cube: NDArray[np.float32], compat: Any) -> None:
    found = NotebookDetector(compat=compat).measure(cube, wavelengths(len(cube)), line_at(len(cube) // 2))
    assert found.statistic >= 0


def test_a_line_in_a_gap_has_no_data() -> None:
    cube = scene()
    cube[26:36] = np.nan
    found = NotebookDetector().measure(cube, wavelengths(60), line_at(31))
    assert found.status is Status.NO_DATA
    assert "Fe II 5.025" in found.reason


def test_fixed_the_median_looks_both_ways_alike() -> None:
    """The tenth plane after counts as much as the tenth before."""
    cube = np.ones((21, 6, 6))
    cube[0] = cube[20] = np.nan
    cube[1:10], cube[11:20] = 0.5, 1.5
    cube[10, :3, :4], cube[10, 3:] = 4.0, 0.5
    cube[20] = 1.5
    assert extension_vs_wavebin(cube)[10] == 12 / 36
    assert extension_vs_wavebin(cube, compat="fixed")[10] == 0.0


def test_fixed_infinite_pixels_have_no_data() -> None:
    cube = np.ones((5, 8, 8))
    cube[2, :4, :4] = np.inf
    assert extension_vs_wavebin(cube)[2] == 16 / 64
    assert extension_vs_wavebin(cube, compat="fixed")[2] == 0.0


def test_fixed_blobs_hold_together_at_corners() -> None:
    cube = np.ones((5, 16, 16))
    cube[2][np.eye(16, dtype=bool)] = 9.0
    assert extension_vs_wavebin(cube)[2] == 0.0
    assert extension_vs_wavebin(cube, compat="fixed")[2] == 16 / 256


def test_fixed_spikes_at_the_beginning_are_where_they_are() -> None:
    curve = [0.01, 0.03, 0.02, 0.01, 0.02, 0.03, 0.01, 0.02, 0.03, 0.02, 0.01] * 3
    early, later = list(curve), list(curve)
    early[2] = later[9] = 0.5
    assert [detect_spikes(early, 2), detect_spikes(later, 2)] == [False, True]
    assert [detect_spikes(early, 2, compat="fixed"), detect_spikes(later, 2, compat="fixed")] == [True, False]


def test_fixed_the_lines_plane_is_the_nearest() -> None:
    line = Line("Fe II", wavelengths(60)[30] + 0.0001)
    assert NotebookDetector().plane_range(wavelengths(60), line) == (11, 51)
    assert NotebookDetector(compat="fixed").plane_range(wavelengths(60), line) == (10, 51)


def test_spikes_of_curves_without_any() -> None:
    assert not detect_spikes([], 0)
    assert not detect_spikes([0.0] * 40, 20)
    assert not detect_spikes([np.nan] * 40, 20)
    assert not detect_spikes([0.1] * 40, 60)
    assert not detect_spikes([0.0, 0.5, 0.0], 30)


def test_misuse_is_named() -> None:
    with pytest.raises(DetectorError, match="compat is 'exact'"):
        NotebookDetector(compat="exact")  # type: ignore[arg-type]
    with pytest.raises(DetectorError, match="compat is 'exact'"):
        extension_vs_wavebin(np.ones((3, 3, 3)), compat="exact")  # type: ignore[arg-type]
    with pytest.raises(DetectorError, match="2 axes"):
        extension_vs_wavebin(np.ones((3, 3)))


def test_it_is_a_detector() -> None:
    assert isinstance(load_detector("notebook"), NotebookDetector)
    assert isinstance(NotebookDetector(), Detector)
