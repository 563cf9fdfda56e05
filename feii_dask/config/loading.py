"""Loading of the settings of a run: from raw values of all layers to one frozen `Settings`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from feii_dask.config.cluster_settings import ClusterSettings
from feii_dask.config.consistency import validate
from feii_dask.config.declarations import declarations_of
from feii_dask.config.layers import merge_layers
from feii_dask.config.missions import find_mission
from feii_dask.config.settings import Settings
from feii_dask.config.validators import parse_path
from feii_dask.errors import SettingsError

__all__ = ["load_settings"]


def load_settings(path: str | os.PathLike[str] | None = None, **overrides: Any) -> Settings:
    """Collect the settings of a run.

    Parameters
    ----------
    path : path, optional
        A configuration file; by default ``cluster.yaml`` in the working directory, if there is one.
    **overrides
        The long options of ``feii-dask search``, with underscores; they beat every file. Arrays, numbers of numpy
        and quantities are taken as well.

    Returns
    -------
    Settings
        Frozen, validated, each value with its source.

    Raises
    ------
    SettingsError
        For a file that cannot be read, an unknown key (the message names the nearest), or a value of the
        wrong kind.

    Examples
    --------
    >>> load_settings(target="TMC1A", limit=5).target
    ('TMC1A',)
    """
    values, sources, dask_config = merge_layers(parse_path(path) if path else None, overrides)
    clusters = {
        name: ClusterSettings(**parse_values(ClusterSettings, body, sources, f"clusters.{name}."))
        for name, body in values.pop("clusters").items()
    }
    parsed = parse_values(Settings, values, sources)
    mission = find_mission(parsed["mission"])
    for name, declared in declarations_of(Settings).items():
        if declared.from_mission and name not in parsed:
            parsed[name] = getattr(mission, name)
            sources[name] = f"the mission {mission.name}"
    settings = Settings(**parsed, clusters=clusters, dask_config=dask_config, sources=sources)
    validate(settings)
    return settings


def parse_values(kind: type, values: Mapping[str, Any], sources: Mapping[str, str], prefix: str = "") -> dict[str, Any]:
    """Parse every raw value by its declaration.

    Parameters
    ----------
    kind : type
        The dataclass that declares them.
    values, sources : mapping
        Raw values by name, and where each came from by ``prefix`` and name.
    prefix : str
        What precedes the name in messages.
    """
    declared = declarations_of(kind)
    parsed = {}
    for name, value in values.items():
        source = sources[prefix + name]
        if name not in declared:
            near = get_close_matches(name, declared, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(declared)}"
            raise SettingsError(f"{source}: no setting is called {prefix + name!r}; {hint}")
        try:
            parsed[name] = declared[name].read(value)
        except ValueError as error:
            is_hidden = declared[name].secret and not isinstance(value, int | float)
            given = f"this {type(value).__name__}, which is not shown" if is_hidden else f"{value!r:.300}"
            raise SettingsError(f"{source}: {prefix + name} takes {error}, not {given}") from None
    return parsed
