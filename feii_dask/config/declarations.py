"""Declarations of settings: parser, default and help of each, in one place.

A setting is a field of `feii_dask.config.settings.Settings`, or a cluster's key of `ClusterSettings`, that is made by
`setting`. The options of the command, the commented settings file, ``feii-dask config``, the fingerprint of a run and
the parsing of every layer read what stands there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from feii_dask.config.validators import to_python

__all__ = ["Declaration", "declarations_of", "setting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What is to be known of one setting.

    Attributes
    ----------
    parse : callable
        A parser of `feii_dask.config.validators`; it also decides what kind of option the command has.
    default : object
        The parsed default; a setting with the default None takes None as well.
    help : str
        What it is, without a full stop at the end: for ``--help`` and for the comment of the settings file.
    metavar : str or None
        What ``--help`` writes for the value, where click's own word is not enough.
    commands : tuple of str
        The commands that take it as an option.
    heading : str
        In the settings file, the line above it, if it begins a new part.
    in_file : bool
        Whether it stands in a settings file; otherwise it belongs to one call of a command.
    kinds : tuple of str
        For a cluster's key: the kinds of clusters that take it.
    shapes_results : bool
        It changes what a scan answers or which cubes are scanned, and is part of a run's fingerprint.
    from_mission : bool
        Its default is the mission's attribute of the same name.
    reset_in_demo : bool
        A demo takes its default: it is about another search.
    secret : bool
        Its values are printed nowhere, their names are.
    """

    parse: Callable[[Any], Any]
    default: Any
    help: str
    metavar: str | None = None
    commands: tuple[str, ...] = ()
    heading: str = ""
    in_file: bool = True
    kinds: tuple[str, ...] = ()
    shapes_results: bool = False
    from_mission: bool = False
    reset_in_demo: bool = False
    secret: bool = False

    def read(self, value: Any) -> Any:
        """Parse a raw value; arrays, numbers of numpy and quantities are taken as well.

        Raises
        ------
        ValueError
            With what would be taken.
        """
        return None if value is None and self.default is None else self.parse(to_python(value))


def setting(parse: Callable[[Any], Any], default: Any, help: str, **more: Any) -> Any:
    """Return a dataclass field with its `Declaration`.

    Parameters
    ----------
    parse, default, help
        As in `Declaration`.
    **more
        Its other attributes.
    """
    metadata = {"declaration": Declaration(parse=parse, default=default, help=help, **more)}
    is_shown = not metadata["declaration"].secret
    if isinstance(default, dict):
        return field(default_factory=default.copy, metadata=metadata, repr=is_shown)
    return field(default=default, metadata=metadata, repr=is_shown)


def declarations_of(kind: type) -> dict[str, Declaration]:
    """Return the declarations of a dataclass by the names of its fields, in their order."""
    return {f.name: f.metadata["declaration"] for f in fields(kind) if "declaration" in f.metadata}
