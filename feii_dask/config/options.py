"""Options of the command ``feii-dask``, made from the declarations of the settings."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import click

from feii_dask.config.declarations import Declaration, declarations_of
from feii_dask.config.settings import Settings
from feii_dask.config.validators import (
    NonNegative,
    OneOf,
    SomeOf,
    parse_count,
    parse_file,
    parse_flag,
    parse_list,
    parse_path,
)

__all__ = ["setting_options"]

# What click has to know of a value; all that is not here is a text.
CLICK_ARGUMENTS: dict[Callable[[Any], Any], dict[str, Any]] = {
    parse_count: {"type": int},
    parse_file: {"type": click.Path()},
    parse_flag: {"is_flag": True, "default": None},
    parse_list: {"multiple": True},
    parse_path: {"type": click.Path()},
}


@cache
def setting_options(command: str) -> tuple[click.Option, ...]:
    """Return ``--config`` and the options of all settings that a command takes, in the order of their declarations.

    Parameters
    ----------
    command : str
        Its name, as in the declarations' `commands`.
    """
    config = click.Option(
        ["--config"], type=click.Path(), help="Settings file.  [default: cluster.yaml, if it is here]"
    )
    taken = [(name, one) for name, one in declarations_of(Settings).items() if command in one.commands]
    return (config, *(as_option(name, declared) for name, declared in taken))


def as_option(name: str, declared: Declaration) -> click.Option:
    """Return one option; if it is not given its value is None, so that the other layers decide."""
    default = f"  [default: {declared.default}]" if declared.default and not declared.from_mission else ""
    return click.Option(
        [f"--{name.replace('_', '-')}"],
        help=f"{declared.help}.{default}",
        metavar=declared.metavar,
        **click_arguments(declared.parse),
    )


def click_arguments(parse: Callable[[Any], Any]) -> dict[str, Any]:
    """Return what makes click read the kind of value that a parser takes."""
    if isinstance(parse, OneOf):
        return {"type": click.Choice(parse.words)}
    if isinstance(parse, SomeOf):
        return {"multiple": True}
    return {"type": float} if isinstance(parse, NonNegative) else CLICK_ARGUMENTS.get(parse, {})
