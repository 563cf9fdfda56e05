"""Reading of YAML settings files, with errors that name the file and the line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from feii_dask.config.validators import parse_mapping
from feii_dask.errors import SettingsError

__all__ = ["read_yaml", "require_mapping"]


class Loader(yaml.SafeLoader):
    """Reads 01234, a proposal's number, as it is written; to YAML 1.1 it is the octal one of 668."""


def construct_integer(loader: Loader, node: yaml.ScalarNode) -> int | str:
    """Read a whole number, or a text if it begins with a zero."""
    return node.value if re.fullmatch(r"0\d+", node.value) else loader.construct_yaml_int(node)


Loader.add_constructor("tag:yaml.org,2002:int", construct_integer)


def read_yaml(path: Path) -> Mapping[str, Any]:
    """Read a configuration file, safely.

    Raises
    ------
    SettingsError
        If it cannot be read, is not YAML, or does not hold names with values.
    """
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
    return require_mapping(content, str(path))


def require_mapping(value: Any, source: str) -> Mapping[str, Any]:
    """Return a part of a file that must hold names with values; an empty one holds none.

    Raises
    ------
    SettingsError
        If it holds something else.
    """
    if value is None:
        return {}
    try:
        return parse_mapping(value)
    except ValueError as error:
        raise SettingsError(f"{source}: expected {error}, not {value!r}") from None
