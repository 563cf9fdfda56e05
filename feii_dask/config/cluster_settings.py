"""Settings of a named cluster: its kind, and the keys that each kind takes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from feii_dask.config.declarations import declarations_of, setting
from feii_dask.config.validators import (
    OneOf,
    parse_adaptive_range,
    parse_count,
    parse_environment,
    parse_flag,
    parse_mapping,
    parse_text,
)

__all__ = ["KINDS", "ClusterSettings", "default_clusters", "keys_of"]

KINDS = {
    "local": "Workers on this machine",
    "gateway": "dask-gateway; its address goes under Dask's own  gateway: {address: …}",
    "address": "A Dask scheduler that runs already; it stays up afterwards",
}
LEAST_MEMORY = 300_000_000  # bytes; a worker that has only imported what a scan needs takes about as much


def parse_memory(value: Any) -> str:
    """Take an amount of memory, in bytes or with a unit, in which a worker can live."""
    from dask.utils import parse_bytes  # noqa: PLC0415 - Dask is not needed for --help

    amount = parse_text(value)
    with suppress(ValueError):
        if parse_bytes(amount) >= LEAST_MEMORY:
            return amount
    raise ValueError(f"what one worker may use, such as 4GB, and {LEAST_MEMORY // 10**6}MB or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """One named cluster; ``feii-dask config --template`` explains each key."""

    kind: str = setting(OneOf(tuple(KINDS)), "local", "local, gateway or address")
    workers: int | None = setting(
        parse_count,
        None,
        "Processes; by default one for each core, on a gateway 4",
        kinds=("local", "gateway"),
    )
    adapt: tuple[int, int] | None = setting(
        parse_adaptive_range,
        None,
        "Or as many as there is work for, as {minimum: 1, maximum: 8}; the maximum is mandatory",
        kinds=("local", "gateway"),
    )
    threads: int = setting(
        parse_count,
        8,
        "Cubes that one process reads at a time: most of that is waiting, and 8 hide 50 ms",
        kinds=("local",),
    )
    memory: str | None = setting(
        parse_memory, None, "Of one worker, such as 4GB; by default an equal share of what there is", kinds=("local",)
    )
    dashboard: str = setting(
        parse_text, "127.0.0.1:0", "Address of Dask's dashboard; port 0 takes one that is free", kinds=("local",)
    )
    security: bool | None = setting(
        parse_flag,
        None,
        "Encrypt what the processes say to each other; by default where the package cryptography is there",
        kinds=("local",),
    )
    name: str | None = setting(
        parse_text,
        None,
        "A cluster that runs already, as `feii-dask clusters list` prints it; it stays up",
        kinds=("gateway",),
    )
    options: Mapping[str, Any] = setting(
        parse_mapping,
        {},
        "What the gateway offers, by its own names: worker_cores, worker_memory, …",
        kinds=("gateway",),
        secret=True,
    )
    image: str | None = setting(
        parse_text, None, "The image of scheduler and workers, where the gateway offers the choice", kinds=("gateway",)
    )
    environment: Mapping[str, str] = setting(
        parse_environment, {}, "Variables of scheduler and workers, likewise", kinds=("gateway",), secret=True
    )
    address: str | None = setting(parse_text, None, "Such as tcp://127.0.0.1:8786", kinds=("address",))


def keys_of(kind: str) -> list[str]:
    """Return the keys that a cluster of this kind takes, but for ``kind`` itself."""
    return [name for name, declared in declarations_of(ClusterSettings).items() if kind in declared.kinds]


def default_clusters() -> dict[str, dict[str, Any]]:
    """Return the clusters that are there without a settings file, with all their keys.

    The local one shows its dashboard at Dask's usual port, 8787; others that a user adds take one that is free.
    """
    declared = declarations_of(ClusterSettings)
    return {
        kind: {"kind": kind} | {key: declared[key].default for key in keys_of(kind)} | changed
        for kind, changed in {"local": {"dashboard": "127.0.0.1:8787"}, "gateway": {}}.items()
    }
