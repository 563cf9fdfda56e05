"""The nouns refuse what no search could use."""

from __future__ import annotations

import numpy as np
import pytest

from feii_dask.errors import LineError
from feii_dask.model import Context, Detection, Line, MatchedCube, Outcome, Status

FE_II = Line("Fe II", 5.340169, "a4F9/2-a6D9/2")
LINES = (FE_II, Line("Fe II", 17.936026), Line("Fe II", 25.98839))


def test_a_line_is_called_by_species_and_wavelength() -> None:
    assert FE_II.name == "Fe II 5.340"
    assert Line(wavelength_um=1.6).species == "Fe II"


@pytest.mark.parametrize("wavelength_um", [0.0, -1.0, np.nan, np.inf])
def test_a_line_has_a_wavelength(wavelength_um: float) -> None:
    with pytest.raises(LineError, match="positive rest wavelength"):
        Line("Fe II", wavelength_um)


@pytest.mark.parametrize(
    ("band", "planned"),
    [
        ((4.9, 5.74), LINES[:1]),
        ((4.9, 18.0), LINES[:2]),
        ((5.340169, 5.340169), LINES[:1]),
        ((6.0, 7.0), LINES),  # none is in it: the outcome accounts for all, each out of band
        ((np.nan, 5.74), LINES),
    ],
)
def test_planned_lines_are_those_of_the_stated_band(band: tuple[float, float], planned: tuple[Line, ...]) -> None:
    matched = MatchedCube(obs_id="a", uri=None, em_min_um=band[0], em_max_um=band[1])
    assert matched.planned_lines(LINES) == planned


def test_an_outcome_without_a_scan_accounts_for_every_planned_line() -> None:
    matched = MatchedCube(obs_id="a", uri=None, em_min_um=4.9, em_max_um=18.0)
    outcome = Outcome.without_scan(matched, LINES, Status.TIMEOUT, "too slow", attempt=2)
    assert (outcome.status, outcome.reason, outcome.attempt) == (Status.TIMEOUT, "too slow", 2)
    assert [(d.line, d.status, d.reason) for d in outcome.detections] == [(n, "timeout", "too slow") for n in LINES[:2]]


def test_statuses_that_count_as_failed() -> None:
    failed = {status.value for status in Status if status.failed}
    assert failed == {"unreadable", "format_error", "timeout", "worker_lost", "detector_error"}
    assert min(Status, key=lambda status: status.precedence).failed


@pytest.mark.parametrize("value", ["3", None, [1.0], 1j])
def test_a_detection_takes_numbers_only(value: object) -> None:
    with pytest.raises(TypeError, match="snr of a Detection is a number"):
        Detection(line=FE_II, snr=value)  # type: ignore[arg-type]


def test_numbers_of_numpy_become_plain() -> None:
    detection = Detection(line=FE_II, snr=np.float32(3.5), flux=2)  # type: ignore[arg-type]
    assert type(detection.snr) is float
    assert type(detection.flux) is float


def test_a_context_has_nothing_but_values() -> None:
    assert Context(lines=LINES) == Context(lines=LINES, detector="matched", extension="SCI", storage_options={})
