"""Options of a new cluster on a dask-gateway.

What a cluster may be asked for differs from site to site, so that options pass through under the gateway's own names.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import dask.config

from feii_dask.config.cluster_settings import ClusterSettings
from feii_dask.errors import SettingsError

__all__ = ["options_for", "without_values"]

log = logging.getLogger(__name__)

SECRET_NAME = re.compile("secret|token|password|key|credential", re.IGNORECASE)


def options_for(chosen: ClusterSettings, dask_config: Mapping[str, Any], offered: set[str]) -> dict[str, Any]:
    """Return the options of a new cluster, after checking that the gateway offers each of them."""
    requested = dict(chosen.options)
    if chosen.image is not None:
        requested["image"] = chosen.image
    if chosen.environment:
        requested["environment"] = {**requested.get("environment", {}), **chosen.environment}
    for name in requested:
        if name not in offered:
            near = get_close_matches(name, offered, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise SettingsError(
                f"the gateway offers no option {name!r}; {hint}It offers {', '.join(sorted(offered)) or 'none'}"
            )
    variables = as_variables(dask_config.get("distributed", {}), "DASK_DISTRIBUTED")
    if variables and "environment" not in offered:
        log.warning("the gateway takes no environment: 'distributed' of cluster.yaml holds for the client only")
    elif variables:
        site_environment = dask.config.get("gateway.cluster.options", {}).get("environment", {})
        requested["environment"] = site_environment | variables | requested.get("environment", {})
    return requested


def without_values(message: str, options: Mapping[str, Any]) -> str:
    """Return a message without the values of variables, and of options whose names say that they are secret.

    Examples
    --------
    >>> without_values("'s3cr3t' is no integer", {"environment": {"TOKEN": "s3cr3t"}})
    "'…' is no integer"
    """
    for name, value in options.items():
        if isinstance(value, Mapping):
            message = without_values(message, {f"secret {inner}": text for inner, text in value.items()})
        elif isinstance(value, str) and value and SECRET_NAME.search(name):
            message = message.replace(value, "…")
    return message


def as_variables(section: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """Write a section of Dask's settings as the environment variables that Dask reads.

    Examples
    --------
    >>> as_variables({"scheduler": {"allowed-failures": 7}}, "DASK_DISTRIBUTED")
    {'DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES': '7'}
    """
    variables: dict[str, str] = {}
    for key, value in section.items():
        name = f"{prefix}__{key.replace('-', '_').upper()}"
        if isinstance(value, Mapping):
            variables |= as_variables(value, name)
        else:
            variables[name] = str(value)
    return variables
