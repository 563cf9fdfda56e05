"""The manifest of a run: the settings that shape its results, their fingerprint, and how a run is resumed."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from feii_dask.config.declarations import declarations_of
from feii_dask.config.missions import Mission, find_mission
from feii_dask.config.plugins import digest_of
from feii_dask.config.run_places import RUN_FILE
from feii_dask.config.settings import Settings
from feii_dask.cubes.lines import find_lines
from feii_dask.detectors.registry import load_detector
from feii_dask.errors import FingerprintError, LineError, SettingsError
from feii_dask.model import Context, Line
from feii_dask.store.confirmation import refuse_unconfirmed
from feii_dask.store.run_files import real_path
from feii_dask.store.run_store import RunStore
from feii_dask.store.schema import shipped_mission
from feii_dask.store.signature import sign

__all__ = [
    "as_context",
    "create_run",
    "describe_run",
    "fingerprint",
    "include_kinds",
    "included_kinds",
    "resume_run",
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


def fingerprint(settings: Settings, lines: tuple[Line, ...], directory: Path | None = None) -> str:
    """Return a digest of all that shapes a run's results; equal runs have equal ones.

    An archive inside the run directory counts by its place there, so that the whole may be moved. It tells runs apart;
    it is no key, and nothing that must be safe rests on it. A user's code is read for it, and not imported.

    Raises
    ------
    SettingsError
        If that code lies in a run directory, or cannot be read.
    """
    shape = {name: getattr(settings, name) for name in SHAPING}
    mission = shipped_mission(shape)
    if mission and settings.extension == mission.extension:
        del shape["extension"]  # as before there was a choice
    shape["archive"] = archive_name(settings, directory)
    for name in ("mission", "detector"):  # of a user's own: what they are, not only what they are called
        if code := code_digest(getattr(settings, name)):
            shape[f"{name}_sha256"] = code
    if table := targets_digest(settings, directory):
        shape["targets_sha256"] = table
    shape["lines"] = [(line.species, line.wavelength_um) for line in lines]
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()[:16]


def code_digest(name: str) -> str:
    """Return a digest of a user's code, without importing it; empty for ours."""
    try:
        return digest_of(name)
    except (ImportError, OSError) as error:
        raise SettingsError(f"{name!r} cannot be imported: {error}") from error


def targets_digest(settings: Settings, directory: Path | None) -> str:
    """Return a digest of the user's table of objects.

    A run has its content: of a table that is gone, or is not repeated when the run is resumed, it says what it was.
    """
    if not settings.targets:
        return ""
    if not settings.resume or settings.sources.get("targets") == "command line":
        with suppress(OSError):  # whoever reads it says so
            return hashlib.sha256(Path(settings.targets).read_bytes()).hexdigest()
    has_run = directory is not None and (directory / RUN_FILE).is_file()
    return str(RunStore(directory).manifest.get("targets_sha256", "")) if directory and has_run else ""


def archive_name(settings: Settings, directory: Path | None) -> str:
    """Return ``live``, or where the folder archive is: relative if it is inside the run directory."""
    if settings.archive == "live":
        return "live"
    folder = real_path(settings.archive)
    if directory is not None and folder.is_relative_to(real_path(directory)):
        return str(folder.relative_to(real_path(directory)))
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
        "fingerprint": fingerprint(settings, context.lines, directory),
        "targets_sha256": targets_digest(settings, directory),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "signature": sign(str(settings.archive)),
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


def resume_run(settings: Settings) -> tuple[RunStore, Settings, Context]:
    """Return the run that ``--resume`` names, with its settings and its context.

    Raises
    ------
    FingerprintError
        If an option of the command asks for something else than that run did, or ``run.json`` was changed.
    SettingsError
        If it names code, or cubes outside of it that the user never named, and the command does not repeat them.
    """
    directory = Path(str(settings.resume))
    run = RunStore.open(directory)
    manifest, sources = run.manifest, settings.sources
    if "merged" in manifest:
        raise SettingsError(f"{directory} was merged from other runs: resume those that are not done, and merge again")
    asked = {name: getattr(settings, name) for name in SHAPING if sources.get(name) == "command line"}
    stored, lines = stored_settings(manifest, directory), stored_lines(manifest)
    for name, value in asked.items():
        if comparable(name, value) != comparable(name, stored[name]):
            raise FingerprintError(
                f"the run in {str(directory)!r} has {name} {stored[name]!r}, not {value!r}; "
                f"leave the option out to go on, or start a new run with --out"
            )
    if sources.get("lines") == "command line" and find_lines(*settings.lines) != lines:
        names = ", ".join(line.name for line in lines)
        raise FingerprintError(f"the run in {str(directory)!r} looks for {names}; leave --lines out to go on")
    if sources.get("include") != "command line":
        stored["include"] = included_kinds(run)
    settings = replace(settings, **stored)
    refuse_unconfirmed(manifest, stored, asked, directory)
    run.refuse_other_run(fingerprint(settings, lines, directory))
    if stored["targets"] and "targets" not in asked and not run.has_tables:
        raise SettingsError(
            f"the run in {str(directory)!r} has not read its table of objects yet: if it is the one that you mean, "
            f"repeat it, --targets {stored['targets']}"
        )
    return run, settings, as_context(settings, lines)


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
    return real_path(value) if is_place and value else value


def stored_settings(manifest: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    """Read the shaping settings of a manifest, checked like any other.

    Raises
    ------
    SettingsError
        If one is missing or cannot be taken, or the archive is beside the directory.
    """
    where, given = f"run.json in {str(directory)!r}", manifest.get("settings", {})
    shape: dict[str, Any] = {}
    if mission := shipped_mission(given):
        given = {"extension": mission.extension, **given}  # earlier versions had no other
    for name in SHAPING:
        if name not in given:
            raise SettingsError(f"{where} lacks {name!r}; it is not a run of this program")
        try:
            shape[name] = declarations_of(Settings)[name].read(given[name])
        except ValueError as error:
            raise SettingsError(f"{where} has {name} {given[name]!r:.60}, and takes {error}") from None
    archive = shape["archive"]
    if archive != "live" and not Path(archive).is_absolute():
        shape["archive"] = str(directory / archive)
        if not real_path(directory / archive).is_relative_to(real_path(directory)):
            raise SettingsError(f"{where} names an archive outside of it: {archive}")
    return shape


def stored_lines(manifest: Mapping[str, Any]) -> tuple[Line, ...]:
    """Read back the lines of a run, which may have come from a file that is gone."""
    try:
        lines = tuple(Line(**line) for line in manifest["lines"])
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(f"the lines in run.json cannot be read: {error}") from error
    texts = [text for line in lines for text in (line.species, line.transition, line.note)]
    if not lines or not all(isinstance(text, str) for text in texts):
        raise SettingsError("the lines in run.json cannot be read: there are none, or a name of one is no text")
    return lines
