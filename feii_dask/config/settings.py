"""Settings of a run, each declared once: type, parser, default, help, and the commands that take it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from feii_dask.addresses import shown
from feii_dask.config.cluster_settings import ClusterSettings, keys_of
from feii_dask.config.declarations import Declaration, declarations_of, setting
from feii_dask.config.missions import mission_names
from feii_dask.config.validators import (
    NonNegative,
    OneOf,
    SomeOf,
    parse_count,
    parse_file,
    parse_flag,
    parse_fraction,
    parse_list,
    parse_mapping,
    parse_names,
    parse_path,
    parse_text,
)
from feii_dask.plain_text import plain_text

__all__ = ["Settings"]

SELECTING = {"commands": ("search", "estimate"), "shapes_results": True, "reset_in_demo": True}
SCANNING = ("search", "estimate", "scan")
RUNNING = ("search", "estimate", "demo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that a run was asked to do; ``feii-dask config --template`` explains each setting.

    Attributes
    ----------
    clusters : mapping
        The clusters that can be chosen, by their names.
    dask_config : mapping
        Dask's own sections of ``cluster.yaml``, below what the environment says.
    sources : mapping
        Where each value came from, by its name.
    """

    mission: str = setting(
        parse_text,
        "jwst",
        f"{mission_names()}, or your own as package.module:NAME",
        metavar="NAME",
        commands=SCANNING,
        heading="what is searched",
        shapes_results=True,
    )
    archive: str = setting(
        parse_path,
        "live",
        "live, or a directory of cubes, with an observation table or without",
        metavar="live|DIR",
        commands=("search", "estimate"),
        shapes_results=True,
    )
    extension: str = setting(
        parse_text,
        "SCI",
        "FITS extension that holds the cube; by default the mission's",
        metavar="NAME",
        commands=SCANNING,
        shapes_results=True,
        from_mission=True,
    )
    otype: str = setting(
        parse_text, "Y*O..", "SIMBAD object type; the dots take in its subtypes", metavar="TYPE", **SELECTING
    )
    target: tuple[str, ...] = setting(
        parse_names,
        (),
        "An object, by a name that SIMBAD knows, in place of all; may be repeated",
        metavar="NAME",
        **SELECTING,
    )
    targets: str | None = setting(
        parse_file,
        None,
        "A table of your own objects, or a file with one name a line, which SIMBAD knows",
        metavar="FILE",
        **SELECTING,
    )
    instrument: tuple[str, ...] = setting(
        parse_list, (), "As the archive writes them, such as MIRI/IFU", metavar="NAME", **SELECTING
    )
    filters: tuple[str, ...] = setting(parse_list, (), "Such as CH1-SHORT", metavar="NAME", **SELECTING)
    proposal_id: tuple[str, ...] = setting(parse_list, (), "Such as 1290", metavar="ID", **SELECTING)
    pad_arcsec: float = setting(
        NonNegative("arcsec"), 0.0, "Objects up to this far outside a footprint count as inside", **SELECTING
    )
    proper_motion: bool = setting(
        parse_flag, False, "Move the objects to the time of each observation, by their proper motions", **SELECTING
    )
    fallback: str | None = setting(
        OneOf(("https",)),
        None,
        "How to read what has no cloud copy: https, from the archive's own server",
        commands=("search", "estimate"),
        shapes_results=True,
    )
    limit: int | None = setting(
        parse_count,
        None,
        "Scan at most so many cubes",
        metavar="N",
        commands=("search", "estimate"),
        reset_in_demo=True,
    )
    max_rows: int = setting(
        parse_count,
        1_000_000,
        "Most objects that SIMBAD is asked for",
        metavar="N",
        commands=("search", "estimate"),
    )
    cache_days: float = setting(NonNegative("day"), 7.0, "How long an archive's answer is used again")

    lines: tuple[str, ...] = setting(
        parse_list,
        ("feii",),
        "feii, notebook, h2, fir, fifi, pacs, spire, irs, hi, hei, co, oh, names ('Fe II 5.340') or a table file; "
        "by default the mission's",
        metavar="NAME|FILE",
        commands=SCANNING,
        heading="how",
        from_mission=True,
    )
    detector: str = setting(
        parse_text,
        "matched",
        "matched, notebook, grating, or your own as package.module:Name; by default the mission's",
        metavar="NAME",
        commands=SCANNING,
        shapes_results=True,
        from_mission=True,
    )
    include: tuple[str, ...] = setting(
        SomeOf(("compact", "undecided")),
        (),
        "Kinds of lines that make candidates beside extended ones: compact, undecided",
        metavar="KIND",
        commands=("search", "rank"),
    )
    storage_options: Mapping[str, Any] = setting(
        parse_mapping, {}, "For the file system, as fsspec takes them", secret=True
    )
    stall_after_s: float = setting(
        NonNegative("s"), 240.0, "A worker that is silent for so long, and 20 times as long as usual, is restarted"
    )
    allowed_failures: float = setting(
        parse_fraction, 0.25, "Share of the cubes that may fail before the exit code says so"
    )

    out: str | None = setting(
        parse_path,
        None,
        "Run directory; by default feii-run-<time>, of a demo feii-demo",
        metavar="DIR",
        commands=("search", "demo"),
        heading="where",
    )
    cluster: str = setting(
        parse_text, "local", "One of the clusters that the settings name", metavar="NAME", commands=RUNNING
    )
    detach: bool = setting(parse_flag, False, "Leave a gateway's cluster running afterwards", commands=RUNNING)
    clusters: Mapping[str, ClusterSettings] = field(default_factory=dict, repr=False)

    resume: str | None = setting(
        parse_path,
        None,
        "Go on with the run in this directory",
        metavar="DIR",
        commands=("search",),
        in_file=False,
        reset_in_demo=True,
    )
    retry_failed: bool = setting(
        parse_flag, False, "With --resume: scan again what failed", commands=("search",), in_file=False
    )
    dry_run: bool = setting(
        parse_flag,
        False,
        "Say what would be scanned, and stop",
        commands=("search",),
        in_file=False,
        reset_in_demo=True,
    )

    dask_config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def chosen_cluster(self) -> ClusterSettings:
        """The cluster that `cluster` names."""
        return self.clusters[self.cluster]

    def explain(self) -> str:
        """Return every value and where it came from, a line each."""
        rows = list(self._rows("", self, declarations_of(Settings)))
        keys = declarations_of(ClusterSettings)
        for name, cluster in self.clusters.items():
            taken = {key: keys[key] for key in ("kind", *keys_of(cluster.kind))}
            rows += self._rows(f"clusters.{name}.", cluster, taken)
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        return "\n".join(f"{name:{widths[0]}}  {value:{widths[1]}}  {source}" for name, value, source in rows)

    def _rows(self, prefix: str, holder: object, declared: Mapping[str, Declaration]) -> Iterator[tuple[str, str, str]]:
        for name, one in declared.items():
            value = getattr(holder, name)
            printed = dict.fromkeys(value, "…") if one.secret else list(value) if isinstance(value, tuple) else value
            yield prefix + name, plain_text(shown(str(printed))), self.sources.get(prefix + name, "built in")
