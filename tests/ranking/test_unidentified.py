"""Unidentified lines: each once in each cube, however many windows met it."""

from __future__ import annotations

import pandas as pd

from feii_dask.model import Detection, Kind, Line, Outcome, Status, UnidentifiedLine
from feii_dask.ranking.results import load_results
from feii_dask.ranking.unidentified import SAME_LINE_KMS, unidentified_lines
from feii_dask.store.run_store import RunStore

AT_UM = 5.3
APART_UM = AT_UM * SAME_LINE_KMS / 299_792.458


def met(*lines: tuple[float, float, Kind]) -> tuple[UnidentifiedLine, ...]:
    return tuple(UnidentifiedLine(wavelength_um=at, statistic=statistic, kind=kind) for at, statistic, kind in lines)


def store_outcomes(store: RunStore, **cubes: list[tuple[UnidentifiedLine, ...]]) -> pd.DataFrame:
    with store.writer() as writer:
        for obs_id, windows in cubes.items():
            detections = tuple(
                Detection(line=Line("Fe II", 5.0 + n / 10), unidentified=lines) for n, lines in enumerate(windows)
            )
            writer.add(Outcome(obs_id=obs_id, status=Status.SCANNED, detections=detections))
    return store.outcomes()


def test_windows_that_overlap_list_a_line_once(store: RunStore) -> None:
    near, far = AT_UM + 0.9 * APART_UM, AT_UM + 2.1 * APART_UM
    outcomes = store_outcomes(
        store,
        obs0=[
            met((AT_UM, 8.0, Kind.UNDECIDED), (far, 7.0, Kind.EXTENDED)),
            met((near, 11.0, Kind.COMPACT), (AT_UM, -9.0, Kind.COMPACT)),
            (),
            met((near, -6.0, Kind.COMPACT)),
        ],
        obs1=[met((AT_UM, 5.5, Kind.EXTENDED))],
        obs2=[(), ()],
    )
    found = unidentified_lines(outcomes)
    assert found.to_dict("split")["data"] == [
        ["obs0", AT_UM, "compact", -9.0],
        ["obs0", near, "compact", 11.0],
        ["obs0", far, "extended", 7.0],
        ["obs1", AT_UM, "extended", 5.5],
    ]
    pd.testing.assert_frame_equal(load_results(store).unidentified, found)


def test_a_forest_is_not_one_line(store: RunStore) -> None:
    """Lines less than the limit from their neighbours: those are kept that are not near a stronger one."""
    forest = met(*((AT_UM + 0.7 * n * APART_UM, 10.0 + n, Kind.COMPACT) for n in range(9)))
    kept = unidentified_lines(store_outcomes(store, obs0=[forest, forest[::-1]]))
    assert kept["statistic"].tolist() == [10.0, 12.0, 14.0, 16.0, 18.0]


def test_none_is_an_empty_table_of_the_same_columns(store: RunStore) -> None:
    empty = unidentified_lines(store.outcomes())
    some = unidentified_lines(store_outcomes(store, obs0=[met((AT_UM, 8.0, Kind.COMPACT))]))
    assert empty.empty
    pd.testing.assert_series_equal(empty.dtypes, some.dtypes)
