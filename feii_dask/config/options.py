"""Options of the command ``feii-dask``, made from the declarations of the settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from feii_dask.config.declarations import Declaration, declarations
from feii_dask.config.settings import Settings
from feii_dask.config.validators import NonNegative, OneOf, parse_count, parse_file, parse_flag, parse_list, parse_path

__all__ = ["setting_options"]

F = TypeVar("F", bound=Callable[..., Any])

# What click has to know of a value; all that is not here is a text.
OF_PARSERS: dict[Callable[[Any], Any], dict[str, Any]] = {
    parse_count: {"type": int},
    parse_file: {"type": click.Path()},
    parse_flag: {"is_flag": True, "default": None},
    parse_list: {"multiple": True},
    parse_path: {"type": click.Path()},
}


def setting_options(command: str) -> Callable[[F], F]:
    """Return a decorator that adds ``--config`` and the options of all settings that a command takes.

    Parameters
    ----------
    command : str
        Its name, as in the declarations' `commands`.
    """
    taken = {name: one for name, one in declarations(Settings).items() if command in one.commands}
    options = [
        click.option("--config", type=click.Path(), help="Settings file.  [default: cluster.yaml, if it is here]"),
        *(as_option(name, declared) for name, declared in taken.items()),
    ]

    def add_options(function: F) -> F:
        for option in reversed(options):  # click shows the last one that is added first
            function = option(function)
        return function

    return add_options


def as_option(name: str, declared: Declaration) -> Callable[[F], F]:
    """Return the decorator of one option; its default is None, so that a file's value is not overridden."""
    default = f"  [default: {declared.default}]" if declared.default and not declared.from_mission else ""
    return click.option(
        f"--{name.replace('_', '-')}",
        help=f"{declared.help}.{default}",
        metavar=declared.metavar,
        **click_arguments(declared.parse),
    )


def click_arguments(parse: Callable[[Any], Any]) -> dict[str, Any]:
    """Return what makes click read the kind of value that a parser takes."""
    if isinstance(parse, OneOf):
        return {"type": click.Choice(parse.words)}
    return {"type": float} if isinstance(parse, NonNegative) else OF_PARSERS.get(parse, {})
