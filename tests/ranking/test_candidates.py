"""Candidates, failures and the funnel, from outcomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from feii_dask.model import Line, Status
from feii_dask.ranking.candidates import detections_by_yso, failed_share, failures, funnel, including, rank
from feii_dask.store.outcome_table import SCHEMA, latest_attempts, to_frame


@pytest.fixture
def table_of() -> Callable[..., pd.DataFrame]:
    """A table of outcomes from tuples (obs_id, wavelength, detected[, status[, statistic]])."""

    def make(*scans: tuple[Any, ...]) -> pd.DataFrame:
        rows = []
        for obs_id, wavelength_um, detected, *rest in scans:
            status = rest[0] if rest else Status.SCANNED
            rows.append(
                {
                    "obs_id": obs_id,
                    "line": Line("Fe II", wavelength_um).name,
                    "wavelength_um": wavelength_um,
                    "status": status.value,
                    "reason": "" if status is Status.SCANNED else f"because of {obs_id}",
                    "detected": detected,
                    "kind": "unjudged",
                    "statistic": rest[1] if len(rest) > 1 else np.nan,
                    "null_windows": 0,
                    "null_p_values": [],
                    "on_data": [],
                    "attempt": 1,
                }
            )
        empty = to_frame(SCHEMA.empty_table())
        return latest_attempts(pd.concat([empty, pd.DataFrame(rows)], ignore_index=True)) if rows else empty

    return make


def test_three_distinct_lines_make_a_candidate(
    table_of: Callable[..., pd.DataFrame], matched_of: Callable[..., pd.DataFrame], ysos_of: Callable[..., pd.DataFrame]
) -> None:
    outcomes = table_of(
        ("a", 1.6, True, Status.SCANNED, 0.1),
        ("a", 5.3, True, Status.SCANNED, 0.3),
        ("b", 5.3, True, Status.SCANNED, 0.2),
        ("b", 17.9, True, Status.SCANNED, 0.1),
        ("b", 24.5, False, Status.SCANNED, 0.9),
        ("c", 24.5, True),
        ("d", 25.9, False, Status.TIMEOUT),
    )
    matched = matched_of({"a": [10], "b": [20, 10], "c": [20], "d": [10]})
    candidates = rank(outcomes, matched, ysos_of([10, 20, 30]))
    assert candidates.to_dict("records")[0] == pytest.approx(
        {
            "rank": 1,
            "grade": "",
            "main_id": "YSO 10",
            "yso_index": 10,
            "ra": 70.0,
            "dec": -25.6,
            "n_lines": 3,
            "lines": "Fe II 1.600; Fe II 5.300; Fe II 17.900",
            "kinds": "unjudged; unjudged; unjudged",
            "n_cubes": 2,
            "n_cubes_detected": 2,
            "on_data": False,
            "lines_tested": 0,
            "lines_agreeing": 0,
            "velocity_kms": np.nan,
            "joint_score": 0.0,
            "joint_p": np.nan,
            "q_value": np.nan,
            "statistic": 0.3,
            "snr": np.nan,
            "p_value": np.nan,
            "p_identification": np.nan,
            "separation_arcsec": 0.1,
            "obs_ids": "a; b",
            "shares_light_with": "YSO 20",
        },
        nan_ok=True,
    )
    assert list(candidates["yso_index"]) == [10]


def test_a_line_in_two_cubes_counts_once(
    table_of: Callable[..., pd.DataFrame], matched_of: Callable[..., pd.DataFrame], ysos_of: Callable[..., pd.DataFrame]
) -> None:
    outcomes = table_of(("a", 1.6, True), ("a", 5.3, True), ("b", 1.6, True), ("b", 5.3, True))
    assert rank(outcomes, matched_of({"a": [0], "b": [0]}), ysos_of([0])).empty


def test_more_lines_go_first_then_the_better_statistic_then_the_index(
    table_of: Callable[..., pd.DataFrame], matched_of: Callable[..., pd.DataFrame], ysos_of: Callable[..., pd.DataFrame]
) -> None:
    def shows(obs_id: str, wavelengths: tuple[int, ...], statistic: float) -> list[tuple[Any, ...]]:
        return [(obs_id, wavelength, True, Status.SCANNED, statistic) for wavelength in wavelengths]

    outcomes = table_of(
        *shows("a", (1, 2, 3), np.nan),
        *shows("b", (1, 2, 3), 0.2),
        *shows("c", (1, 2, 3), 0.4),
        *shows("d", (1, 2, 3, 4), 0.1),
        *shows("e", (1, 2, 3), 0.2),
    )
    matched = matched_of({"a": [1], "b": [5], "c": [2], "d": [3], "e": [4]})
    candidates = rank(outcomes, matched, ysos_of(range(9)))
    assert list(candidates["yso_index"]) == [3, 2, 4, 5, 1]
    assert list(candidates["rank"]) == [1, 2, 3, 4, 5]
    shuffled = rank(outcomes.sample(frac=1, random_state=1), matched.sample(frac=1, random_state=2), ysos_of(range(9)))
    pd.testing.assert_frame_equal(shuffled, candidates)


def test_nothing_gives_an_empty_table_of_the_same_columns(
    table_of: Callable[..., pd.DataFrame], matched_of: Callable[..., pd.DataFrame], ysos_of: Callable[..., pd.DataFrame]
) -> None:
    full = rank(table_of(*((o, w, True) for o in "a" for w in (1, 2, 3))), matched_of({"a": [0]}), ysos_of([0]))
    for matched in (matched_of({}), matched_of({"a": [0]}), matched_of({"a": []})):
        empty = rank(table_of(), matched, ysos_of([0]))
        assert empty.empty
        pd.testing.assert_series_equal(empty.dtypes, full.dtypes)


def test_rank_equals_counting_with_sets(
    table_of: Callable[..., pd.DataFrame], matched_of: Callable[..., pd.DataFrame], ysos_of: Callable[..., pd.DataFrame]
) -> None:
    rng = np.random.default_rng(20)
    for _ in range(20):
        insiders = {f"o{n}": sorted(rng.choice(12, rng.integers(1, 4), replace=False).tolist()) for n in range(25)}
        scans = []
        for obs_id in insiders:
            status = Status.SCANNED if rng.random() < 0.8 else Status.UNREADABLE
            for wavelength in rng.choice([1.2, 1.6, 5.3, 17.9, 24.5, 25.9], rng.integers(1, 4), replace=False):
                found = bool(status is Status.SCANNED and rng.random() < 0.4)
                scans.append((obs_id, float(wavelength), found, status, float(rng.random())))
        expected = count_with_sets(scans, insiders)
        candidates = rank(table_of(*scans), matched_of(insiders), ysos_of(range(12)))
        columns = ["n_lines", "lines", "n_cubes", "n_cubes_detected", "obs_ids", "statistic", "shares_light_with"]
        found = {row["yso_index"]: tuple(row[name] for name in columns) for row in candidates.to_dict("records")}
        assert found == expected
        order = sorted(expected, key=lambda yso: (-expected[yso][0], -expected[yso][5], yso))
        assert list(candidates["yso_index"]) == order


def count_with_sets(scans: list[tuple[Any, ...]], insiders: dict[str, list[int]]) -> dict[int, tuple[Any, ...]]:
    """The rule in plain Python."""
    strongest = {
        scan[0]: max(other[4] for other in scans if other[2] and other[0] == scan[0]) for scan in scans if scan[2]
    }
    leader: dict[str, int] = {}
    for obs_id in sorted(strongest, key=lambda obs_id: -strongest[obs_id]):
        if obs_id not in leader:  # the first of its objects is the nearest to the centre
            leader |= {
                o: insiders[obs_id][0] for o in strongest if insiders[obs_id][0] in insiders[o] and o not in leader
            }
    lines, cubes, scanned, best = {}, {}, {}, {}
    for obs_id, wavelength, found, status, statistic in scans:
        for yso in insiders[obs_id]:
            if status is Status.SCANNED:
                scanned.setdefault(yso, set()).add(obs_id)
            if found and leader[obs_id] == yso:
                lines.setdefault(yso, set()).add(wavelength)
                cubes.setdefault(yso, set()).add(obs_id)
                best[yso] = max(best.get(yso, 0.0), statistic)
    return {
        yso: (
            len(seen),
            "; ".join(f"Fe II {wavelength:.3f}" for wavelength in sorted(seen)),
            len(scanned[yso]),
            len(cubes[yso]),
            "; ".join(sorted(cubes[yso])),
            best[yso],
            "; ".join(f"YSO {n}" for n in sorted({n for cube in cubes[yso] for n in insiders[cube]} - {yso})),
        )
        for yso, seen in lines.items()
        if len(seen) >= 3
    }


def test_detections_name_the_objects_and_the_best_cube_first(
    table_of: Callable[..., pd.DataFrame], matched_of: Callable[..., pd.DataFrame]
) -> None:
    outcomes = table_of(
        ("a", 5.3, True, Status.SCANNED, 0.1),
        ("b", 5.3, True, Status.SCANNED, 0.2),
        ("b", 1.6, True, Status.SCANNED, 0.1),
        ("c", 1.6, False, Status.SCANNED, 0.1),
    )
    detections = detections_by_yso(outcomes, matched_of({"a": [1], "b": [2, 1], "c": [1]}))
    found = detections[["yso_index", "wavelength_um", "obs_id", "separation_arcsec"]].to_numpy().tolist()
    assert found == [[1, 1.6, "b", 0.2], [1, 5.3, "b", 0.2], [1, 5.3, "a", 0.1], [2, 1.6, "b", 0.1], [2, 5.3, "b", 0.1]]


def test_lines_that_are_not_extended_are_detections_only_if_asked_for(
    table_of: Callable[..., pd.DataFrame], matched_of: Callable[..., pd.DataFrame], ysos_of: Callable[..., pd.DataFrame]
) -> None:
    outcomes = table_of(*(("a", wavelength, wavelength == 1, Status.SCANNED, 9.0) for wavelength in (1, 2, 3, 4)))
    outcomes["kind"] = ["extended", "compact", "undecided", "none"]
    matched, ysos = matched_of({"a": [0]}), ysos_of([0])
    assert rank(outcomes, matched, ysos).empty  # one line, and the rule is three
    assert rank(including(outcomes, ["compact"]), matched, ysos).empty
    (candidate,) = rank(including(outcomes, ["compact", "undecided"]), matched, ysos).to_dict("records")
    assert candidate["kinds"] == "extended; compact; undecided"
    assert candidate["lines"] == "Fe II 1.000; Fe II 2.000; Fe II 3.000"
    pd.testing.assert_frame_equal(including(outcomes, []), outcomes)
    assert outcomes["detected"].sum() == 1  # the table that was given is as it was


def test_failures_have_their_reasons(
    table_of: Callable[..., pd.DataFrame], matched_of: Callable[..., pd.DataFrame]
) -> None:
    outcomes = table_of(
        ("fine", 5.3, False),
        ("fine", 17.9, False, Status.NO_DATA),
        ("in part", 5.3, True),
        ("in part", 17.9, False, Status.DETECTOR_ERROR),
        ("out of band", 5.3, False, Status.NO_LINE_IN_BAND),
        ("slow", 5.3, False, Status.TIMEOUT),
        ("slow", 17.9, False, Status.TIMEOUT),
        ("absent", 5.3, False, Status.NO_CLOUD_COPY),
        ("nonsense", 5.3, False, Status.BAD_REGION),
    )
    matched = matched_of({"fine": [0], "in part": [0], "out of band": [0], "slow": [0], "absent": [0]})
    matched.loc[4, "uri"] = None
    assert failures(outcomes, matched).to_dict("records") == [
        {
            "obs_id": obs_id,
            "status": status.value,
            "counts_as_failed": failed,
            "reason": f"because of {obs_id}",
            "uri": uri,
            "attempt": 1,
        }
        for obs_id, status, failed, uri in (
            ("absent", Status.NO_CLOUD_COPY, False, ""),
            ("in part", Status.DETECTOR_ERROR, True, "s3://stpubdata/cube.fits"),
            ("nonsense", Status.BAD_REGION, False, ""),
            ("slow", Status.TIMEOUT, True, "s3://stpubdata/cube.fits"),
        )
    ]
    assert failed_share(outcomes) == pytest.approx(2 / 3)


def test_nothing_failed(table_of: Callable[..., pd.DataFrame], matched_of: Callable[..., pd.DataFrame]) -> None:
    empty = failures(table_of(), matched_of({}))
    some = failures(table_of(("a", 5.3, False, Status.TIMEOUT)), matched_of({"a": [0]}))
    pd.testing.assert_series_equal(empty.dtypes, some.dtypes)
    assert failed_share(table_of()) == 0.0
    assert failed_share(table_of(("a", 5.3, False, Status.BAD_REGION))) == 0.0


def test_the_funnel_is_in_order(table_of: Callable[..., pd.DataFrame]) -> None:
    outcomes = table_of(("a", 1.6, True), ("a", 5.3, True), ("b", 5.3, False), ("c", 5.3, False, Status.TIMEOUT))
    counts = {"to_scan": 3, "ysos": 70, "matched": 5, "cubes": 20, "with_coordinates": 60, "something": 1}
    assert list(funnel(counts, outcomes, outcomes.head(1)).items()) == [
        ("ysos", 70),
        ("with_coordinates", 60),
        ("cubes", 20),
        ("matched", 5),
        ("to_scan", 3),
        ("scanned", 2),
        ("with_detections", 1),
        ("candidates", 1),
    ]
