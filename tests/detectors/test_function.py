"""A plain function as a detector: the notebook's spikes, and p-values that keep their promise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from feii_dask.detectors import load_detector
from feii_dask.detectors.function import FunctionDetector
from feii_dask.detectors.notebook import NotebookDetector, detect_spikes, extension_vs_wavebin
from feii_dask.errors import DetectorError
from feii_dask.model import Line, Status
from feii_dask.simulate import Jet, make_cube

LINE = Line("Fe II", 5.340169)
BRIGHTEST = FunctionDetector(lambda data: [float(np.nanmax(plane)) for plane in data])


def noise(seed: int, planes: int = 700) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    wavelength_um = LINE.wavelength_um + 0.0008 * (np.arange(planes) - planes // 2)
    return rng.normal(size=(planes, 6, 6)).astype(np.float32), wavelength_um


def test_the_notebooks_curve_gives_the_notebooks_answer() -> None:
    for seed in range(8):
        jets = (Jet(line=LINE, snr=20.0, velocity_kms=30.0, length_arcsec=4.0),) if seed % 2 else ()
        cube = make_cube(star=5.0, jets=jets, shape=(21, 21), seed=seed)
        ours = FunctionDetector(extension_vs_wavebin).measure(cube.sci, cube.wavelength_um, LINE)
        theirs = NotebookDetector().measure(cube.sci, cube.wavelength_um, LINE)
        assert (ours.detected, ours.plane) == (theirs.detected, theirs.plane) or ours.p_value < 0.02


def test_a_line_too_wide_for_the_notebook_is_found_if_nothing_else_is_as_high() -> None:
    sci, wavelength_um = noise(7)
    sci += np.float32(12) * np.exp(-0.5 * ((np.arange(700) - 350) / 4.0) ** 2, dtype=np.float32)[:, None, None]
    detection = BRIGHTEST.measure(sci, wavelength_um, LINE)
    assert detection.detected
    assert abs((detection.plane or 0) - 350) <= 2
    assert detection.statistic_curve is not None
    assert not detect_spikes(detection.statistic_curve, 350 - detection.statistic_start)
    few = BRIGHTEST.measure(sci[260:440], wavelength_um[260:440], LINE)
    assert few.null_windows < 40
    assert not few.detected


def test_planes_that_are_read_and_the_whole_cube_agree() -> None:
    sci, wavelength_um = noise(1)
    sci[352] += 8
    start, stop = BRIGHTEST.plane_range(wavelength_um, LINE) or (0, 0)
    assert stop - start == 481
    whole = BRIGHTEST.measure(sci, wavelength_um, LINE)
    part = BRIGHTEST.measure(sci[start:stop], wavelength_um[start:stop], LINE)
    assert (whole.detected, whole.p_value, whole.statistic) == (part.detected, part.p_value, part.statistic)
    assert whole.plane == 352 == part.plane + start
    assert whole.p_value == pytest.approx(1 / (1 + whole.null_windows))


def test_p_values_of_noise_are_no_smaller_than_they_say() -> None:
    p = [BRIGHTEST.measure(*noise(seed), LINE).p_value for seed in range(60)]
    assert np.mean(np.array(p) <= 0.1) < 0.2  # 0.1 are expected; 0.2 are 2.6 standard deviations more


def test_spikes_of_known_lines_are_no_chance() -> None:
    sci, wavelength_um = noise(2)
    neighbour = int(abs(wavelength_um - 5.511).argmin())  # H2 0-0 S(7)
    sci[neighbour] += 50
    sci[350] += 8
    assert BRIGHTEST.measure(sci, wavelength_um, LINE).p_value < 0.03


def test_where_there_is_nothing_to_measure() -> None:
    sci, wavelength_um = noise(3)
    assert BRIGHTEST.measure(sci, wavelength_um + 1, LINE).status is Status.NO_LINE_IN_BAND
    sci[340:361] = np.nan
    blank = FunctionDetector(lambda data: np.nan_to_num(data).max(axis=(1, 2)))
    assert blank.measure(sci, wavelength_um, LINE).status is Status.NO_DATA


@pytest.mark.parametrize("answer", [[1.0], 3.0, ["a"], [[1.0]], None])
def test_what_is_no_curve(answer: object) -> None:
    with pytest.raises(DetectorError, match="one number for each"):
        FunctionDetector(lambda data: answer).measure(*noise(4), LINE)


def test_a_curve_without_a_number_is_an_error() -> None:
    sci, wavelength_um = noise(5)
    sci[:, 0] = np.nan
    with pytest.raises(DetectorError, match="no finite number for any of 481 planes.*np.nanmax"):
        FunctionDetector(lambda data: [float(plane.max()) for plane in data]).measure(sci, wavelength_um, LINE)
    sci[300] = np.nan
    some = FunctionDetector(lambda data: data[:, 1:].max(axis=(1, 2))).measure(sci, wavelength_um, LINE)
    assert some.status is Status.SCANNED


def test_a_function_may_write_into_its_planes() -> None:
    def filled(data: NDArray[np.float32]) -> NDArray[np.float32]:
        data[np.isnan(data)] = 0
        return data.max(axis=(1, 2))

    sci, wavelength_um = noise(6)
    sci[:, 0] = np.nan
    sci.setflags(write=False)
    assert FunctionDetector(filled).measure(sci, wavelength_um, LINE).status is Status.SCANNED
    assert np.isnan(sci[:, 0]).all()


class Unmade:
    def __init__(self, threshold: float) -> None:
        if not threshold > 0:
            raise ValueError(f"the threshold is {threshold}")


def test_a_class_that_refuses_its_options() -> None:
    with pytest.raises(DetectorError, match="Unmade' cannot be made: ValueError: the threshold is -1"):
        load_detector("tests.detectors.test_function:Unmade", {"threshold": -1})


def test_by_name() -> None:
    found = load_detector("feii_dask.detectors.notebook:extension_vs_wavebin")
    assert found == FunctionDetector(extension_vs_wavebin)
    with pytest.raises(DetectorError, match="is not a detector"):
        load_detector("math:pi")
    with pytest.raises(DetectorError, match="cannot be made.*unexpected"):
        load_detector("grating", {"unexpected": 1})
