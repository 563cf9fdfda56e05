"""What a run directory holds, and which directories are taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feii_dask.errors import FingerprintError, SettingsError, StoreError
from feii_dask.model import Line, Outcome, Status
from feii_dask.store.run_store import SCIENCE_COLUMNS, RunStore
from feii_dask.store.schema import RUN_SCHEMA
from tests.runs import statuses_of

MANIFEST = {"fingerprint": "f00d", "settings": {"mission": "jwst", "note": "µm"}, "limit": None}
STORED = {"schema": RUN_SCHEMA, **MANIFEST}


def test_the_manifest_is_kept_and_updated(tmp_path: Path) -> None:
    store = RunStore.create(tmp_path / "deep" / "run", MANIFEST)
    store.update_manifest(counts={"ysos": 3}, limit=7)
    expected = {**STORED, "limit": 7, "counts": {"ysos": 3}}
    assert RunStore.open(store.directory).manifest == expected
    assert json.loads((store.directory / "run.json").read_text("utf-8")) == expected


def test_the_same_run_is_resumed(tmp_path: Path) -> None:
    RunStore.create(tmp_path, MANIFEST).update_manifest(counts={"ysos": 3})
    assert RunStore.create(tmp_path, MANIFEST).manifest["counts"] == {"ysos": 3}


def test_another_run_is_refused_and_left_alone(tmp_path: Path) -> None:
    RunStore.create(tmp_path, MANIFEST)
    with pytest.raises(FingerprintError, match=r"f00d, not beef.*--out.*--resume") as caught:
        RunStore.create(tmp_path, {**MANIFEST, "fingerprint": "beef"})
    assert caught.value.exit_code == 2
    assert RunStore.open(tmp_path).manifest == STORED


def test_a_run_begins_beside_a_sky_its_log_and_a_crash(tmp_path: Path) -> None:
    (tmp_path / "sky").mkdir()
    (tmp_path / "sky" / "cube.fits").write_bytes(b"")
    (tmp_path / "log.txt").write_text("hello")
    (tmp_path / ".run.json.4711.tmp").write_text("{")
    assert RunStore.create(tmp_path, MANIFEST).manifest == STORED


def test_a_directory_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(SettingsError, match=r"thesis\.tex.*choose another --out"):
        RunStore.create(tmp_path, MANIFEST)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(SettingsError, match="is a file"):
        RunStore.create(tmp_path / "run", MANIFEST)


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot make the directory"):
        RunStore.create(tmp_path / "file" / "run", MANIFEST)


@pytest.mark.parametrize("content", ["", '{"fingerprint"', "[]", '"\xff"'])
def test_a_manifest_that_cannot_be_read(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content, "latin-1")
    with pytest.raises(StoreError, match=r"cannot read .*run\.json"):
        RunStore.open(tmp_path)


def test_a_directory_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="holds no run"):
        RunStore.open(tmp_path)
    with pytest.raises(SettingsError, match="holds no run"):
        RunStore.open(tmp_path / "nowhere")


def test_tables_come_back_as_they_were(
    tmp_path: Path, ysos_of: Callable[..., pd.DataFrame], matched_of: Callable[..., pd.DataFrame]
) -> None:
    store = RunStore.create(tmp_path, MANIFEST)
    assert not store.has_tables
    ysos = ysos_of([7, 3, 11])
    observations = pd.DataFrame({"obs_id": ["a", "b"], "em_min": [4.9, np.nan]}, index=[5, 9])
    matched = matched_of({"a": [7, 11], "b": [3]}, uri=None)
    store.write_tables(ysos=ysos, observations=observations, matched=matched)
    assert store.has_tables
    tables = store.read_tables()
    pd.testing.assert_frame_equal(tables.ysos, ysos)
    pd.testing.assert_frame_equal(tables.observations, observations)
    assert [list(inside) for inside in tables.matched["yso_index"]] == [[7, 11], [3]]
    assert list(tables.matched["uri"]) == [None, None]


def test_an_empty_match_is_stored_too(
    tmp_path: Path, ysos_of: Callable[..., pd.DataFrame], matched_of: Callable[..., pd.DataFrame]
) -> None:
    store = RunStore.create(tmp_path, MANIFEST)
    store.write_tables(ysos=ysos_of([]), observations=pd.DataFrame({"obs_id": []}), matched=matched_of({}))
    assert store.has_tables
    assert list(map(len, store.read_tables())) == [0, 0, 0]
    assert store.outcomes().empty
    assert statuses_of(store) == {}


def test_tables_that_are_not_there_or_torn(tmp_path: Path, store: RunStore) -> None:
    with pytest.raises(StoreError, match="cannot read the tables"):
        RunStore.create(tmp_path / "other", MANIFEST).read_tables()
    path = store.directory / "tables" / "ysos.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(StoreError, match="cannot read the tables"):
        store.read_tables()


@pytest.mark.parametrize("values", [[1, "one"], ["\ud800"]], ids=["of two kinds", "no text"])
def test_a_column_that_cannot_be_stored(
    tmp_path: Path, matched_of: Callable[..., pd.DataFrame], values: list[object]
) -> None:
    store = RunStore.create(tmp_path, MANIFEST)
    ysos = pd.DataFrame({"main_id": pd.Series(values, dtype=object)})
    with pytest.raises(StoreError, match="cannot store the table of ysos"):
        store.write_tables(ysos=ysos, observations=ysos, matched=matched_of({}))
    assert not store.has_tables


def test_no_outcome_before_the_tables(tmp_path: Path) -> None:
    store = RunStore.create(tmp_path, MANIFEST)
    with pytest.raises(StoreError, match="no tables yet"):
        store.writer()


def test_equal_runs_have_equal_science_columns(
    tmp_path: Path,
    lines: tuple[Line, ...],
    outcome_of: Callable[..., Outcome],
    ysos_of: Callable[..., pd.DataFrame],
    matched_of: Callable[..., pd.DataFrame],
) -> None:
    """Order of arrival, workers, interruptions and second attempts leave no trace in them."""
    outcomes = [outcome_of(f"obs{n:02d}", lines[: 1 + n % 4], detected=lines[: n % 3], seconds=n) for n in range(30)]
    stores = []
    for name in ("one", "other"):
        store = RunStore.create(tmp_path / name, MANIFEST)
        matched = matched_of({outcome.obs_id: [0] for outcome in outcomes})
        store.write_tables(ysos=ysos_of([0]), observations=matched[["obs_id"]], matched=matched)
        stores.append(store)
    with stores[0].writer() as writer:
        for outcome in outcomes:
            writer.add(outcome)
    for share in (outcomes[20:][::-1], outcomes[:20][::-1]):
        with stores[1].writer() as writer:
            writer.add(outcome_of("obs25", lines[:2], status=Status.TIMEOUT, worker="tcp://lost", attempt=1))
            for outcome in share:
                writer.add(outcome_of(**again(outcome, lines)))
    science = [store.outcomes()[list(SCIENCE_COLUMNS)] for store in stores]
    pd.testing.assert_frame_equal(*science)
    assert science[0].equals(science[0].sort_values(["obs_id", "wavelength_um"], ignore_index=True))
    assert statuses_of(stores[0]) == statuses_of(stores[1])


def again(outcome: Outcome, lines: tuple[Line, ...]) -> dict[str, Any]:
    """The same scan, at another attempt and on another worker."""
    planned = [detection.line for detection in outcome.detections]
    detected = [detection.line for detection in outcome.detections if detection.detected]
    return {"obs_id": outcome.obs_id, "lines": planned, "detected": detected, "attempt": 2, "worker": "tcp://elsewhere"}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["obs0", "obs1", "obs2"]), st.sampled_from(list(Status)), st.integers(1, 3)),
        max_size=8,
    )
)
def test_the_status_of_the_latest_attempt_is_the_targets(
    tmp_path_factory: pytest.TempPathFactory,
    lines: tuple[Line, ...],
    outcome_of: Callable[..., Outcome],
    matched_of: Callable[..., pd.DataFrame],
    ysos_of: Callable[..., pd.DataFrame],
    scans: list[tuple[str, Status, int]],
) -> None:
    store = RunStore.create(tmp_path_factory.mktemp("run"), MANIFEST)
    store.write_tables(ysos=ysos_of([0]), observations=ysos_of([]), matched=matched_of({}))
    expected: dict[str, tuple[int, Status]] = {}
    with store.writer() as writer:
        for obs_id, status, attempt in scans:
            writer.add(outcome_of(obs_id, lines[:2], status=status, attempt=attempt))
            writer.flush()
            expected[obs_id] = max((attempt, status), expected.get(obs_id, (0, status)), key=lambda item: item[0])
    finished = statuses_of(store)
    assert finished == {obs_id: status for obs_id, (_, status) in expected.items()}
    rows = store.outcomes()
    assert {obs_id: set(group) for obs_id, group in rows.groupby("obs_id")["status"]} == {
        obs_id: {status.value} for obs_id, status in finished.items()
    }
    assert (rows.groupby("obs_id").size() == 2).all()
