"""A run that is resumed reads nothing but what its archive keeps."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import feii_dask as fd
from feii_dask.config.loading import load_settings
from feii_dask.config.settings import Settings
from feii_dask.errors import FingerprintError, SettingsError
from feii_dask.store.confirmation import validate_uris
from feii_dask.store.manifest import as_context, create_run, fingerprint, resume_run


@pytest.mark.parametrize(
    ("archive", "uri"),
    [
        ("sky", "/etc/passwd"),
        ("sky", "sky/../other/cube.fits"),
        ("sky", "sky/link/cube.fits"),
        ("sky", "file:///etc/passwd"),
        ("sky", "https://example.org/cube.fits"),
        ("live", "/etc/passwd"),
        ("live", "file:///etc/passwd"),
        ("live", "http://169.254.169.254/latest/meta-data"),
    ],
)
def test_cubes_outside_of_the_archive_are_refused(archive: str, uri: str) -> None:
    Path("sky").mkdir()
    Path("other").mkdir()
    Path("sky/link").symlink_to(Path("other").resolve())
    with pytest.raises(SettingsError, match="outside of its archive"):
        validate_uris(pd.Series([None, uri], dtype=object), Settings(archive=archive))


def test_cubes_inside_the_archive_are_taken() -> None:
    public = ["s3://stpubdata/a.fits", "https://mast.stsci.edu/b.fits", "s3://irsa-sofia/c.fits", None]
    validate_uris(pd.Series(public, dtype=object), Settings())
    inside = ["sky/cubes/a.fits", str(Path("sky/b.fits").absolute())]
    validate_uris(pd.Series(inside, dtype=object), Settings(archive="sky"))


@pytest.mark.parametrize(
    "uri",
    [
        "s3://private-data-of-yours/cube.fits",
        "https://intranet.example.org/cube.fits",
        "https://mast.stsci.edu@example.org/cube.fits",
        "https://mast.stsci.edu.example.org/cube.fits",
        "s3://stpubdata.example/cube.fits",
    ],
)
def test_servers_that_no_archive_has_are_confirmed_by_archive_live(uri: str) -> None:
    uris = pd.Series(["s3://stpubdata/a.fits", uri], dtype=object)
    with pytest.raises(SettingsError, match=r"neither with MAST nor with IRSA: .* add --archive live"):
        validate_uris(uris, Settings())
    validate_uris(uris, load_settings(archive="live"))


def test_a_place_is_the_same_by_another_path(sky: Path, client: object) -> None:
    Path("inner").mkdir()
    Path("link").symlink_to(sky)
    Path("mine.csv").write_text("name,ra,dec\na,1,2\n")
    fd.search(load_settings(archive=sky, targets="mine.csv", out="run", lines=["notebook"], limit=1), client)
    fd.search(load_settings(resume="run", archive="inner/../link", targets="inner/../mine.csv"), client)
    for asked in ({"archive": "inner"}, {"archive": "live"}, {"targets": "inner/mine.csv"}):
        with pytest.raises(FingerprintError, match=f"has {next(iter(asked))} "):
            fd.search(load_settings(resume="run", **asked), client)


def test_a_run_directory_of_somebody_else(sky: Path, client: object) -> None:
    fd.search(load_settings(archive=sky, out="run", lines=["notebook"], limit=1), client)
    matched = pd.read_parquet("run/tables/matched.parquet")
    matched.loc[0, "uri"] = "/etc/passwd"
    matched.to_parquet("run/tables/matched.parquet")
    with pytest.raises(SettingsError, match="/etc/passwd"):
        fd.search(load_settings(resume="run"), client)
    manifest = json.loads(Path("run/run.json").read_text())
    manifest["settings"]["archive"] = "../.."
    Path("run/run.json").write_text(json.dumps(manifest))
    with pytest.raises(SettingsError, match="names an archive outside of it"):
        fd.search(load_settings(resume="run"), client)


def test_a_run_that_is_resumed_includes_the_same_kinds_of_lines_unless_told() -> None:
    settings = load_settings(include=["compact"], out="run")
    create_run(settings, as_context(settings))
    assert resume_run(load_settings(resume="run"))[1].include == ("compact",)
    assert resume_run(load_settings(resume="run", include=["undecided"]))[1].include == ("undecided",)


def test_a_run_knows_what_its_detector_and_its_targets_are() -> None:
    Path("mine.csv").write_text("name,ra,dec\na,1,2\n")
    Path("own_detector.py").write_text("def extent(data):\n    return [0.0] * len(data)\n")
    settings = load_settings(targets="mine.csv", detector="own_detector:extent", out="run")
    context = as_context(settings)
    first = fingerprint(settings, context.lines)
    create_run(settings, context)
    Path("mine.csv").write_text("name,ra,dec\na,1,3\n")
    assert fingerprint(settings, context.lines) != first
    with pytest.raises(FingerprintError, match="with another detector or target file of the same name"):
        create_run(settings, context)
    Path("mine.csv").unlink()
    assert fingerprint(settings, context.lines, Path("run")) == first  # which is resumed without it
    Path("own_detector.py").write_text("def extent(data):\n    return [1.0] * len(data)\n")
    assert fingerprint(settings, context.lines, Path("run")) != first


def test_a_directory_that_is_called_as_our_detector_changes_no_fingerprint() -> None:
    settings = load_settings()
    lines = as_context(settings).lines
    before = fingerprint(settings, lines)
    for name in ("matched", "jwst"):
        Path(name).mkdir()
        Path(name, "__init__.py").touch()
    assert fingerprint(settings, lines) == before


def test_the_extension_that_is_the_missions_changes_no_fingerprint() -> None:
    plain, other = load_settings(), load_settings(extension="ERR")
    lines = as_context(plain).lines
    assert fingerprint(plain, lines) == fingerprint(load_settings(extension="SCI"), lines)
    assert fingerprint(plain, lines) != fingerprint(other, lines)
