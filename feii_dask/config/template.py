"""Commented settings file in YAML with all defaults, written from the declarations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from feii_dask.config.cluster_settings import KINDS, ClusterSettings, default_clusters
from feii_dask.config.declarations import declarations_of
from feii_dask.config.layers import FILE_NAME, SECTION
from feii_dask.config.settings import Settings

__all__ = ["settings_template"]


def settings_template() -> str:
    """Return a settings file that states every default and explains it.

    Examples
    --------
    >>> print(settings_template().partition(", sofia")[0])
    # The defaults of feii_dask. Your own values go into cluster.yaml, in the directory you work in.
    feii-dask:
      # what is searched
      mission: jwst               # jwst
    """
    head = f"# The defaults of feii_dask. Your own values go into {FILE_NAME}, in the directory you work in."
    return "\n".join([head, f"{SECTION}:", *setting_lines(), *cluster_lines(), ""])


def setting_lines() -> Iterator[str]:
    """Yield a line for each setting, and a heading above each part."""
    for name, declared in declarations_of(Settings).items():
        if not declared.in_file:
            continue
        if declared.heading:
            yield f"  # {declared.heading}"
        key = f"# {name}" if declared.from_mission else name
        yield commented(f"  {key}", declared.default, declared.help)


def cluster_lines() -> Iterator[str]:
    """Yield the lines of the clusters that are there by default."""
    declared = declarations_of(ClusterSettings)
    yield "  clusters:"
    for cluster, body in default_clusters().items():
        yield f"    {cluster}:"
        for key, value in body.items():
            yield commented(f"      {key}", value, KINDS[value] if key == "kind" else declared[key].help)


def commented(key: str, value: Any, comment: str) -> str:
    """Return one line of YAML with its comment; its key is written with hyphens, as Dask writes its own."""
    plain = list(value) if isinstance(value, tuple) else value
    written = yaml.safe_dump(plain, default_flow_style=True).removesuffix("...\n").strip()
    return f"{key.replace('_', '-') + ': ' + written:29} # {comment}"
