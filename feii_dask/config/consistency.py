"""Validation of settings against each other: what no single value can tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from feii_dask.config.cluster_settings import ClusterSettings, keys_of
from feii_dask.config.layers import PACKAGED
from feii_dask.config.settings import Settings
from feii_dask.errors import SettingsError

__all__ = ["validate"]


def validate(settings: Settings) -> None:
    """Refuse settings that contradict each other.

    Raises
    ------
    SettingsError
        With the settings, and which one to leave out or to add.
    """
    if settings.cluster not in settings.clusters:
        known = ", ".join(settings.clusters)
        raise SettingsError(f"no cluster is called {settings.cluster!r}; cluster.yaml and the defaults name {known}")
    for name, cluster in settings.clusters.items():
        validate_cluster(name, cluster, settings.sources)
    if settings.detach and settings.chosen_cluster.kind != "gateway":
        raise SettingsError(
            f"--detach leaves a gateway's cluster running; cluster {settings.cluster!r} is of kind "
            f"{settings.chosen_cluster.kind}, which ends with the command or was there before"
        )
    if settings.resume and settings.out:
        raise SettingsError(f"give --out or --resume, not both ({settings.out!r}, {settings.resume!r})")
    if settings.retry_failed and not (settings.resume or settings.out):
        raise SettingsError("--retry-failed needs the run: add --resume DIR")


def validate_cluster(name: str, cluster: ClusterSettings, sources: Mapping[str, str]) -> None:
    """Refuse keys of a cluster that do not belong to its kind or contradict each other."""
    keys = keys_of(cluster.kind)
    for f in fields(cluster):
        source = sources.get(f"clusters.{name}.{f.name}", PACKAGED)
        if source != PACKAGED and f.name not in {"kind", *keys}:
            raise SettingsError(
                f"{source}: clusters.{name}.{f.name} is not for kind {cluster.kind}, "
                f"which takes {', '.join(sorted(keys))}"
            )
    if cluster.kind == "address" and not cluster.address:
        raise SettingsError(f"cluster {name!r} is of kind address and needs one, such as tcp://host:8786")
    if cluster.workers is not None and cluster.adapt is not None:
        raise SettingsError(f"cluster {name!r} has workers: {cluster.workers} and adapt as well; leave one out")
    if cluster.name is not None and (cluster.workers is not None or cluster.adapt is not None):
        raise SettingsError(f"cluster {name!r} runs already under its name; leave out workers and adapt")
