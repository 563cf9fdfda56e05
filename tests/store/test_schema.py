"""A run of another version is refused, with the command that repeats it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

import feii_dask as fd
from feii_dask.cli import main
from feii_dask.config.loading import load_settings
from feii_dask.cubes.lines import FE_II_LINES, H2_LINES, NOTEBOOK_LINES, find_lines
from feii_dask.errors import SettingsError
from feii_dask.model import Line
from feii_dask.store.run_store import RunStore
from feii_dask.store.schema import RUN_SCHEMA

DEFAULTS = {
    "mission": "jwst",
    "archive": "live",
    "otype": "Y*O..",
    "target": None,
    "targets": None,
    "instrument": [],
    "filters": [],
    "proposal_id": [],
    "pad_arcsec": 0.0,
    "proper_motion": False,
    "fallback": None,
    "detector": "matched",
    "cluster": "local",
}


def write_old_run(directory: Path, lines: tuple[Line, ...] = FE_II_LINES, **settings: Any) -> Path:
    """Write what a version without a schema number left: other tables, and outcomes with joined texts."""
    for folder in ("tables", "outcomes", "cutouts"):
        (directory / folder).mkdir(parents=True)
    manifest = {
        "fingerprint": "61ed1ca910a4eb0b",
        "settings": DEFAULTS | settings,
        "lines": [{"species": line.species, "wavelength_um": line.wavelength_um, "note": ""} for line in lines],
        "versions": {"python": "3.11.2", "feii_dask": "0.0.9"},
        "counts": {},
    }
    (directory / "run.json").write_text(json.dumps(manifest))
    targets = pd.DataFrame({"obs_id": ["obs0"], "uri": ["s3://bucket/cube.fits"], "yso_index": [[0]]})
    for name in ("ysos", "observations", "targets"):
        targets.to_parquet(directory / "tables" / f"{name}.parquet")
    outcomes = pd.DataFrame({"obs_id": ["obs0"], "null_p_values": ["0.01235;1e-05"], "flags": ["edge;broad"]})
    outcomes.to_parquet(directory / "outcomes" / "part-00000001.parquet")
    return directory


def files_of(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def command_in(message: str) -> list[str]:
    """Return the words of the command that a message ends with."""
    program, verb, *words = shlex.split(message.splitlines()[-1])
    assert (program, verb) == ("feii-dask", "search")
    return words


@pytest.mark.parametrize(
    "words",
    [
        ["rank", "old"],
        ["report", "old"],
        ["search", "--resume", "old"],
        ["search", "--resume", "old", "--dry-run"],
        ["search", "--archive", "SKY", "--out", "old"],
        ["demo", "--out", "old"],
    ],
    ids=" ".join,
)
def test_an_old_run_is_refused_with_what_to_do_and_left_alone(words: list[str], sky: Path) -> None:
    before = files_of(write_old_run(Path("old"), mission="sofia", target="Sgr A*"))
    result = CliRunner().invoke(main, [word.replace("SKY", str(sky)) for word in words])
    assert result.exit_code == 2
    assert result.stderr.count("feii-dask: ") == 1
    for words_of_it in ("old was written by feii_dask 0.0.9", "open with pandas.read_parquet", "'Sgr A*'"):
        assert words_of_it in result.stderr
    assert command_in(result.stderr)[-2:] == ["--out", "NEW"]
    assert files_of(Path("old")) == before


def asked_by(directory: Path) -> fd.Settings:
    """Return the settings of the command that stands in the message."""
    with pytest.raises(SettingsError, match=r"written by feii_dask 0\.0\.9") as caught:
        fd.open_run(directory)
    options = main.commands["search"].make_context("search", command_in(str(caught.value))).params
    return load_settings(**options)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"target": "[MR2008] it's; $HOME `x`", "pad_arcsec": 2.5, "proper_motion": True},
        {"mission": "sofia", "detector": "grating", "instrument": ["FIFI-LS"]},
        {"mission": "sofia", "detector": "matched"},
        {"filters": ["CH1-SHORT", "CH1-LONG"], "proposal_id": ["01290"], "fallback": "https"},
        {"targets": "my objects.csv", "otype": "TT*"},
        {"archive": "/data/cubes"},
    ],
)
def test_the_command_asks_for_what_the_run_asked(settings: dict[str, Any]) -> None:
    asked = asked_by(write_old_run(Path("old"), **settings))
    expected = DEFAULTS | settings
    if asked.targets:
        expected["targets"] = str(Path(expected["targets"]).absolute())
    expected["target"] = [expected["target"]] if expected["target"] else []  # of several names, since
    found = {name: getattr(asked, name) for name in DEFAULTS}
    assert {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()} == expected


def test_the_command_leaves_out_what_is_the_default() -> None:
    with pytest.raises(SettingsError) as caught:
        fd.open_run(write_old_run(Path("old"), mission="sofia", detector="grating", lines=find_lines("fifi")))
    assert command_in(str(caught.value)) == ["--mission", "sofia", "--out", "NEW"]


def test_an_archive_inside_the_run_is_searched_where_it_is() -> None:
    assert asked_by(write_old_run(Path("old"), archive="sky")).archive == "old/sky"


@pytest.mark.parametrize(
    "lines",
    [
        FE_II_LINES,
        NOTEBOOK_LINES,
        FE_II_LINES[2:5],
        (*FE_II_LINES, *H2_LINES),
        (*H2_LINES, FE_II_LINES[0]),
        find_lines("hi", "CO 2-1 R(4)"),
    ],
    ids=["default", "notebook", "some", "two sets", "a set and one", "of the catalogue"],
)
def test_the_command_looks_for_the_same_lines(lines: tuple[Line, ...]) -> None:
    found = find_lines(*asked_by(write_old_run(Path("old"), lines)).lines)
    assert {(line.species, line.wavelength_um) for line in found} == {(n.species, n.wavelength_um) for n in lines}


def test_lines_of_a_table_are_asked_for_by_a_table() -> None:
    lines = (FE_II_LINES[0], Line("Xx I", 3.3), Line("Xx II", 4.4))
    assert asked_by(write_old_run(Path("old"), lines)).lines == (FE_II_LINES[0].name, "TABLE")


def test_a_newer_run_is_refused(store: RunStore) -> None:
    store.update_manifest(schema=RUN_SCHEMA + 1, versions={"feii_dask": "9.0"})
    message = rf"feii_dask 9\.0 with schema {RUN_SCHEMA + 1}, .* reads schema {RUN_SCHEMA}.* update feii_dask"
    with pytest.raises(SettingsError, match=message):
        fd.open_run(store.directory)


def test_a_run_without_kinds_of_lines_is_refused(store: RunStore) -> None:
    store.update_manifest(schema=2, versions={"feii_dask": "0.1.0"})
    with pytest.raises(SettingsError, match=r"0\.1\.0 with schema 2, .*pandas\.read_parquet; search again"):
        fd.open_run(store.directory)


@pytest.mark.parametrize("manifest", [{}, {"settings": "all", "lines": "none", "versions": 1}])
def test_a_manifest_of_something_else_is_refused_too(manifest: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps(manifest))
    with pytest.raises(SettingsError, match=r"run\.json does not say which"):
        fd.open_run(tmp_path)


def test_code_that_a_run_names_is_no_part_of_the_command(tmp_path: Path) -> None:
    directory = write_old_run(tmp_path / "old", detector="evil:X", mission="worse:Y", instrument=["MIRI"])
    with pytest.raises(SettingsError) as caught:
        RunStore.open(directory)
    *_, command, advice = str(caught.value).splitlines()
    assert command_in(command) == ["--instrument", "MIRI", "--lines", "feii", "--out", "NEW"]
    assert advice == "with --detector=evil:X --mission=worse:Y if you know that code"
