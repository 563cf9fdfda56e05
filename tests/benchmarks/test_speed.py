"""The two ways that the benchmark of speed compares give equal answers; how fast they are is no test."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from feii_dask.cubes.lines import NOTEBOOK_LINES
from feii_dask.detectors.notebook import detect_spikes, extension_vs_wavebin
from feii_dask.engine.crossmatch import crossmatch
from feii_dask.model import Context
from feii_dask.scan import scan_cube
from tests.benchmarks import speed_notebook
from tests.benchmarks.speed_cubes import LINES_UM, lines_of
from tests.benchmarks.speed_rows import Amount, Row, in_new_process, to_markdown, write_csv
from tests.benchmarks.speed_sky import match_with_mocpy
from tests.benchmarks.speed_store import ObjectStore
from tests.benchmarks.speed_world import make_cubes, make_observations, make_ysos

SHAPE = (15, 15)


def test_both_ways_find_the_same_footprints() -> None:
    rng = np.random.default_rng(2)
    ysos = make_ysos(500, rng)
    table = make_observations(60, 20, ysos, rng)
    coordinates = ysos[["ra", "dec"]].to_numpy()
    held = [speed_notebook.holds_any(row, coordinates) for _, row in table.iterrows()]
    assert sum(held) >= 20
    assert list(table.index.isin(crossmatch(table, ysos)["obs_index"])) == held
    assert [found.size > 0 for found in match_with_mocpy(table["s_region"], coordinates)] == held


def test_both_ways_detect_the_same_lines_in_cubes_that_are_far_away(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    cubes = make_cubes(make_observations(9, 9, make_ysos(9, rng), rng), tmp_path, SHAPE)
    matched = cubes.matched[::4]  # one of each band, and of each strength
    with ObjectStore(tmp_path) as store, store.found():
        store.network(latency_s=0.01, bytes_per_s=200e6)
        addresses = [str(matched.uri) for matched in matched]
        expected = in_new_process(speed_notebook.search_all, addresses, LINES_UM)  # s3fs remembers its endpoint
        whole = store.counted()
        outcomes = [scan_cube(matched, Context(lines=NOTEBOOK_LINES, detector="notebook")) for matched in matched]
        counted = store.counted()
    assert any(expected)
    assert [lines_of(outcome) for outcome in outcomes] == expected
    assert counted["bytes"] == sum(outcome.bytes_read for outcome in outcomes) < whole["bytes"] / 5
    assert counted["requests"] == sum(outcome.requests for outcome in outcomes)


def test_the_rendering_answers_as_the_reference_detector() -> None:
    sci = np.random.default_rng(4).gamma(1.0, 1.0, (60, 12, 12)).astype(np.float32)
    sci[:, :2] = np.nan
    sci[30, 4:8, 4:9] += 20
    extent = speed_notebook.extension_vs_wavebin(sci)
    assert extent == extension_vs_wavebin(sci)
    spikes = [speed_notebook.detect_spikes(extent, position) for position in range(60)]
    assert spikes == [detect_spikes(extent, position) for position in range(60)]
    assert any(spikes)


def test_a_goal_is_judged_by_medians() -> None:
    ours, notebook = Amount.of(1.0, 9.0, 2.0), Amount.of(10.0) * 3
    assert Row("work", ours, notebook, least_ratio=15).met == "yes"
    assert Row("work", ours, notebook, least_ratio=16).met == "no"
    assert Row("work", ours, most=1.5).met == "no"
    assert Row("work", ours, least=2.0).met == "yes"
    assert Row("work", ours, least=2.5).met == "no"
    assert Row("work", ours).met == ""


def test_the_table_says_how_it_was_made(tmp_path: Path) -> None:
    row = Row("work", Amount.of(2.0), Amount.of(4.0), least_ratio=1.5, note="a note")
    assert to_markdown([row]).splitlines()[-1] == "| work | 4 | 2 | s | 2 | ≥ 1.5 × | yes | a note |"
    write_csv(tmp_path / "speed.csv", [row], 60.0)
    text = (tmp_path / "speed.csv").read_text(encoding="utf-8")
    for name in ("command", "date", "duration", "machine", "versions"):
        assert f"# {name}: " in text
