"""Outcomes as rows of a table: every measurement, and the latest attempt of each cube."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feii_dask.model import Detection, Kind, Line, Lobe, Outcome, Status, UnidentifiedLine
from feii_dask.store.outcome_table import (
    BOOKKEEPING_COLUMNS,
    SCHEMA,
    SCIENCE_COLUMNS,
    deciding_rows,
    latest_attempts,
    to_frame,
    to_rows,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def as_frame(outcome: Outcome) -> pd.DataFrame:
    return to_frame(pa.Table.from_pylist(to_rows(outcome, NOW), schema=SCHEMA))


def test_every_measurement_has_a_column() -> None:
    """All that a detection measures is stored, but for arrays: those of the line are in the cutout."""
    arrays = {"mask", "statistic_start", "statistic_curve"}
    several = {"peak_yx", "lobes", "unidentified"}
    parts = {"peak_y", "peak_x"}
    parts |= {f"lobe_{field.name}" for field in fields(Lobe)}
    parts |= {f"unidentified_{field.name}" for field in fields(UnidentifiedLine)}
    measured = {field.name for field in fields(Detection)} - arrays - several | parts
    assert set(SCIENCE_COLUMNS) == measured | {"obs_id", "wavelength_um"}
    assert set(SCIENCE_COLUMNS).isdisjoint(BOOKKEEPING_COLUMNS)
    assert [*SCIENCE_COLUMNS, *BOOKKEEPING_COLUMNS] == SCHEMA.names


@pytest.fixture
def jet(lines: tuple[Line, ...]) -> Detection:
    """A detection of which everything is known."""
    return Detection(
        line=lines[1],
        detected=np.bool_(True),
        kind=Kind.EXTENDED,
        statistic=np.float32(0.25),
        p_value=1e-9,
        p_extent=1e-4,
        p_identification=0.003,
        snr=12.5,
        local_snr=8.5,
        plane=np.int64(548),
        velocity_kms=-77.0,
        velocity_error_kms=3.0,
        velocity_calibration_kms=10.0,
        width_kms=120.0,
        flux=1e-18,
        flux_error=1e-19,
        area_px=31,
        area_arcsec2=0.5,
        position_angle_deg=170.0,
        elongation=3.0,
        peak_yx=(12, 14),
        peak_ra_deg=69.9,
        peak_dec_deg=25.7,
        offset_arcsec=1.5,
        compact_share=0.2,
        compact_share_error=0.05,
        lobes=(
            Lobe(velocity_kms=-120.0, velocity_error_kms=2.0, flux=8e-19, flux_error=1e-19),
            Lobe(velocity_kms=90.0, velocity_error_kms=4.0, flux=2e-19, flux_error=5e-20),
        ),
        unidentified=(
            UnidentifiedLine(wavelength_um=5.31, kind=Kind.COMPACT, statistic=9.0),
            UnidentifiedLine(wavelength_um=5.36, kind=Kind.EXTENDED, statistic=-7.5, flags=("fills_field",)),
        ),
        searched_kms=16_000.0,
        flux_sensitivity_beam=5e-19,
        flux_sensitivity_jet=8e-19,
        flags=("edge", "broad"),
        null_windows=31,
        null_p_values=(0.0123456, 1e-5),
        on_data=(7, 0),
        flux_sigma_beam=(1e-19, 2e-19),
        flux_sigma_jet=(3e-19, 4e-19),
        spectral_frame="BARYCENT",
    )


def test_a_detection_comes_back_as_it_was(jet: Detection) -> None:
    outcome = Outcome(
        obs_id="a", status=Status.SCANNED, detections=(jet,), seconds=1.5, bytes_read=7, requests=2, worker="w"
    )
    row = as_frame(outcome).iloc[0].to_dict()
    assert row.pop("line") == "Fe II 5.340"
    assert row.pop("wavelength_um") == 5.340169
    assert (row.pop("peak_y"), row.pop("peak_x")) == (12, 14)
    lists = {name: row.pop(name) for name in list(row) if isinstance(row[name], np.ndarray)}
    assert [flags.tolist() for flags in lists.pop("unidentified_flags")] == [[], ["fills_field"]]
    assert {name: values.tolist() for name, values in lists.items()} == {
        "flags": ["edge", "broad"],
        "null_p_values": [0.0123456, 1e-5],
        "on_data": [7, 0],
        "flux_sigma_beam": [1e-19, 2e-19],
        "flux_sigma_jet": [3e-19, 4e-19],
        "lobe_velocity_kms": [-120.0, 90.0],
        "lobe_velocity_error_kms": [2.0, 4.0],
        "lobe_flux": [8e-19, 2e-19],
        "lobe_flux_error": [1e-19, 5e-20],
        "unidentified_wavelength_um": [5.31, 5.36],
        "unidentified_kind": ["compact", "extended"],
        "unidentified_statistic": [9.0, -7.5],
    }
    assert row.pop("stored_at") == pd.Timestamp(NOW)
    for name in ("obs_id", "seconds", "bytes_read", "requests", "worker", "attempt"):
        assert row.pop(name) == getattr(outcome, name)
    assert row == {name: getattr(jet, name) for name in row}


@pytest.mark.parametrize("kind", Kind)
def test_any_kind_is_stored_as_its_word(jet: Detection, kind: Kind) -> None:
    outcome = Outcome(obs_id="a", status=Status.SCANNED, detections=(replace(jet, kind=kind),))
    assert as_frame(outcome)["kind"].tolist() == [kind.value]


def test_what_was_not_measured_is_missing_and_types_do_not_depend_on_it(
    lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]
) -> None:
    nothing = as_frame(outcome_of("a", lines, status=Status.TIMEOUT))
    everything = as_frame(outcome_of("a", lines, detected=lines))
    assert list(nothing.dtypes) == list(everything.dtypes)
    missing = ["snr", "flux", "peak_y", "peak_x", "lobe_flux", "unidentified_kind"]
    assert nothing[missing].isna().all(axis=None)
    assert list(nothing["reason"]) == ["it is timeout"] * 4


def test_an_outcome_without_lines_is_refused() -> None:
    with pytest.raises(ValueError, match="accounts for no line"):
        to_rows(Outcome(obs_id="a", status=Status.SCANNED), NOW)


stored_rows = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 3), st.sampled_from([1.6, 5.3, 17.9])), min_size=0, max_size=30
)


@given(stored_rows)
def test_the_latest_attempt_counts(rows: list[tuple[str, int, float]]) -> None:
    frame = pd.DataFrame(
        {
            "obs_id": pd.Series([row[0] for row in rows], dtype=str),
            "attempt": pd.Series([row[1] for row in rows], dtype="int64"),
            "wavelength_um": pd.Series([row[2] for row in rows], dtype="float64"),
            "line": pd.Series([f"Fe II {row[2]:.3f}" for row in rows], dtype=str),
            "order": range(len(rows)),
        }
    )
    newest = {}
    for obs_id, attempt, _ in rows:
        newest[obs_id] = max(attempt, newest.get(obs_id, 0))
    expected = {
        (obs_id, wavelength): order
        for order, (obs_id, attempt, wavelength) in enumerate(rows)
        if attempt == newest[obs_id]
    }
    kept = latest_attempts(frame)
    assert list(zip(kept["obs_id"], kept["wavelength_um"], strict=True)) == sorted(expected)
    assert list(kept["order"]) == [expected[key] for key in sorted(expected)]
    assert list(kept.index) == list(range(len(kept)))


@pytest.mark.parametrize(
    ("statuses", "decided"),
    [
        ([Status.NO_LINE_IN_BAND, Status.SCANNED, Status.DETECTOR_ERROR], Status.DETECTOR_ERROR),
        ([Status.NO_LINE_IN_BAND, Status.NO_DATA, Status.SCANNED], Status.SCANNED),
        ([Status.NO_LINE_IN_BAND, Status.NO_DATA, Status.DETECTOR_ERROR], Status.DETECTOR_ERROR),
        ([Status.NO_LINE_IN_BAND, Status.NO_DATA], Status.NO_DATA),
        ([Status.NO_LINE_IN_BAND, Status.NO_LINE_IN_BAND], Status.NO_LINE_IN_BAND),
    ],
)
def test_the_line_that_decides_for_its_target(statuses: list[Status], decided: Status) -> None:
    frame = pd.DataFrame({"obs_id": ["b"] * len(statuses) + ["a"], "status": [*statuses, Status.TIMEOUT]})
    assert deciding_rows(frame).to_dict("list") == {"obs_id": ["a", "b"], "status": [Status.TIMEOUT, decided]}
