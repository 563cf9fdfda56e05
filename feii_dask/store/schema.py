"""The schema of the run directory, and how to repeat a run that another version of feii_dask wrote."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from feii_dask.config.missions import MISSIONS, Mission
from feii_dask.config.settings import Settings
from feii_dask.cubes.lines import SETS, find_lines, name_to_find
from feii_dask.errors import SettingsError
from feii_dask.model import Line

__all__ = ["RUN_SCHEMA", "check_schema", "shipped_mission"]

# 1: tables/targets.parquet, and outcomes whose lists were texts; run.json had no schema. 2: outcomes without the kind
# of a line, its lobes and unidentified lines. 3: without the velocities that were searched for these, and their flags.
# 4: without errors of fluxes at the objects, and the frame of velocities; one target.
# 5: without sensitivities. 6: see `run_store`.
RUN_SCHEMA = 6


def check_schema(manifest: Mapping[str, Any], directory: Path) -> None:
    """Refuse a run that another version of the program wrote in another schema.

    Raises
    ------
    SettingsError
        The message has the version that wrote it, how to read the files, and the command that searches again.
    """
    schema = manifest.get("schema", 1)
    if schema == RUN_SCHEMA:
        return
    versions = manifest.get("versions")
    version = versions.get("feii_dask") if isinstance(versions, Mapping) else "(run.json does not say which)"
    is_old = isinstance(schema, int) and schema < RUN_SCHEMA
    advice = search_advice(manifest, directory) if is_old else ("update feii_dask to use it",)
    raise SettingsError(
        f"{directory} was written by feii_dask {version} with schema {schema}, and this version reads schema "
        f"{RUN_SCHEMA}. The parquet files in its tables and outcomes open with pandas.read_parquet; {advice[0]}",
        *advice[1:],
    )


def search_advice(manifest: Mapping[str, Any], directory: Path) -> tuple[str, ...]:
    """Return lines that say how to search again; code that a run names is left to who knows it."""
    stored = manifest.get("settings")
    settings = dict(stored) if isinstance(stored, Mapping) else {}
    named = {name: settings.pop(name) for name in ("detector", "mission") if ":" in str(settings.get(name, ""))}
    code = shlex.join(f"--{name}={value}" for name, value in named.items())
    advice = ("search again:", f"  {search_command(settings, manifest.get('lines'), directory)}")
    return (*advice, f"with {code} if you know that code") if named else advice


def search_command(settings: dict[str, Any], lines: Any, directory: Path) -> str:
    """Return the command that repeats a run: what differs from the defaults, quoted for a shell."""
    archive = settings.get("archive", "live")
    if archive != "live":
        settings["archive"] = str(directory / str(archive))  # which leaves an absolute path as it is
    words = [*options(settings), *line_options(lines, settings), "--out", "NEW"]
    return shlex.join(["feii-dask", "search", *words])


def options(settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield the options that differ from the defaults, but for ``--lines``."""
    defaults = {field.name: getattr(Settings(), field.name) for field in fields(Settings)}
    if mission := shipped_mission(settings):
        defaults |= {"detector": mission.detector, "extension": mission.extension}
    for name, value in settings.items():
        values = value if isinstance(value, list) else [value]
        if name not in defaults or value is None or tuple(values) in (defaults[name], (defaults[name],)):
            continue
        for item in values:
            yield f"--{name.replace('_', '-')}"
            if item is not True:
                yield str(item)


def line_options(lines: Any, settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield ``--lines`` with the sets and names of a run's lines, unless these are its mission's."""
    with suppress(TypeError, ValueError):
        rest = [Line(**line) for line in lines]
        mission = shipped_mission(settings)
        if mission and keys(rest) == keys(find_lines(*mission.lines)):
            return
        for name, members in SETS.items():
            if keys(members) <= keys(rest):
                yield from ("--lines", name)
                rest = [line for line in rest if not keys([line]) <= keys(members)]
        names = {name_to_find(line) or "TABLE": None for line in rest}
        for name in names:
            yield from ("--lines", name)


def shipped_mission(settings: Mapping[str, Any]) -> Mission | None:
    """Return a run's mission if feii_dask ships it; a module that a manifest names is not imported for a message."""
    return MISSIONS.get(str(settings.get("mission", "")).lower())


def keys(lines: Iterable[Line]) -> set[tuple[str, float]]:
    """Return species and wavelengths, which identify lines."""
    return {(line.species, line.wavelength_um) for line in lines}
