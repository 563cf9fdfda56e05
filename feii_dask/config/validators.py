"""What a setting may be: each parser takes a raw value, or says what it would take."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from astropy.units import Quantity, UnitConversionError

__all__ = [
    "adaptive_range",
    "count",
    "directory",
    "flag",
    "length",
    "mapping",
    "one_of",
    "optional",
    "place",
    "plain",
    "setting",
    "share",
    "text",
    "texts",
    "variables",
]


def plain(value: Any) -> Any:
    """Return as Python's own what numpy or pandas made; a quantity keeps its unit."""
    return value.tolist() if hasattr(value, "tolist") and not isinstance(value, Quantity) else value


def text(value: Any) -> str:
    """Take a text that is not empty."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or not str(value).strip():
        raise ValueError("a text")
    return str(value).strip()


def directory(value: Any) -> str:
    """Take the path of a directory, or a word in its place; ``~`` is somebody's home, as in a shell."""
    return os.path.expanduser(text(value))  # noqa: PTH111 - Path's own fails where nobody has that name


def place(value: Any) -> str:
    """Take the path of a file; it means the same wherever a run is gone on with."""
    return str(Path(directory(value)).absolute())


def texts(value: Any) -> tuple[str, ...]:
    """Take one text, or several, as a list or with commas between."""
    items = value if isinstance(value, (list, tuple)) else () if value is None else (value,)
    return tuple(text(part) for item in items for part in text(item).split(","))


def count(value: Any) -> int:
    """Take a whole number from 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("a whole number, 1 or more")
    return value


def share(value: Any) -> float:
    """Take a number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError("a number from 0 to 1")
    return float(value)


def length(unit: str) -> Callable[[Any], float]:
    """Take a finite number that is not negative, or a quantity of this unit's kind."""

    def parse(value: Any) -> float:
        expected = f"a number, 0 or more ({unit})"
        if isinstance(value, Quantity):
            try:
                value = plain(value.to_value(unit))
            except UnitConversionError:
                raise ValueError(expected) from None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
            raise ValueError(expected)
        return float(value)

    return parse


def flag(value: Any) -> bool:
    """Take true or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false")  # noqa: TRY004 - one kind of error for every parser
    return value


def mapping(value: Any) -> dict[str, Any]:
    """Take names with values."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError("names with values")
    return dict(value)


def variables(value: Any) -> dict[str, str]:
    """Take environment variables; a number becomes text, as it would in a shell."""
    return {name: text(item) for name, item in mapping(value).items()}


def adaptive_range(value: Any) -> tuple[int, int]:
    """Take the fewest and the most workers; the most is mandatory, since somebody pays for them."""
    expected = "{minimum: 1, maximum: 10}, the maximum being mandatory"
    if not isinstance(value, Mapping) or not {"maximum"} <= value.keys() <= {"minimum", "maximum"}:
        raise ValueError(expected)
    fewest, most = value.get("minimum", 0), value["maximum"]
    whole = all(isinstance(number, int) and not isinstance(number, bool) for number in (fewest, most))
    if not (whole and 0 <= fewest <= most and most >= 1):
        raise ValueError(expected)
    return fewest, most


def one_of(*words: str) -> Callable[[Any], str]:
    """Take one of these words."""

    def parse(value: Any) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError(" or ".join(words))
        return value

    return parse


def optional(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Take what ``parse`` takes, or nothing."""
    return lambda value: None if value is None else parse(value)


def setting(parse: Callable[[Any], Any], default: Any) -> Any:
    """Declare a field together with the parser of its values."""
    if isinstance(default, dict):
        return field(default_factory=dict, metadata={"parse": parse})
    return field(default=default, metadata={"parse": parse})
