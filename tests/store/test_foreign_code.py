"""No code of somebody else's run directory is run."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

import feii_dask as fd
from feii_dask.config.plugins import import_named
from feii_dask.errors import SettingsError
from feii_dask.store.manifest import as_context, create_run, resume_run
from tests.store.foreign import call, make_foreign_run, plant_code

COMMANDS = (
    ("search", "--resume", ".", "--dry-run"),
    ("rank", "."),
    ("report", "."),
)


@pytest.fixture(autouse=True)
def own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the path and the modules of the tests as they were."""
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place not in ("", ".")])
    monkeypatch.delitem(sys.modules, "evil", raising=False)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("changed", [{"detector": "evil:Found"}, {"mission": "evil:Found"}], ids=str)
def test_code_that_a_run_names_is_not_run(
    command: tuple[str, ...], changed: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_foreign_run(tmp_path / "run", **changed).directory
    plant_code(run, tmp_path / "canary")
    monkeypatch.chdir(run)
    done = call(*command)
    assert not (tmp_path / "canary").exists()
    if command[0] == "search":
        name, value = next(iter(changed.items()))
        assert done.exit_code == 2
        assert f"repeat it, --{name} {value}" in done.stderr
    else:
        assert done.exit_code == 0


def test_nothing_is_imported_from_a_run_even_if_the_user_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_foreign_run(tmp_path / "run", detector="evil:Found").directory
    plant_code(run, tmp_path / "canary")
    for place, name in ((run, "."), (run / "tables", ".."), (tmp_path, "run")):
        monkeypatch.chdir(place)
        monkeypatch.syspath_prepend(str(run))
        done = call("search", "--resume", name, "--detector", "evil:Found", "--dry-run")
        assert done.exit_code == 2
        assert "lies in a run directory" in done.stderr
        assert not (tmp_path / "canary").exists()


def test_a_run_directory_does_not_come_onto_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make_foreign_run(tmp_path / "run").directory)
    import_named("math:pi")
    fd.detectors.load_detector("notebook")
    assert str(tmp_path / "run") not in sys.path


def test_the_users_own_detector_is_taken_when_it_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plant_code(tmp_path, tmp_path / "canary")
    make_foreign_run(tmp_path / "run", detector="evil:Found")  # whose fingerprint holds what the code is
    assert not (tmp_path / "canary").exists()
    assert call("search", "--resume", "run", "--detector", "evil:Found", "--dry-run").exit_code == 0
    assert "evil" in (tmp_path / "canary").read_text()


def test_the_fingerprint_is_checked_before_anything_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_foreign_run(tmp_path / "run").directory
    manifest = json.loads((run / "run.json").read_text())
    manifest["settings"]["detector"] = "evil:Found"
    (run / "run.json").write_text(json.dumps(manifest))
    plant_code(tmp_path, tmp_path / "canary")
    monkeypatch.chdir(tmp_path)
    done = call("search", "--resume", "run", "--detector", "evil:Found", "--dry-run")
    assert done.exit_code == 2
    assert "fingerprint" in done.stderr
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("command", COMMANDS[:2], ids=" ".join)
def test_settings_that_came_with_a_run_are_not_taken_unless_they_are_named(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_foreign_run(tmp_path / "run").directory
    plant_code(run, tmp_path / "canary")
    (run / "cluster.yaml").write_text("feii-dask: {mission: 'evil:Found'}\n")
    monkeypatch.chdir(run)
    done = call(*command)
    assert (done.exit_code, "--config cluster.yaml" in done.stderr) == (2, True)
    assert not (tmp_path / "canary").exists()


def test_ones_own_settings_beside_ones_own_run_are_taken_when_they_are_named(
    sky: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = fd.load_settings(archive=sky, out="run")
    create_run(settings, as_context(settings))
    Path("run/cluster.yaml").write_text("feii-dask: {limit: 3}\n")
    monkeypatch.chdir("run")
    with pytest.raises(SettingsError, match=r"give --config cluster\.yaml") as caught:
        fd.load_settings(resume=".")
    assert "\n" not in str(caught.value)
    assert resume_run(fd.load_settings("cluster.yaml", resume="."))[1].limit == 3


@pytest.mark.parametrize(
    ("text", "is_taken"),
    [
        ('{"program": "of others", "schema": 5}', True),
        ("[1, 2]", True),
        ('{"schema": 5, "fingerprint": "0"}', False),
        ('{"schema": 5, "\\u0066ingerprint": "0"}', False),
        ("no JSON", False),  # which cannot be told from a damaged run
        ("[" * 100_000, False),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_file_of_another_program_above_makes_no_run(
    text: str, is_taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("run.json").write_text(text)
    Path("inner/deep").mkdir(parents=True)
    Path("inner/deep/cluster.yaml").write_text("feii-dask: {limit: 3}\n")
    monkeypatch.chdir("inner/deep")
    if is_taken:
        assert fd.load_settings().limit == 3
    else:
        with pytest.raises(SettingsError, match="lies in a run directory"):
            fd.load_settings()
    for place in ("../..", str(Path("../..").resolve())):  # whatever it holds: it is taken for a run
        with pytest.raises(SettingsError, match="lies in a run directory"):
            fd.load_settings(resume=place)


def test_a_run_without_a_fingerprint_is_none(tmp_path: Path) -> None:
    run = make_foreign_run(tmp_path / "run").directory
    manifest = json.loads((run / "run.json").read_text())
    del manifest["fingerprint"]
    (run / "run.json").write_text(json.dumps(manifest))
    for words in (("rank", str(run)), ("report", str(run)), ("search", "--resume", str(run))):
        done = call(*words)
        assert (done.exit_code, "has no fingerprint" in done.stderr) == (4, True)


@pytest.mark.parametrize(
    "section",
    [
        "distributed: {worker: {preload: [evil.py]}}",
        "distributed: {scheduler: {preload-argv: [--x]}}",
        "distributed: {nanny: {preload: evil.py}}",
        "distributed: {nanny: {pre-spawn-environ: {PYTHONSTARTUP: evil.py}}}",
        "distributed: {scheduler: {http: {routes: [evil]}}}",
        "gateway: {auth: {type: evil.Auth}}",
    ],
)
def test_a_settings_file_that_is_merely_there_has_dask_load_no_code(section: str) -> None:
    Path("cluster.yaml").write_text(section)
    with pytest.raises(SettingsError, match=r"settings are code.*--config cluster\.yaml"):
        fd.load_settings()
    assert fd.load_settings("cluster.yaml").mission == "jwst"


@pytest.mark.parametrize("kind", ["file", "pipe"])
def test_a_style_of_figures_that_came_with_a_run_is_not_taken(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_foreign_run(tmp_path / "run").directory
    if kind == "pipe":
        os.mkfifo(run / "matplotlibrc")  # for which the import of matplotlib would wait
    else:
        (run / "matplotlibrc").write_text("backend: module://evil\ntext.usetex: True\n")
    monkeypatch.chdir(run)
    for words in (*COMMANDS, ("scan", "cube.fits", "--plot")):
        done = call(*words)
        assert (done.exit_code, "work in another directory" in done.stderr) == (2, True)
    monkeypatch.chdir(tmp_path)
    assert call("report", "run").exit_code == 0


def test_a_foreign_run_reads_no_other_cubes_unless_their_place_is_repeated(tmp_path: Path) -> None:
    (tmp_path / "cubes").mkdir()
    run = make_foreign_run(tmp_path / "run", archive=str(tmp_path)).directory
    words = ("search", "--resume", str(run), "--dry-run")
    done = call(*words)
    assert (done.exit_code, f"--archive {tmp_path}" in done.stderr) == (2, True)
    repeated = call(*words, "--archive", str(tmp_path))
    assert "s3://stpubdata/cube.fits" in repeated.stderr  # which is not inside, and is refused as before


def test_a_foreign_run_reads_no_table_of_objects_unless_it_is_repeated(tmp_path: Path) -> None:
    (tmp_path / "private.csv").write_text("name,ra,dec\nsecret,1,2\n")
    run = make_foreign_run(tmp_path / "run", targets=str(tmp_path / "private.csv")).directory
    shutil.rmtree(run / "tables")
    done = call("search", "--resume", str(run))
    assert (done.exit_code, "repeat it, --targets" in done.stderr) == (2, True)


def test_a_run_of_ones_own_goes_on_without_repeating_its_archive(sky: Path) -> None:
    settings = fd.load_settings(archive=sky, out="run")
    create_run(settings, as_context(settings))
    assert resume_run(fd.load_settings(resume="run"))[1].archive == str(sky)
