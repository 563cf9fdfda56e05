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
    parse_names,
    parse_path,
)

__all__ = ["setting_options"]

# What click has to know of a value; all that is not here is a text.
CLICK_ARGUMENTS: dict[Callable[[Any], Any], dict[str, Any]] = {
    parse_count: {"type": int},
    parse_file: {"type": click.Path()},
    parse_flag: {"is_flag": True, "default": None},
    parse_list: {"multiple": True},
    parse_names: {"multiple": True},
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
    options, heading = [config], ""
    for name, declared in declarations_of(Settings).items():
        heading = declared.heading or heading
        if command in declared.commands:
            options.append(as_option(name, declared, heading))
    return tuple(options)


class SettingOption(click.Option):
    """An option with the heading under which help lists it."""

    def __init__(self, *args: Any, heading: str, **more: Any) -> None:
        super().__init__(*args, **more)
        self.heading = heading


def as_option(name: str, declared: Declaration, heading: str) -> click.Option:
    """Return one option; if it is not given its value is None, so that the other layers decide."""
    default = f"  [default: {declared.default}]" if declared.default and not declared.from_mission else ""
    return SettingOption(
        [f"--{name.replace('_', '-')}"],
        help=f"{declared.help}.{default}",
        metavar=declared.metavar,
        heading=heading,
        **click_arguments(declared.parse),
    )


def click_arguments(parse: Callable[[Any], Any]) -> dict[str, Any]:
    """Return what makes click read the kind of value that a parser takes."""
    if isinstance(parse, OneOf):
        return {"type": click.Choice(parse.words)}
    if isinstance(parse, SomeOf):
        return {"multiple": True}
    return {"type": float} if isinstance(parse, NonNegative) else CLICK_ARGUMENTS.get(parse, {})
