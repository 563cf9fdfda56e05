"""The manifest of a run: the settings that shape its results, their fingerprint, and how a run is resumed."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from feii_dask.config.declarations import declarations_of
from feii_dask.config.missions import Mission, find_mission
from feii_dask.config.plugins import digest_of
from feii_dask.config.settings import Settings
from feii_dask.cubes.addresses import shown
from feii_dask.cubes.lines import find_lines
from feii_dask.detectors.registry import load_detector
from feii_dask.errors import FingerprintError, LineError, SettingsError
from feii_dask.model import Context, Line
from feii_dask.store.run_store import RunStore

__all__ = [
    "as_context",
    "create_run",
    "describe_run",
    "fingerprint",
    "include_kinds",
    "included_kinds",
    "resume_run",
    "validate_uris",
]

# Every setting that changes what a scan answers, or which cubes are scanned; all others may differ from one
# session of a run to the next.
SHAPING = tuple(name for name, declared in declarations_of(Settings).items() if declared.shapes_results)
PACKAGES = ("feii_dask", "dask", "distributed", "astropy", "astroquery", "numpy", "scipy", "pandas", "s3fs")


def as_context(settings: Settings, lines: tuple[Line, ...] | None = None) -> Context:
    """Return what all scans have in common, after checking that it exists.

    Parameters
    ----------
    settings : Settings
        The settings of the search.
    lines : tuple of Line, optional
        The lines of a run that is resumed, in place of the setting.

    Raises
    ------
    LineError
        If a line is unknown, or outside everything that the mission observes.
    DetectorError
        If the detector cannot be loaded.
    """
    mission = find_mission(settings.mission)
    options = mission.detector_options if settings.detector == mission.detector else {}
    load_detector(settings.detector, options)
    lines = lines or find_lines(*settings.lines)
    return Context(
        lines=validate_coverage(lines, mission),
        detector=settings.detector,
        detector_options=options,
        extension=settings.extension,
        storage_options=settings.storage_options,
    )


def validate_coverage(lines: tuple[Line, ...], mission: Mission) -> tuple[Line, ...]:
    """Return the lines, unless none of them can be in any cube of the mission."""
    shortest, longest = mission.coverage_um
    if not any(shortest <= line.wavelength_um <= longest for line in lines):
        names = ", ".join(f"{line.name} µm" for line in lines)
        raise LineError(f"no {mission.name} cube can hold {names}: they cover {shortest:g} to {longest:g} µm")
    return lines


def fingerprint(settings: Settings, context: Context, directory: Path | None = None) -> str:
    """Return a digest of all that shapes a run's results; equal runs have equal ones.

    An archive inside the run directory counts by its place there, so that the whole may be moved.
    """
    shape = {name: getattr(settings, name) for name in SHAPING}
    if settings.extension == find_mission(settings.mission).extension:
        del shape["extension"]  # as before there was a choice
    shape["archive"] = archive_name(settings, directory)
    if code := digest_of(settings.detector):  # of a user's own: what it is, not only what it is called
        shape["detector_sha256"] = code
    if table := targets_digest(settings, directory):
        shape["targets_sha256"] = table
    shape["lines"] = [(line.species, line.wavelength_um) for line in context.lines]
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()[:16]


def targets_digest(settings: Settings, directory: Path | None) -> str:
    """Return a digest of the user's table of objects; of one that is gone, what the run that is resumed has of it."""
    if not settings.targets:
        return ""
    try:
        return hashlib.sha256(Path(settings.targets).read_bytes()).hexdigest()
    except OSError:  # whoever reads it says so; a run that is resumed has its content
        has_run = directory is not None and (directory / "run.json").is_file()
        return str(RunStore(directory).manifest.get("targets_sha256", "")) if directory and has_run else ""


def archive_name(settings: Settings, directory: Path | None) -> str:
    """Return ``live``, or where the folder archive is: relative if it is inside the run directory."""
    if settings.archive == "live":
        return "live"
    folder = Path(settings.archive).resolve()
    if directory is not None and folder.is_relative_to(directory.resolve()):
        return str(folder.relative_to(directory.resolve()))
    return str(folder)


def create_run(settings: Settings, context: Context) -> RunStore:
    """Create the run directory that the settings name, or take that of an equal run."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    directory = Path(settings.resume or settings.out or f"feii-run-{stamp}")
    return RunStore.create(directory, describe_run(settings, context, directory))


def describe_run(settings: Settings, context: Context, directory: Path) -> dict[str, Any]:
    """Return the ``run.json`` of a new run, which explains it and lets it be resumed; it has no storage options."""
    shape = {name: getattr(settings, name) for name in SHAPING}
    return {
        "fingerprint": fingerprint(settings, context, directory),
        "targets_sha256": targets_digest(settings, directory),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": shape
        | {
            "archive": archive_name(settings, directory),
            "cluster": settings.cluster,
            "include": list(settings.include),
        },
        "lines": [as_json(line) for line in context.lines],
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        "queries": [],
        "counts": {},
    }


def as_json(line: Line) -> dict[str, Any]:
    """Return the known fields of a line; JSON has no NaN."""
    return {name: value for name, value in asdict(line).items() if value == value}  # noqa: PLR0124 - false for NaN


def resume_run(settings: Settings) -> tuple[Settings, Context]:
    """Return the settings and the context of the run that ``--resume`` names.

    Raises
    ------
    FingerprintError
        If an option of the command asks for something else than that run did.
    """
    directory = Path(str(settings.resume))
    manifest = RunStore.open(directory).manifest
    stored = stored_settings(manifest, directory)
    for name in SHAPING:
        asked = getattr(settings, name)
        if settings.sources.get(name) == "command line" and comparable(name, asked) != comparable(name, stored[name]):
            raise FingerprintError(
                f"the run in {str(directory)!r} has {name} {stored[name]!r}, not {asked!r}; "
                f"leave the option out to go on, or start a new run with --out"
            )
    lines = stored_lines(manifest)
    if settings.sources.get("lines") == "command line" and find_lines(*settings.lines) != lines:
        names = ", ".join(line.name for line in lines)
        raise FingerprintError(f"the run in {str(directory)!r} looks for {names}; leave --lines out to go on")
    if settings.sources.get("include") != "command line":
        stored["include"] = included_kinds(RunStore(directory))
    settings = replace(settings, **stored)
    return settings, as_context(settings, lines)


def included_kinds(run: RunStore) -> tuple[str, ...]:
    """Return the kinds of lines that make candidates of a run, beside extended ones.

    Raises
    ------
    SettingsError
        If ``run.json`` names kinds that do not exist.
    """
    stored = run.manifest.get("settings")
    value = stored.get("include") if isinstance(stored, Mapping) else None
    try:
        kinds: tuple[str, ...] = declarations_of(Settings)["include"].read(value)
    except ValueError as error:
        raise SettingsError(f"run.json in {run.directory} includes {value!r}; it may be {error}") from None
    return kinds


def include_kinds(run: RunStore, kinds: tuple[str, ...]) -> None:
    """Store which kinds of lines make candidates of a run, for whoever ranks it or opens it next."""
    if kinds != included_kinds(run):
        run.update_manifest(settings={**run.manifest["settings"], "include": list(kinds)})


def comparable(name: str, value: Any) -> Any:
    """Return a setting in the form in which runs are compared: one place has many paths."""
    is_place = name == "targets" or (name == "archive" and value != "live")
    return Path(value).resolve() if is_place and value else value


def validate_uris(uris: pd.Series[Any], archive: str) -> None:
    """Refuse matched cubes that are not where their archive keeps its cubes.

    A run directory may come from somebody else; resuming it must not read other files of its new owner.

    Parameters
    ----------
    uris : Series
        Where the cubes are; missing values are skipped.
    archive : str
        The run's archive: ``live``, or a directory.

    Raises
    ------
    SettingsError
        If one of them is on this machine and not inside the directory, or neither on S3 nor served by https.
    """
    folder = None if archive == "live" else Path(archive).resolve()
    for uri in uris.dropna():
        if folder is None:
            allowed = uri.startswith(("s3://", "https://"))
        else:
            allowed = "://" not in uri and Path(uri).resolve().is_relative_to(folder)
        if not allowed:
            raise SettingsError(
                f"a matched cube of the run is outside of its archive, {archive}: {shown(uri)}; "
                f"begin a new run with --out"
            )


def stored_settings(manifest: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    """Read the shaping settings of a manifest, checked like any other."""
    try:
        settings = manifest["settings"]
        stored = {"extension": find_mission(settings["mission"]).extension, **settings}  # earlier versions had no other
        shape = {name: stored[name] for name in SHAPING}
        archive = str(shape["archive"])
    except (KeyError, TypeError) as error:
        raise SettingsError(f"run.json in {str(directory)!r} lacks {error}; it is not a run of this program") from error
    if archive != "live" and not Path(archive).is_absolute():
        shape["archive"] = str(directory / archive)
        if not (directory / archive).resolve().is_relative_to(directory.resolve()):
            raise SettingsError(f"run.json in {str(directory)!r} names an archive outside of it: {archive}")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in shape.items()}


def stored_lines(manifest: Mapping[str, Any]) -> tuple[Line, ...]:
    """Read back the lines of a run, which may have come from a file that is gone."""
    try:
        return tuple(Line(**line) for line in manifest["lines"])
    except (KeyError, TypeError) as error:
        raise SettingsError(f"the lines in run.json cannot be read: {error}") from error
