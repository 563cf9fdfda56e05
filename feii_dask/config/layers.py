"""Layers of settings, merged one by one, so that every value remembers where it came from.

Each beats those before it: the packaged defaults, which are the declarations', Dask's own configuration directories,
``cluster.yaml``, the environment (``DASK_FEII_DASK__…``) and the options of the command.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import dask.config

from feii_dask.config.cluster_settings import default_clusters
from feii_dask.config.declarations import declarations_of
from feii_dask.config.run_places import is_in_run
from feii_dask.config.settings import Settings
from feii_dask.config.validators import parse_path
from feii_dask.config.yaml_files import read_yaml, require_mapping
from feii_dask.errors import SettingsError

__all__ = ["FILE_NAME", "PACKAGED", "SECTION", "MergedLayers", "merge_layers"]

SECTION = "feii-dask"
FILE_NAME = "cluster.yaml"
PACKAGED = "packaged defaults"
SECTIONS_OF_DASK = ("distributed", "gateway")  # those that only hold names with values
# Their keys that name modules to import, or variables that the interpreter of a worker heeds.
LOADING_CODE = {"preload", "preload_argv", "routes", "environ", "pre_spawn_environ"}


class MergedLayers(NamedTuple):
    """Raw values of all layers.

    Attributes
    ----------
    values : dict
        By the settings' names; under ``clusters``, the keys of each cluster.
    sources : dict
        Which layer each value came from; ``clusters.NAME.KEY`` for a key of a cluster.
    dask_config : dict
        Dask's own sections.
    """

    values: dict[str, Any]
    sources: dict[str, str]
    dask_config: dict[str, Any]

    def add(self, section: Mapping[str, Any], source: str) -> None:
        """Lay a section of ours over the values below it; clusters are merged key by key."""
        for name, value in section.items():
            key = canonical(name)
            if key != "clusters":
                self.values[key] = value
                self.sources[key] = source
                continue
            for cluster, body in require_mapping(value, source).items():
                keys = self.values.setdefault("clusters", {}).setdefault(cluster, {})
                for inner, inner_value in require_mapping(body, source).items():
                    keys[canonical(inner)] = inner_value
                    self.sources[f"clusters.{cluster}.{canonical(inner)}"] = source


def merge_layers(path: str | None, overrides: Mapping[str, Any]) -> MergedLayers:
    """Merge all layers.

    Parameters
    ----------
    path : str or None
        The settings file; by default ``cluster.yaml`` in the working directory, if there is one.
    overrides : mapping
        The options of the command, those that were not given included.

    Raises
    ------
    SettingsError
        If the file cannot be read, or a section is misspelt.
    """
    merged = MergedLayers({}, {}, {})
    for source, layer in collect_layers(path, overrides):
        for name, value in layer.items():
            if canonical(name) == canonical(SECTION):
                merged.add(require_mapping(value, source), source)
                continue
            refuse_stray(name, source)
            refuse_name_of_gateway(name, value, source)
            content = require_mapping(value, f"{source}: {name}") if name in SECTIONS_OF_DASK else value
            dask.config.update(merged.dask_config, {name: content}, priority="new")
    return merged


def collect_layers(path: str | None, overrides: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each layer with its name, the weakest first."""
    yield PACKAGED, {SECTION: packaged_defaults()}
    for file, config in dask.config.collect_yaml(dask.config.paths, return_paths=True):
        if Path(file).absolute() != Path(path or FILE_NAME).absolute():
            yield str(file), {name: value for name, value in config.items() if canonical(name) == canonical(SECTION)}
    if path is not None:
        yield path, read_yaml(Path(path))
    elif Path(FILE_NAME).is_file():
        yield FILE_NAME, refuse_code(read_yaml(Path(FILE_NAME)), overrides.get("resume"))
    variables = {name: value for name, value in os.environ.items() if name.upper().startswith("DASK_")}
    variables.pop("DASK_INTERNAL_INHERIT_CONFIG", None)
    yield "environment", dask.config.collect_env(variables)
    yield "command line", {SECTION: {name: value for name, value in overrides.items() if is_given(value)}}


def refuse_code(found: Mapping[str, Any], resumed: object) -> Mapping[str, Any]:
    """Return a settings file that lies in the working directory and was not asked for, if it may be taken.

    Raises
    ------
    SettingsError
        If it came with a run, which may be somebody else's, or its Dask sections have code loaded.
    """
    name_it = f"settings are code; if you trust it, give --config {FILE_NAME}, or load_settings({FILE_NAME!r})"
    here = Path.cwd()
    is_resumed = bool(resumed) and here.is_relative_to(os.path.realpath(parse_path(str(resumed))))
    if is_resumed or is_in_run(here):
        raise SettingsError(f"{here / FILE_NAME} lies in a run directory, which may be somebody else's: {name_it}")
    for place, value in nested_keys({name: found[name] for name in SECTIONS_OF_DASK if name in found}):
        is_class = canonical(place[-1]) == "type" and "." in str(value)  # of gateway.auth, which Dask then imports
        if value and (is_class or canonical(place[-1]) in LOADING_CODE):
            raise SettingsError(f"{FILE_NAME}: {'.'.join(place)} may have Dask load code: {name_it}")
    return found


def nested_keys(section: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each key of a section, with those above it, and its value."""
    if isinstance(section, Mapping):
        for name, value in section.items():
            yield (*above, str(name)), value
            yield from nested_keys(value, (*above, str(name)))


def packaged_defaults() -> dict[str, Any]:
    """Return the default of every setting that a file may hold; of some, the mission decides later."""
    defaults = {
        name: declared.default
        for name, declared in declarations_of(Settings).items()
        if declared.in_file and not declared.from_mission
    }
    return defaults | {"clusters": default_clusters()}


def is_given(value: Any) -> bool:
    """Return whether an option was given; the command has nothing or no items for those that were not."""
    return not (value is None or (isinstance(value, tuple) and not value))


def refuse_stray(name: str, source: str) -> None:
    """Refuse a section that can only be ours, misspelt or left out: Dask would take it without a word."""
    near = get_close_matches(canonical(name), [canonical(SECTION)], cutoff=0.7)
    if near or (source != "environment" and canonical(name) in (f.name for f in fields(Settings))):
        hint = f"did you mean {SECTION!r}?" if near else f"indent it under  {SECTION}:"
        raise SettingsError(f"{source}: {name!r} is no section of Dask's; {hint}")


def refuse_name_of_gateway(section: str, value: Any, source: str) -> None:
    """Refuse the name of a cluster where Dask would take it without a word, and start another one."""
    if section == "gateway" and isinstance(value, Mapping) and "name" in value:
        raise SettingsError(
            f"{source}: Dask's section gateway has no name; a cluster that runs is chosen by  "
            f"{SECTION}: {{clusters: {{gateway: {{name: {value['name']}}}}}}}"
        )


def canonical(name: str) -> str:
    """Return a key as Python spells it; Dask treats hyphen and underscore alike."""
    return name.replace("-", "_").lower()
