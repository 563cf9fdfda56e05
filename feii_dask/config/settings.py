"""From files, environment and options to one frozen `Settings`.

Five layers, each beating those before it: the packaged ``feii-dask.yaml``, Dask's own configuration
directories, ``cluster.yaml``, the environment (``DASK_FEII_DASK__…``) and the options of the command. They
are merged one by one, so that every value remembers where it came from.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import dask.config
import yaml
from dask.utils import parse_bytes

from feii_dask.config.missions import find_mission
from feii_dask.config.validators import (
    adaptive_range,
    count,
    directory,
    flag,
    length,
    mapping,
    one_of,
    optional,
    place,
    plain,
    setting,
    share,
    text,
    texts,
    variables,
)
from feii_dask.errors import SettingsError

__all__ = ["ClusterSettings", "Settings", "load_settings"]

T = TypeVar("T")

SECTION = "feii-dask"
FILE_NAME = "cluster.yaml"
ENVIRONMENT_PREFIX = "DASK_FEII_DASK__"
SECTIONS_OF_DASK = ("distributed", "gateway")  # those that only hold names with values
KINDS = ("local", "gateway", "address")
SHAPE_KEYS = ("workers", "adapt")
# Which keys a cluster of each kind takes, beside the kind itself.
KEYS = {
    "local": {*SHAPE_KEYS, "threads", "memory", "dashboard", "security"},
    "gateway": {*SHAPE_KEYS, "name", "options", "image", "environment"},
    "address": {"address"},
}
LEAST_MEMORY = 300_000_000  # bytes; a worker that has only imported what a scan needs takes about as much
SECRETIVE = ("environment", "storage_options")  # of these, names are shown and values are not


def memory(value: Any) -> str:
    """Take an amount of memory, in bytes or with a unit, in which a worker can live."""
    amount = text(value)
    with suppress(ValueError):
        if parse_bytes(amount) >= LEAST_MEMORY:
            return amount
    raise ValueError(f"what one worker may use, such as 4GB, and {LEAST_MEMORY // 10**6}MB or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """One named cluster of ``cluster.yaml``; the packaged ``feii-dask.yaml`` explains each key."""

    kind: str = setting(one_of(*KINDS), "local")
    workers: int | None = setting(optional(count), None)
    adapt: tuple[int, int] | None = setting(optional(adaptive_range), None)
    threads: int = setting(count, 8)
    memory: str | None = setting(optional(memory), None)
    dashboard: str = setting(text, "127.0.0.1:0")
    security: bool = setting(flag, False)
    name: str | None = setting(optional(text), None)
    options: Mapping[str, Any] = setting(mapping, {})
    image: str | None = setting(optional(text), None)
    environment: Mapping[str, str] = setting(variables, {})
    address: str | None = setting(optional(text), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that a run was asked to do; the packaged ``feii-dask.yaml`` explains each key.

    Attributes
    ----------
    sources : mapping
        Where each value came from, by its name.
    dask_config : mapping
        Dask's own sections of ``cluster.yaml``, below what the environment says.
    """

    mission: str = setting(text, "jwst")
    archive: str = setting(directory, "live")
    otype: str = setting(text, "Y*O..")
    target: str | None = setting(optional(text), None)
    targets: str | None = setting(optional(place), None)
    instrument: tuple[str, ...] = setting(texts, ())
    filters: tuple[str, ...] = setting(texts, ())
    proposal_id: tuple[str, ...] = setting(texts, ())
    pad_arcsec: float = setting(length("arcsec"), 0.0)
    proper_motion: bool = setting(flag, False)
    fallback: str | None = setting(optional(one_of("https")), None)
    limit: int | None = setting(optional(count), None)
    max_rows: int = setting(count, 1_000_000)
    cache_days: float = setting(length("day"), 7.0)
    lines: tuple[str, ...] = setting(texts, ("feii",))
    detector: str = setting(text, "matched")
    storage_options: Mapping[str, Any] = setting(mapping, {})
    allowed_failures: float = setting(share, 0.25)
    out: str | None = setting(optional(directory), None)
    resume: str | None = setting(optional(directory), None)
    retry_failed: bool = setting(flag, False)
    dry_run: bool = setting(flag, False)
    stall_after_s: float = setting(length("s"), 240.0)
    cluster: str = setting(text, "local")
    detach: bool = setting(flag, False)
    clusters: Mapping[str, ClusterSettings] = field(default_factory=dict)
    dask_config: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def chosen_cluster(self) -> ClusterSettings:
        """The cluster that `cluster` names."""
        return self.clusters[self.cluster]

    def explain(self) -> str:
        """Return every value and where it came from, a line each."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if "parse" in f.metadata}
        for name, cluster in self.clusters.items():
            shown = [f.name for f in fields(cluster) if f.name in {"kind", *KEYS[cluster.kind]}]
            values |= {f"clusters.{name}.{key}": getattr(cluster, key) for key in shown}
        rows = [(name, readable(name, value), self.sources.get(name, "built in")) for name, value in values.items()]
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        return "\n".join(f"{name:{widths[0]}}  {value:{widths[1]}}  {source}" for name, value, source in rows)


def readable(name: str, value: Any) -> str:
    """Return a value as it may be printed: nothing secret."""
    if name.rpartition(".")[2] in SECRETIVE:
        value = dict.fromkeys(value, "…")
    return str(list(value) if isinstance(value, tuple) else value)


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
        Frozen, checked, each value with its source.

    Raises
    ------
    SettingsError
        For a file that cannot be read, an unknown key (the message names the nearest), or a value of the
        wrong kind.

    Examples
    --------
    >>> load_settings(target="TMC1A", limit=5).target
    'TMC1A'
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    dask_config: dict[str, Any] = {}
    for source, layer in layers(directory(path) if path else None, overrides):
        for name, value in layer.items():
            if canonical(name) == canonical(SECTION):
                merge(values, section(value, source), source, sources)
            elif source not in ("packaged defaults", "Dask's configuration"):
                refuse_stray(name, source)
                if name in SECTIONS_OF_DASK:
                    value = section(value, f"{source}: {name}")  # noqa: PLW2901 - the same, checked
                dask_config = dask.config.update(dask_config, {name: value}, priority="new")
    clusters = {
        name: parse(ClusterSettings, body, sources, f"clusters.{name}.")
        for name, body in values.pop("clusters").items()
    }
    settings = parse(Settings, values, sources)
    mission = find_mission(settings.mission)
    own = {name: getattr(mission, name) for name in ("lines", "detector") if name not in values}
    sources |= dict.fromkeys(own, f"the mission {mission.name}")
    settings = replace(settings, **own, clusters=clusters, dask_config=dask_config, sources=sources)
    check(settings)
    return settings


def refuse_stray(name: str, source: str) -> None:
    """Refuse a section that can only be ours, misspelt or left out: Dask would take it without a word."""
    near = get_close_matches(canonical(name), [canonical(SECTION)], cutoff=0.7)
    if near or (source != "environment" and canonical(name) in (f.name for f in fields(Settings))):
        hint = f"did you mean {SECTION!r}?" if near else f"indent it under  {SECTION}:"
        raise SettingsError(f"{source}: {name!r} is no section of Dask's; {hint}")


def layers(path: str | None, overrides: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each layer with its name, the weakest first."""
    packaged = resources.files("feii_dask").joinpath("feii-dask.yaml").read_text(encoding="utf-8")
    yield "packaged defaults", yaml.safe_load(packaged)
    for file, config in dask.config.collect_yaml(dask.config.paths, return_paths=True):
        if Path(file).absolute() != Path(path or FILE_NAME).absolute():
            ours = {name: value for name, value in config.items() if canonical(name) == canonical(SECTION)}
            yield (str(file), ours) if ours else ("Dask's configuration", {})
    if path is not None or Path(FILE_NAME).is_file():
        yield path or FILE_NAME, read_yaml(Path(path or FILE_NAME))
    variables = {name: value for name, value in os.environ.items() if name.upper().startswith("DASK_")}
    variables.pop("DASK_INTERNAL_INHERIT_CONFIG", None)
    yield "environment", dask.config.collect_env(variables)
    yield "command line", {SECTION: {name: value for name, value in overrides.items() if is_given(value)}}


def is_given(value: Any) -> bool:
    """Return whether an option was given; the command has nothing or no items for those that were not."""
    return not (value is None or (isinstance(value, tuple) and not value))


class Loader(yaml.SafeLoader):
    """Reads 01234, a proposal's number, as it is written; to YAML 1.1 it is the octal one of 668."""


def as_written(loader: Loader, node: yaml.ScalarNode) -> int | str:
    """Read a whole number, or a text if it begins with a zero."""
    return node.value if re.fullmatch(r"0\d+", node.value) else loader.construct_yaml_int(node)


Loader.add_constructor("tag:yaml.org,2002:int", as_written)


def read_yaml(path: Path) -> Mapping[str, Any]:
    """Read a configuration file, safely."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader)  # noqa: S506 - it is a SafeLoader
    except FileNotFoundError:
        raise SettingsError(f"there is no settings file {str(path)!r}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings file {str(path)!r} cannot be read: {error}") from error
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise SettingsError(f"{str(path)!r} is not YAML: {error.problem}{line}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        first_line = str(error).partition("\n")[0]
        raise SettingsError(f"{str(path)!r} is not YAML: {first_line}") from error
    return section(content if content is not None else {}, str(path))


def section(value: Any, source: str) -> Mapping[str, Any]:
    """Check that a part of a file holds names with values."""
    if value is None:
        return {}
    try:
        return mapping(value)
    except ValueError as error:
        raise SettingsError(f"{source}: expected {error}, not {value!r}") from None


def canonical(name: str) -> str:
    """Return a key as Python spells it; Dask treats hyphen and underscore alike."""
    return name.replace("-", "_").lower()


def merge(values: dict[str, Any], layer: Mapping[str, Any], source: str, sources: dict[str, str]) -> None:
    """Lay one layer over the values below it; clusters are merged key by key."""
    for name, value in layer.items():
        key = canonical(name)
        if key != "clusters":
            values[key] = value
            sources[key] = source
            continue
        for cluster, body in section(value, source).items():
            target = values.setdefault("clusters", {}).setdefault(cluster, {})
            for inner, setting_value in section(body, source).items():
                target[canonical(inner)] = setting_value
                sources[f"clusters.{cluster}.{canonical(inner)}"] = source


def parse(kind: type[T], values: Mapping[str, Any], sources: Mapping[str, str], prefix: str = "") -> T:
    """Check every value against its field and build the frozen object."""
    parsers = {f.name: f.metadata["parse"] for f in fields(kind) if "parse" in f.metadata}  # type: ignore[arg-type]
    parsed = {}
    for name, value in values.items():
        source = sources[prefix + name]
        if name not in parsers:
            near = get_close_matches(name, parsers, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(parsers)}"
            raise SettingsError(f"{source}: no setting is called {prefix + name!r}; {hint}")
        try:
            parsed[name] = parsers[name](plain(value))
        except ValueError as error:
            raise SettingsError(f"{source}: {prefix + name} takes {error}, not {value!r}") from None
    return kind(**parsed)


def check(settings: Settings) -> None:
    """Check what no single value can tell."""
    if settings.cluster not in settings.clusters:
        known = ", ".join(settings.clusters)
        raise SettingsError(f"no cluster is called {settings.cluster!r}; cluster.yaml and the defaults name {known}")
    for name, cluster in settings.clusters.items():
        check_cluster(name, cluster, settings.sources)
    if settings.detach and settings.chosen_cluster.kind != "gateway":
        raise SettingsError(
            f"--detach leaves a gateway's cluster running; cluster {settings.cluster!r} is of kind "
            f"{settings.chosen_cluster.kind}, which ends with the command or was there before"
        )
    if settings.resume and settings.out:
        raise SettingsError(f"give --out or --resume, not both ({settings.out!r}, {settings.resume!r})")
    if settings.retry_failed and not (settings.resume or settings.out):
        raise SettingsError("--retry-failed needs the run: add --resume DIR")


def check_cluster(name: str, cluster: ClusterSettings, sources: Mapping[str, str]) -> None:
    """Check that a cluster's keys belong to its kind and do not contradict each other."""
    for f in fields(cluster):
        source = sources.get(f"clusters.{name}.{f.name}", "packaged defaults")
        if source != "packaged defaults" and f.name not in {"kind", *KEYS[cluster.kind]}:
            raise SettingsError(
                f"{source}: clusters.{name}.{f.name} is not for kind {cluster.kind}, "
                f"which takes {', '.join(sorted(KEYS[cluster.kind]))}"
            )
    if cluster.kind == "address" and not cluster.address:
        raise SettingsError(f"cluster {name!r} is of kind address and needs one, such as tcp://host:8786")
    if cluster.workers is not None and cluster.adapt is not None:
        raise SettingsError(f"cluster {name!r} has workers: {cluster.workers} and adapt as well; leave one out")
    if cluster.name is not None and any(getattr(cluster, key) is not None for key in SHAPE_KEYS):
        raise SettingsError(f"cluster {name!r} runs already under its name; leave out workers and adapt")
