"""Reading of YAML settings files, with errors that name the file and the line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from feii_dask.config.validators import parse_mapping
from feii_dask.errors import SettingsError

__all__ = ["read_yaml", "require_mapping"]


MOST_NODES = 100_000  # values; the file of all settings has two hundred


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
        content = load_bounded(path.read_text(encoding="utf-8"))
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


def load_bounded(text: str) -> Any:
    """Read YAML whose aliases, written out, do not make a large file of a small one.

    Raises
    ------
    yaml.YAMLError
        If they do, or one refers to itself.
    """
    loader = Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if count_nodes(node, {}) > MOST_NODES:
            raise yaml.YAMLError(f"its aliases stand for more than {MOST_NODES} values")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def count_nodes(node: yaml.Node, counted: dict[int, int]) -> int:
    """Count the values of a file as if every alias were written out; each part is looked at once."""
    if id(node) not in counted:
        counted[id(node)] = MOST_NODES + 1  # of a part in itself
        children = node.value if isinstance(node, yaml.CollectionNode) else []
        parts = chain.from_iterable(children) if isinstance(node, yaml.MappingNode) else children
        counted[id(node)] = 1 + sum(count_nodes(part, counted) for part in parts)
    return counted[id(node)]


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
        raise SettingsError(
            f"{source}: expected {error}, not this {type(value).__name__}"
        ) from None  # it may hold secrets
