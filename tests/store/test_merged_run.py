"""Several runs become one: what they share stands once, and what cannot be one is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import feii_dask as fd
from feii_dask.cli import main
from feii_dask.errors import SettingsError
from feii_dask.model import Line, Outcome, Status
from feii_dask.store.merged_run import merge_runs
from feii_dask.store.run_store import RunStore
from tests.runs import make_matched, make_ysos

MakeRun = Callable[..., RunStore]


@pytest.fixture
def make_run(tmp_path: Path, lines: tuple[Line, ...]) -> MakeRun:
    """Write a run of some outcomes; the objects have other labels in each."""

    def make(name: str, insiders: dict[str, list[str]], outcomes: list[Outcome], **manifest: object) -> RunStore:
        known = {
            "fingerprint": name,
            "settings": {"mission": "jwst", "detector": "matched", "extension": "SCI", "include": []},
            "lines": [{"species": line.species, "wavelength_um": line.wavelength_um} for line in lines],
            "counts": {"to_scan": len(insiders)},
        }
        store = RunStore.create(tmp_path / name, known | manifest)
        names = sorted({one for inside in insiders.values() for one in inside})
        ysos = make_ysos(int(one) for one in names).assign(main_id=names).reset_index(drop=True)
        label = {one: number for number, one in enumerate(names)}
        matched = make_matched({obs_id: [label[one] for one in inside] for obs_id, inside in insiders.items()})
        matched["yso_names"] = list(insiders.values())
        store.write_tables(ysos=ysos, observations=matched[["obs_id"]], matched=matched)
        with store.writer() as writer:
            for outcome in outcomes:
                writer.add(outcome)
        return store

    return make


def at(outcome: Outcome, *objects: int) -> Outcome:
    return replace(
        outcome,
        detections=tuple(
            replace(d, on_data=objects, flux_sigma_beam=(1e-19,) * len(objects), flux_sigma_jet=(2e-19,) * len(objects))
            for d in outcome.detections
        ),
    )


@pytest.fixture
def two(make_run: MakeRun, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]) -> list[Path]:
    """Runs that share the cubes b, of other objects in each, and c, which failed in the second."""
    one = make_run(
        "one",
        {"a": ["1"], "b": ["2"], "c": ["2"]},
        [
            at(outcome_of("a", lines, detected=lines, cutouts=True), 0),
            at(outcome_of("b", lines), 1),
            at(outcome_of("c", lines, detected=lines[:1], cutouts=True), 1),
        ],
    )
    other = make_run(
        "other",
        {"b": ["0", "2"], "c": ["2"], "d": ["3"]},
        [
            at(outcome_of("b", lines), 0, 1),
            outcome_of("c", lines, status=Status.TIMEOUT),
            at(outcome_of("d", lines), 2),
        ],
    )
    return [one.directory, other.directory]


def test_what_runs_share_stands_once(two: list[Path], tmp_path: Path) -> None:
    merged = merge_runs(two, tmp_path / "new")
    result = fd.open_run(merged.directory)
    names = result.ysos["main_id"]
    assert sorted(names) == ["0", "1", "2", "3"]
    inside = {row["obs_id"]: {names[i] for i in row["yso_index"]} for row in result.matched.to_dict("records")}
    assert inside == {"a": {"1"}, "b": {"0", "2"}, "c": {"2"}, "d": {"3"}}
    assert [list(row["yso_names"]) for row in result.matched.to_dict("records") if row["obs_id"] == "b"] == [["2", "0"]]
    assert set(result.outcomes.query("obs_id == 'c'")["status"]) == {"scanned"}
    assert not result.outcomes.duplicated(["obs_id", "line"]).any()
    on_data = result.outcomes.query("obs_id == 'b'")["on_data"]
    assert all({names[i] for i in objects} == {"0", "2"} for objects in on_data)
    assert merged.manifest["counts"]["in_several_runs"] == 2
    assert merged.manifest["counts"]["to_scan"] <= merged.manifest["counts"]["matched"] == 4
    assert merged.cutout("a", "Fe II 5.340").line.name == "Fe II 5.340"
    assert list(result.candidates["main_id"]) == ["1"]


@pytest.mark.parametrize("which", [0, 1])
def test_the_runs_stay_as_they_are(two: list[Path], tmp_path: Path, which: int) -> None:
    before = {path: path.stat().st_mtime_ns for path in two[which].rglob("*") if path.is_file()}
    merge_runs(two, tmp_path / "new")
    assert {path: path.stat().st_mtime_ns for path in two[which].rglob("*") if path.is_file()} == before


def test_the_order_matters_to_labels_alone(two: list[Path], tmp_path: Path) -> None:
    one, other = (fd.open_run(merge_runs(runs, tmp_path / str(n)).directory) for n, runs in enumerate((two, two[::-1])))
    columns = ["obs_id", "line", "status", "detected", "statistic"]
    pd.testing.assert_frame_equal(one.outcomes[columns], other.outcomes[columns])
    for name in ("main_id", "n_lines", "lines"):
        assert list(one.candidates[name]) == list(other.candidates[name])
    limits = [sorted(zip(r.limits["main_id"], r.limits["flux_sigma"].value, strict=True)) for r in (one, other)]
    assert limits[0] == limits[1]
    assert np.isfinite([sigma for _, sigma in limits[0]]).all()


def test_the_command_ranks_and_reports(two: list[Path]) -> None:
    done = CliRunner().invoke(main, ["merge", *map(str, two), "--out", "new"])
    assert done.exit_code == 0, done.output
    for name in ("candidates.ecsv", "summary.vot", "report.html"):
        assert Path("new", name).is_file()
    assert "one" in Path("new/report.html").read_text()


def refused(*words: object) -> str:
    done = CliRunner().invoke(main, ["merge", *map(str, words)])
    assert done.exit_code == 2
    assert len(done.output.strip().splitlines()) == 1
    return done.output


def test_what_cannot_be_merged_is_refused(two: list[Path], make_run: MakeRun, tmp_path: Path) -> None:
    assert "named twice" in refused(two[0], two[0], "--out", "new")
    assert "two runs or more" in refused(two[0], "--out", "new")
    assert "is one of the runs" in refused(*two, "--out", two[1])
    assert "holds no run" in refused(two[0], tmp_path / "nowhere", "--out", "new")
    Path("full").mkdir()
    Path("full/mine.txt").write_text("")
    assert "is not empty" in refused(*two, "--out", "full")
    settings = {"mission": "jwst", "detector": "notebook", "extension": "SCI"}
    another = make_run("notebooks", {"a": ["1"]}, [], settings=settings).directory
    message = refused(two[0], another, "--out", "new")
    assert "'matched'" in message
    assert "'notebook'" in message
    fewer = make_run("fewer", {"a": ["1"]}, [], lines=[{"species": "H2", "wavelength_um": 9.66491}]).directory
    message = refused(two[0], fewer, "--out", "new")
    assert "H2 9.66491" in message
    assert "Fe II 5.34017" in message
    assert "and 1 more" in message
    assert not Path("new").exists()


def test_a_merged_run_holds_nothing_that_speaks_for_one_of_them(
    make_run: MakeRun, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome], tmp_path: Path
) -> None:
    settings = {"mission": "evil:X", "detector": "evil:X", "extension": "SCI", "include": [], "targets": None}
    mine = {"signature": "ab" * 32, "seals": {"candidates.ecsv": "cd"}, "ranked": {"parts": 1}, "evil": "anything"}
    runs = [
        make_run(name, {name: ["1"]}, [outcome_of(name, lines)], settings=settings | {"archive": archive}, **mine)
        for name, archive in (("mine", "/home/me/cubes"), ("foreign", "/"))
    ]
    manifest = merge_runs([run.directory for run in runs], tmp_path / "new").manifest
    assert not {*mine} & {*manifest}
    assert not {"archive", "targets"} & {*manifest["settings"]}
    done = CliRunner().invoke(main, ["search", "--resume", str(tmp_path / "new")])
    assert (done.exit_code, "was merged from other runs" in done.output) == (2, True)


@pytest.mark.parametrize("odd", [{"not_searched": [{}, {"main_id": ["x"]}]}, {"lines": [{"wavelength_um": "far"}]}])
def test_odd_manifests_are_merged_or_refused_with_a_message(
    odd: dict[str, object],
    make_run: MakeRun,
    lines: tuple[Line, ...],
    outcome_of: Callable[..., Outcome],
    tmp_path: Path,
) -> None:
    runs = [make_run(name, {name: ["1"]}, [outcome_of(name, lines)], **odd).directory for name in ("one", "two")]
    done = CliRunner().invoke(main, ["merge", *map(str, runs), "--out", "new"])
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    if done.exit_code == 0:
        fd.open_run("new")


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("column", ["yso_names", "edge_arcsec"])
def test_what_one_of_the_tables_lacks_the_merged_one_lacks(column: str, which: int, two: list[Path]) -> None:
    path = two[which] / "tables" / "matched.parquet"
    pd.read_parquet(path).drop(columns=column, errors="ignore").to_parquet(path)
    if column == "edge_arcsec":
        path = two[1 - which] / "tables" / "matched.parquet"
        matched = pd.read_parquet(path)
        matched.assign(edge_arcsec=matched["separation_arcsec"]).to_parquet(path)
    merged = merge_runs(two, Path("new")).read_tables().matched
    assert column not in merged
    assert len(merged) == 4


def test_a_run_that_is_there_already_is_not_taken_for_the_new_one(two: list[Path]) -> None:
    merge_runs(two, Path("new"))
    assert "holds a run already" in refused(*two, "--out", "new")


def test_a_run_without_tables_is_refused(two: list[Path], tmp_path: Path) -> None:
    RunStore.create(tmp_path / "begun", {"fingerprint": "f", "settings": {}})
    with pytest.raises(SettingsError, match="no tables yet"):
        merge_runs([two[0], tmp_path / "begun"], tmp_path / "new")
